"""Factor models linear in the history divided by a power of its length."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._linalg import times, with_data
from tastebridge._validation import check_number
from tastebridge.factors._base import Array, FactorModel, grown


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
    singular_values_: Array
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

    def _extend(self, R: sparse.csr_matrix, before: sparse.csr_matrix, new: NDArray[np.int64]) -> Array:
        r"""Give a new item i the row :math:`V_i = a_i^\top T (\Sigma^2 + D^\top D)^{-1}`.

        Here :math:`a_i` is its normalised column and :math:`T = A V` the people without the filter: the least
        squares of the column over the people of the fit, whose :math:`T^\top T` is :math:`\Sigma^2`, and what
        the people here have become since, :math:`D = T - T_{before}`. No row of orthonormal columns is
        longer than 1: where few people make it so, it is cut to that length.
        """
        encoder, f = grown(self.encoder_, new), self._filter()
        N, degree = self._normalize(R), degrees(R[:, new], axis=0)
        plain = encoder * power(f, -1.0)
        T = N @ plain
        D = T - self._normalize(before) @ plain
        energy = self.singular_values_**2
        G = np.diag(np.where(f > 0, energy, 1.0)) + D.T @ D
        inverse = power(degree, -self.item_power)[:, None]
        V = inverse * np.linalg.solve(G, (N[:, new].T @ T).T).T * (f > 0)
        V /= np.maximum(np.linalg.norm(V, axis=1, keepdims=True), 1.0)
        encoder[new] = inverse * V * f
        self.encoder_, item_factors = encoder, self._new_item_factors(V, degree)
        if hasattr(self, "item_factors_"):  # a model that was loaded does without
            self.item_degrees_ = grown(self.item_degrees_, new, degree)
            self.item_factors_ = grown(self.item_factors_, new, item_factors)
        return item_factors

    def _normalize(self, R: sparse.csr_matrix) -> sparse.csr_matrix:
        scale = power(R @ np.ones(R.shape[1]), -self.user_power)
        return with_data(R, R.data * np.repeat(scale, np.diff(R.indptr)))

    @abstractmethod
    def _filter(self) -> Array:
        """Return the filter f on the singular values, (n_components,)."""

    @abstractmethod
    def _new_item_factors(self, V: Array, degree: Array) -> Array:
        """Return the item factors of new rows of right singular vectors and the degrees of their items."""


def degrees(R: sparse.csr_matrix, axis: int) -> Array:
    """Return the sums of ``R`` along ``axis`` as a vector."""
    return np.asarray(R.sum(axis=axis), dtype=np.float64).ravel()


def power(degree: Array, exponent: float) -> Array:
    """Return ``degree ** exponent`` with 0 where the degree is 0."""
    return np.power(degree, exponent, out=np.zeros_like(degree), where=degree > 0)
