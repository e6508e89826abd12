"""The contract of a map, written once."""

import numpy as np
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from contracts.estimator import assert_same_learned, check_parameters
from tastebridge.maps.moments import Moments


def paired(n=80, p=5, q=4, seed=0):
    """Target factors that are a linear map of the source factors plus noise and an offset."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 1.0
    Y = X @ rng.normal(size=(p, q)) + 0.3 * rng.normal(size=(n, q)) - 2.0
    return X, Y


def check_map(model):
    """Hold a map to everything `LinearMap` promises."""
    check_parameters(model)
    X, Y = paired()
    fitted = clone(model).fit(X, Y)
    assert fitted.coef_.shape == (5, 4)
    assert fitted.intercept_.shape == (4,)
    np.testing.assert_allclose(fitted.predict(X), X @ fitted.coef_ + fitted.intercept_)
    _check_moments(model, fitted, X, Y)
    _check_weights(model, X, Y)
    _check_rows(fitted, X)
    _check_vector(model, X, Y)
    small = paired(20, 3, 2, seed=1)
    assert_same_learned(clone(model).fit(*small), clone(fitted).fit(X, Y).fit(*small))
    with threadpool_limits(1):
        assert_same_learned(clone(model).fit(X, Y), fitted, rtol=1e-9, atol=1e-12)


def _check_moments(model, fitted, X, Y):
    assert_same_learned(clone(model).fit_moments(Moments.from_arrays(X, Y)), fitted)
    shards = Moments.from_arrays(X[50:], Y[50:]) + Moments.from_arrays(X[:50], Y[:50])
    assert_same_learned(clone(model).fit_moments(shards), fitted, rtol=1e-8, atol=1e-10)


def _check_weights(model, X, Y):
    w = np.arange(len(X)) % 3
    weighted = clone(model).fit(X, Y, sample_weight=w)
    repeated = clone(model).fit(np.repeat(X, w, axis=0), np.repeat(Y, w, axis=0))
    assert_same_learned(weighted, repeated, rtol=1e-8, atol=1e-10)


def _check_rows(fitted, X):
    rows = np.vstack([fitted.predict(x[None, :]) for x in X])
    np.testing.assert_array_equal(rows, fitted.predict(X))


def _check_vector(model, X, Y):
    one = clone(model)
    if "n_components" in one.get_params():
        one.set_params(n_components=None)
    vector, matrix = clone(one).fit(X, Y[:, 0]), clone(one).fit(X, Y[:, :1])
    assert vector.predict(X).shape == (80,)
    np.testing.assert_array_equal(vector.predict(X), matrix.predict(X)[:, 0])
