r"""Numbers modulo powers of :math:`2^{64}`: fixed point in, exact sums and products, masks that hide all.

A real v is the whole number :math:`\lfloor v 2^b \rceil \bmod 2^{64}`, negative ones in two's complement. A
uniform mask added to it leaves a uniform number, which is independent of v. Masks that cancel in a sum leave
the sum exactly, whatever the order of adding.

Sums of moments take *wide* numbers, modulo :math:`2^{192}`: three words of 64 bits, the lowest first. Blocks
of moments differ by many powers of ten, and 192 bits hold the smallest and the largest side by side. So no
party has to disclose the scale of its factors.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from tastebridge.exceptions import InvalidDataError
from tastebridge.maps.moments import Array

Ring = NDArray[np.uint64]

WORDS = 3
"""Words of a wide number."""


def to_fixed(values: Array, bits: int, n_terms: int = 1) -> Ring:
    """Return reals as whole numbers modulo 2^64, rounded to 2 to the minus ``bits``.

    ``n_terms`` is how many such values will be added, so that the sum has room too.

    Raises
    ------
    InvalidDataError
        If a value is not finite or too large: nothing wraps around in silence.
    """
    return _scaled(values, bits, 62, n_terms).astype(np.int64).view(np.uint64)


def from_fixed(values: Ring, bits: int) -> Array:
    """Return the reals of whole numbers modulo 2^64."""
    return np.asarray(values, dtype=np.uint64).view(np.int64).astype(np.float64) / 2.0**bits


def to_wide(values: Array, bits: int, n_terms: int = 1) -> Ring:
    """Return reals (n,) as wide numbers (n, 3), rounded to 2 to the minus ``bits``.

    Raises
    ------
    InvalidDataError
        As :func:`to_fixed` does.
    """
    scaled = _scaled(values, bits, 64 * WORDS - 2, n_terms)
    rest, words = np.abs(scaled), np.zeros((len(scaled), WORDS), dtype=np.uint64)
    for place in reversed(range(WORDS)):  # floor and difference of floats are exact here
        digit = np.floor(rest / 2.0 ** (64 * place))
        words[:, place] = digit.astype(np.uint64)
        rest = rest - digit * 2.0 ** (64 * place)
    return np.where((scaled < 0)[:, None], negative(words), words)


def from_wide(words: Ring, bits: int) -> Array:
    """Return the reals (n,) of wide numbers (n, 3)."""
    below = words[:, -1] >> np.uint64(63) == 1
    size = np.where(below[:, None], negative(words), words)
    parts = (size[:, place].astype(np.float64) * 2.0 ** (64 * place - bits) for place in range(WORDS))
    return np.asarray(sum(parts) * np.where(below, -1.0, 1.0))


def plus(one: Ring, two: Ring) -> Ring:
    """Return the sums of wide numbers (n, 3), modulo 2^192."""
    total, carry = one + two, np.zeros(len(one), dtype=bool)
    for place in range(WORDS):
        total[:, place] += carry.astype(np.uint64)
        # a sum that wrapped around is smaller than its term, or equal to it if a carry came on top
        carry = (total[:, place] < one[:, place]) | (carry & (total[:, place] == one[:, place]))
    return total


def negative(words: Ring) -> Ring:
    """Return wide numbers (n, 3) times -1, modulo 2^192."""
    one = np.zeros_like(words)
    one[:, 0] = 1
    return plus(~words, one)


def mask(secret: bytes, label: str, shape: tuple[int, ...]) -> Ring:
    """Return the uniform numbers modulo 2^64 of a secret and a label: SHAKE-256 of both as a stream."""
    size = 8 * int(np.prod(shape))
    # The length first, so that no other pair of secret and label gives the same bytes.
    seed = len(secret).to_bytes(8, "big") + secret + label.encode("utf-8")
    return np.frombuffer(hashlib.shake_256(seed).digest(size), dtype="<u8").reshape(shape)


def product(A: Ring, B: Ring) -> Ring:
    """Return ``A.T @ B`` modulo 2^64."""
    # numpy multiplies unsigned integers modulo 2^64 by its own loops: no BLAS, and nothing is rounded.
    return np.ascontiguousarray(A.T) @ B


def _scaled(values: Array, bits: int, room: int, n_terms: int) -> Array:
    """Return multiples of 2 to the minus ``bits``, as floats, of which ``n_terms`` add within bounds."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = np.rint(np.asarray(values, dtype=np.float64) * 2.0**bits)
    if not (np.abs(scaled) < 2.0**room / n_terms).all():
        raise InvalidDataError(
            f"a value is not finite or too large for {bits} bits after the point; it must lie within "
            f"{2.0 ** (room - bits) / n_terms:g}. Scale the factors down."
        )
    return scaled
