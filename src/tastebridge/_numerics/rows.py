"""Sparse matrices built from valid arrays, without the checks of scipy."""

from __future__ import annotations

from copy import copy
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.linalg import with_data

_NOTHING = sparse.csr_matrix((0, 0), dtype=np.float32)


def assembled(
    data: NDArray[Any], indices: NDArray[Any], indptr: NDArray[Any], shape: tuple[int, int]
) -> sparse.csr_matrix:
    """Return the CSR matrix of arrays that fit each other.

    Both index arrays become of one type: see :func:`index_type`. scipy's constructor checks all entries,
    which for one user takes most of the time.

    Examples
    --------
    >>> assembled(np.array([2.0, 3.0]), np.array([1, 0]), np.array([0, 1, 2]), (2, 2)).toarray().tolist()
    [[0.0, 2.0], [3.0, 0.0]]
    """
    kind = index_type(int(indptr[-1]), shape[1])
    matrix = with_data(_of_shape(shape), data)
    matrix.indices, matrix.indptr = indices.astype(kind, copy=False), indptr.astype(kind, copy=False)
    return matrix


@lru_cache(maxsize=64)
def _of_shape(shape: tuple[int, int]) -> sparse.csr_matrix:
    """Return an object of a shape, to be filled: its arrays are those of no row."""
    matrix = copy(_NOTHING)
    matrix.resize(shape)
    # kept for long, and the shape may be of millions of rows
    matrix.indptr = _NOTHING.indptr
    return matrix


def index_type(n_pairs: int, n_columns: int) -> type[np.signedinteger]:
    """Return the type of the indices of a matrix: of 64 bits where 32 cannot count its pairs or columns.

    Examples
    --------
    >>> index_type(2**31 - 1, 10).__name__, index_type(2**31, 10).__name__
    ('int32', 'int64')
    """
    return np.int32 if max(n_pairs, n_columns) <= np.iinfo(np.int32).max else np.int64
