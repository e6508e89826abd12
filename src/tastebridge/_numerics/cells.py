"""The stored cells of sparse matrices: which of them another matrix stores too, and some of them alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def stored_in(matrix: sparse.csr_matrix, other: sparse.csr_matrix) -> NDArray[np.bool_]:
    """Return which entries of ``matrix`` the other matrix stores too, including stored zeros.

    Examples
    --------
    >>> X, Y = sparse.csr_matrix([[1.0, 2.0], [0.0, 3.0]]), sparse.csr_matrix([[0.0, 5.0], [0.0, 0.0]])
    >>> stored_in(X, Y).tolist()
    [False, True, False]
    """
    return np.isin(_places(matrix), _places(other))


def only(matrix: sparse.csr_matrix, kept: NDArray[np.bool_]) -> sparse.csr_matrix:
    """Return the matrix with some of its entries.

    Examples
    --------
    >>> only(sparse.csr_matrix([[1.0, 2.0], [0.0, 3.0]]), np.array([False, True, True])).toarray().tolist()
    [[0.0, 2.0], [0.0, 3.0]]
    """
    indptr = np.append(0, np.cumsum(kept))[matrix.indptr]
    return sparse.csr_matrix((matrix.data[kept], matrix.indices[kept], indptr), shape=matrix.shape)


def of_dense(matrix: NDArray[np.float32]) -> sparse.csr_matrix:
    """Return the nonzero entries of a dense matrix, much faster than SciPy.

    Examples
    --------
    >>> of_dense(np.array([[0.0, 2.0], [0.0, 0.0], [1.0, 3.0]], dtype=np.float32)).indptr.tolist()
    [0, 1, 1, 3]
    """
    n_rows, n_columns = matrix.shape
    places = np.flatnonzero(matrix.ravel() != 0)
    indptr = np.searchsorted(places, np.arange(n_rows + 1) * n_columns)
    rows = np.repeat(np.arange(n_rows), np.diff(indptr))
    parts = matrix.ravel()[places], places - rows * n_columns, indptr
    return sparse.csr_matrix(parts, shape=matrix.shape)


def union(matrix: sparse.csr_matrix, other: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return a matrix with the cells that either matrix stores, including stored zeros.

    Examples
    --------
    >>> X, Y = sparse.csr_matrix([[1.0, 0.0], [0.0, 3.0]]), sparse.csr_matrix([[2.0, 5.0], [0.0, 0.0]])
    >>> (union(X, Y).toarray() > 0).tolist()
    [[True, True], [False, True]]
    """
    return sparse.csr_matrix(_ones(matrix) + _ones(other))


def _ones(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    ones = np.ones(matrix.nnz, dtype=np.float32)
    return sparse.csr_matrix((ones, matrix.indices, matrix.indptr), shape=matrix.shape)


def _places(matrix: sparse.csr_matrix) -> NDArray[np.int64]:
    """Return row * n_columns + column of every entry, in int64: indices are often int32."""
    n_rows, n_columns = matrix.shape
    rows = np.repeat(np.arange(n_rows, dtype=np.int64), np.diff(matrix.indptr))
    return rows * n_columns + matrix.indices
