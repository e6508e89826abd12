"""Training lists of the blend: a held-out item beside sampled others, scored by every route."""

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
"""Items the others of a fold's lists are drawn from."""
_MOST = 1000.0
"""How many times as much as the first column another may count: see :func:`relative_to_first`."""


class Lists(NamedTuple):
    """Held-out items, each with sampled others, as a blend wants them."""

    X: Array
    y: Array
    groups: Numbers
    gates: Array
    people: Numbers


class SegmentLists:
    """The training lists of one segment, as they are and without what is known in a source.

    Parameters
    ----------
    folds : list of Fold
        Of one segment.
    settings : FitSettings
    rng : Generator
        Draws the same rows and others for every view.
    """

    def __init__(self, folds: Sequence[Fold], settings: FitSettings, rng: np.random.Generator) -> None:
        self.folds, self._settings, self._same = folds, settings, deepcopy(rng)
        self.whole = lists_of(folds, settings.n_lists, settings.n_negatives, rng)

    def without(self, source: str) -> Lists:
        """Return the same lists as if nothing were known of the users in a source."""
        return self.of([fold.lacking.get(source, fold) for fold in self.folds])

    def of(self, folds: Sequence[Fold]) -> Lists:
        """Return the same lists by other vectors of the same users."""
        _, n_lists, n_negatives, *_ = self._settings
        return lists_of(folds, n_lists, n_negatives, deepcopy(self._same), (self.folds, self.whole))


def lists_of(
    folds: Sequence[Fold],
    n_lists: int,
    n_negatives: int,
    rng: np.random.Generator,
    like: tuple[Sequence[Fold], Lists] | None = None,
) -> Lists:
    """Return lists of a hidden item and ``n_negatives`` others each; at most ``n_lists``, rows at random.

    ``like`` are folds of the same people with other vectors, and their lists of the same draw: the scores of
    routes whose vectors are the very same are taken from there.
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
    X, people, gates = (np.concatenate([part[at] for part in parts]) for at in range(3))
    n = X.shape[0]
    y = np.tile(np.append(1.0, np.zeros(width - 1)), n)
    return Lists(
        X.reshape(n * width, -1), y, np.repeat(np.arange(n), width), np.repeat(gates, width, axis=0), people
    )


def scores_of(lists: Lists, segment: Segment) -> Array:
    """Return the blended score (n_rows,) of a segment whose routes are the first columns of the lists."""
    X = lists.X[:, : len(segment.kept)]
    return np.asarray((X * segment.blend.weights(lists.gates) * segment.kept).sum(axis=1))


def relative_to_first(weights: Array, X: Array) -> Array:
    """Return the weights (n - 1,) of columns relative to that of the first, whose weight stays 1.

    Where the first column turned out to be of no use its weight is next to 0. It then counts a thousandth of
    the column that counts most, in standard deviations: enough to leave the order to the others.
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
    """Return the route scores (n, 1 + n_negatives, n_routes), the people and the gates of one fold's lists.

    The others come, at random, from a pool of items drawn uniformly; an item the person has is not one.
    """
    hidden, n_items = fold.held.hidden, fold.held.hidden.shape[1]
    person = np.repeat(np.arange(hidden.shape[0]), np.diff(hidden.indptr))
    chosen = np.sort(rng.permutation(len(person))[:n_lists])
    person, positive = person[chosen], hidden.indices[chosen]
    pool = np.sort(rng.permutation(n_items)[: max(_POOL, n_negatives)])
    others = rng.integers(len(pool), size=(len(person), n_negatives))
    people, place = np.unique(person, return_inverse=True)
    had = (hidden + fold.seen)[people][:, pool].toarray()[place[:, None], others] != 0
    columns = list(range(len(fold.vectors)))
    if like is None:
        X = np.empty((len(person), 1 + n_negatives, len(columns)), dtype=np.float32)
    else:
        X = like[1].copy()
        columns = [at for at in columns if fold.vectors[at] is not like[0].vectors[at]]
    spaces = {fold.spaces[at] for at in columns}
    dense = {space: [_rows(fold.items[space], at) for at in (positive, pool)] for space in spaces}
    for column in columns:
        Z = fold.vectors[column]
        near, far = (V[:, : Z.shape[1]] for V in dense[fold.spaces[column]])
        X[:, 0, column] = np.einsum("ij,ij->i", Z[person], near)
        scores = (Z[people] @ far.T)[place[:, None], others]
        scores[had] = scores.min()
        X[:, 1:, column] = scores
    return X, fold.held.people[person], fold.gates[person]


def _rows(V: NDArray[np.float32] | sparse.csr_matrix, rows: Numbers) -> NDArray[np.float32]:
    """Return some rows of item vectors, dense."""
    return V[rows] if isinstance(V, np.ndarray) else np.asarray(V[rows].toarray())
