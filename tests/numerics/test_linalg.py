"""The linear algebra against numpy's and scipy's."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import svds
from threadpoolctl import threadpool_info, threadpool_limits

from tastebridge._numerics.linalg import (
    column_signs,
    inverse_sqrt,
    procrustes,
    regularized,
    ridge_from_moments,
    row_products,
)
from tastebridge._numerics.svd import right_singular, truncated_svd


def interactions(n=3000, m=2500, nnz=30_000, seed=0):
    rng = np.random.default_rng(seed)
    popularity = np.arange(1, m + 1) ** -0.7
    items = rng.choice(m, nnz, p=popularity / popularity.sum())
    return sparse.csr_matrix((np.ones(nnz), (rng.integers(0, n, nnz), items)), shape=(n, m))


def random_moment(p, rank, seed=0):
    A = np.random.default_rng(seed).normal(size=(rank, p))
    return A.T @ A


@pytest.mark.parametrize("shape", [(3000, 2500), (2500, 3000)])
@pytest.mark.parametrize("k", [5, 40])
def test_truncated_svd_equals_arpack(shape, k):
    A = interactions(*shape)
    U, s, Vt = truncated_svd(A, k, np.random.default_rng(0), tol=1e-14)
    expected = np.sort(svds(A, k, random_state=0)[1])[::-1]
    np.testing.assert_allclose(s, expected, rtol=1e-9)
    np.testing.assert_allclose(A @ Vt.T, U * s, atol=1e-9 * s[0])
    np.testing.assert_allclose(A.T @ U, Vt.T * s, atol=1e-5 * s[0])
    np.testing.assert_allclose(Vt @ Vt.T, np.eye(k), atol=1e-12)
    np.testing.assert_allclose(U.T @ U, np.eye(k), atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_truncated_svd_has_as_many_vectors_as_asked_where_values_repeat(seed):
    """One event per user but for a few: hundreds of singular values are 1."""
    rng, n, m = np.random.default_rng(seed), 900, 700
    users = np.append(np.arange(n), rng.integers(0, n, 60))
    A = sparse.csr_matrix((np.ones(len(users)), (users, rng.integers(0, m, len(users)))), shape=(n, m))
    A.data[:] = 1.0
    left, right = (np.maximum(np.asarray(A.sum(axis=axis)).ravel(), 1.0) ** -0.5 for axis in (1, 0))
    A = sparse.csr_matrix(sparse.diags(left) @ A @ sparse.diags(right))
    expected = np.linalg.svd(A.toarray(), compute_uv=False)
    for k in (8, 16, 64):
        _, s, Vt = truncated_svd(A, k, np.random.default_rng(0))
        assert Vt.shape == (k, m)
        np.testing.assert_allclose(s, expected[:k], rtol=1e-9)
        np.testing.assert_allclose(Vt @ Vt.T, np.eye(k), atol=1e-10)


def test_truncated_svd_at_default_tolerance_holds_the_energy():
    A = interactions()
    _, s, _ = truncated_svd(A, 40, np.random.default_rng(0))
    best = (svds(A, 40, random_state=0)[1] ** 2).sum()
    assert 0.99 * best <= (s**2).sum() <= best * (1 + 1e-12)


def test_truncated_svd_is_the_same_on_one_thread_and_for_any_seed():
    A = interactions()
    one, two = (truncated_svd(A, 10, np.random.default_rng(seed), tol=1e-14)[2] for seed in (0, 1))
    np.testing.assert_allclose(one, two, atol=1e-6)
    loose = truncated_svd(A, 40, np.random.default_rng(0))[2]
    with threadpool_limits(1):
        np.testing.assert_allclose(truncated_svd(A, 40, np.random.default_rng(0))[2], loose, atol=1e-9)


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (1, 5), (5, 1)])
def test_truncated_svd_at_full_rank_rebuilds_the_matrix(shape):
    A = sparse.random(*shape, 0.6, "csr", random_state=0)
    U, s, Vt = truncated_svd(A, min(shape), np.random.default_rng(0))
    np.testing.assert_allclose(U * s @ Vt, A.toarray(), atol=1e-7)


@pytest.mark.parametrize("shape", [(300, 90), (90, 300), (5000, 2500)])
def test_right_singular_is_the_right_side_of_the_whole(shape):
    A = sparse.random(*shape, density=0.02, random_state=0, format="csr")
    _, s, Vt = truncated_svd(A, 12, np.random.default_rng(0))
    found = right_singular(A, 12, np.random.default_rng(0))
    np.testing.assert_array_equal(found[0], s)
    np.testing.assert_array_equal(found[1], Vt)


def test_truncated_svd_finds_repeated_values():
    """20 copies in a matrix of two different values: a Krylov space exhausts it at once."""
    blocks = sparse.block_diag([np.ones((2, 2))] * 20 + [sparse.eye_array(2960)], format="csr")
    _, s, Vt = truncated_svd(blocks, 30, np.random.default_rng(0), tol=1e-14)
    np.testing.assert_allclose(s, np.r_[np.full(20, 2.0), np.ones(10)], rtol=1e-9)
    np.testing.assert_allclose(Vt @ Vt.T, np.eye(30), atol=1e-10)


def test_truncated_svd_of_nothing_is_zero():
    U, s, Vt = truncated_svd(sparse.csr_matrix((6, 4)), 2, np.random.default_rng(0))
    assert not s.any()
    assert not U.any()
    assert Vt.shape == (2, 4)


def test_ridge_solves_the_normal_equations():
    xx, xy = random_moment(6, 20), np.random.default_rng(1).normal(size=(6, 3))
    B = ridge_from_moments(xx, xy, 0.7)
    np.testing.assert_allclose((xx + 0.7 * np.eye(6)) @ B, xy, atol=1e-10)


def test_ridge_of_a_singular_moment_is_the_pseudo_inverse():
    xx = random_moment(6, 3)
    xy = xx @ np.random.default_rng(1).normal(size=(6, 2))
    np.testing.assert_allclose(
        ridge_from_moments(xx, xy, 0.0), np.linalg.pinv(xx, rcond=1e-10) @ xy, atol=1e-8
    )


@pytest.mark.parametrize("rank", [3, 20])
def test_inverse_sqrt_squares_to_the_pseudo_inverse(rank):
    S = random_moment(6, rank)
    K = inverse_sqrt(S)
    np.testing.assert_allclose(K @ K, np.linalg.pinv(S, rcond=1e-9, hermitian=True), atol=1e-8)


def test_regularized_adds_a_share_of_the_mean_eigenvalue():
    S = random_moment(5, 9)
    np.testing.assert_allclose(
        np.linalg.eigvalsh(regularized(S, 0.5)), np.linalg.eigvalsh(S) + 0.5 * np.linalg.eigvalsh(S).mean()
    )


def test_procrustes_maximises_the_trace():
    rng = np.random.default_rng(0)
    xy = rng.normal(size=(4, 4))
    Q, gain = procrustes(xy)
    assert gain == pytest.approx(np.trace(Q.T @ xy))
    others = [np.trace(np.linalg.qr(rng.normal(size=(4, 4)))[0].T @ xy) for _ in range(200)]
    assert max(others) <= gain


def test_column_signs_make_the_largest_entry_positive():
    V = np.random.default_rng(0).normal(size=(7, 5))
    flipped = V * column_signs(V)
    assert (flipped.max(axis=0) == np.abs(V).max(axis=0)).all()


def assert_rows_stand_alone(X, B, rng, sizes):
    """Whatever rows are asked for, in whatever order, each is what it is in the whole."""
    whole = row_products(X, B)
    np.testing.assert_allclose(whole, X @ B, rtol=1e-4, atol=1e-3 if B.dtype == np.float32 else 1e-10)
    for size in sizes:
        rows = rng.permutation(len(X))[:size]
        np.testing.assert_array_equal(row_products(X[rows], B), whole[rows])


@pytest.mark.bits
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 3, 8, 48, 130])
def test_a_product_is_the_same_for_a_row_whoever_stands_beside_it(k, dtype):
    rng = np.random.default_rng(k)
    X = rng.normal(size=(300, k)).astype(dtype)
    for width in range(1, 41):
        B = np.asarray(rng.normal(size=(k, width)), dtype=dtype, order="CF"[width % 2])
        assert_rows_stand_alone(X, B, rng, [1, 2, 15, 16, 17, int(rng.integers(1, 300)), 300])


@pytest.mark.bits
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_of_all_heights_are_those_of_the_rows_one_by_one(dtype):
    rng = np.random.default_rng(0)
    X, B = rng.normal(size=(300, 20)).astype(dtype), rng.normal(size=(20, 37)).astype(dtype)
    alone = np.concatenate([row_products(x[None], B) for x in X])
    for height in range(301):
        np.testing.assert_array_equal(row_products(X[:height], B), alone[:height])
        np.testing.assert_array_equal(row_products(X[300 - height :], B), alone[300 - height :])


@pytest.mark.bits
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("k", "width"), [(600, 300), (100, 511), (100, 513), (30, 3000)])
def test_wide_products_are_the_same_for_a_row_whoever_stands_beside_it(k, width, dtype):
    rng = np.random.default_rng(0)
    X, B = rng.normal(size=(530, k)).astype(dtype), rng.normal(size=(width, k)).astype(dtype)
    assert_rows_stand_alone(X, B.T, rng, [1, 31, 257, 529])
    assert_rows_stand_alone(X[:40, : k // 2], B.T[: k // 2], rng, [1, 20])


@pytest.mark.bits
def test_products_on_many_blas_threads_are_those_on_one():
    rng = np.random.default_rng(0)
    X, B = rng.normal(size=(200, 300)), rng.normal(size=(300, 700))
    expected = row_products(X, B)
    with threadpool_limits(4, "blas"):
        np.testing.assert_array_equal(row_products(X, B), expected)
        np.testing.assert_array_equal(row_products(X[7:9], B), expected[7:9])
        assert {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"} == {
            4
        }


@pytest.mark.parametrize(("n", "k", "width"), [(0, 3, 4), (5, 0, 4), (40, 0, 4), (5, 3, 0), (40, 3, 0)])
def test_products_of_nothing_are_zeros(n, k, width):
    found = row_products(np.ones((n, k)), np.ones((k, width)))
    assert found.shape == (n, width)
    assert not found.any() or k


@pytest.mark.bits
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("f", [np.exp, np.log, np.log1p, np.sqrt, lambda x: np.power(x, -0.4)])
def test_functions_of_single_numbers_do_not_depend_on_their_place(f, dtype):
    """Numpy works on whole vectors and on what is left over; all else here rests on both being alike."""
    x = np.random.default_rng(0).uniform(1e-3, 20, 1200).astype(dtype)
    whole, square = f(x), x.reshape(40, 30)
    for size in range(1, 40):
        np.testing.assert_array_equal(f(x[size : 3 * size]), whole[size : 3 * size])
    for part in (np.s_[:], np.s_[:, 3:20], np.s_[:, 7], np.s_[::3, ::2]):
        np.testing.assert_array_equal(f(square[part]), whole.reshape(40, 30)[part])
