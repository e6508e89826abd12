"""Sums and differences of matrices that differ in few rows equal those of scipy over all rows."""

import numpy as np
import pytest
from scipy import sparse

from tastebridge._numerics.few_rows import plus_rows, rows_that_differ


def counts(rng, n, m, share):
    return sparse.random(
        n, m, share, "csr", dtype=np.int32, random_state=rng, data_rvs=lambda k: rng.integers(1, 4, k)
    )


@pytest.mark.parametrize("seed", range(8))
def test_rows_that_change_are_summed_and_others_copied(seed):
    rng = np.random.default_rng(seed)
    X, D = counts(rng, 30, 9, 0.3), counts(rng, 30, 9, 0.1)
    D = sparse.csr_matrix(D - D.multiply(X > 0) - X.multiply(D > 0))  # some pairs come, others go
    rows = np.flatnonzero(np.diff(D.indptr))
    expected = sparse.csr_matrix(X + D)
    expected.eliminate_zeros()
    found = plus_rows(X, rows, D[rows])
    assert (found.dtype, found.shape) == (X.dtype, X.shape)
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    differing = sparse.csr_matrix(found - X)
    differing.eliminate_zeros()
    np.testing.assert_array_equal(rows_that_differ(found, X), np.flatnonzero(np.diff(differing.indptr)))
    assert not len(rows_that_differ(X, X.copy()))


def test_an_entry_that_moves_within_its_row_makes_the_row_differ():
    X, Y = (sparse.csr_matrix(([1, 1], ([0, 1], [0, at])), shape=(2, 3)) for at in (1, 2))
    assert rows_that_differ(X, Y).tolist() == [1]


def test_no_row_changed():
    X = counts(np.random.default_rng(0), 5, 4, 0.5)
    assert (plus_rows(X, np.zeros(0, np.int64), X[:0]) != X).nnz == 0
