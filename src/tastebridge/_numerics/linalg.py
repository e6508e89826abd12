"""Dense linear algebra of the maps: arrays in, arrays out, no checks.

Second moments are written as in the papers: ``xx`` is :math:`S_{xx}` (p, p), ``xy`` is :math:`S_{xy}` (p, q)
and ``yy`` is :math:`S_{yy}` (q, q). The square ones are symmetric positive semidefinite.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from tastebridge._numerics.threads import one_blas_thread

Array = NDArray[np.float64]

LANES = 16
"""Rows multiplied at once: they fill the widest vector register of a processor, in float32."""
_ROWS, _COLUMNS = 256, 512
"""Rows and columns of a block that stays in the cache; rows are whole tiles of :data:`LANES`."""
_RANK_TOLERANCE = 1e-10
"""Eigenvalues below this share of the largest count as zero: moments hold the square of the rounding."""


class CanonicalDirections(NamedTuple):
    """Canonical correlations (k,) and their directions ``Wx`` (p, k), ``Wy`` (q, k)."""

    correlations: Array
    Wx: Array
    Wy: Array


def ridge_from_moments(xx: Array, xy: Array, alpha: float) -> Array:
    r"""Return the (p, q) minimiser :math:`B = (S_{xx} + \alpha I)^{-1} S_{xy}` of the ridge loss.

    Solved by Cholesky; where the matrix is singular to working precision (``alpha=0`` and dependent
    columns), by its eigenvectors, which give the solution of least norm.
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

    Eigenvalues that are zero up to rounding are left out, which gives the root of the pseudo-inverse.
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
    # singular vectors are unique up to their sign
    sign = column_signs(U)
    return CanonicalDirections(np.minimum(rho[:n_components], 1.0), Kx @ (U * sign), Ky @ (V * sign))


def procrustes(xy: Array) -> tuple[Array, float]:
    r"""Return the semi-orthogonal ``Q`` (p, q) of largest :math:`\mathrm{tr}(Q^\top S_{xy})`, and that trace.

    With the thin SVD :math:`S_{xy} = U \Sigma V^\top` it is :math:`Q = U V^\top` with maximum
    :math:`\mathrm{tr}\,\Sigma` (Schönemann, 1966). It is a rotation where p = q, has orthonormal columns
    where p > q, and orthonormal rows where p < q.
    """
    U, s, Vt = linalg.svd(xy, full_matrices=False, check_finite=False)
    return U @ Vt, float(s.sum())


def row_products(X: NDArray[Any], B: NDArray[Any]) -> NDArray[Any]:
    r"""Return ``X @ B``, where the bits of every row do not depend on the other rows.

    The order of summation in BLAS depends on the shape of a product, and within a product on the column of an
    entry. It does not depend on the row: rows are in the lanes of one vector register. So rows are multiplied
    :data:`LANES` at a time as columns of :math:`B^\top X^\top`, the last of them padded with zeros. Every
    call has the same shape, on one thread. The rows of a sparse matrix are always summed one by one.

    Parameters
    ----------
    X : ndarray of shape (n, k)
    B : ndarray of shape (k, p)

    Examples
    --------
    >>> row_products(np.array([[1.0, 2.0]]), np.array([[1.0, 0.0, 3.0], [0.0, 1.0, 1.0]])).tolist()
    [[1.0, 2.0, 5.0]]
    """
    kind = np.result_type(X, B)
    X, B = np.ascontiguousarray(X, dtype=kind), np.asarray(B, dtype=kind)
    (n, k), p = X.shape, B.shape[1]
    if p == 1:  # BLAS multiplies a single column by other code, whose bits depend on memory alignment
        return row_products(X, np.column_stack([B, np.zeros_like(B)]))[:, :1]
    whole, out = n - n % LANES, np.empty((n, p), dtype=kind)
    with one_blas_thread():
        for columns in _spans(p):
            right = B[:, columns].T
            for start in range(0, whole, _ROWS):
                rows = slice(start, min(start + _ROWS, whole))
                _put_products(right, X[rows], out[rows, columns])
            if n > whole:
                last = np.zeros((LANES, k), dtype=kind)
                last[: n - whole] = X[whole:]
                out[whole:, columns] = (right @ last.T).T[: n - whole]
    return out


def _put_products(right: NDArray[Any], X: NDArray[Any], out: NDArray[Any]) -> None:
    """Write ``X @ right.T`` to ``out``; rows are a multiple of :data:`LANES`."""
    n = len(X) // LANES
    products = right @ X.reshape(n, LANES, X.shape[1]).transpose(0, 2, 1)
    out.reshape(n, LANES, len(right))[:] = products.transpose(0, 2, 1)


def _spans(p: int) -> list[slice]:
    """Return runs of columns that fit the cache, of about equal width; none is a single column."""
    n = -(-p // _COLUMNS)
    return [slice(p * at // n, p * (at + 1) // n) for at in range(n)]


def with_data(X: sparse.csr_matrix, data: NDArray[Any]) -> sparse.csr_matrix:
    """Return a matrix with other values that shares the pattern of ``X``; faster than scipy's constructor."""
    # scipy's constructor would check the pattern again, and copy() takes a detour by pickle's protocol
    other = object.__new__(type(X))
    vars(other).update(vars(X))
    other.data = data
    return other


def row_lengths(X: sparse.csr_matrix) -> NDArray[np.integer]:
    """Return the number of stored entries of each row; for one user faster than ``np.diff``.

    Examples
    --------
    >>> row_lengths(sparse.csr_matrix([[0.0, 2.0], [1.0, 1.0]])).tolist()
    [1, 2]
    """
    return X.indptr[1:] - X.indptr[:-1]


def row_sums(X: sparse.csr_matrix, data: NDArray[Any]) -> Array:
    """Return the sums of ``data`` by the rows of ``X``, each independent of the other rows."""
    rows = np.repeat(np.arange(X.shape[0]), row_lengths(X))
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
