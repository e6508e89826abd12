"""Linear regressors of scikit-learn as maps, fitted on moments alone."""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import has_fit_parameter

from tastebridge.exceptions import InvalidParameterError
from tastebridge.maps.base import Array, LinearMap
from tastebridge.maps.moments import CenteredMoments, Moments


class _Fitted(Protocol):
    """A fitted linear regressor."""

    coef_: Array


_METHODS = ("fit", "predict", "get_params", "set_params")
_TOLERANCE = 1e-6


class SklearnMap(LinearMap):
    r"""A linear regressor of scikit-learn as a map.

    A map is learned from moments, and a regressor from rows. So it is fitted on
    :math:`N = 2(p + q)` rows :math:`(\bar x, \bar y) \pm \sqrt{N / 2n}\; \ell_j` with the weight :math:`n /
    N` each, where :math:`\sum_j \ell_j \ell_j^\top` are the centred moments of :math:`n` users. Their
    moments are those of the users. That is exact for a regressor that depends on second moments only, such
    as ``Ridge``, ``LinearRegression``, ``Lasso``, ``ElasticNet`` or ``PLSRegression``; another one is
    refused.

    Parameters
    ----------
    estimator : regressor of several outputs, optional
        With ``coef_`` and ``intercept_`` after ``fit``; None for ``LinearRegression()``.

    Attributes
    ----------
    coef_ : ndarray of shape (p, q)
    intercept_ : ndarray of shape (q,)
    estimator_ : regressor
        The fitted regressor.

    Raises
    ------
    InvalidParameterError
        If the estimator is no linear regressor of several outputs, or needs more than second moments.

    References
    ----------
    Sufficient statistics of least squares: A. Agresti, "Foundations of linear and generalized linear models",
    Wiley (2015), chapter 2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from tastebridge.maps import from_sklearn
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    >>> Y = X @ [[2.0], [1.0]] + 3.0
    >>> both = [model.fit(X, Y).predict([[2.0, 2.0]]) for model in (from_sklearn(Ridge(0.5)), Ridge(0.5))]
    >>> bool(np.allclose(*both))
    True
    """

    estimator_: Any

    def __init__(self, estimator: BaseEstimator | None = None) -> None:
        self.estimator = estimator

    def fit_moments(self, moments: Moments) -> Self:
        """Learn the map from the moments of the linked users alone.

        Raises
        ------
        InvalidDataError
            If the moments hold no users.
        InvalidParameterError
            If the estimator cannot be used.
        """
        super().fit_moments(moments)
        # of the estimator: without an intercept of its own the map goes through zero
        q = self.coef_.shape[1]
        self.intercept_ = np.broadcast_to(
            np.asarray(self.estimator_.intercept_, np.float64).ravel(), q
        ).copy()
        return self

    def _check(self, moments: Moments) -> None:
        check_regressor(self._own())

    def _centered(self, moments: Moments) -> CenteredMoments:
        self.estimator_ = _fitted(self._own(), moments)
        return moments.centered()

    def _solve(self, S: CenteredMoments) -> Array:
        return _coefficients(self.estimator_, *S.Sxy.shape)

    def _own(self) -> BaseEstimator:
        if self.estimator is not None:
            return self.estimator
        from sklearn.linear_model import LinearRegression  # its import is slow, and rarely needed

        return LinearRegression()


def from_sklearn(estimator: BaseEstimator) -> SklearnMap:
    """Return a linear regressor of scikit-learn as a map of routes.

    Parameters
    ----------
    estimator : regressor
        Such as ``Ridge()``, not fitted; it is copied at each fit.

    Returns
    -------
    SklearnMap

    Raises
    ------
    InvalidParameterError
        As for :class:`SklearnMap`.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from tastebridge.routes import TransferRoute
    >>> TransferRoute(map=from_sklearn(Ridge(10.0))).map
    SklearnMap(estimator=Ridge(alpha=10.0))
    """
    check_regressor(estimator)
    return SklearnMap(estimator)


def check_regressor(estimator: object) -> None:
    """Refuse anything but a linear regressor of several outputs that second moments determine."""
    name = type(estimator).__name__
    if lacking := [method for method in _METHODS if not callable(getattr(estimator, method, None))]:
        raise InvalidParameterError(
            f"from_sklearn takes a linear regressor such as Ridge(); {name} lacks {', '.join(lacking)}. "
            "Pass an estimator, or derive a map from tastebridge.maps.LinearMap."
        )
    # an estimator that splits rows, as RidgeCV: rows made of moments would choose another penalty in silence
    if isinstance(estimator, type) or hasattr(estimator, "cv"):
        why = "is a class" if isinstance(estimator, type) else "chooses parameters by splitting rows"
        raise InvalidParameterError(
            f"{getattr(estimator, '__name__', name)} {why}, and a map is learned from second moments by one "
            "regressor. Pass an object such as Ridge(10.0)."
        )
    # a trial on a few rows: it takes milliseconds, and a silent mistake would cost every list
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3)) + np.array([0.5, -1.0, 2.0])
    Y = X @ rng.normal(size=(3, 2)) + 0.3 * rng.normal(size=(40, 2)) + 1.0
    try:
        rows = clone(estimator).fit(X, Y)
        same = _fitted(estimator, Moments.from_arrays(X, Y))
        one, other = (_coefficients(fitted, 3, 2) for fitted in (rows, same))
    except (TypeError, ValueError, AttributeError) as error:
        raise InvalidParameterError(
            f"{name} is no linear regressor of several outputs with coef_ and intercept_: "
            f"{str(error).splitlines()[0][:150]} Use one such as Ridge()."
        ) from error
    if not np.allclose(one, other, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise InvalidParameterError(
            f"{name} needs more than second moments of the users, and a map is learned from these alone. Use "
            "Ridge, LinearRegression, Lasso, ElasticNet or PLSRegression."
        )


def _fitted(estimator: BaseEstimator, moments: Moments) -> Any:  # noqa: ANN401 - any regressor
    """Return a copy of the regressor fitted on rows with the given moments."""
    S, (p, q), n = moments.centered(), moments.shape, moments.n
    whole = np.block([[S.Sxx, S.Sxy], [S.Sxy.T, S.Syy]])
    values, V = np.linalg.eigh(whole)
    N = 2 * (p + q)
    root = (V * np.sqrt(np.maximum(values, 0.0) * N / (2.0 * n))).T
    rows = np.concatenate([root, -root]) + np.concatenate([S.mean_x, S.mean_y])
    model: Any = clone(estimator)
    if has_fit_parameter(model, "sample_weight"):
        return model.fit(rows[:, :p], rows[:, p:], sample_weight=np.full(N, n / N))
    return model.fit(rows[:, :p], rows[:, p:])


def _coefficients(fitted: _Fitted, p: int, q: int) -> Array:
    """Return the coefficients (p, q); scikit-learn has them as (q, p), or (p,) of one output."""
    return np.asarray(fitted.coef_, dtype=np.float64).reshape(q, p).T.copy()
