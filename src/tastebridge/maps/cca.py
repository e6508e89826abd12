"""The CCA map: prediction through the few directions in which the two categories correlate most."""

from __future__ import annotations

from tastebridge._foundation.validation import check_count, check_number
from tastebridge._numerics.linalg import Array, canonical_directions, regularized
from tastebridge.exceptions import InvalidParameterError
from tastebridge.maps.base import LinearMap
from tastebridge.maps.moments import CenteredMoments, Moments


class CCAMap(LinearMap):
    r"""Regression through the leading regularised canonical variates.

    Let :math:`\tilde S = S + r\, \mathrm{tr}(S)/p \, I` be the regularised moment of either side, and
    :math:`\tilde S_{xx}^{-1/2} S_{xy} \tilde S_{yy}^{-1/2} = U \,\mathrm{diag}(\rho)\, V^\top`. With
    :math:`W_x = \tilde S_{xx}^{-1/2} U_k` and :math:`W_y = \tilde S_{yy}^{-1/2} V_k` the canonical variates
    :math:`a = W_x^\top (x - \bar x)` predict the target's variates by :math:`\hat c_i = \rho_i a_i`. In the
    target's factors this is

    .. math:: \hat y = \bar y + \tilde S_{yy} W_y \,\mathrm{diag}(\rho)\, W_x^\top (x - \bar x).

    It is the reduced-rank regression of rank k in the metric :math:`\tilde S_{yy}^{-1}`. With all components
    it is exactly ``RidgeMap(alpha=regularization)``. With fewer it drops the directions of least correlation.

    Parameters
    ----------
    n_components : int, optional
        The number k of canonical directions; None for all, ``min(p, q)``.
    regularization : float, default=0.1
        The share r of the mean eigenvalue added on both sides, at least 0.

    Attributes
    ----------
    canonical_correlations_ : ndarray of shape (k,)
        The (regularised) :math:`\rho`, descending; with ``regularization=0`` the canonical correlations.
    x_weights_ : ndarray of shape (p, k)
        The directions :math:`W_x`.
    y_weights_ : ndarray of shape (q, k)
        The directions :math:`W_y`.
    coef_ : ndarray of shape (p, q)
    intercept_ : ndarray of shape (q,)

    Raises
    ------
    InvalidParameterError
        If ``n_components`` is above the number of source factors, of target factors or of linked users.

    References
    ----------
    H. Hotelling, "Relations between two sets of variates", Biometrika 28 (1936). H. D. Vinod, "Canonical
    ridge", J. Econometrics 4 (1976).
    A. J. Izenman, "Reduced-rank regression", J. Multivariate Anal. 5 (1975).

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.maps import CCAMap
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> Y = X[:, :1] @ [[1.0, 2.0]]
    >>> cca = CCAMap(n_components=1, regularization=0.0).fit(X, Y)
    >>> cca.canonical_correlations_.round(6), cca.predict([[1.0, 5.0, 5.0]]).round(6)
    (array([1.]), array([[1., 2.]]))
    """

    canonical_correlations_: Array
    x_weights_: Array
    y_weights_: Array

    def __init__(self, n_components: int | None = None, regularization: float = 0.1) -> None:
        self.n_components = n_components
        self.regularization = regularization

    def _check(self, moments: Moments) -> None:
        check_number("regularization", self.regularization, 0.0)
        if self.n_components is None:
            return
        k, (p, q) = check_count("n_components", self.n_components), moments.shape
        if k > min(p, q):
            raise InvalidParameterError(
                f"CCAMap(n_components={k}) needs at least {k} factors on both sides; there are {p} source "
                f"and {q} target factors. Lower n_components to at most {min(p, q)}."
            )
        if k > moments.n:
            raise InvalidParameterError(
                f"CCAMap(n_components={k}) needs at least {k} linked users; there are {moments.n:g}. "
                "Lower n_components or use RidgeMap."
            )

    def _solve(self, S: CenteredMoments) -> Array:
        k = self.n_components or min(S.Sxy.shape)
        xx, yy = regularized(S.Sxx, self.regularization), regularized(S.Syy, self.regularization)
        rho, Wx, Wy = canonical_directions(xx, yy, S.Sxy, k)
        self.canonical_correlations_, self.x_weights_, self.y_weights_ = rho, Wx, Wy
        # Wy' yy Wy = I, so Wy' yy leads from the variates back to the factors without solving a system
        return (Wx * rho) @ (Wy.T @ yy)
