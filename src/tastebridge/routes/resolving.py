"""Which columns of an item regression a change of the counts reaches, and the weights of the others."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.few_rows import rows_that_differ
from tastebridge.routes.partners import Numbers, Partners


class Before(NamedTuple):
    """An item regression as it was, its items at their current numbers.

    Attributes
    ----------
    both : csr_matrix of shape (n_items, n_items)
        The counts of pairs.
    weights : csc_matrix of shape (n_items, n_target_items)
        The weights solved from them, with sorted indices.
    """

    both: sparse.csr_matrix
    weights: sparse.csc_matrix

    def of(self, columns: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the weights of some target items, by target item and by partner."""
        return np.asarray(self.weights.data[np.repeat(columns, np.diff(self.weights.indptr))])


def earlier(
    both: sparse.csr_matrix, encoder: sparse.csr_matrix, V: sparse.csr_matrix, moved: Numbers
) -> Before | None:
    """Return the item regression of an encoder; None if ``V`` does not give each column one target item.

    Parameters
    ----------
    both : csr_matrix of shape (n_items, n_items)
        The counts behind the encoder, over all current items.
    encoder : csr_matrix of shape (n_old_items, k)
    V : csr_matrix of shape (n_target_items, k)
    moved : ndarray of shape (n_old_items,)
        The current number of each item the encoder knows.
    """
    V = sparse.csc_matrix(V)
    if (np.diff(V.indptr) != 1).any() or encoder.shape != (len(moved), V.shape[1]):
        return None
    entries = sparse.coo_matrix(encoder)
    where = moved[entries.row], V.indices[entries.col]
    weights = sparse.csc_matrix((entries.data, where), shape=(both.shape[0], V.shape[0]))
    weights.sort_indices()
    return Before(both, weights)


def reached(before: Before, both: sparse.csr_matrix, found: Partners, block: slice) -> NDArray[np.bool_]:
    """Return a mask (n_target_items,) of the columns with other partners, or a changed count among them.

    A column is the solution of a system of the counts among its partners and itself. If all of these are
    the same, so is the solution.
    """
    n_targets = block.stop - block.start
    old = before.weights
    counts = np.bincount(found.columns, minlength=n_targets)
    other = counts != np.diff(old.indptr)
    keys = found.columns * both.shape[0] + found.items
    old_columns = np.repeat(np.arange(n_targets), np.diff(old.indptr))
    common = np.isin(keys, old_columns * both.shape[0] + old.indices, assume_unique=True)
    other |= np.bincount(found.columns[~common], minlength=n_targets) > 0
    return other | _with_a_changed_pair(before.both, both, found, block)


def _with_a_changed_pair(
    old: sparse.csr_matrix, both: sparse.csr_matrix, found: Partners, block: slice
) -> NDArray[np.bool_]:
    """Return a mask of the target items for which a count among their partners and themselves changed."""
    n_targets, n = block.stop - block.start, both.shape[0]
    rows = rows_that_differ(both, old)
    D = sparse.csr_matrix(both[rows] - old[rows])
    D.eliminate_zeros()
    if D.nnz > len(found.items):  # a large change reaches nearly all, and would be searched for long
        return np.ones(n_targets, dtype=bool)
    D.data = np.ones(D.nnz, dtype=np.int32)
    each = np.arange(n_targets)
    row = np.concatenate([found.items, each + block.start])
    column = np.concatenate([found.columns, each])
    Q = sparse.csr_matrix((np.ones(len(row), dtype=np.int32), (row, column)), shape=(n, n_targets))
    return np.asarray((D @ Q).multiply(Q[rows]).sum(axis=0)).ravel() > 0
