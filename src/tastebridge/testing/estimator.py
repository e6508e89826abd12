"""The promises of every estimator: parameters are stored, and a fit forgets the one before."""

from __future__ import annotations

import inspect

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import BaseEstimator, clone

from tastebridge.factors.base import Vectors


def require(kept: bool | np.bool_, promise: str) -> None:
    """Raise ``AssertionError`` with a promise that is not kept, under ``python -O`` too."""
    if not kept:
        raise AssertionError(promise)


def dense(X: Vectors) -> NDArray[np.float64]:
    """Return a dense array."""
    return X if isinstance(X, np.ndarray) else np.asarray(X.toarray() if sparse.issparse(X) else X)


def learned(estimator: BaseEstimator) -> dict[str, NDArray[np.float64]]:
    """Return the learned arrays of a fitted estimator, by name; nested estimators are left out."""
    found = {name: value for name, value in vars(estimator).items() if name.endswith("_")}
    return {name: dense(value) for name, value in found.items() if not isinstance(value, BaseEstimator)}


def require_same_learned(
    one: BaseEstimator, two: BaseEstimator, promise: str, rtol: float = 0.0, atol: float = 0.0
) -> None:
    """Require two fitted estimators to have learned the same, within a tolerance."""
    a, b = learned(one), learned(two)
    require(a.keys() == b.keys(), f"{promise}: the learned attributes are {sorted(a)} and {sorted(b)}")
    for name in a:
        same = a[name].shape == b[name].shape and np.allclose(a[name], b[name], rtol=rtol, atol=atol)
        require(same, f"{promise}: {name} differs")


def require_parameters(estimator: BaseEstimator) -> None:
    """Require a constructor that only stores, as scikit-learn's ``clone`` needs it."""
    names = list(inspect.signature(type(estimator)).parameters)
    stored = estimator.get_params(deep=False)
    require(
        sorted(stored) == sorted(names), f"get_params must name the parameters {names}; got {sorted(stored)}"
    )
    twin = clone(estimator)
    require(type(twin) is type(estimator), "clone must return the same class")
    require(not learned(twin), f"a new estimator must have learned nothing; it has {sorted(learned(twin))}")
    for name in names:
        require(repr(stored[name]) == repr(twin.get_params(deep=False)[name]), f"clone must keep {name}")
