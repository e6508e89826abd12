import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.maps import CCAMap, ProcrustesMap, RidgeMap
from tastebridge.maps.moments import Moments
from tastebridge.privacy import PrivateMoments, noise_multiplier_for
from tastebridge.privacy.grid import BITS, add_noise, exact_product, exact_sums, to_grid
from tastebridge.privacy.moments import PARTS, check_shares, nearest_psd

ROWS = arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 4)),
    elements=st.floats(allow_nan=False, allow_infinity=False),
)
INF = float("inf")


@given(ROWS, st.floats(1e-3, 1e3))
def test_no_row_on_the_grid_is_longer_than_its_clip(X, clip):
    norms = [sum(int(value) ** 2 for value in row) for row in to_grid(X, clip)]
    assert max(norms) <= 2 ** (2 * BITS)


@given(arrays(np.float64, (5, 3), elements=st.floats(-0.5, 0.5)))
def test_rows_within_the_clip_are_kept_to_the_grid(X):
    np.testing.assert_allclose(to_grid(X, 1.0) / 2.0**BITS, X, atol=2.0**-BITS)


def test_longer_rows_keep_their_direction():
    row = to_grid(np.array([[30.0, -40.0]]), 1.0)[0] / 2.0**BITS
    np.testing.assert_allclose(row, [0.6, -0.8], atol=2 * 2.0**-BITS)


def test_sums_are_exact_and_do_not_depend_on_the_order():
    rng = np.random.default_rng(0)
    G, H = (to_grid(rng.normal(size=(3000, 4)), 1.0) for _ in range(2))
    product = exact_product(G, H)
    by_hand = [
        [sum(int(g) * int(h) for g, h in zip(G[:, i], H[:, j], strict=True)) for j in range(4)]
        for i in range(4)
    ]
    assert product.tolist() == by_hand
    np.testing.assert_array_equal(product, exact_product(G[::-1], H[::-1]))


@given(ROWS, st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_one_person_moves_the_whole_query_by_at_most_one(X, seed):
    """The squared distance of neighbours, in units of the noise, is at most that of one mechanism."""
    rng = np.random.default_rng(seed)
    G, H = to_grid(X[:1], 1e-3), to_grid(rng.normal(size=(1, 3)) * 1e3, 1e-3)
    shares = check_shares(None)
    total = Fraction(0)
    for name, (values, bits) in exact_sums(G, H, shares).items():
        unit = Fraction(1, 4**bits)
        squares = [int(value) ** 2 for value in values.ravel()]
        if name in ("xx", "yy"):  # the triangle, off the diagonal with half the variance
            rows, columns = np.triu_indices(len(values))
            squares = [int(values[i, j]) ** 2 * (1 + int(i != j)) for i, j in zip(rows, columns, strict=True)]
        total += Fraction(shares[name]) * unit * sum(squares)
    assert float(total) <= 1.0 + 1e-12


@pytest.mark.parametrize("symmetric", [False, True])
def test_noise_has_the_size_it_says(symmetric):
    G = np.zeros((1, 40), dtype=np.int64)
    part = exact_sums(G, G, check_shares({"n": 1, "xx": 1}))["xx"]
    noisy = add_noise(part, 1.5, 0.25, symmetric, random.Random(0).randrange)
    diagonal, other = np.diag(noisy), noisy[np.triu_indices(40, 1)]
    assert diagonal.std() == pytest.approx(3.0, rel=0.4)
    assert other.std() == pytest.approx(3.0 / (2**0.5 if symmetric else 1), rel=0.1)
    assert np.array_equal(noisy, noisy.T) == symmetric


def test_without_noise_they_are_the_moments_of_clipped_rows():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(200, 3)), rng.normal(size=(200, 2))
    found = PrivateMoments(INF, 1e-6, clip=(2.0, 1.0)).release(X, Y)
    X, Y = (Z * np.minimum(1, c / np.linalg.norm(Z, axis=1, keepdims=True)) for Z, c in ((X, 2.0), (Y, 1.0)))
    for name, expected in Moments.from_arrays(X, Y).to_arrays().items():
        np.testing.assert_allclose(found.to_arrays()[name], expected, atol=0.02)


