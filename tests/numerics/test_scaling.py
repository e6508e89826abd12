"""Deviations and ranges of columns."""

import numpy as np

from tastebridge._numerics.scaling import deviations, seen_range


def test_a_constant_column_has_no_deviation_whatever_its_size_and_length():
    for value in (0.1, 1.0 / 3.0, np.log1p(12), 1e9 / 7.0, -np.log(3e-2)):
        for n in (1, 10, 4321, 100_000):
            X = np.full((n, 1), value)
            assert deviations(X)[0] == 0.0
            assert deviations(X.astype(np.float32))[0] == 0.0


def test_other_columns_have_their_standard_deviation():
    X = np.random.default_rng(0).normal(size=(500, 3)) * [1e-9, 1.0, 1e9]
    np.testing.assert_array_equal(deviations(X), X.std(axis=0))
    assert deviations(np.zeros((1, 2))).tolist() == [0.0, 0.0]


def test_the_range_leaves_out_a_fiftieth_at_either_end():
    X = np.random.default_rng(0).permutation(1000.0 + np.arange(200))[:, None]
    low, high = seen_range(X)
    assert (low, high) == (1004.0, 1195.0)
    few = X[:49]
    assert seen_range(few) == (few.min(), few.max())
