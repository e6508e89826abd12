"""Similarities between the items of all categories and the target's items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.model.explanation import POPULARITY, Part
from tastebridge.routes import Histories, side_by_side
from tastebridge.routes.links import binary, similarities

_POPULARITY = 1e-6
"""The weight of popularity in a score, so small that it decides only between items without neighbours."""


@dataclass(frozen=True, eq=False)
class ItemSimilarity:
    """The similarities of items, without any user.

    Attributes
    ----------
    target : str
    categories : tuple of str
        The categories whose items, side by side, are the rows.
    similarities : csr_matrix of shape (n_all_items, n_target_items)
    popularity : ndarray of shape (n_target_items,)
        The number of users of each item, divided by the largest.
    """

    target: str
    categories: tuple[str, ...]
    similarities: sparse.csr_matrix
    popularity: NDArray[np.float64]

    def scores(self, histories: Histories) -> NDArray[np.float32]:
        """Return the scores (n_users, n_target_items); a row depends on its user only."""
        X = binary(side_by_side(histories, self.categories))
        lengths = np.maximum(np.diff(X.indptr), 1) ** -0.5
        found = (X @ self.similarities).toarray() * lengths[:, None]
        return np.asarray(found + _POPULARITY * self.popularity, dtype=np.float32)

    def parts_of(self, histories: Histories, item: int) -> list[Part]:
        """Return the parts of the score of one user and item, as for a linear model."""
        X = binary(side_by_side(histories, self.categories))
        values = self.similarities[:, [item]].toarray().ravel()[X.indices] * max(X.nnz, 1) ** -0.5
        starts = np.cumsum([0] + [histories[name].shape[1] for name in self.categories])
        at = np.searchsorted(starts, X.indices, side="right") - 1
        links = zip(at, X.indices - starts[at], values, strict=True)
        found = [
            Part(self.categories[k], int(j), "neighbours", float(value)) for k, j, value in links if value
        ]
        popular = float(_POPULARITY * self.popularity[item])
        return [*found, Part(POPULARITY, -1, "popularity", popular)]


def nearest_items(
    histories: Histories, target: str, shrinkage: float, n_neighbours: int | None
) -> ItemSimilarity:
    """Return the similarities in the histories, with the nearest items of each target item only."""
    categories = tuple(sorted(histories))
    X = binary(side_by_side(histories, categories))
    Y = binary(histories[target])
    S = similarities(X, Y, shrinkage)
    first = sum(histories[name].shape[1] for name in categories[: categories.index(target)])
    S = _without(S, np.arange(first, first + Y.shape[1]))
    if n_neighbours is not None:
        S = _largest_of_columns(S, n_neighbours)
    counts = np.bincount(Y.indices, minlength=Y.shape[1])
    return ItemSimilarity(target, categories, S, counts / max(counts.max(), 1))


def _without(S: sparse.csr_matrix, itself: NDArray[np.int64]) -> sparse.csr_matrix:
    """Return ``S`` without the similarity of target item j to itself, in row ``itself[j]``."""
    links = S.tocoo()
    other = links.row != itself[links.col]
    return sparse.csr_matrix((links.data[other], (links.row[other], links.col[other])), shape=S.shape)


def _largest_of_columns(S: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """Return ``S`` with the ``k`` largest entries of every column; ties go to the first rows."""
    links = S.tocoo()
    order = np.lexsort((links.row, -links.data, links.col))
    column = links.col[order]
    # the first place of its own column in a sorted array: the rest is the rank within the column
    place = np.arange(len(order)) - np.searchsorted(column, column)
    kept = order[place < k]
    return sparse.csr_matrix((links.data[kept], (links.row[kept], links.col[kept])), shape=S.shape)
