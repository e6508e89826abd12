"""The full protocol: every target item is ranked, and the complete list of each user is evaluated."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_choice
from tastebridge._foundation.warnings import warn
from tastebridge.evaluation.beyond import Catalogue, Lists, NamedMetrics, Values
from tastebridge.evaluation.finished import FinishedLists
from tastebridge.evaluation.list_tables import Recommendations
from tastebridge.evaluation.of_target import lists_of_target
from tastebridge.evaluation.table import (
    Recommender,
    Scores,
    check_models,
    fit_seconds,
    listed_metrics,
    named_splits,
    rows_of_split,
)
from tastebridge.evaluation.twins import SplitTwins
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.routes.twins import LEAVE_OUT, TWINS
from tastebridge.splits import Split

METRICS = ("ndcg@10", "hr@10", "recall@10", "mrr@10")


def evaluate(
    models: Mapping[str, Recommender | Recommendations],
    splits: Split | Mapping[str, Split],
    metrics: Sequence[str] = METRICS,
    baseline: str | None = None,
    n_resamples: int = 2000,
    random_state: int = 0,
    fit: bool = True,
) -> pd.DataFrame:
    """Evaluate models, and finished lists of any system, on users with held-out rows.

    Every model is fitted on every split. A held-out item that is not in the training data counts as a miss,
    and so does a user without recommendations. No user and no row is left out. A mapper of several targets is
    asked for items of the split's target.

    **Finished lists** of another system can be passed like models, as a frame or a file. The rules for users
    without a list, duplicates, unknown items and items that the user already has are described in
    :class:`tastebridge.evaluation.FinishedLists`; a warning counts these cases. The system must be trained on
    ``split.train`` only.

    **Metrics beyond accuracy** are computed on the same lists. ``coverage`` is the share of the target's
    items in any list, which is not a mean over users and has no interval. ``novelty`` is the mean
    self-information in bits, ``popularity`` the mean number of users of an item, ``popularity_bias`` the mean
    percentile of popularity, and ``diversity`` one minus the mean cosine of two items of a list, by their
    users in training.

    All figures are also given without twins: held-out rows that are twins of an item in the user's training
    history do not count, and lists leave twins out. Twins are detected in the training rows
    (:mod:`tastebridge.routes.twins`). Without twins in the data, both figures are the same.

    Parameters
    ----------
    models : mapping of name to model, frame, str or Path
        Any object with ``fit(panel)`` and ``recommend(user_ids, n=…)``, which returns a frame of user_id,
        item_id and rank. Or finished lists: a pandas, polars or Arrow frame, or the path of a file, with
        user_id, item_id, and score or rank.
    splits : Split or mapping of name to Split
        The training panels and the rows to find again.
    metrics : sequence of str
        Names of :data:`tastebridge.metrics.RANKING_METRICS` with a cut-off, such as ``"ndcg@10"``,
        and ``"coverage@10"``, ``"diversity@10"``, ``"novelty@10"``, ``"popularity@10"`` and
        ``"popularity_bias@10"``.
    baseline : str, optional
        The model with which the others are compared, paired by user.
    n_resamples, random_state : int
        Number of resamples and seed of the bootstrap over users.
    fit : bool
        False for models that are already fitted on ``split.train``.

    Returns
    -------
    DataFrame
        One row per split, model and metric. The columns: split, model, metric, mean, low, high, n_users,
        difference, difference_low, difference_high (to the baseline; NaN without one and for itself), all
        figures again without twins (names that end in ``_without_twins``), fit_seconds, score_seconds (NaN
        for finished recommendations). Bounds are of 95 % intervals.

    Raises
    ------
    InvalidParameterError
        If a metric or the baseline is not known.
    InvalidDataError
        If the recommendations of a model cannot be used, or contain none of the users.

    References
    ----------
    J. L. Herlocker et al., "Evaluating collaborative filtering recommender systems", ACM TOIS 22 (2004), for
    coverage and novelty next to accuracy.

    Examples
    --------
    >>> from tastebridge.data import Panel
    >>> from tastebridge.splits import cold_users
    >>> rows = [(user, item, category) for user in "abcde" for item, category in ("xf", "zf", "yb")]
    >>> panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    >>> class OnlyZ:
    ...     def fit(self, panel):
    ...         return self
    ...     def recommend(self, user_ids, n=10):
    ...         return pd.DataFrame({"user_id": user_ids, "item_id": "z", "rank": 1})
    >>> table = evaluate({"only z": OnlyZ()}, cold_users(panel, "f", test_size=2), ["recall@5"])
    >>> table[["model", "metric", "mean", "n_users"]].to_dict("records")
    [{'model': 'only z', 'metric': 'recall@5', 'mean': 0.5, 'n_users': 2}]

    Finished lists, and the share of the catalogue they cover:

    >>> split = cold_users(panel, "f", test_size=2)
    >>> theirs = pd.DataFrame({"user_id": split.user_ids.repeat(2), "item_id": ["x", "z"] * 2, "score": 1.0})
    >>> table = evaluate({"theirs": theirs, "only z": OnlyZ()}, split, ["recall@2", "coverage@2"], "only z")
    >>> table[["model", "metric", "mean", "difference"]].values.tolist()[:2]
    [['theirs', 'recall@2', 1.0, 0.5], ['theirs', 'coverage@2', 1.0, 0.5]]
    """
    check_models(models, baseline)
    named = NamedMetrics(listed_metrics(metrics))
    rows: list[dict] = []
    for name, split in named_splits(splits).items():
        scores = scores_on(split, SplitTwins(split), models, named, fit)
        rows += rows_of_split(name, scores, baseline, n_resamples, random_state)
    return pd.DataFrame(rows)


def scores_on(
    split: Split,
    twins: SplitTwins,
    models: Mapping[str, Recommender | Recommendations],
    metrics: NamedMetrics,
    fit: bool,
) -> dict[str, Scores]:
    """Return each user's values of every model on one split, whose twins are found already."""
    ready = {model: _model(model, given, split, metrics.depth) for model, given in models.items()}
    return {model: _scores(found, split, twins, metrics, fit) for model, found in ready.items()}


