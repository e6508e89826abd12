"""Factor models linear in the history divided by a power of its length."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_number
from tastebridge._numerics.linalg import row_lengths, row_sums, with_data
from tastebridge.factors.base import Array, FactorModel, Histories, Vectors, grown, placed


class NormalizedFactors(FactorModel):
    r"""Base of models with ``transform(X) = normalize_rows(X) @ encoder_``.

    :math:`z = d_u^{-a}\, r\, E`, where :math:`d_u = \sum_i r_i` is the user's own degree and :math:`a` is
    ``user_power``. The encoder :math:`E` holds all learned numbers, the degrees of the items included.

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

    def normalize_rows(self, X: Histories) -> sparse.csr_matrix:
        """Return ``X`` with each row divided by its sum to the ``user_power``; empty rows stay empty."""
        return self._normalize(self._read(X, reset=False))

    def _check(self, R: sparse.csr_matrix) -> None:
        check_number("user_power", self.user_power, 0.0)
        check_number("item_power", self.item_power, 0.0)

    def _transform(self, R: sparse.csr_matrix) -> Vectors:
        if not R.nnz and isinstance(self.encoder_, np.ndarray):  # a user new to the categories
            return np.zeros((R.shape[0], self.encoder_.shape[1]))
        return self._normalize(R) @ self.encoder_

    def _plain(self, R: sparse.csr_matrix) -> Array:
        return np.asarray(
            self._normalize(R) @ (self._of_the_fit(self.encoder_) * power(self._filter(), -1.0))
        )

    def _grow(self, new: NDArray[np.int64]) -> None:
        self.encoder_ = grown(self.encoder_, new)
        if hasattr(self, "item_factors_"):  # a loaded model has the encoder alone
            self.item_degrees_ = grown(self.item_degrees_, new)
            self.item_factors_ = grown(self.item_factors_, new)

    def _settle(self, R: sparse.csr_matrix, items: NDArray[np.int64]) -> Array:
        degree = degrees(R[:, items], axis=0)
        products = self._normalize(R)[:, items].T @ self._plain(R)
        encoded, item_factors = self._new_rows(products, degree)
        self.encoder_ = placed(self.encoder_, items, encoded)
        if hasattr(self, "item_factors_"):
            self.item_degrees_ = placed(self.item_degrees_, items, degree)
            self.item_factors_ = placed(self.item_factors_, items, item_factors)
        return item_factors

    def _normalize(self, R: sparse.csr_matrix) -> sparse.csr_matrix:
        scale = power(row_sums(R, R.data), -self.user_power)
        return with_data(R, R.data * np.repeat(scale, row_lengths(R)))

    @abstractmethod
    def _filter(self) -> Array:
        """Return the filter f on the singular values, (n_components,)."""

    def _new_directions(self, products: Array) -> Array:
        r"""Return rows of the right singular vectors, :math:`V_i = a_i^\top T (T^\top T)^{-1}`.

        :math:`a_i` is the column of a new item. :math:`T = A V` has the Gram matrix :math:`\Sigma^2` at the
        fit. These are the least squares of the column over the present users. The energy of a direction is at
        least the smallest one at the fit.
        """
        real = self._filter() > 0
        energy, directions = np.linalg.eigh(self.user_gram_)
        least = (self.singular_values_[real] ** 2).min(initial=np.inf)
        return np.asarray((products @ directions / np.maximum(energy, least)) @ directions.T * real)

    @abstractmethod
    def _new_rows(self, products: Array, degree: Array) -> tuple[Array, Array]:
        """Return the rows of new items in the encoder, and their item factors.

        ``products`` (n_new, n_components) are the inner products of their normalised columns with the users'
        factors before the filter. ``degree`` (n_new,) are the sums of their weights.
        """


def at_most_1(V: Array) -> Array:
    """Return rows shortened to length 1, the maximum for a matrix with orthonormal columns."""
    return np.asarray(V / np.maximum(np.linalg.norm(V, axis=1, keepdims=True), 1.0))


def degrees(R: sparse.csr_matrix, axis: int) -> Array:
    """Return the sums of ``R`` along ``axis`` as a vector."""
    return np.asarray(R.sum(axis=axis), dtype=np.float64).ravel()


def power(degree: Array, exponent: float) -> Array:
    """Return ``degree ** exponent`` with 0 where the degree is 0."""
    return np.power(degree, exponent, out=np.zeros_like(degree), where=degree > 0)
