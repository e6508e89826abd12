"""NDCG@10 of a pair of blends for users drawn at random and in time, cross-evaluated by halves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tastebridge.fitting.folds import Fold, Numbers, spread_evenly
from tastebridge.fitting.out_of_fold import JUDGED, ndcg_of_users
from tastebridge.model import Array
from tastebridge.model.evidence import MODEL, POPULARITY, RECENT, Evidence, Halves, InTime

_STEP = 512


def weights_of_halves(fold: Fold, halves: Halves, first: Numbers) -> Array:
    """Return the weights (n_users, n_routes) of all users of a fold, each by the blend of the own half."""
    inside = np.isin(fold.held.people, first)
    return np.where(inside[:, None], *(half.blend.weights(fold.gates) * half.kept for half in halves))


def rankings(fold: Fold, rows: Numbers, halves: Halves, first: Numbers) -> Array:
    """Return NDCG@10 of some users of a fold, with and without twins (2, n_rows)."""
    rest, weights = fold.without_twins(), weights_of_halves(fold, halves, first)
    parts = [
        ndcg_of_users(fold.scores(some, weights[some]), fold, rest, some)
        for some in (rows[start : start + _STEP] for start in range(0, len(rows), _STEP))
    ]
    return np.concatenate(parts, axis=1)


def served_evidence(evidence: Evidence, folds: Sequence[Fold], halves: Halves, first: Numbers) -> Evidence:
    """Return the evidence of users drawn at random, with the list that a route added later is a part of."""
    share = -(-JUDGED // len(folds))  # the users of the evidence, in its order
    values = np.concatenate(
        [rankings(fold, spread_evenly(len(fold.held.people), share), halves, first) for fold in folds],
        axis=1,
    )
    apart = evidence.without_twins
    if apart is not None:
        apart = apart._replace(values={**apart.values, "served": values[1][~np.isnan(values[1])]})
    return evidence._replace(values={**evidence.values, "served": values[0]}, without_twins=apart)


def figures_in_time(
    late: Sequence[Fold], changes: Array, halves: Sequence[Halves], first: Numbers
) -> InTime | None:
    """Return how well the users of a fold in time were served; None without any.

    Parameters
    ----------
    late : list of Fold
        One fold, or none.
    changes : ndarray of shape (n_half_lives, n_items)
    halves : pair of Halves
        The blends of every other user, and those of the users in between.
    first : ndarray
        The users of the first half.
    """
    if not late:
        return None
    (fold,) = late
    plain = popularity_of(fold)
    popular = [_rankings_of_all(fold, order) for order in (plain, *(plain + changes))]
    best = max(range(len(changes)), key=lambda at: float(popular[1 + at][0].mean()))
    lists = rankings_by_turns(fold, halves, first), popular[0], popular[1 + best]
    left = ~np.isnan(lists[0][1])
    names = (MODEL, POPULARITY, RECENT)
    whole = {name: part[0] for name, part in zip(names, lists, strict=True)}
    found = InTime(fold.held.people, whole, best)
    if fold.twins is None:
        return found
    rest = {name: part[1][left] for name, part in zip(names, lists, strict=True)}
    return found._replace(without_twins=InTime(fold.held.people[left], rest, best) if left.any() else None)


def rankings_by_turns(fold: Fold, halves: Sequence[Halves], first: Numbers) -> Array:
    """Return NDCG@10 of all users of a fold, with and without twins, two pairs of blends taking turns."""
    own = np.empty((2, len(fold.held.people)))
    for turn, pair in enumerate(halves):
        rows = np.arange(turn, len(fold.held.people), len(halves))
        if len(rows):
            own[:, rows] = rankings(fold, rows, pair, first)
    return own


def popularity_of(fold: Fold) -> Array:
    """Return the logarithm of each item's share of the users of a fold, (n_items,)."""
    V = fold.items[POPULARITY]
    return np.asarray(V[:, 0] if isinstance(V, np.ndarray) else V[:, [0]].toarray()[:, 0], dtype=np.float64)


def _rankings_of_all(fold: Fold, order: Array) -> Array:
    """Return NDCG@10 of users who all get one list, without their own items."""
    rows = np.arange(len(fold.held.people))
    scores = np.tile(order.astype(np.float32), (len(rows), 1))
    return ndcg_of_users(scores, fold, fold.without_twins(), rows)