def user_scores(
    model: Recommender | Recommendations,
    split: Split,
    metrics: Sequence[str] = METRICS,
    twins: str = "keep",
) -> pd.DataFrame:
    """Return each user's value of each metric, for a model fitted on ``split.train``.

    Parameters
    ----------
    model : fitted model, frame, str or Path
        With ``recommend(user_ids, n=…)``, or finished recommendations as for :func:`evaluate`.
    split : Split
        The split with the held-out rows.
    metrics : sequence of str
        As for :func:`evaluate`, except coverage, which has no value per user.
    twins : {"keep", "leave out"}, default="keep"
        With ``"leave out"``, the values are without twins, as in :func:`evaluate`; NaN for users whose
        held-out rows are all twins.

    Returns
    -------
    DataFrame
        Indexed by user_id, ascending; one column per metric. It can be grouped, for example by cold and warm
        users.
    """
    check_choice("twins", twins, TWINS)
    named = NamedMetrics(listed_metrics(metrics))
    ready = _model("model", model, split, named.depth)
    whole, apart = _user_scores(ready, split, SplitTwins(split), named)
    found = apart if twins == LEAVE_OUT else whole
    if common := [name for name, values in found.items() if isinstance(values, float)]:
        raise InvalidParameterError(
            f"{common[0]!r} describes all lists together and has no value per user. Use evaluate(…)."
        )
    return pd.DataFrame(found, pd.Index(split.user_ids, name="user_id"))


def _model(name: str, given: Recommender | Recommendations, split: Split, depth: int) -> Recommender:
    """Return a model; finished recommendations become one, with a warning of all that is found in them."""
    if hasattr(given, "recommend"):
        return cast(Recommender, given)
    try:
        found = FinishedLists.of(given, split)
    except (InvalidDataError, InvalidParameterError) as error:
        # of several systems, the one to mend
        raise type(error)(f"recommendations of {name!r}: {error}") from error
    if said := found.said(depth):
        warn(f"recommendations of {name!r}: {said}.")
    return found


