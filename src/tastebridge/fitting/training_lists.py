"""Training lists of the blend: a held-out item and sampled others, scored by every route."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.scaling import deviations
from tastebridge.fitting.folds import Fold
from tastebridge.fitting.settings import FitSettings
from tastebridge.model import Array, Segment

Numbers = NDArray[np.int64]
_POOL = 2000
"""The number of items from which the sampled others of a fold's lists are drawn."""
_CELLS = 2**16
"""Scores by a route that are weighted at once: they stay in the cache."""
_MOST = 1000.0
"""The largest weight of a column relative to the first: see :func:`relative_to_first`."""


class Lists(NamedTuple):
    """Held-out items, each with sampled others, in the form that a blend is fitted on."""

    X: Array
    y: Array
    groups: Numbers
    gates: Array
    users: Numbers

    @property
    def width(self) -> int:
        """The number of items of a list."""
        return len(self.y) // len(self.users)

    def chosen(self, rows: NDArray[np.bool_], routes: NDArray[np.bool_]) -> NDArray[np.floating]:
        """Return the scores (n_some, width, n_routes) of some lists by some routes."""
        X = self.X.reshape(len(self.users), self.width, -1)
        X = X if rows.all() else X[rows]
        return X if routes.all() else X.take(np.flatnonzero(routes), axis=2)


class SegmentLists:
    """The training lists of one segment, as they are and without a source.

    Parameters
    ----------
    folds : list of Fold
        The folds of one segment.
    settings : FitSettings
    rng : Generator
        Draws the same rows and others for every view.
    """

    def __init__(self, folds: Sequence[Fold], settings: FitSettings, rng: np.random.Generator) -> None:
        # the copy repeats the draw of ``whole`` below, so that all views have the same items
        self.folds, self._settings, self._same = folds, settings, deepcopy(rng)
        self.whole = lists_of(folds, settings.n_lists, settings.n_negatives, rng)

    def without(self, source: str) -> Lists:
        """Return the same lists with empty histories of the users in a source."""
        return self.of([fold.lacking.get(source, fold) for fold in self.folds])

    def of(self, folds: Sequence[Fold]) -> Lists:
        """Return the same lists, scored by other vectors of the same users."""
        _, n_lists, n_negatives, *_ = self._settings
        return lists_of(folds, n_lists, n_negatives, deepcopy(self._same), (self.folds, self.whole))


def lists_of(
    folds: Sequence[Fold],
    n_lists: int,
    n_negatives: int,
    rng: np.random.Generator,
    like: tuple[Sequence[Fold], Lists] | None = None,
) -> Lists:
    """Return at most ``n_lists`` lists, each of a random hidden item and ``n_negatives`` others.

    ``like`` are folds of the same users with other vectors, and their lists of the same draw. Scores of
    routes with the very same vectors are copied from these lists.
    """
    share = -(-n_lists // max(len(folds), 1))
    width, done, parts = 1 + n_negatives, 0, []
    for place, fold in enumerate(folds):
        before = None
        if like is not None:
            n_here = min(share, fold.held.hidden.nnz)
            before = like[0][place], like[1].X.reshape(-1, width, len(fold.vectors))[done : done + n_here]
            done += n_here
        parts.append(_lists(fold, share, n_negatives, rng, before))
    X, users, gates = (np.concatenate([part[at] for part in parts]) for at in range(3))
    n = X.shape[0]
    y = np.tile(np.append(1.0, np.zeros(width - 1)), n)
    return Lists(
        X.reshape(n * width, -1), y, np.repeat(np.arange(n), width), np.repeat(gates, width, axis=0), users
    )


def scores_of(lists: Lists, segment: Segment) -> Array:
    """Return the blended score (n_rows,) of a segment whose routes are the first columns of the lists."""
    n, k = len(lists.users), len(segment.kept)
    # the gates, and so the weights, are the same in all rows of a list
    W = segment.blend.weights(lists.gates[:: len(lists.gates) // n]) * segment.kept
    X, scores = lists.X.reshape(n, lists.width, -1), np.empty((n, lists.width))
    step = max(1, _CELLS // (lists.width * k))
    for start in range(0, n, step):
        here = slice(start, start + step)
        scores[here] = (X[here, :, :k] * W[here, None, :]).sum(axis=2)
    return scores.ravel()


def relative_to_first(weights: Array, X: Array) -> Array:
    """Return the weights (n - 1,) of the other columns if the first column has the weight 1.

    A useless first column has a weight next to 0, by which no other can be divided. Its weight is then a
    thousandth of the largest one, in standard deviations, so that the other columns decide the order.
    """
    spread = deviations(X)
    most = float((weights * spread)[1:].max(initial=0.0))
    own = float(weights[0])
    if spread[0] > 0:
        own = max(own, most / spread[0] / _MOST)
    return np.asarray(weights[1:] / own)


def _lists(
    fold: Fold,
    n_lists: int,
    n_negatives: int,
    rng: np.random.Generator,
    like: tuple[Fold, NDArray[Any]] | None,
) -> tuple[NDArray[np.float32], Numbers, Array]:
    """Return the route scores (n, 1 + n_negatives, n_routes), the users and the gates of one fold's lists.

    The others come at random from a pool of items drawn uniformly; items of the user are no negatives.
    """
    hidden, n_items = fold.held.hidden, fold.held.hidden.shape[1]
    user = np.repeat(np.arange(hidden.shape[0]), np.diff(hidden.indptr))
    chosen = np.sort(rng.permutation(len(user))[:n_lists])
    user, positive = user[chosen], hidden.indices[chosen]
    pool = np.sort(rng.permutation(n_items)[: max(_POOL, n_negatives)])
    others = rng.integers(len(pool), size=(len(user), n_negatives))
    users, place = np.unique(user, return_inverse=True)
    had = (hidden + fold.seen)[users][:, pool].toarray()[place[:, None], others] != 0
    columns = list(range(len(fold.vectors)))
    if like is None:
        X = np.empty((len(user), 1 + n_negatives, len(columns)), dtype=np.float32)
    else:
        X = like[1].copy()
        # by identity: equal arrays that were made anew are only scored again
        columns = [at for at in columns if fold.vectors[at] is not like[0].vectors[at]]
    spaces = {fold.spaces[at] for at in columns}
    dense = {space: [_rows(fold.items[space], at) for at in (positive, pool)] for space in spaces}
    for column in columns:
        Z = fold.vectors[column]
        hidden_vectors, pool_vectors = (V[:, : Z.shape[1]] for V in dense[fold.spaces[column]])
        X[:, 0, column] = np.einsum("ij,ij->i", Z[user], hidden_vectors)
        scores = (Z[users] @ pool_vectors.T)[place[:, None], others]
        # an item of the user is no negative: with the lowest score it weighs least in the list
        scores[had] = scores.min()
        X[:, 1:, column] = scores
    return X, fold.held.people[user], fold.gates[user]


def _rows(V: NDArray[np.float32] | sparse.csr_matrix, rows: Numbers) -> NDArray[np.float32]:
    """Return some rows of item vectors, dense."""
    return V[rows] if isinstance(V, np.ndarray) else np.asarray(V[rows].toarray())
