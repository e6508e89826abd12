"""Decompositions of scikit-learn as factor models."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, clone

from tastebridge._numerics.threads import one_blas_thread
from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors.base import Array, Vectors
from tastebridge.factors.normalized import NormalizedFactors, at_most_1, degrees


class _Fitted(Protocol):
    """A fitted transformer."""

    def transform(self, X: sparse.csr_matrix) -> Vectors:
        """Return the factors of histories."""


_METHODS = ("fit", "transform", "get_params", "set_params")
_PROBED = 50


class SklearnFactors(NormalizedFactors):
    r"""A linear decomposition of scikit-learn as a factor model.

    With its ``components_`` :math:`V^\top` a user is encoded and decoded by the same vectors,

    .. math:: z_u = r_u V, \qquad \hat r_u = z_u V^\top

    so that the decomposition must be linear in the history and without a mean, such as ``TruncatedSVD``.
    A ``random_state`` that is None becomes 0.

    Parameters
    ----------
    estimator : transformer, optional
        With ``components_`` (n_components, n_items) after ``fit``; None for ``TruncatedSVD(2)``.

    Attributes
    ----------
    encoder_, item_factors_ : ndarray of shape (n_items, n_components)
        :math:`V`.
    singular_values_ : ndarray of shape (n_components,)
        The lengths of the users' factors, by component.
    item_degrees_ : ndarray of shape (n_items,)
    n_features_in_ : int

    Raises
    ------
    InvalidParameterError
        If the estimator is no linear transformer with ``components_``.

    References
    ----------
    N. Halko, P. G. Martinsson and J. A. Tropp, "Finding structure with randomness", SIAM Review 53 (2011).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import TruncatedSVD
    >>> from tastebridge.factors import from_sklearn
    >>> X = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 1, 1]])
    >>> model = from_sklearn(TruncatedSVD(2)).fit(X)
    >>> scores = model.transform([[1, 0, 0, 0]]) @ model.item_factors_.T
    >>> bool(scores[0, 1] > scores[0, 2])
    True
    """

    user_power, item_power = 0.0, 0.0

    def __init__(self, estimator: BaseEstimator | None = None) -> None:
        self.estimator = estimator

    def _check(self, R: sparse.csr_matrix) -> None:
        super()._check(R)
        check_decomposition(self._own())

    def _fit(self, R: sparse.csr_matrix) -> None:
        with one_blas_thread():  # the bits of a decomposition depend on their number
            model = self._own()
            fitted: Any = clone(model)
            # None would draw another start in every fit
            if model.get_params().get("random_state", 0) is None:
                fitted.set_params(random_state=0)
            try:
                fitted.fit(R)
            except ValueError as error:
                raise InvalidParameterError(
                    f"{model!r} cannot be fitted on {R.shape[0]} users and {R.shape[1]} items: "
                    f"{str(error).splitlines()[0][:150]}"
                ) from error
        V = np.asarray(fitted.components_, dtype=np.float64).T.copy()
        # rounding fills items without events with dust, and they say nothing
        self.item_degrees_ = degrees(R, axis=0)
        V[self.item_degrees_ == 0] = 0.0
        self.encoder_, self.item_factors_ = V, V
        _check_linear(fitted, R[:_PROBED], V)
        Z = R @ V
        self.user_gram_ = Z.T @ Z
        self.singular_values_ = np.sqrt(np.diag(self.user_gram_))

    def _filter(self) -> Array:
        return (self.singular_values_ > 0).astype(np.float64)

    def _new_rows(self, products: Array, degree: Array) -> tuple[Array, Array]:
        V = at_most_1(self._new_directions(products))
        return V, V

    def _own(self) -> BaseEstimator:
        if self.estimator is not None:
            return self.estimator
        from sklearn.decomposition import TruncatedSVD  # a slow import, rarely needed

        return TruncatedSVD(2)


def from_sklearn(estimator: BaseEstimator) -> SklearnFactors:
    """Return a decomposition of scikit-learn as a factor model of routes.

    Parameters
    ----------
    estimator : transformer
        Such as ``TruncatedSVD(64)``, not fitted; it is copied at each fit.

    Returns
    -------
    SklearnFactors

    Raises
    ------
    InvalidParameterError
        As for :class:`SklearnFactors`; whether it is linear shows at the fit.

    Examples
    --------
    >>> from sklearn.decomposition import TruncatedSVD
    >>> from tastebridge.routes import TargetRoute
    >>> TargetRoute(from_sklearn(TruncatedSVD(16))).factors
    SklearnFactors(estimator=TruncatedSVD(n_components=16))
    """
    check_decomposition(estimator)
    return SklearnFactors(estimator)


def check_decomposition(estimator: object) -> None:
    """Refuse anything that cannot be fitted and transform."""
    if isinstance(estimator, type):
        raise InvalidParameterError(
            f"from_sklearn takes an object; {estimator.__name__} is a class. Write {estimator.__name__}(…)."
        )
    if lacking := [method for method in _METHODS if not callable(getattr(estimator, method, None))]:
        raise InvalidParameterError(
            f"from_sklearn takes a linear decomposition such as TruncatedSVD(64); {type(estimator).__name__} "
            f"lacks {', '.join(lacking)}. Pass a transformer, or derive a factor model from "
            "tastebridge.factors.FactorModel."
        )


def _check_linear(fitted: _Fitted, R: sparse.csr_matrix, V: Array) -> None:
    """Refuse a transformer that is not the product with its components."""
    # on rows of the fit: a mean, or a solver as that of NMF, shows in any few of them
    given = fitted.transform(R)
    found = given if isinstance(given, np.ndarray) else given.toarray()
    if found.shape != (R.shape[0], V.shape[1]) or not np.allclose(found, R @ V, rtol=1e-6, atol=1e-8):
        raise InvalidParameterError(
            f"{type(fitted).__name__} is not linear in the history: its transform differs from the "
            "product with components_. Use one such as TruncatedSVD, or derive from "
            "tastebridge.factors.FactorModel."
        )
