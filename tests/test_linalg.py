"""The linear algebra against numpy's and scipy's."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import svds
from threadpoolctl import threadpool_limits

from tastebridge._linalg import (
    column_signs,
    in_whole_tiles,
    inverse_sqrt,
    procrustes,
    regularized,
    ridge_from_moments,
    times,
)
from tastebridge._svd import right_singular, truncated_svd


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
    A = sparse.random_array(shape, density=0.6, rng=np.random.default_rng(0), format="csr")
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


def test_times_gives_a_row_as_in_the_batch():
    rng = np.random.default_rng(0)
    X, B = rng.normal(size=(20, 64)), rng.normal(size=(64, 48))
    whole = times(X, B)
    for u in range(20):
        np.testing.assert_allclose(times(X[u : u + 1], B)[0], whole[u], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("k", [3, 48, 130])
def test_a_product_in_whole_tiles_is_the_same_for_a_row_wherever_it_stands(k):
    rng = np.random.default_rng(0)
    X, B = rng.normal(size=(70, k)), rng.normal(size=(k, 33))
    with threadpool_limits(1, "blas"):
        whole = in_whole_tiles(X) @ B
        for size in (1, 2, 31, 32, 33, 69):
            rows = rng.permutation(70)[:size]
            np.testing.assert_array_equal((in_whole_tiles(X[rows]) @ B)[:size], whole[rows])
    np.testing.assert_array_equal(in_whole_tiles(X)[:70], X)
    assert not in_whole_tiles(X)[70:].any()
