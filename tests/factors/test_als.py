"""ALS against implicit itself and against the normal equations."""

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from contracts.factors import histories
from tastebridge.exceptions import InvalidDataError
from tastebridge.factors import ALSFactors
from tastebridge.factors._foldin import fold_in


@pytest.mark.parametrize("alpha", [0.2, 1.0, 20.0])
def test_fold_in_equals_implicit_recalculate_user(alpha):
    X = histories()
    model = ALSFactors(n_components=6, regularization=0.1, alpha=alpha).fit(X)
    with threadpool_limits(1, "blas"):
        peer = AlternatingLeastSquares(factors=6, regularization=0.1, alpha=alpha, dtype=np.float64)
    peer.item_factors = model.item_factors_
    expected = peer.recalculate_user(np.arange(X.shape[0]), X.astype(np.float32))
    np.testing.assert_allclose(model.transform(X), expected, rtol=1e-5, atol=1e-7)


def test_training_equals_implicit():
    X = histories()
    with threadpool_limits(1, "blas"):
        peer = AlternatingLeastSquares(factors=4, regularization=0.1, alpha=3.0, iterations=8, random_state=7)
        peer.fit(X, show_progress=False)
    model = ALSFactors(n_components=4, regularization=0.1, alpha=3.0, random_state=7).fit(X)
    np.testing.assert_array_equal(model.item_factors_, peer.item_factors.astype(float))


@pytest.mark.parametrize("f", [1, 7, 64])
def test_fold_in_solves_the_normal_equations(f):
    rng = np.random.default_rng(f)
    Y = rng.normal(size=(90, f))
    G = Y.T @ Y + 0.3 * np.eye(f)
    C = sparse.random(40, 90, 0.3, "csr", random_state=int(rng.integers(2**31))) * 3.0
    C = sparse.csr_matrix(sparse.vstack([C, sparse.csr_matrix((1, 90)), np.ones((1, 90))]))
    for z, c in zip(fold_in(C, Y, G, np.linalg.inv(G)), C.toarray(), strict=True):
        weights = np.where(c > 0, c, 1.0)
        A = (Y.T * weights) @ Y + 0.3 * np.eye(f)
        np.testing.assert_allclose(A @ z, Y.T @ c, rtol=1e-9, atol=1e-9)


def test_what_was_kept_for_the_fold_in_is_forgotten_by_the_next_fit():
    X, Y = histories(), histories(60, 25)
    model = ALSFactors(n_components=4)
    model.fit(X).transform(X)
    np.testing.assert_array_equal(model.fit(Y).transform(Y), ALSFactors(n_components=4).fit(Y).transform(Y))


def test_training_is_the_same_on_one_thread_and_two():
    X = histories(300, 200)
    one, two = (ALSFactors(n_components=16, n_jobs=n).fit(X).item_factors_ for n in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_wide_index_types_are_read():
    X = histories()
    wide = X.copy()
    wide.indices, wide.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    model = ALSFactors(n_components=3)
    np.testing.assert_array_equal(model.fit(wide).transform(wide), model.fit(X).transform(X))


def test_weights_beyond_float32_are_an_error():
    with pytest.raises(InvalidDataError, match="Scale the weights down"):
        ALSFactors(n_components=3).fit(histories() * 1e30)


def test_second_moments_without_an_inverse_are_refused():
    model = ALSFactors(n_components=2).fit(histories())
    with pytest.raises(InvalidDataError, match="gram_"):
        model.gram_ = np.zeros((2, 2))
