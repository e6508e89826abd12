"""The sampled protocol of the papers: each held-out row against items drawn at random."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_count, check_number
from tastebridge.evaluation.of_target import pairs_of_target
from tastebridge.evaluation.table import (
    Predictor,
    Scores,
    check_models,
    fit_seconds,
    listed_metrics,
    named_splits,
    predicted,
    rows_of_split,
)
from tastebridge.evaluation.twins import SplitTwins
from tastebridge.metrics import RANK_METRICS, parse_metric, sampled_ranks
from tastebridge.splits import Split

METRICS = ("mrr", "ndcg@5", "ndcg@10", "hr@1", "hr@5", "hr@10")
_PAIRS = 1 << 20
Numbers = NDArray[np.int64]


def evaluate_sampled(
    models: Mapping[str, Predictor],
    splits: Split | Mapping[str, Split],
    metrics: Sequence[str] = METRICS,
    baseline: str | None = None,
    n_resamples: int = 2000,
    random_state: int = 0,
    fit: bool = True,
    *,
    n_negatives: int = 999,
    popularity_power: float = 0.0,
) -> pd.DataFrame:
    r"""Rank each held-out row among ``n_negatives`` random items, for comparison with published tables.

    The negatives are drawn sequentially without replacement, with probabilities

    .. math:: p_i \propto n_i^{\gamma}

    where :math:`n_i` is the number of users of an item in training and :math:`\gamma` is
    ``popularity_power``. They are drawn from the items of the target with a training row, excluding the
    training and held-out items of the user. All models get the same negatives. Ties count half. A held-out
    item without a training row is a miss: its rank is infinite. Figures are means over rows, and their
    intervals are over users.

    Figures without twins exclude rows and negatives that are twins of an item in the user's training history.

    Parameters
    ----------
    models : mapping of name to model
        Any object with ``fit(panel)`` and ``predict(pairs)``, which returns a score for each row of user_id
        and item_id.
    splits, baseline, n_resamples, fit
        As for :func:`~tastebridge.evaluation.evaluate`.
    metrics : sequence of str
        Names of :data:`tastebridge.metrics.RANK_METRICS`, with or without a cut-off.
    random_state : int
        Seed of the negatives and of the bootstrap.
    n_negatives : int
        Number of negatives per row; fewer if the target has fewer items.
    popularity_power : float, default=0.0
        The power of popularity, at least 0. With 0, negatives are uniform, and popularity alone explains most
        of a figure; 0.75 is usual for popularity-weighted negatives.

    Returns
    -------
    DataFrame
        The columns of :func:`~tastebridge.evaluation.evaluate`.

    Raises
    ------
    InvalidParameterError
        If a metric or the baseline is not known.
    InvalidDataError
        If a model does not predict a finite score for every row.

    References
    ----------
    W. Krichene and S. Rendle, "On sampled metrics for item recommendation", KDD (2020): such figures can rank
    models in the wrong order, so prefer :func:`~tastebridge.evaluation.evaluate`. T. Mikolov et al.,
    "Distributed representations of words and phrases", NeurIPS 2013: the power 0.75. P. Efraimidis and P.
    Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 97 (2006).

    Examples
    --------
    >>> from tastebridge.data import Panel
    >>> from tastebridge.splits import cold_users
    >>> rows = [(user, item, category) for user in "abcde" for item, category in ("xf", "yb")]
    >>> rows += [("f", "z", "f")]
    >>> panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    >>> class Indifferent:
    ...     def fit(self, panel):
    ...         return self
    ...     def predict(self, pairs):
    ...         return np.zeros(len(pairs))
    >>> table = evaluate_sampled({"indifferent": Indifferent()}, cold_users(panel, "f", test_size=2), ["mrr"])
    >>> table["mean"].round(3).tolist()  # the rank between first and second
    [0.667]
    """
    check_models(models, baseline)
    for metric in listed_metrics(metrics):
        parse_metric(metric, RANK_METRICS)
    rows: list[dict] = []
    for name, split in named_splits(splits).items():
        negatives = draw_negatives(split, n_negatives, random_state, popularity_power)
        drawn = _Drawn(negatives, SplitTwins(split))
        scores = {model: _scores(models[model], split, drawn, metrics, fit) for model in models}
        rows += rows_of_split(name, scores, baseline, n_resamples, random_state)
    return pd.DataFrame(rows)


def draw_negatives(
    split: Split, n_negatives: int = 999, random_state: int = 0, popularity_power: float = 0.0
) -> Numbers:
    """Return, for each row of ``split.truth``, the numbers of the target items to rank it among.

    Parameters
    ----------
    split : Split
        The rows, and the training panel to draw items from.
    n_negatives, random_state, popularity_power
        As for :func:`evaluate_sampled`.

    Returns
    -------
    int array of shape (n_rows, n_negatives)
        -1 if there are no more items. Training and held-out items of the user are excluded.

    Examples
    --------
    >>> from tastebridge.data import Panel
    >>> from tastebridge.splits import leave_last
    >>> rows = [("ada", item, time) for time, item in enumerate("wxy")]
    >>> rows += [("bob", item, 0) for item in "wxyz"]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]).assign(category="films")
    >>> split = leave_last(Panel.from_frame(frame), "films", min_left=2)
    >>> split.truth.query("user_id == 'ada'")["item_id"].tolist()
    ['y']
    >>> draw_negatives(split, n_negatives=2)[0].tolist()  # ada has w and x, so z alone is left
    [3, -1]
    """
    check_count("n_negatives", n_negatives)
    check_number("popularity_power", popularity_power, 0.0)
    rng, part = np.random.default_rng(random_state), split.train[split.target]
    pool = _trained_items(split)
    weights = np.bincount(part.matrix.indices)[pool].astype(np.float64) ** popularity_power
    held_out = part.items.numbers(split.truth["item_id"].to_numpy(), missing="negative")
    users = part.users.numbers(split.truth["user_id"].to_numpy(), missing="negative")
    drawn = np.full((len(held_out), n_negatives), -1)
    for rows in split.truth.groupby("user_id", sort=True).indices.values():
        closed = np.flatnonzero(np.isin(pool, np.append(held_out[rows], _had(part.matrix, users[rows[0]]))))
        for row in rows:
            if popularity_power:
                places = _weighted(rng, np.delete(weights, closed), n_negatives)
            else:
                n_open = len(pool) - len(closed)
                places = rng.choice(n_open, min(n_negatives, n_open), replace=False, shuffle=False)
            # the places count open items only: step over the closed ones
            places = places + np.searchsorted(closed - np.arange(len(closed)), places, side="right")
            drawn[row, : len(places)] = pool[places]
    return drawn


def _had(matrix: sparse.csr_matrix, user: int) -> Numbers:
    """Return the items a user has in training; none for the number -1."""
    if user < 0:
        return np.zeros(0, dtype=np.int64)
    return np.asarray(matrix.indices[matrix.indptr[user] : matrix.indptr[user + 1]], dtype=np.int64)


def _weighted(rng: np.random.Generator, weights: NDArray[np.float64], n: int) -> Numbers:
    """Return ``n`` places, or all, drawn one after another by weight: the least exponential waiting times."""
    # Drawn for all items before anything else, so that the stream of numbers does not depend on n.
    waiting = rng.exponential(size=len(weights)) / weights
    if n >= len(weights):
        return np.arange(len(weights))
    return np.sort(np.argpartition(waiting, n)[:n])


def _trained_items(split: Split) -> Numbers:
    """Return the numbers of the target items with a training row, ascending."""
    matrix = split.train[split.target].matrix
    return np.flatnonzero(np.bincount(matrix.indices, minlength=matrix.shape[1]))


class _Drawn(NamedTuple):
    """The negatives of every row, and the twins of the split."""

    negatives: Numbers
    twins: SplitTwins


def _scores(model: Predictor, split: Split, drawn: _Drawn, metrics: Sequence[str], fit: bool) -> Scores:
    seconds, start = fit_seconds(model, split.train, fit), time.perf_counter()
    parsed = {name: parse_metric(name, RANK_METRICS)[0] for name in metrics}
    ranks, apart = _ranks(model, split, drawn)
    whole = {name: metric(ranks) for name, metric in parsed.items()}
    others = {name: np.where(drawn.twins.rows, np.nan, metric(apart)) for name, metric in parsed.items()}
    people = split.truth["user_id"].to_numpy()
    return Scores(whole, people, seconds, time.perf_counter() - start, others)


def _ranks(model: Predictor, split: Split, drawn: _Drawn) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the rank of each held-out row, some rows at a time; infinite for items not trained on.

    And its rank among the negatives that are no twins.
    """
    negatives, twins = drawn
    held_out = split.train[split.target].items.numbers(split.truth["item_id"].to_numpy(), missing="negative")
    users = split.train.users.numbers(split.truth["user_id"].to_numpy(), missing="negative")
    known = np.flatnonzero(np.isin(held_out, _trained_items(split)))
    ranks = np.full((2, len(held_out)), np.inf)
    # A frame of all pairs at once would hold a thousand rows for every held-out one.
    step = max(1, _PAIRS // (1 + negatives.shape[1]))
    for start in range(0, len(known), step):
        rows = known[start : start + step]
        numbers = np.column_stack([held_out[rows], negatives[rows]])
        scores = np.where(numbers >= 0, _predict(model, split, rows, numbers), np.nan)
        ranks[:, rows] = sampled_ranks(scores[:, 0], scores[:, 1:])
        if twins.reached is not None:
            closed = twins.closed(users[rows].repeat(negatives.shape[1]), negatives[rows].ravel())
            left = np.where(closed.reshape(len(rows), -1), np.nan, scores[:, 1:])
            ranks[1, rows] = sampled_ranks(scores[:, 0], left)
    return ranks[0], ranks[1]


def _predict(model: Predictor, split: Split, rows: Numbers, numbers: Numbers) -> NDArray[np.floating]:
    """Return the model's scores for the users of ``rows`` and their item ``numbers``."""
    users = split.truth["user_id"].to_numpy()[rows].repeat(numbers.shape[1])
    # A place without a negative asks for item 0; its score becomes NaN afterwards.
    items = split.train[split.target].items.ids_of(np.maximum(numbers, 0).ravel())
    scores = predicted(model, pairs_of_target(model, split, users, items), "score")
    return scores.reshape(numbers.shape)
