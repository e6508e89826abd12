"""What every estimator keeps to, be it a factor model or a map."""

import inspect
from types import ModuleType

import numpy as np
from scipy import sparse
from sklearn.base import clone


def exported(module: ModuleType) -> list[type]:
    """The classes a module exports, by its own sorted list; those to derive from, and functions, are "
    "left out."""
    assert list(module.__all__) == sorted(module.__all__)
    found = [getattr(module, name) for name in module.__all__]
    return [one for one in found if inspect.isclass(one) and not inspect.isabstract(one)]


def dense(X):
    return X.toarray() if sparse.issparse(X) else np.asarray(X)


def learned(estimator) -> dict[str, np.ndarray]:
    return {k: dense(v) for k, v in vars(estimator).items() if k.endswith("_")}


def assert_same_learned(a, b, rtol=0.0, atol=0.0):
    one, two = learned(a), learned(b)
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_allclose(one[name], two[name], rtol=rtol, atol=atol, err_msg=name)


def check_parameters(estimator):
    """The constructor stores, `clone` keeps, and every parameter is named in the docstring."""
    names = list(inspect.signature(type(estimator)).parameters)
    assert sorted(estimator.get_params()) == sorted(names)
    assert clone(estimator).get_params() == estimator.get_params()
    assert not learned(clone(estimator))
    assert all(name in type(estimator).__doc__ for name in names)
    assert ">>>" in type(estimator).__doc__
