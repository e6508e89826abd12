"""Links between items: their similarity, the strongest of them, and vectors that give the same scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from tastebridge._numerics.linalg import column_signs, row_lengths, with_data
from tastebridge.routes.fitted import Array


class LinearEncoder:
    """The encoder ``X @ encoder_`` of binary histories divided by the root of their length.

    ``encoder_`` (n_items, k) is dense, or sparse where most items have no part in it. Of links, each rests on
    at least ``min_users`` users.
    """

    min_users: int = 1

    def __init__(self, encoder: Array | sparse.csr_matrix, min_users: int = 1) -> None:
        self.encoder_ = encoder
        self.min_users = min_users

    def transform(self, X: sparse.csr_matrix) -> Array:
        """Return the vectors (n_users, k)."""
        if not X.nnz:  # a user new to the category
            return np.zeros((X.shape[0], self.encoder_.shape[1]))
        x = self.normalize_rows(X)
        return product(x, self.encoder_) if sparse.issparse(self.encoder_) else np.asarray(x @ self.encoder_)

    def normalize_rows(self, X: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return the histories with every entry 1, divided by the root of their length."""
        lengths = row_lengths(X)
        entries = np.repeat(np.maximum(lengths, 1) ** -0.5, lengths)
        return with_data(X, entries)


def product(X: sparse.csr_matrix, E: sparse.csr_matrix) -> Array:
    """Return ``X @ E`` in full, of sparse matrices; for a few users faster than scipy's.

    Examples
    --------
    >>> X, E = sparse.csr_matrix([[0.0, 2.0], [1.0, 1.0]]), sparse.csr_matrix([[3.0, 0.0], [1.0, 0.5]])
    >>> product(X, E).tolist()
    [[2.0, 1.0], [4.0, 0.5]]
    """
    starts = E.indptr[X.indices]
    counts = E.indptr[X.indices + 1] - starts
    # the usual case: links are few, and most histories have none
    if not counts.any():
        return np.zeros((X.shape[0], E.shape[1]))
    met = np.repeat(starts - np.cumsum(counts) + counts, counts)
    met += np.arange(len(met), dtype=met.dtype)
    users = np.repeat(np.arange(X.shape[0]), row_lengths(X))
    cells = np.repeat(users, counts) * E.shape[1] + E.indices[met]
    sums = np.bincount(cells, np.repeat(X.data, counts) * E.data[met], minlength=X.shape[0] * E.shape[1])
    return np.asarray(sums, dtype=np.float64).reshape(X.shape[0], E.shape[1])


def similarities(X: sparse.csr_matrix, Y: sparse.csr_matrix, shrinkage: float) -> sparse.csr_matrix:
    """Return the shrunk cosines (n_items, n_target_items) of the columns of two binary matrices."""
    source_counts, target_counts = (np.asarray(part.sum(axis=0)).ravel() for part in (X, Y))
    return shrunk(sparse.csr_matrix(X.T @ Y), source_counts, target_counts, shrinkage)


def shrunk(
    both: sparse.csr_matrix, source_counts: NDArray, target_counts: NDArray, shrinkage: float
) -> sparse.csr_matrix:
    """Return ``both / (sqrt(source_counts target_counts') + shrinkage)``; all counts are numbers of users."""
    rows = np.repeat(np.arange(both.shape[0]), np.diff(both.indptr))
    values = both.data / (np.sqrt(source_counts[rows] * target_counts[both.indices]) + shrinkage)
    return sparse.csr_matrix((values, both.indices, both.indptr), shape=both.shape)


def at_least(counts: sparse.csr_matrix, least: int) -> sparse.csr_matrix:
    """Return the counts that are ``least`` or more; nothing is stored of the others."""
    if least <= 1:
        return counts
    keep = counts.data >= least
    indptr = np.concatenate([[0], np.cumsum(keep)])[counts.indptr].astype(counts.indptr.dtype)
    return sparse.csr_matrix((counts.data[keep], counts.indices[keep], indptr), shape=counts.shape)


def strongest(S: sparse.csr_matrix, k: int) -> sparse.csr_matrix:
    """Return ``S`` with its ``k`` largest entries; ties go to the first rows and columns."""
    if S.nnz <= k:
        return S
    rows = np.repeat(np.arange(S.shape[0]), np.diff(S.indptr))
    # a partition finds the smallest kept value; only entries that reach it are sorted, for the ties
    least = np.partition(S.data, S.nnz - k)[S.nnz - k]
    candidates = np.flatnonzero(S.data >= least)
    kept = candidates[np.lexsort((S.indices[candidates], rows[candidates], -S.data[candidates]))[:k]]
    return sparse.csr_matrix((S.data[kept], (rows[kept], S.indices[kept])), shape=S.shape)


def decompose(S: sparse.csr_matrix) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Return sparse ``E`` (n, k), ``V`` (m, k) with ``S = E V'``: the SVD of every connected part of it."""
    S = sparse.coo_matrix(S)
    used_rows, used_columns = np.unique(S.row), np.unique(S.col)
    row, column = np.searchsorted(used_rows, S.row), np.searchsorted(used_columns, S.col)
    parts = _parts(row, column, len(used_rows), len(used_columns))
    left, right, width = [], [], 0
    order = np.argsort(parts, kind="stable")
    for links in np.split(order, np.flatnonzero(np.diff(parts[order])) + 1) if S.nnz else []:
        i, at_row = np.unique(row[links], return_inverse=True)
        j, at_column = np.unique(column[links], return_inverse=True)
        block = np.zeros((len(i), len(j)))
        block[at_row, at_column] = S.data[links]
        U, s, Vt = np.linalg.svd(block, full_matrices=False)
        sign = column_signs(Vt.T)  # LAPACK leaves signs open, and a file should not depend on its build
        left.append((used_rows[i], width, U * s * sign))
        right.append((used_columns[j], width, Vt.T * sign))
        width += len(s)
    return tuple(
        _placed(blocks, (n, max(width, 1))) for blocks, n in zip((left, right), S.shape, strict=True)
    )


def _placed(blocks: list[tuple[NDArray[np.int64], int, Array]], shape: tuple[int, int]) -> sparse.csr_matrix:
    """Return a matrix of dense blocks, each given by its rows and its first column, and zeros elsewhere."""
    if not blocks:
        return sparse.csr_matrix(shape)
    rows = np.concatenate([np.repeat(rows, block.shape[1]) for rows, _, block in blocks])
    columns = np.concatenate([np.tile(first + np.arange(B.shape[1]), len(B)) for _, first, B in blocks])
    values = np.concatenate([block.ravel() for _, _, block in blocks])
    matrix = sparse.csr_matrix((values, (rows, columns)), shape=shape)
    matrix.eliminate_zeros()
    return matrix


def _parts(
    row: NDArray[np.int64], column: NDArray[np.int64], n_rows: int, n_columns: int
) -> NDArray[np.int32]:
    """Return for every link the connected part of the bipartite graph it lies in."""
    n = n_rows + n_columns
    graph = sparse.csr_matrix((np.ones(len(row)), (row, n_rows + column)), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1])[row]


def binary(X: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return ``X`` with every stored entry 1."""
    return sparse.csr_matrix((np.ones(X.nnz), X.indices, X.indptr), shape=X.shape)
