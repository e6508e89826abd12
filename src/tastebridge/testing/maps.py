"""The contract of a linear map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from tastebridge.maps import LinearMap
from tastebridge.maps.base import check_linear_map
from tastebridge.maps.moments import Moments
from tastebridge.testing.estimator import require, require_parameters, require_same_learned

Array = NDArray[np.float64]


def paired(n: int = 80, p: int = 5, q: int = 4, seed: int = 0) -> tuple[Array, Array]:
    """Return factors of ``n`` users; the target side is a noisy linear map of the source side."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) + 1.0
    Y = X @ rng.normal(size=(p, q)) + 0.3 * rng.normal(size=(n, q)) - 2.0
    return X, Y


def check_map(model: LinearMap) -> None:
    r"""Check a map against the contract of :class:`tastebridge.maps.LinearMap`.

    - The constructor stores its parameters, and a fit replaces an earlier fit.
    - ``predict(X)`` is :math:`X B + b` with ``coef_`` (p, q) and ``intercept_`` (q,).
    - ``fit`` equals ``fit_moments`` of the moments of the rows, in one piece or added up.
    - ``sample_weight`` counts users.
    - The result of a row does not depend on the batch or the number of threads, bit for bit.
    - A fit on a vector predicts a vector.

    Parameters
    ----------
    model : LinearMap
        Not fitted.

    Raises
    ------
    InvalidParameterError
        If it is not a linear map; the error names the missing methods.
    AssertionError
        If a guarantee is broken; the message names the first.

    Examples
    --------
    >>> from tastebridge.maps import RidgeMap
    >>> check_map(RidgeMap(0.5))
    """
    check_linear_map("model", model)
    require_parameters(model)
    X, Y = paired()
    fitted = clone(model).fit(X, Y)
    require(fitted.coef_.shape == (5, 4), f"coef_ must have the shape (5, 4); got {fitted.coef_.shape}")
    require(
        fitted.intercept_.shape == (4,), f"intercept_ must have the shape (4,); got {fitted.intercept_.shape}"
    )
    affine = np.allclose(fitted.predict(X), X @ fitted.coef_ + fitted.intercept_)
    require(affine, "predict(X) must be X @ coef_ + intercept_")
    _check_moments(model, fitted, X, Y)
    _check_weights(model, X, Y)
    # equal, not close: lists must not depend on who else is asked for
    rows = np.vstack([fitted.predict(x[None, :]) for x in X])
    require(np.array_equal(rows, fitted.predict(X)), "a row must be mapped alike, bit by bit, in any batch")
    _check_vector(model, X, Y)
    small = paired(20, 3, 2, seed=1)
    again = clone(fitted).fit(X, Y).fit(*small)
    require_same_learned(clone(model).fit(*small), again, "a fit must forget the one before")
    with threadpool_limits(1):
        alone = clone(model).fit(X, Y)
    require_same_learned(alone, fitted, "the number of threads must not matter", 1e-9, 1e-12)


def _check_moments(model: LinearMap, fitted: LinearMap, X: Array, Y: Array) -> None:
    whole = clone(model).fit_moments(Moments.from_arrays(X, Y))
    require_same_learned(whole, fitted, "fit must equal fit_moments of the rows")
    parts = Moments.from_arrays(X[50:], Y[50:]) + Moments.from_arrays(X[:50], Y[:50])
    added = clone(model).fit_moments(parts)
    require_same_learned(added, fitted, "moments added up must give the same map", 1e-8, 1e-10)


def _check_weights(model: LinearMap, X: Array, Y: Array) -> None:
    w = np.arange(len(X)) % 3  # 0 too: such a user must leave no trace
    weighted = clone(model).fit(X, Y, sample_weight=w)
    repeated = clone(model).fit(np.repeat(X, w, axis=0), np.repeat(Y, w, axis=0))
    require_same_learned(weighted, repeated, "a weight must count users", 1e-8, 1e-10)


def _check_vector(model: LinearMap, X: Array, Y: Array) -> None:
    # a vector has one component, and maps such as CCA keep no more
    one = clone(model)
    if one.get_params(deep=False).get("n_components") is not None:
        one.set_params(n_components=None)
    vector, matrix = clone(one).fit(X, Y[:, 0]), clone(one).fit(X, Y[:, :1])
    require(vector.predict(X).shape == (80,), "after a fit on a vector, predict must return a vector")
    require(
        np.array_equal(vector.predict(X), matrix.predict(X)[:, 0]), "a vector must be mapped as a column is"
    )
