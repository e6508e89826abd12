"""The exact fold-in of implicit-feedback ALS, batched in bounded memory: arrays in, arrays out, no checks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.linalg import row_lengths
from tastebridge.factors.base import Array

BUDGET = 2**22
"""Floats one batch may hold in each of its temporaries (32 MB)."""


def fold_in(C: sparse.csr_matrix, Y: Array, G: Array, inverse: Array) -> Array:
    r"""Return :math:`z_u = (G + Y_u^\top (C_u - I) Y_u)^{-1} Y_u^\top c_u` for every row of ``C``.

    ``C`` (n, n_items) holds confidences, ``Y`` (n_items, f) the item factors and ``G`` (f, f), whose
    ``inverse`` is given, is :math:`Y^\top Y + \lambda I`. With :math:`K = Y_u G^{-1} Y_u^\top` the same
    vector is :math:`G^{-1} Y_u^\top (I + (C_u - I) K)^{-1} c_u`, a system of the size of the history instead
    of the rank. The smaller system is solved. Histories are padded to a power of two and solved in stacks.
    The padding depends on the row alone, so a row has the same bits in any batch. Empty rows give zeros.
    """
    f = Y.shape[1]
    Z = np.zeros((C.shape[0], f))
    if not C.nnz:
        return Z
    for part, width in stacks(C, f):
        Yu, c = padded_rows(C, part, width, Y)
        Z[part] = _solve_dual(Yu, c, inverse) if width < f else _solve(Yu, c, G)
    return Z


def stacks(C: sparse.csr_matrix, f: int) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Yield the rows of each stack of ``C`` and their width, a power of two; empty rows are in none."""
    lengths = row_lengths(C)
    widths = 2 ** np.ceil(np.log2(np.maximum(lengths, 1))).astype(np.int64)
    widths[lengths == 0] = 0
    for width in sorted(set(widths.tolist()) - {0}):
        rows = np.flatnonzero(widths == width)
        # In stacks of bounded size; how rows are stacked does not change their bits.
        step = max(1, BUDGET // (max(width, f) * (f + width)))
        for start in range(0, len(rows), step):
            yield rows[start : start + step], width


def padded_rows(C: sparse.csr_matrix, rows: NDArray[np.int64], width: int, Y: Array) -> tuple[Array, Array]:
    """Return the item factors (n, width, f) and the confidences (n, width) of ``rows``, filled with zeros."""
    start = C.indptr[rows][:, None]
    length = C.indptr[rows + 1][:, None] - start
    place = np.arange(width)[None, :]
    real = place < length
    position = np.where(real, start + place, 0)
    Yu = Y[C.indices[position]]
    Yu[~real] = 0.0  # padding points at entry 0, and must add nothing
    return Yu, np.where(real, C.data[position], 0.0)


def _solve(Yu: Array, c: Array, G: Array) -> Array:
    A = G + (Yu * (c - 1.0)[:, :, None]).transpose(0, 2, 1) @ Yu
    b = Yu.transpose(0, 2, 1) @ c[:, :, None]
    return np.asarray(np.linalg.solve(A, b)[:, :, 0], dtype=np.float64)


def _solve_dual(Yu: Array, c: Array, inverse: Array) -> Array:
    Zu = Yu @ inverse
    A = np.eye(c.shape[1]) + (c - 1.0)[:, :, None] * (Zu @ Yu.transpose(0, 2, 1))
    a = np.linalg.solve(A, c[:, :, None])
    return (Zu.transpose(0, 2, 1) @ a)[:, :, 0]