def test_every_map_takes_them_and_covariances_are_positive_semidefinite():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 6))  # so many that the noisy count of people stays far above the ranks
    moments = PrivateMoments(0.5, 1e-6, clip=2.0).release(X, X @ rng.normal(size=(6, 5)))
    for kind in (RidgeMap(), CCAMap(2, regularization=0.1), ProcrustesMap()):
        assert np.isfinite(kind.fit_moments(moments).coef_).all()
    centered = moments.centered()
    for S in (centered.Sxx, centered.Syy):
        assert np.linalg.eigvalsh(S).min() > -1e-9 * np.linalg.eigvalsh(S).max()


def test_the_map_comes_near_the_planted_one_as_epsilon_grows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 4))
    B = rng.normal(size=(4, 3))
    errors = []
    for epsilon in (0.2, 20.0):
        moments = PrivateMoments(epsilon, 1e-6, clip=(4.0, 8.0)).release(X, X @ B)
        errors.append(np.abs(RidgeMap(0.01).fit_moments(moments).coef_ - B).max())
    assert errors[1] < 0.1 < errors[0]


def test_parts_without_a_share_are_the_public_ones_scaled():
    rng = np.random.default_rng(0)
    X, public = rng.normal(size=(50, 3)), Moments.from_arrays(rng.normal(size=(10, 3)), np.ones((10, 3)))
    moments = PrivateMoments(INF, 1e-6, clip=9.0, shares={"n": 1, "xy": 8}).release(X, X, public)
    np.testing.assert_allclose(moments.xx, 5.0 * public.xx)
    np.testing.assert_allclose(moments.xy, X.T @ X, atol=0.2)
    with pytest.raises(InvalidParameterError, match="sum_x, sum_y, xx, yy have no share"):
        PrivateMoments(1.0, 1e-6, shares={"n": 1, "xy": 8}).release(X, X)


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6).filter(lambda shares: shares[0] > 1e-6))
def test_shares_sum_to_one(shares):
    assert sum(check_shares(dict(zip(PARTS, shares, strict=True))).values()) == pytest.approx(1.0)


@given(arrays(np.float64, (4, 4), elements=st.floats(-5, 5)))
def test_nearest_psd_leaves_a_psd_matrix_and_is_no_farther_than_any_other(A):
    S = A + A.T
    P = nearest_psd(S)
    assert np.linalg.eigvalsh(P).min() > -1e-9
    np.testing.assert_allclose(nearest_psd(A @ A.T), A @ A.T, atol=1e-9)
    assert np.linalg.norm(S - P) <= np.linalg.norm(S - A @ A.T) + 1e-9


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"clip": 0.0}, "clip"),
        ({"clip": (1, 2, 3)}, "pair"),
        ({"shares": {"xz": 1.0}}, "shares"),
        ({"shares": {"xy": 1.0}}, "must give something to n"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused(params, error):
    with pytest.raises(InvalidParameterError, match=error):
        PrivateMoments(1.0, 1e-6, **params).release(np.ones((2, 2)), np.ones((2, 2)))


@pytest.mark.parametrize("X", [[[np.nan]], [[np.inf]], [1.0], np.ones((2, 0))])
def test_rows_that_cannot_be_used_are_refused(X):
    with pytest.raises(InvalidDataError, match="finite numbers"):
        PrivateMoments(1.0, 1e-6).release(X, [[1.0]])
    with pytest.raises(InvalidDataError, match="one row for each of the same users"):
        PrivateMoments(1.0, 1e-6).release([[1.0]], [[1.0], [2.0]])


def test_noise_is_drawn_anew_every_time():
    X = np.ones((3, 2))
    one, two = (PrivateMoments(1.0, 1e-6).release(X, X) for _ in range(2))
    assert not np.array_equal(one.xy, two.xy)
    assert noise_multiplier_for(1.0, 1e-6) > 4
