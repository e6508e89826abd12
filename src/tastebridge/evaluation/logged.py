"""Off-policy evaluation: the reward a system would have had, from the rewards that another one has logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._foundation.validation import check_choice, check_count, check_number
from tastebridge._foundation.warnings import warn
from tastebridge.evaluation.list_tables import Recommendations
from tastebridge.evaluation.log_rows import JudgedPolicy, Log
from tastebridge.evaluation.off_policy import effective_size
from tastebridge.evaluation.policies import policy_of
from tastebridge.evaluation.table import Recommender, check_models
from tastebridge.exceptions import InvalidParameterError
from tastebridge.metrics.intervals import Interval, bootstrap_mean, paired_difference

LOGGED = "logged"
_SURE, _FEWEST = 0.999, 20
"""Level of the interval, and least number of users, for a warning that a policy lacks support."""


def evaluate_logged(
    models: Mapping[str, Recommender | Recommendations],
    log: Recommendations,
    n: int = 1,
    *,
    clip: float | None = None,
    baseline: str = LOGGED,
    random_state: int = 0,
) -> pd.DataFrame:
    r"""Estimate the mean reward of recommendations from the log of another system with propensities.

    Each row of the log is one item shown to one user, with its reward, such as a click, and its propensity,
    the probability with which the logging system showed it. A model is evaluated as a policy that shows one
    of the first ``n`` items of its list, each with the same probability. With N rows, importance weights
    :math:`w_i = \pi(a_i \mid x_i)/p_i` and expected rewards :math:`\hat q`, the estimates are

    .. math:: \hat V_{IPS} = \frac1N \sum_i w_i r_i, \qquad
              \hat V_{SNIPS} = \frac{\sum_i w_i r_i}{\sum_i w_i}, \qquad
              \hat V_{DR} = \frac1N \sum_i \Bigl(\sum_a \pi(a \mid x_i) \hat q(a)
              + w_i (r_i - \hat q(a_i))\Bigr)

    :math:`\hat q(a)` is the mean reward of an item, shrunk by ten rows of the overall mean. It is computed
    on the users of the other four of five folds, so no row influences its own expected reward. Intervals are
    95 % bootstrap intervals over users.

    **Assumptions.** Propensities must be correct, and above 0 for every item that a model shows. Otherwise
    the mean weight differs from 1, and a warning is issued: IPS then counts the missing part as 0, and SNIPS
    like the rest. The reward must depend on the shown item alone, not on other items next to it.

    Parameters
    ----------
    models : mapping of name to fitted model, frame, str or Path
        Fitted models with ``recommend(user_ids, n=…)``, or finished lists as for :func:`evaluate`. A table
        with a column ``probability`` is a policy itself: user_id, item_id and the probability of showing the
        item. Users without a list are shown no item, with reward 0.
    log : frame, str or Path
        Columns user_id (the context), item_id, reward and propensity, above 0 and at most 1.
    n : int, default=1
        Number of items at the top of a list, one of which is shown.
    clip : float, optional
        Maximum weight; None for no limit. Clipping reduces the variance, and for rewards of at least 0 it
        biases IPS and SNIPS downwards. The table contains it, and the share of rows it changed.
    baseline : str, default="logged"
        The model, or the logging system, with which the others are compared, paired by row.
    random_state : int, default=0
        Seed of the bootstrap over users, and of the folds of users for expected rewards.

    Returns
    -------
    DataFrame
        One row per model and estimator, ``"ips"``, ``"snips"``, ``"dr"``, and one for the logging system
        (model ``"logged"``, estimator ``"mean"``). The columns: model, estimator, mean, low, high,
        difference, difference_low, difference_high (to the baseline by the same estimator, or to the mean
        reward of the log), n_rows, n_users, matched (rows of items the policy may show), effective_size (the
        number of equally weighted rows with the same precision), mean_weight, largest_weight, clip, clipped
        (share of rows), without_list (users).

    Raises
    ------
    InvalidDataError
        If the log has no rewards or no propensities, values out of range, or ids of another kind than the
        recommendations.
    InvalidParameterError
        If a model is named ``"logged"``, or a parameter is out of range.

    References
    ----------
    D. G. Horvitz and D. J. Thompson, "A generalization of sampling without replacement from a finite
    universe", JASA 47 (1952). A. Swaminathan and T. Joachims, "The self-normalized estimator for
    counterfactual learning", NeurIPS (2015). M. Dudík, J. Langford and L. Li, "Doubly robust policy
    evaluation and learning", ICML (2011). Y. Saito et al., "Open bandit dataset and pipeline", NeurIPS
    Datasets and Benchmarks (2021), for the same estimators.

    Examples
    --------
    Two items were shown at random; the policy always shows the better one.

    >>> log = pd.DataFrame({"user_id": range(8), "item_id": list("aaaabbbb"), "propensity": 0.5})
    >>> log["reward"] = [1, 1, 1, 0, 0, 0, 1, 0]
    >>> always_a = pd.DataFrame({"user_id": range(8), "item_id": "a", "rank": 1})
    >>> table = evaluate_logged({"always a": always_a}, log)
    >>> table[["model", "estimator", "mean"]].values.tolist()[:3]
    [['logged', 'mean', 0.5], ['always a', 'ips', 0.75], ['always a', 'snips', 0.75]]
    """
    check_models(models, None)
    if LOGGED in models:
        raise InvalidParameterError(
            f"{LOGGED!r} is the name of the logging system in the table. Give your model another name."
        )
    check_choice("baseline", baseline, [LOGGED, *models])
    check_count("n", n)
    if clip is not None:
        check_number("clip", clip, 0.0, open_minimum=True)
    rows = Log.of(log)
    judged = {
        name: JudgedPolicy(rows, policy_of(model, rows.user_ids, n, rows.kinds), clip, random_state)
        for name, model in models.items()
    }
    found = {name: one.found._asdict() for name, one in judged.items()}
    # the logging system has one estimate, its mean reward, which all three are compared with
    base = found.get(baseline, dict.fromkeys(("ips", "snips", "dr"), rows.rewards))
    table = [_row(LOGGED, "mean", rows.rewards, None, rows, random_state)]
    for name, one in judged.items():
        _warn_of_support(name, one, rows, random_state)
        facts = _facts(one, clip)
        for estimator, values in found[name].items():
            other = None if name == baseline else base[estimator]
            table.append(_row(name, estimator, values, other, rows, random_state) | facts)
    return pd.DataFrame(table)


def _row(
    model: str,
    estimator: str,
    values: NDArray[np.float64],
    base: NDArray[np.float64] | None,
    log: Log,
    seed: int,
) -> dict[str, Any]:
    """Return the mean of one value per row, with intervals over users, and the difference to a baseline."""
    # users are drawn with all their rows: the rewards of one user are no independent evidence
    own = bootstrap_mean(values, random_state=seed, people=log.users)
    gap = Interval(np.nan, np.nan, np.nan)
    if base is not None:
        gap = paired_difference(values, base, random_state=seed, people=log.users)
    row = {"model": model, "estimator": estimator, "mean": own.mean, "low": own.low, "high": own.high}
    row |= {"difference": gap.mean, "difference_low": gap.low, "difference_high": gap.high}
    return row | {"n_rows": len(values), "n_users": len(log.user_ids)}


def _facts(judged: JudgedPolicy, clip: float | None) -> dict[str, Any]:
    """Return statistics of the importance weights of a policy."""
    weights = judged.weights
    return {
        "matched": int((weights > 0).sum()),
        "effective_size": effective_size(weights),
        "mean_weight": float(weights.mean()),
        "largest_weight": float(weights.max()),
        "clip": np.nan if clip is None else clip,
        "clipped": float((judged.full_weights > weights).mean()),
        "without_list": judged.without_list,
    }


def _warn_of_support(name: str, judged: JudgedPolicy, log: Log, seed: int) -> None:
    """Warn if the mean weight without a clip is significantly off: a part of the policy has no support."""
    if not judged.full_weights.any():
        warn(f"{name!r} shows no item that the log shows to the same user: nothing can be estimated.")
        return
    # by the weights without a clip, which lowers their mean on purpose
    weight = bootstrap_mean(judged.full_weights, level=_SURE, random_state=seed, people=log.users)
    expected = judged.expected_weight
    if len(log.user_ids) >= _FEWEST and not weight.low <= expected <= weight.high:
        warn(
            f"the mean weight of {name!r} is {weight}, and it should be {expected:.3g}: it recommends items "
            "that the logging system never showed, or the propensities are wrong. IPS counts missing rows as "
            "0, SNIPS like the other rows, and DR by their expected rewards."
        )
