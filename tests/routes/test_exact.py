"""Exact moments: held to Python's own whole numbers, and to the moments of floats."""

from functools import reduce

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastebridge._numerics.exact import exact_product
from tastebridge.exceptions import InvalidDataError
from tastebridge.maps import RidgeMap
from tastebridge.maps.moments import Moments
from tastebridge.routes.exact import ExactMoments, Grid


@given(st.integers(0, 2**32 - 1), st.integers(0, 9), st.sampled_from([3, 20, 26, 30]))
@settings(max_examples=40, deadline=None)
def test_products_are_those_of_whole_numbers(seed, n, bits):
    rng = np.random.default_rng(seed)
    A, B = (rng.integers(-(2**bits), 2**bits, (n, 3)) for _ in range(2))
    by_hand = A.astype(object).T @ B.astype(object) if n else np.zeros((3, 3), dtype=int)
    assert exact_product(A.astype(float), B.astype(float)).tolist() == by_hand.tolist()


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-9, 1.0, 1e7]))
@settings(max_examples=25, deadline=None)
def test_who_leaves_leaves_no_trace_whatever_the_order(seed, size):
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_t(1.5, size=(60, 4)) * size, rng.normal(size=(60, 3))
    grid, order = Grid.of(X, Y, 60), rng.permutation(60)
    total = ExactMoments.of(X, Y, grid)
    for part in np.array_split(order[:40], 7):
        total = total - ExactMoments.of(X[part], Y[part], grid)
    rest = ExactMoments.of(X[order[40:]], Y[order[40:]], grid)
    for name, part in rest.to_arrays().items():
        np.testing.assert_array_equal(total.to_arrays()[name], part)


def test_the_moments_are_those_of_factors_moved_by_half_a_step():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(200, 5)), rng.normal(size=(200, 4)) * 1e-3
    grid = Grid.of(X, Y, 200)
    for F, exponent in zip((X, Y), grid, strict=True):
        assert 2.0**exponent <= np.sqrt((F**2).sum() / 200) / 2**22
    moved = [np.round(F / 2.0**a) * 2.0**a for F, a in zip((X, Y), grid, strict=True)]
    found = ExactMoments.of(X, Y, grid).rounded()
    for name, part in Moments.from_arrays(*moved).to_arrays().items():
        np.testing.assert_allclose(getattr(found, name), part, rtol=1e-11, atol=1e-18)
    B = RidgeMap(0.5).fit(X, Y).coef_
    assert np.abs(RidgeMap(0.5).fit_moments(found).coef_ - B).max() < 1e-6 * np.abs(B).max()


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
def test_factors_out_of_proportion_are_refused_and_do_not_wrap(bad):
    X = np.ones((3, 2))
    grid = Grid.of(X, X, 3)
    with pytest.raises(InvalidDataError, match="out of proportion"):
        ExactMoments.of(np.array([[bad, 1.0]]), X[:1], grid)
    whole = ExactMoments.of(X, X * 5.0, grid)
    with pytest.raises(InvalidDataError, match="out of proportion"):
        reduce(lambda total, _: total + total, range(64), whole)


def test_stored_sums_that_cannot_be_are_refused():
    X = np.ones((3, 2))
    moments = ExactMoments.of(X, X, Grid.of(X, X, 3))
    stored = moments.to_arrays()
    assert ExactMoments.from_stored(moments.grid, stored).n == 3
    for name, value in {"xx": -stored["xx"], "n": np.array(-1), "xy": stored["xy"] + 0.5}.items():
        with pytest.raises(InvalidDataError, match="whole numbers"):
            ExactMoments.from_stored(moments.grid, {**stored, name: value})
