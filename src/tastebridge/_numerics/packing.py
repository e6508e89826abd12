"""Matrices in few bits: a code of float16 or int8 for every entry, a scale for every row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

STORAGES = ("exact", "float16", "int8")
"""The ways to store a matrix in a file: unchanged, or packed."""
_LEVELS = {"float16": 1.0, "int8": 127.0}
_BITS = {"float16": 1, "int8": 16}
"""Bits of a scale: few enough that the largest entry of a row is exact, and packing twice changes nothing."""


def pack(A: NDArray[np.floating], storage: str) -> tuple[NDArray[Any], Floats]:
    r"""Return codes (n, k) and scales (n,) with :math:`A_{ij} \approx s_i c_{ij}`.

    The scale is the largest entry of the row, for int8 divided by 127, rounded up to a number of few bits.
    The error of an entry is at most half a scale for int8, and 1/2048 of the entry for float16.
    """
    largest = np.abs(A).max(axis=1, initial=0.0).astype(np.float64)
    mantissa, exponent = np.frexp(largest / _LEVELS[storage])
    steps = 2.0 ** _BITS[storage]
    # a row of zeros gets scale 1 instead of 0
    scales = np.where(largest > 0, np.ldexp(np.ceil(mantissa * steps) / steps, exponent), 1.0)
    codes = A / scales[:, None]
    codes = np.rint(codes).astype(np.int8) if storage == "int8" else codes.astype(np.float16)
    return codes, scales.astype(np.float32)


def unpack(codes: NDArray[Any], scales: Floats) -> Floats:
    """Return the packed matrix in float32."""
    return np.asarray(codes.astype(np.float32) * scales[:, None])


def rounded(A: NDArray[np.floating], storage: str) -> Floats:
    """Return ``A`` as it will be read from storage, in float32.

    Examples
    --------
    >>> rounded(np.array([[1.0, 0.5004, -127.0]]), "int8").tolist()
    [[1.0, 1.0, -127.0]]
    """
    A = np.ascontiguousarray(A, dtype=np.float32)
    return A if storage == "exact" else unpack(*pack(A, storage))
