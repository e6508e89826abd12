"""The contract of a factor model, written once."""

import numpy as np
from scipy import sparse
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from contracts.estimator import assert_same_learned, check_parameters, dense


def histories(n=60, m=40, seed=0):
    """Two groups of people, each with a taste for one half of the items; the last item is never had."""
    rng = np.random.default_rng(seed)
    taste = np.where((np.arange(n)[:, None] % 2) == (np.arange(m)[None, :] % 2), 0.3, 0.03)
    X = (rng.random((n, m)) < taste) * rng.integers(1, 4, (n, m)).astype(float)
    X[:, -1] = 0.0
    return sparse.csr_matrix(X)


def check_factors(model):
    """Hold a factor model, with at most 8 components, to everything `FactorModel` promises."""
    check_parameters(model)
    X, small = histories(), histories(30, 25, seed=1)
    fitted = clone(model).fit(X)
    Z = fitted.transform(X)
    _check_shapes(fitted, Z, X)
    _check_fold_in(fitted, Z, X)
    _check_scores(fitted, Z, X)
    assert_same_learned(clone(model).fit(X.toarray()), fitted)
    assert_same_learned(clone(model).fit(small), clone(fitted).fit(X).fit(small))
    _check_threads(model, fitted, X)


def _check_shapes(fitted, Z, X):
    k = fitted.item_factors_.shape[1]
    assert fitted.n_features_in_ == X.shape[1] == fitted.item_factors_.shape[0]
    assert Z.shape == (X.shape[0], k)
    assert Z.dtype == np.float64
    assert fitted.item_factors_.dtype == np.float64
    assert all(X.shape[0] not in np.shape(v) for v in vars(fitted).values()), "a person is in the model"


def _check_fold_in(fitted, Z, X):
    Z = dense(Z)
    np.testing.assert_array_equal(dense(fitted.transform(X.toarray())), Z)
    np.testing.assert_array_equal(dense(fitted.transform(sparse.csc_array(X))), Z)
    rows = np.vstack([dense(fitted.transform(X[u])) for u in range(X.shape[0])])
    np.testing.assert_array_equal(rows, Z)
    order = np.random.default_rng(0).permutation(X.shape[0])
    np.testing.assert_array_equal(dense(fitted.transform(X[order])), Z[order])
    assert not dense(fitted.transform(sparse.csr_matrix((2, X.shape[1])))).any()


def _check_scores(fitted, Z, X):
    scores = dense(Z @ fitted.item_factors_.T)
    had = X.toarray() > 0
    assert not dense(fitted.item_factors_)[-1].any(), "an item nobody had has a taste"
    assert np.isfinite(scores).all()
    assert scores[had].mean() > 2 * scores[~had].mean()


def _check_threads(model, fitted, X):
    with threadpool_limits(1):
        one = clone(model)
        if "n_jobs" in one.get_params():
            one.set_params(n_jobs=1)
        assert_same_learned(one.fit(X), fitted, rtol=1e-9, atol=1e-9)
