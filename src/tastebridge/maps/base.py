"""The base of all maps: moments in, coefficients out, prediction; a subclass only solves."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import validate_data

from tastebridge._foundation.validation import check_fitted
from tastebridge._numerics.linalg import row_products
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.maps.moments import CenteredMoments, Moments

Array = NDArray[np.float64]


class LinearMap(MultiOutputMixin, RegressorMixin, BaseEstimator, metaclass=ABCMeta):
    r"""Base of the linear maps :math:`\hat Y = X B + \mathbf 1 b^\top`.

    ``fit(X, Y)`` is ``fit_moments(Moments.from_arrays(X, Y))``. A map learned from added, subtracted or
    received moments is therefore the map learned from the rows themselves. A subclass implements
    :meth:`_check` for its own parameters, and :meth:`_solve` from centred moments to (p, q) coefficients.

    Attributes
    ----------
    coef_ : ndarray of shape (p, q)
        The matrix :math:`B`.
    intercept_ : ndarray of shape (q,)
        The vector :math:`b`.
    n_features_in_ : int
        The number p of source factors.
    target_ndim_ : {1, 2}
        Whether ``predict`` returns a vector, as it does after a ``fit`` on a vector, or a matrix.

    References
    ----------
    T. Man et al., "Cross-domain recommendation: an embedding and mapping approach", IJCAI (2017).

    Examples
    --------
    Least squares without a penalty; :func:`tastebridge.testing.check_map` holds it to the contract.

    >>> import numpy as np
    >>> from tastebridge.maps import LinearMap
    >>> class LeastSquares(LinearMap):
    ...     def _check(self, moments):
    ...         pass
    ...
    ...     def _solve(self, S):
    ...         return np.linalg.lstsq(S.Sxx, S.Sxy, rcond=None)[0]
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    >>> LeastSquares().fit(X, X @ [[2.0], [1.0]] + 3.0).predict([[2.0, 2.0]]).round(6)
    array([[9.]])
    """

    coef_: Array
    intercept_: Array
    n_features_in_: int
    target_ndim_: int

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn the map from paired rows; an earlier fit is forgotten.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Source factors, one row per linked user.
        y : array-like of shape (n, q) or (n,)
            Target factors of the same users.
        sample_weight : array-like of shape (n,), optional
            The number of users each row represents.
        """
        rows, targets = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        Y = np.asarray(targets, dtype=np.float64)
        self.fit_moments(Moments.from_arrays(rows, Y.reshape(len(Y), -1), sample_weight))
        # after fit_moments, which knows matrices only
        self.target_ndim_ = Y.ndim
        return self

    def fit_moments(self, moments: Moments) -> Self:
        """Learn the map from the moments of the linked users alone.

        Raises
        ------
        InvalidDataError
            If the moments hold no users.
        InvalidParameterError
            If a parameter is out of range for these moments.
        """
        if not moments.n > 0:
            raise InvalidDataError(
                f"{type(self).__name__} needs users with weights above zero to learn from; their weights sum "
                f"to {moments.n:g}. Use linked users, who are active in both the source and the target."
            )
        # parameters are checked at fit: the constructor stores them as they come
        self._check(moments)
        centered = self._centered(moments)
        self.coef_ = self._solve(centered)
        self.intercept_ = centered.mean_y - centered.mean_x @ self.coef_
        self.n_features_in_, self.target_ndim_ = moments.shape[0], 2
        return self

    def predict(self, X: ArrayLike) -> Array:
        """Return the predicted target factors, (n, q), or (n,) after a fit on a vector."""
        check_fitted(self)
        rows = np.asarray(validate_data(self, X, dtype=np.float64, reset=False))
        # row_products keeps the bits of a row whatever the number of rows; X @ coef_ does not
        Y = row_products(rows, self.coef_) + self.intercept_
        return Y.ravel() if self.target_ndim_ == 1 else Y

    def _centered(self, moments: Moments) -> CenteredMoments:
        return moments.centered()

    @abstractmethod
    def _check(self, moments: Moments) -> None:
        """Refuse parameters that cannot be used on these moments."""

    @abstractmethod
    def _solve(self, S: CenteredMoments) -> Array:
        """Return the coefficients (p, q)."""


_METHODS = ("fit", "fit_moments", "predict")


def check_linear_map(name: str, model: object) -> None:
    """Refuse an object that is not a linear map, and name the missing methods.

    Raises
    ------
    InvalidParameterError
    """
    if isinstance(model, LinearMap):
        return
    lacking = [method for method in _METHODS if not callable(getattr(model, method, None))]
    told = f"lacks {', '.join(lacking)}" if lacking else "is not derived from LinearMap"
    raise InvalidParameterError(
        f"{name} must be a linear map; {type(model).__name__} {told}. Derive it from "
        "tastebridge.maps.LinearMap, or wrap an estimator of scikit-learn by tastebridge.maps.from_sklearn."
    )
