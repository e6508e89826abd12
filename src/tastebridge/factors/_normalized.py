"""Factor models linear in the history divided by a power of its length."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from tastebridge._linalg import times
from tastebridge._validation import check_number
from tastebridge.factors._base import Array, FactorModel


class NormalizedFactors(FactorModel):
    r"""Base of models with ``transform(X) = normalize_rows(X) @ encoder_``.

    :math:`z = d_u^{-a}\, r\, E`, where :math:`d_u = \sum_i r_i` is the person's own degree and :math:`a` is
    ``user_power``. All that was learned, the degrees of the training items too, is in the encoder :math:`E`.

    Attributes
    ----------
    encoder_ : array or sparse matrix of shape (n_items, n_components)
    item_degrees_ : ndarray of shape (n_items,)
        Sum of the weights of each item in the training histories.
    """

    encoder_: Any
    item_degrees_: Array
    user_power: float
    item_power: float

    def normalize_rows(self, X: Any) -> sparse.csr_matrix:
        """Return ``X`` with each row divided by its sum to the ``user_power``; empty rows stay empty."""
        return self._normalize(self._read(X, reset=False))

    def _check(self, R: sparse.csr_matrix) -> None:
        check_number("user_power", self.user_power, 0.0)
        check_number("item_power", self.item_power, 0.0)

    def _transform(self, R: sparse.csr_matrix) -> Any:
        return times(self._normalize(R), self.encoder_)

    def _normalize(self, R: sparse.csr_matrix) -> sparse.csr_matrix:
        return sparse.csr_matrix(sparse.diags(power(degrees(R, axis=1), -self.user_power)) @ R)


def degrees(R: sparse.csr_matrix, axis: int) -> Array:
    """Return the sums of ``R`` along ``axis`` as a vector."""
    return np.asarray(R.sum(axis=axis), dtype=np.float64).ravel()


def power(degree: Array, exponent: float) -> Array:
    """Return ``degree ** exponent`` with 0 where the degree is 0."""
    return np.power(degree, exponent, out=np.zeros_like(degree), where=degree > 0)
