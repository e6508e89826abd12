"""EASE in whichever of its two forms is smaller: items × items, or users × users."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from benchmarks.model import NotApplicable
from benchmarks.task import binary

MAX_SIDE = 20_000
"""The largest matrix inverted: 1.6 GB in float32."""


class Ease:
    r"""The item-item weights :math:`B = I - P\,\mathrm{diag}(P)^{-1}`, :math:`P=(X^\top X+\lambda I)^{-1}`.

    With fewer users than items :math:`P=\frac1\lambda(I-X^\top(XX^\top+\lambda I)^{-1}X)` is applied without
    ever being formed. Reference: Steck, "Embarrassingly shallow autoencoders", WWW 2019.
    """

    def __init__(self, matrix: sparse.csr_matrix, penalty: float) -> None:
        X = binary(matrix)
        if min(X.shape) > MAX_SIDE:
            raise NotApplicable(f"EASE would invert a matrix of {min(X.shape):,}; the limit is {MAX_SIDE:,}.")
        self.X, self.penalty = X, np.float32(penalty)
        self.dual = X.shape[0] < X.shape[1]
        self.inverse = _inverse(((X @ X.T) if self.dual else (X.T @ X)).toarray(), self.penalty)
        self.diagonal = self._diagonal()

    def _diagonal(self) -> NDArray[np.float32]:
        if not self.dual:
            return np.diag(self.inverse).copy()
        through = self.X.T @ self.inverse
        return np.float32(1 - np.asarray(self.X.T.multiply(through).sum(axis=1)).ravel()) / self.penalty

    def scores(self, history: sparse.csr_matrix, columns: slice) -> NDArray[np.float32]:
        """Return ``history @ B`` for some items."""
        if self.dual:
            filtered = ((history @ self.X.T) @ self.inverse) @ self.X[:, columns]
            P = (history[:, columns].toarray() - filtered) / self.penalty
        else:
            P = history @ self.inverse[:, columns]
        return np.asarray(history[:, columns].toarray() - P / self.diagonal[columns], dtype=np.float32)


def _inverse(gram: NDArray[np.float32], penalty: np.float32) -> NDArray[np.float32]:
    gram[np.diag_indices_from(gram)] += penalty
    half, info = linalg.lapack.spotrf(gram.T, lower=1, overwrite_a=1)
    full, info2 = linalg.lapack.spotri(half, lower=1, overwrite_c=1)
    if info or info2:
        raise NotApplicable("EASE's matrix is not positive definite in float32; raise the penalty.")
    return np.tril(full) + np.tril(full, -1).T
