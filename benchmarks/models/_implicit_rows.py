"""The rows of implicit matrix factorisation, solved exactly: one small system per user or per item."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

_CELLS = 1 << 16
"""Numbers of one gathered block: a quarter of a megabyte, which a cache holds."""


def solve_rows(
    matrix: sparse.csr_matrix,
    factors: NDArray[np.float64],
    unobserved: float,
    penalties: NDArray[np.float64],
    pull: NDArray[np.float64] | float = 0.0,
) -> NDArray[np.float64]:
    r"""Return for each row :math:`r` the vector that is best for its items, given the factors of the columns.

    It minimises :math:`\sum_{i\in r}(1-x\cdot y_i)^2+\alpha\sum_i(x\cdot y_i)^2+p_r\|x\|^2-2\,b_r\cdot x`, so

    .. math:: (\alpha Y^\top Y+Y_r^\top Y_r+p_r I)\,x=Y_r^\top 1+b_r.

    In the eigenvectors of :math:`Y^\top Y` all but :math:`Y_r^\top Y_r` is diagonal. By the Woodbury identity
    a row of :math:`l` items then takes an :math:`l\times l` system in place of one as wide as the factors.

    Parameters
    ----------
    matrix : csr_matrix of shape (n_rows, n_columns)
        Its entries say which columns a row has; their values are not read.
    factors : ndarray of shape (n_columns, k)
        :math:`Y`.
    unobserved : float
        :math:`\alpha`, the weight of all pairs.
    penalties : ndarray of shape (n_rows,)
        :math:`p`, above zero.
    pull : ndarray of shape (n_rows, k), optional
        :math:`b`.
    """
    values, basis = np.linalg.eigh(factors.T @ factors)
    # Blocks are single precision, twice as fast; the eigenvectors, which all rows share, are double.
    turned = np.vstack([factors @ basis, np.zeros(len(basis))]).astype(np.float32)  # the last row pads
    diagonal = unobserved * np.maximum(values, 0.0) + penalties[:, None]
    wanted = np.broadcast_to(pull @ basis if np.ndim(pull) else pull, diagonal.shape).copy()
    lengths = np.diff(matrix.indptr)
    solved = wanted / diagonal
    for width in np.unique(_widths(lengths[lengths > 0])):
        rows = np.flatnonzero((lengths > 0) & (_widths(lengths) == width))
        size = max(1, _CELLS // (width * len(basis)))
        for start in range(0, len(rows), size):
            block = rows[start : start + size]
            own = turned[_padded(matrix, block, width)]
            right = wanted[block].astype(np.float32) + own.sum(axis=1)
            solved[block] = _woodbury(own, diagonal[block].astype(np.float32), right)
    return solved @ basis.T


def _widths(lengths: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the next power of two of each length, so that few shapes of blocks are left."""
    return 1 << np.ceil(np.log2(np.maximum(lengths, 1))).astype(np.int64)


def _padded(matrix: sparse.csr_matrix, rows: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Return the column numbers of each row, padded by the number of columns."""
    places = matrix.indptr[rows][:, None] + np.arange(width)
    inside = places < matrix.indptr[rows + 1][:, None]
    return np.where(inside, matrix.indices[np.minimum(places, matrix.nnz - 1)], matrix.shape[1])


def _woodbury(
    own: NDArray[np.float32], diagonal: NDArray[np.float32], right: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the solutions of ``(diag(d) + GᵀG) x = r``, ``own`` holding G of each row."""
    if own.shape[1] >= own.shape[2]:
        full = np.matmul(own.transpose(0, 2, 1), own)
        full[:, np.arange(own.shape[2]), np.arange(own.shape[2])] += diagonal
        return np.linalg.solve(full, right[:, :, None])[:, :, 0]
    scaled = own / diagonal[:, None, :]
    small = np.matmul(scaled, own.transpose(0, 2, 1))
    small[:, np.arange(own.shape[1]), np.arange(own.shape[1])] += 1
    inner = np.linalg.solve(small, np.matmul(scaled, right[:, :, None]))
    return right / diagonal - np.matmul(scaled.transpose(0, 2, 1), inner)[:, :, 0]
