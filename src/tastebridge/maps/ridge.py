"""The ridge map: least squares with a penalty relative to the scale of the factors."""

from __future__ import annotations

import numpy as np

from tastebridge._foundation.validation import check_choice, check_number
from tastebridge._numerics.linalg import Array, ridge_from_moments
from tastebridge.maps.base import LinearMap
from tastebridge.maps.moments import CenteredMoments, Moments


class RidgeMap(LinearMap):
    r"""Ridge regression of the target factors on the source factors.

    .. math:: B = \Big(S_{xx} + \alpha \frac{\mathrm{tr}\, S_{xx}}{p} I\Big)^{-1} S_{xy}

    The penalty is ``alpha`` times the mean eigenvalue of :math:`S_{xx}`. So the same ``alpha`` means the same
    shrinkage whatever the scale of the factors and the number of users. Solved by Cholesky; where
    ``alpha=0`` meets dependent factors, the solution of least norm.

    Parameters
    ----------
    alpha : float, default=1.0
        Penalty in units of the mean eigenvalue, at least 0.
    fit_intercept : bool, default=True
        Whether to centre both sides first; otherwise the map goes through zero.

    Attributes
    ----------
    coef_ : ndarray of shape (p, q)
    intercept_ : ndarray of shape (q,)

    Raises
    ------
    InvalidParameterError
        If ``alpha`` is negative or not a finite number.

    References
    ----------
    A. E. Hoerl and R. W. Kennard, "Ridge regression", Technometrics 12 (1970). As a map between domains:
    T. Man et al., "Cross-domain recommendation: an embedding and mapping approach", IJCAI (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.maps import RidgeMap
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    >>> Y = X @ [[2.0], [1.0]] + 3.0
    >>> RidgeMap(alpha=0.0).fit(X, Y).predict([[2.0, 2.0]]).round(6)
    array([[9.]])
    """

    def __init__(self, alpha: float = 1.0, fit_intercept: bool = True) -> None:
        self.alpha = alpha
        self.fit_intercept = fit_intercept

    def _check(self, moments: Moments) -> None:
        check_number("alpha", self.alpha, 0.0)
        check_choice("fit_intercept", self.fit_intercept, (True, False))

    def _centered(self, moments: Moments) -> CenteredMoments:
        if self.fit_intercept:
            return moments.centered()
        p, q = moments.shape
        # without an intercept the moments about zero take the place of the centred ones
        return CenteredMoments(np.zeros(p), np.zeros(q), moments.xx, moments.xy, moments.yy)

    def _solve(self, S: CenteredMoments) -> Array:
        return ridge_from_moments(S.Sxx, S.Sxy, self.alpha * np.trace(S.Sxx) / len(S.Sxx))
