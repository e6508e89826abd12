"""Sparse matrices put together without scipy's checks are those scipy makes, and share nothing."""

import numpy as np
import pytest
from scipy import sparse

from tastebridge._numerics.linalg import row_lengths
from tastebridge._numerics.rows import assembled


def parts_of(matrix: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return matrix.data, matrix.indices, matrix.indptr


@pytest.mark.parametrize("shape", [(1, 9), (0, 4), (30, 1), (17, 40)])
def test_assembled_is_the_matrix_of_scipy(shape):
    X = sparse.random(*shape, density=0.3, format="csr", random_state=0)
    other = assembled(*(part.copy() for part in parts_of(X)), shape)
    assert (other.shape, other.dtype, other.nnz) == (shape, X.dtype, X.nnz)
    assert np.array_equal(other.toarray(), X.toarray())
    assert np.array_equal((other @ np.eye(shape[1])), X.toarray())
    assert np.array_equal(row_lengths(other), np.diff(X.indptr))
    assert all(part.dtype == np.int32 for part in (other.indices, other.indptr))


def test_matrices_of_one_shape_share_nothing():
    """The empty object of a shape is kept; what is filled in, or found out, stays with each matrix."""
    first = assembled(np.ones(2), np.array([2, 0]), np.array([0, 2]), (1, 3))
    second = assembled(np.full(1, 5.0), np.array([1]), np.array([0, 1]), (1, 3))
    assert not first.has_sorted_indices
    assert second.has_sorted_indices
    first.sort_indices()
    first.data[:] = 7.0
    assert second.toarray().tolist() == [[0.0, 5.0, 0.0]]
    third = assembled(np.ones(2), np.array([2, 0]), np.array([0, 2]), (1, 3))
    assert not third.has_sorted_indices
