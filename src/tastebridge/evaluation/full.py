"""The full protocol: every target item is ranked, and each user's whole list is judged."""

from __future__ import annotations

import inspect
import time
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_choice
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
from tastebridge.exceptions import InvalidDataError
from tastebridge.metrics import parse_metric
from tastebridge.routes.twins import LEAVE_OUT, TWINS
from tastebridge.splits import Split

METRICS = ("ndcg@10", "hr@10", "recall@10", "mrr@10")


def evaluate(
    models: Mapping[str, Recommender],
    splits: Split | Mapping[str, Split],
    metrics: Sequence[str] = METRICS,
    baseline: str | None = None,
    n_resamples: int = 2000,
    random_state: int = 0,
    fit: bool = True,
) -> pd.DataFrame:
    """Fit every model on every split and judge its recommendations to the users with held-out rows.

    A held-out item that the training never saw counts as missed, and a user without recommendations as
    missed altogether. No user and no row is left out.

    Figures without twins stand next to the others: held-out rows that are twins of an item in the user's
    training history are not to be found, and lists leave twins out. Twins are found from the training rows
    (:mod:`tastebridge.routes.twins`); where there are none, both figures are the same.

    Parameters
    ----------
    models : mapping of name to model
        Anything with ``fit(panel)`` and ``recommend(user_ids, n=…)``, a frame of user_id, item_id and rank.
    splits : Split or mapping of name to Split
        The training panels and the rows to find again.
    metrics : sequence of str
        Names of :data:`tastebridge.metrics.RANKING_METRICS` with a cut-off, such as ``"ndcg@10"``.
    baseline : str, optional
        The model the others are compared with, user by user.
    n_resamples, random_state : int
        Of the bootstrap over users.
    fit : bool
        False for models that are fitted already, each on ``split.train``.

    Returns
    -------
    DataFrame
        One row per split, model and metric. The columns: split, model, metric, mean, low, high, n_users,
        difference, difference_low, difference_high (to the baseline; NaN without one and for itself), all
        figures again without twins (names that end in ``_without_twins``), fit_seconds, score_seconds. Bounds
        are of 95 % intervals.

    Raises
    ------
    InvalidParameterError
        If a metric or the baseline is not known.
    InvalidDataError
        If the recommendations of a model cannot be used.

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
    """
    check_models(models, baseline)
    for metric in listed_metrics(metrics):
        parse_metric(metric)
    rows: list[dict] = []
    for name, split in named_splits(splits).items():
        twins = SplitTwins(split)
        scores = {model: _scores(models[model], split, twins, metrics, fit) for model in models}
        rows += rows_of_split(name, scores, baseline, n_resamples, random_state)
    return pd.DataFrame(rows)


def user_scores(
    model: Recommender, split: Split, metrics: Sequence[str] = METRICS, twins: str = "keep"
) -> pd.DataFrame:
    """Return each user's value of each metric, for a model fitted on ``split.train``.

    Parameters
    ----------
    model : fitted model
        With ``recommend(user_ids, n=…)``.
    split : Split
        Whose held-out rows are to be found.
    metrics : sequence of str
        As for :func:`evaluate`.
    twins : {"keep", "leave out"}, default="keep"
        With ``"leave out"`` the values are those without twins, as of :func:`evaluate`; NaN for users who
        have nothing else to find.

    Returns
    -------
    DataFrame
        Indexed by user_id, ascending; one column per metric. Group it to see, say, cold and warm users apart.
    """
    check_choice("twins", twins, TWINS)
    whole, apart = _user_scores(model, split, SplitTwins(split), metrics)
    return apart if twins == LEAVE_OUT else whole


def _scores(model: Recommender, split: Split, twins: SplitTwins, metrics: Sequence[str], fit: bool) -> Scores:
    seconds, start = fit_seconds(model, split.train, fit), time.perf_counter()
    whole, apart = (
        {name: found[name].to_numpy() for name in found}
        for found in _user_scores(model, split, twins, metrics)
    )
    return Scores(whole, split.user_ids, seconds, time.perf_counter() - start, apart)


def _user_scores(
    model: Recommender, split: Split, twins: SplitTwins, metrics: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return each user's values with and without twins, both from the same lists."""
    parsed = {name: parse_metric(name) for name in metrics}
    # Without a cut-off the metrics take ten, their own default.
    depth = max(10 if k is None else k for _, k in parsed.values())
    users, index = split.user_ids, pd.Index(split.user_ids, name="user_id")
    # so many more that the lists are long enough when twins are taken out
    frame = _checked(_with_twins(model, users, depth + twins.most), users)
    lists, relevant = _lists(frame, users, split.truth, depth)
    whole = pd.DataFrame({name: metric(lists, relevant) for name, (metric, _) in parsed.items()}, index)
    if twins.reached is None:
        return whole, whole
    lists, relevant = _lists(frame[~twins.among(frame)], users, split.truth[~twins.rows], depth)
    apart = pd.DataFrame({name: metric(lists, relevant) for name, (metric, _) in parsed.items()}, index)
    return whole, apart[np.diff(relevant.indptr) > 0].reindex(index)


def _with_twins(model: Recommender, users: NDArray, n: int) -> pd.DataFrame:
    """Return the lists of a model, without leaving twins out if it can be told so."""
    more = {"twins": "keep"} if "twins" in inspect.signature(model.recommend).parameters else {}
    return model.recommend(users, n=n, **more)


def _checked(frame: pd.DataFrame, users: NDArray) -> pd.DataFrame:
    """Return recommendations, best first, if they have the columns and are of the users asked for."""
    missing = {"user_id", "item_id", "rank"} - set(frame.columns)
    if missing:
        raise InvalidDataError(f"recommend must return user_id, item_id and rank; {sorted(missing)} missing.")
    row = pd.Index(users).get_indexer(frame["user_id"])
    if (row < 0).any():
        stranger = frame["user_id"].iloc[int(np.argmin(row))]
        raise InvalidDataError(f"recommend returned user_id {stranger!r}, who was not asked for.")
    return frame.sort_values("rank", kind="stable")


def _lists(
    frame: pd.DataFrame, user_ids: NDArray, truth: pd.DataFrame, depth: int
) -> tuple[NDArray[np.int64], sparse.csr_matrix]:
    """Return the recommended and the relevant item numbers of users, over the items of both."""
    users = pd.Index(user_ids)
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
    return lists, sparse.csr_matrix((ones, (owners, held_out)), shape=(len(users), len(items)))
