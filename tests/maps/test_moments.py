"""Moments add, subtract, and centre as the rows themselves do."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastebridge.exceptions import InvalidDataError
from tastebridge.maps.moments import Moments

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 4)) + 2.0, RNG.normal(size=(40, 3)) - 1.0
WHOLE = Moments.from_arrays(X, Y)


def assert_equal(a, b, rtol=1e-12):
    for name, value in a.to_arrays().items():
        scale = max(1.0, np.abs(value).max())
        np.testing.assert_allclose(b.to_arrays()[name], value, rtol=0, atol=rtol * scale, err_msg=name)


@settings(max_examples=30, deadline=None)
@given(st.permutations(range(5)), st.lists(st.integers(0, 40), min_size=4, max_size=4))
def test_shards_add_to_the_whole_in_any_order(order, cuts):
    bounds = [0, *sorted(cuts), 40]
    shards = [Moments.from_arrays(X[a:b], Y[a:b]) for a, b in pairwise(bounds)]
    assert_equal(sum((shards[i] for i in order), Moments.zeros(4, 3)), WHOLE)


def test_adding_then_subtracting_gives_back():
    other = Moments.from_arrays(X[:7] * 3, Y[:7])
    assert_equal(WHOLE + other - other, WHOLE)


def test_many_updates_and_forgets_do_not_drift():
    moments, kept = WHOLE, np.arange(40)
    for u in np.random.default_rng(1).integers(0, 40, 500):
        one = Moments.from_arrays(X[u : u + 1], Y[u : u + 1])
        moments = moments - one + one
    assert_equal(moments, Moments.from_arrays(X[kept], Y[kept]), rtol=1e-11)


def test_weights_count_people():
    w = np.arange(40) % 4
    repeated = Moments.from_arrays(np.repeat(X, w, axis=0), np.repeat(Y, w, axis=0))
    assert_equal(Moments.from_arrays(X, Y, sample_weight=w), repeated)


def test_centered_moments_are_those_of_centred_rows():
    A, B = X - X.mean(axis=0), Y - Y.mean(axis=0)
    for got, expected in zip(
        WHOLE.centered(), (X.mean(0), Y.mean(0), A.T @ A, A.T @ B, B.T @ B), strict=True
    ):
        np.testing.assert_allclose(got, expected, atol=1e-11)


def test_stored_arrays_come_back():
    back = Moments.from_stored(WHOLE.to_arrays())
    assert_equal(back, WHOLE, rtol=0)
    assert isinstance(back.n, float)


def test_float32_rows_are_summed_in_float64():
    moments = Moments.from_arrays(X.astype(np.float32), Y.astype(np.float32))
    assert {array.dtype for array in moments.to_arrays().values()} == {np.dtype(np.float64)}


def test_taking_more_people_than_there_are_is_refused():
    with pytest.raises(InvalidDataError, match="cannot be subtracted"):
        Moments.from_arrays(X[:3], Y[:3]) - WHOLE


@pytest.mark.parametrize("operation", ["__add__", "__sub__"])
def test_moments_of_other_factors_do_not_combine(operation):
    with pytest.raises(InvalidDataError, match=r"\(4, 3\) and \(4, 2\)"):
        getattr(WHOLE, operation)(Moments.zeros(4, 2))


@pytest.mark.parametrize("weights", [np.ones(39), -np.ones(40), np.full(40, np.nan)])
def test_bad_weights_are_refused(weights):
    with pytest.raises(InvalidDataError, match="sample_weight"):
        Moments.from_arrays(X, Y, sample_weight=weights)


def test_rows_that_do_not_pair_are_refused():
    with pytest.raises(InvalidDataError, match="one row per user"):
        Moments.from_arrays(X, Y[:-1])


def test_nobody_has_no_mean():
    with pytest.raises(InvalidDataError, match="no users"):
        Moments.zeros(2, 2).centered()


def test_stored_arrays_that_do_not_fit_are_refused():
    arrays = WHOLE.to_arrays()
    with pytest.raises(InvalidDataError, match="missing"):
        Moments.from_stored({k: v for k, v in arrays.items() if k != "xy"})
    with pytest.raises(InvalidDataError, match="do not fit"):
        Moments.from_stored({**arrays, "xy": arrays["xy"].T})