def _scores(model: Recommender, split: Split, twins: SplitTwins, metrics: NamedMetrics, fit: bool) -> Scores:
    finished = isinstance(model, FinishedLists)
    seconds, start = fit_seconds(model, split.train, fit and not finished), time.perf_counter()
    whole, apart = _user_scores(model, split, twins, metrics)
    took = float("nan") if finished else time.perf_counter() - start
    return Scores(whole, split.user_ids, seconds, took, apart)


def _user_scores(
    model: Recommender, split: Split, twins: SplitTwins, metrics: NamedMetrics
) -> tuple[dict[str, Values], dict[str, Values]]:
    """Return the values of users with and without twins, both from the same lists."""
    users, depth = split.user_ids, metrics.depth
    # so many more that the lists are long enough when twins are taken out
    frame = checked_lists(lists_of_target(model, split, depth + twins.most, "keep"), users)
    catalogue = Catalogue.of(split)
    whole = metrics.values(*numbered_lists(frame, split, split.truth, depth), catalogue)
    if twins.reached is None:
        return whole, whole
    lists, relevant, numbers = numbered_lists(
        frame[~twins.among(frame)], split, split.truth[~twins.rows], depth
    )
    apart = metrics.values(lists, relevant, numbers, catalogue)
    findable = np.diff(relevant.indptr) > 0
    return whole, {
        name: values if isinstance(values, float) else np.where(findable, values, np.nan)
        for name, values in apart.items()
    }


def checked_lists(frame: pd.DataFrame, users: NDArray) -> pd.DataFrame:
    """Check the columns and users of recommendations, and return them, best first."""
    if not isinstance(frame, pd.DataFrame):
        raise InvalidDataError(
            "recommend must return a DataFrame of user_id, item_id and rank; it returned a "
            f"{type(frame).__name__}."
        )
    missing = {"user_id", "item_id", "rank"} - set(frame.columns)
    if missing:
        raise InvalidDataError(f"recommend must return user_id, item_id and rank; {sorted(missing)} missing.")
    row = pd.Index(users).get_indexer(frame["user_id"])
    if (row < 0).any():
        stranger = frame["user_id"].tolist()[int(np.argmin(row))]
        raise InvalidDataError(f"recommend returned user_id {stranger!r}, which was not requested.")
    return frame.sort_values("rank", kind="stable")


def numbered_lists(
    frame: pd.DataFrame, split: Split, truth: pd.DataFrame, depth: int
) -> tuple[Lists, sparse.csr_matrix, Lists]:
    """Return the recommended and the relevant item numbers of users, and the recommended in the catalogue.

    The first two are over the items of lists and truth, the last one over the training items of the target,
    with their number for unknown items.
    """
    users = pd.Index(split.user_ids)
    row = users.get_indexer(frame["user_id"])
    both = [truth["item_id"].to_numpy(), frame["item_id"].to_numpy()]
    # Over the items of both: a held-out item that no list holds still counts as missed.
    numbers, items = pd.factorize(np.concatenate(both))
    held_out, listed = numbers[: len(truth)], numbers[len(truth) :]
    # The place within the list, not the rank a model writes: ranks may start anywhere or have gaps.
    place = frame.groupby("user_id", sort=False).cumcount().to_numpy()
    lists = np.full((len(users), depth), -1)
    within = place < depth
    lists[row[within], place[within]] = listed[within]
    owners = users.get_indexer(truth["user_id"])
    ones = np.ones(len(held_out), dtype=bool)
    relevant = sparse.csr_matrix((ones, (owners, held_out)), shape=(len(users), len(items)))
    known = split.train[split.target].items
    at = known.numbers(items, missing="negative") if len(items) else np.zeros(0, dtype=np.int64)
    # unknown items share one number above the catalogue
    at = np.append(np.where(at < 0, len(known), at), -1)  # the last entry serves empty places
    return lists, relevant, at[lists]
