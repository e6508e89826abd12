r"""Numbers modulo :math:`2^{64}`: fixed point in, sums and products exact, masks that hide everything.

A real v is the whole number :math:`\lfloor v 2^b \rceil \bmod 2^{64}`, negative ones in two's complement. A
uniform mask added to it leaves a uniform number, which says nothing of v; masks that cancel in a sum leave
the sum exactly, whatever the order of adding.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from tastebridge.exceptions import InvalidDataError
from tastebridge.maps.moments import Array

Ring = NDArray[np.uint64]


def to_fixed(values: Array, bits: int, n_terms: int = 1) -> Ring:
    """Return reals as whole numbers modulo 2^64, rounded to 2 to the minus ``bits``.

    ``n_terms`` is how many such values will be added, so that the sum has room too.

    Raises
    ------
    InvalidDataError
        If a value is not finite or too large: nothing wraps around in silence.
    """
    scaled = np.rint(np.asarray(values, dtype=np.float64) * 2.0**bits)
    if not (np.abs(scaled) < 2.0**62 / n_terms).all():
        raise InvalidDataError(
            f"a value is not finite or too large for {bits} bits after the point; it must lie within "
            f"{2.0 ** (62 - bits) / n_terms:g}. Scale the factors down, or use fewer bits."
        )
    return scaled.astype(np.int64).view(np.uint64)


def from_fixed(values: Ring, bits: int) -> Array:
    """Return the reals of whole numbers modulo 2^64."""
    return np.asarray(values, dtype=np.uint64).view(np.int64).astype(np.float64) / 2.0**bits


def mask(secret: bytes, label: str, shape: tuple[int, ...]) -> Ring:
    """Return the uniform numbers modulo 2^64 of a secret and a label: SHAKE-256 of both as a stream."""
    size = 8 * int(np.prod(shape))
    seed = len(secret).to_bytes(8, "big") + secret + label.encode("utf-8")
    return np.frombuffer(hashlib.shake_256(seed).digest(size), dtype="<u8").reshape(shape)


def product(A: Ring, B: Ring) -> Ring:
    """Return ``A.T @ B`` modulo 2^64."""
    return np.ascontiguousarray(A.T) @ B
