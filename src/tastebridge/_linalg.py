"""Dense linear algebra of the maps: arrays in, arrays out, no checks.

Second moments are written as in the papers: ``xx`` is :math:`S_{xx}` (p, p), ``xy`` is :math:`S_{xy}` (p, q)
and ``yy`` is :math:`S_{yy}` (q, q), all symmetric positive semidefinite where square.
"""

from __future__ import annotations

from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

Array = NDArray[np.float64]

TILE = 32
"""A multiple of the rows that any BLAS multiplies at once."""
_RANK_TOLERANCE = 1e-10
"""Eigenvalues below this share of the largest are taken for zero: moments carry their rounding squared."""


class CanonicalDirections(NamedTuple):
    """Canonical correlations (k,) and the directions ``Wx`` (p, k), ``Wy`` (q, k) that show them."""

    correlations: Array
    Wx: Array
    Wy: Array


def ridge_from_moments(xx: Array, xy: Array, alpha: float) -> Array:
    r"""Return the (p, q) minimiser :math:`B = (S_{xx} + \alpha I)^{-1} S_{xy}` of the ridge loss.

    Solved by Cholesky; where the matrix is singular to working precision (``alpha=0`` and dependent
    columns), by its eigenvectors instead, which gives the solution of least norm.
    """
    S = xx + alpha * np.eye(len(xx))
    if _well_conditioned(S):
        return linalg.solve(S, xy, assume_a="pos", check_finite=False)
    values, V = linalg.eigh(S, check_finite=False)
    return (V * _reciprocal(values)) @ (V.T @ xy)


def regularized(S: Array, regularization: float) -> Array:
    r"""Return :math:`S + r \bar\lambda I`, with the mean eigenvalue :math:`\bar\lambda`."""
    return S + regularization * np.trace(S) / len(S) * np.eye(len(S))


def inverse_sqrt(S: Array) -> Array:
    """Return the symmetric root of the inverse of ``S`` (p, p).

    Eigenvalues that are zero to rounding are left out: there it is the root of the pseudo-inverse.
    """
    values, V = linalg.eigh(S, check_finite=False)
    return (V * np.sqrt(_reciprocal(values))) @ V.T


def canonical_directions(xx: Array, yy: Array, xy: Array, n_components: int) -> CanonicalDirections:
    r"""Return the ``n_components`` leading canonical correlations and directions.

    With the SVD :math:`S_{xx}^{-1/2} S_{xy} S_{yy}^{-1/2} = U \,\mathrm{diag}(\rho)\, V^\top` the directions
    are :math:`W_x = S_{xx}^{-1/2} U` and :math:`W_y = S_{yy}^{-1/2} V`, so that
    :math:`W_x^\top S_{xx} W_x = W_y^\top S_{yy} W_y = I` (Hotelling, 1936). Pass :func:`regularized` moments
    for regularised CCA (Vinod, 1976). The largest entry of every column of :math:`U` is positive.
    """
    Kx, Ky = inverse_sqrt(xx), inverse_sqrt(yy)
    U, rho, Vt = linalg.svd(Kx @ xy @ Ky, full_matrices=False, check_finite=False)
    U, V = U[:, :n_components], Vt[:n_components].T
    sign = column_signs(U)
    return CanonicalDirections(np.minimum(rho[:n_components], 1.0), Kx @ (U * sign), Ky @ (V * sign))


def procrustes(xy: Array) -> tuple[Array, float]:
    r"""Return the semi-orthogonal ``Q`` (p, q) of largest :math:`\mathrm{tr}(Q^\top S_{xy})`, and that trace.

    With the thin SVD :math:`S_{xy} = U \Sigma V^\top` it is :math:`Q = U V^\top` with maximum
    :math:`\mathrm{tr}\,\Sigma` (Schönemann, 1966): a rotation where p = q, orthonormal columns where p > q,
    orthonormal rows where p < q.
    """
    U, s, Vt = linalg.svd(xy, full_matrices=False, check_finite=False)
    return U @ Vt, float(s.sum())


def in_whole_tiles(rows: NDArray[Any]) -> NDArray[Any]:
    """Return rows with zeros behind them, to a multiple of :data:`TILE`.

    BLAS sums the rows left over from its tiles in another order, so that the last bits of a product would
    depend on the place of a row. The rows of a sparse matrix are summed each for itself.
    """
    out = np.zeros((len(rows) + -len(rows) % TILE, *rows.shape[1:]), dtype=rows.dtype)
    out[: len(rows)] = rows
    return out


def times(X: Any, B: Any) -> Any:
    """Return ``X @ B`` with a single row computed as one of two: BLAS takes another path for one row."""
    return X @ B if len(X) != 1 else (np.vstack([X, X]) @ B)[:1]


def with_data(X: sparse.csr_matrix, data: Any) -> sparse.csr_matrix:
    """Return a matrix of the pattern of ``X``, which it shares, with other values; quicker than scipy's."""
    other = copy(X)
    other.data = data
    return other


def row_sums(X: sparse.csr_matrix, data: NDArray[Any]) -> Array:
    """Return the sums of ``data`` by the rows of ``X``, each summed for itself whatever rows stand beside."""
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    return np.bincount(rows, data, minlength=X.shape[0]).astype(np.float64)


def column_signs(V: Array) -> Array:
    """Return the signs (k,) that make the largest entry of every column of ``V`` (m, k) positive."""
    largest = V[np.abs(V).argmax(axis=0), np.arange(V.shape[1])]
    return np.where(largest < 0, -1.0, 1.0)


def _well_conditioned(S: Array) -> bool:
    try:
        diagonal = np.diag(linalg.cholesky(S, check_finite=False))
    except linalg.LinAlgError:
        return False
    return bool(diagonal.min() ** 2 > _RANK_TOLERANCE * diagonal.max() ** 2)


def _reciprocal(values: Array) -> Array:
    real = values > _RANK_TOLERANCE * max(float(values.max()), np.finfo(np.float64).tiny)
    return np.divide(1.0, values, out=np.zeros_like(values), where=real)
