"""The fold-in of users into item vectors made elsewhere: arrays in, arrays out, no checks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import sparse

from tastebridge._numerics.linalg import row_sums, with_data
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.exceptions import InvalidDataError
from tastebridge.factors._foldin import fold_in, padded_rows, stacks
from tastebridge.factors.base import Array


class Rule(NamedTuple):
    """The least squares by which a model elsewhere makes the vector of a user from item vectors.

    Attributes
    ----------
    name : {"implicit", "explicit", "mean"}
    regularization : float
    alpha, base : float
        The confidence of an event of weight r is ``base + alpha * r``.
    per_event : bool
        Whether the penalty is multiplied by the number of events of the user.
    """

    name: str
    regularization: float
    alpha: float
    base: float
    per_event: bool

    def vectors(self, R: sparse.csr_matrix, Y: Array, gram: Array) -> Array:
        r"""Return the vectors (n, k) of the rows of ``R`` over the item vectors ``Y``.

        ``gram`` is :math:`Y^\top Y`, the part of the implicit rule that all users share. A row has the same
        bits in any batch.
        """
        if self.name == "mean":
            scale = row_sums(R, R.data)
            inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
            return np.asarray(with_data(R, R.data * np.repeat(inverse, np.diff(R.indptr))) @ Y)
        if self.name == "explicit":
            return _solved(R, Y, np.zeros_like(gram), self._penalties(R), False)
        C = with_data(R, self.base + self.alpha * R.data)
        # the penalty differs from user to user, so that no inverse is shared
        if self.per_event:
            return _solved(C, Y, gram, self._penalties(R), True)
        G = gram + self.regularization * np.eye(len(gram))
        try:
            with one_blas_thread():  # its bits depend on their number
                inverse = np.asarray(np.linalg.inv(G), dtype=np.float64)
        except np.linalg.LinAlgError:
            raise InvalidDataError(
                "gram_ of PretrainedFactors has no inverse with the penalty; it must be the second "
                "moments of the item vectors. Fit the model again, or restore the saved file."
            ) from None
        return fold_in(C, Y, G, inverse)

    def _penalties(self, R: sparse.csr_matrix) -> Array:
        counts = np.diff(R.indptr)
        return self.regularization * (counts if self.per_event else np.ones(len(counts)))


def _solved(T: sparse.csr_matrix, Y: Array, gram: Array, penalties: Array, implicit: bool) -> Array:
    r"""Return :math:`(G + \sum_i w_i y_i y_i^\top + \lambda_u I)^{-1} \sum_i t_i y_i` for every row.

    The targets :math:`t` are the entries of ``T``. The weights are :math:`t - 1` if ``implicit``, else 1.
    Histories are padded to a power of two and solved in stacks, as in :mod:`tastebridge.factors._foldin`.
    """
    k = Y.shape[1]
    Z = np.zeros((T.shape[0], k))
    for part, width in stacks(T, k):
        Yu, t = padded_rows(T, part, width, Y)
        # padding has vectors of zeros, so its weight is of no account
        w = t - 1.0 if implicit else np.ones_like(t)
        A = gram + (Yu * w[:, :, None]).transpose(0, 2, 1) @ Yu
        A[:, np.arange(k), np.arange(k)] += penalties[part][:, None]
        b = Yu.transpose(0, 2, 1) @ t[:, :, None]
        Z[part] = np.linalg.solve(A, b)[:, :, 0]
    return Z
