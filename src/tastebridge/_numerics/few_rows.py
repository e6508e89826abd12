"""Sums and differences of large sparse matrices that differ in few rows: the others are copied."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.rows import assembled

Numbers = NDArray[np.int64]
_MANY = 1 / 8
"""Share of the rows above which a whole sum is as fast."""


def plus_rows(matrix: sparse.csr_matrix, rows: Numbers, change: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return ``matrix`` with the rows of ``change`` added to some of its rows, and no zeros there.

    Both have sorted indices, and so has the result.

    Parameters
    ----------
    matrix : csr_matrix of shape (n, m)
    rows : ndarray of shape (n_rows,)
        Ascending row numbers.
    change : csr_matrix of shape (n_rows, m)

    Examples
    --------
    >>> X = sparse.csr_matrix([[1, 0], [2, 3], [0, 4]])
    >>> plus_rows(X, np.array([1]), sparse.csr_matrix([[5, -3]])).toarray().tolist()
    [[1, 0], [7, 0], [0, 4]]
    """
    new = sparse.csr_matrix(matrix[rows] + change)
    new.eliminate_zeros()
    new.sort_indices()
    lengths = np.diff(matrix.indptr)
    lengths[rows] = np.diff(new.indptr)
    indptr = np.append(0, np.cumsum(lengths, dtype=np.int64))
    data, indices = (
        _spliced(old, matrix.indptr, rows, some.astype(old.dtype, copy=False), new.indptr)
        for old, some in ((matrix.data, new.data), (matrix.indices, new.indices))
    )
    return assembled(data, indices, indptr, matrix.shape)


def few(rows: Numbers, n: int) -> bool:
    """Return whether these rows of ``n`` are so few that the others are better copied."""
    return len(rows) <= _MANY * n


def rows_that_differ(one: sparse.csr_matrix, other: sparse.csr_matrix) -> Numbers:
    """Return the numbers of the rows in which two matrices of one shape with sorted indices store others.

    Examples
    --------
    >>> X, Y = sparse.csr_matrix([[1, 0], [2, 3], [0, 4]]), sparse.csr_matrix([[1, 0], [2, 0], [0, 5]])
    >>> rows_that_differ(X, Y).tolist()
    [1, 2]
    """
    longer = np.flatnonzero(np.diff(one.indptr) != np.diff(other.indptr))
    found = [longer]
    # between two rows of other lengths the entries of both matrices stand at one distance
    for first, last in zip(np.append(0, longer + 1), np.append(longer, one.shape[0]), strict=True):
        here, there = (slice(part.indptr[first], part.indptr[last]) for part in (one, other))
        unlike = (one.indices[here] != other.indices[there]) | (one.data[here] != other.data[there])
        places = one.indptr[first] + np.flatnonzero(unlike)
        found.append(np.searchsorted(one.indptr, places, side="right") - 1)
    return np.unique(np.concatenate(found)).astype(np.int64)


def _spliced(old: NDArray, ends: NDArray, rows: Numbers, new: NDArray, new_ends: NDArray) -> NDArray:
    """Return the entries of rows one after the other, those of some ``rows`` replaced by new ones."""
    starts, stops = ends[np.append(0, rows + 1)], ends[np.append(rows, len(ends) - 1)]
    pieces = [old[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
    added = [new[start:stop] for start, stop in pairwise(new_ends.tolist())]
    return np.concatenate([part for pair in zip(pieces, [*added, new[:0]], strict=True) for part in pair])
