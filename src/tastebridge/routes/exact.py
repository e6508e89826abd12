r"""Moments summed without rounding, so that a subtracted user leaves no trace, not even in the last bit.

Factors are rounded to a grid, :math:`\hat x = 2^a \lfloor x / 2^a \rceil`, and moments of whole numbers are
summed as whole numbers. Adding and subtracting are exact, in any order and any parts. They are the moments of
users whose factors were moved by at most :math:`2^{a-1}` each. The grid is as fine as 64 bits allow for the
sums of the users of the fit, and of a hundred times as many. For ten thousand users :math:`2^a` is
:math:`2^{-19}` of the length of the factors (root mean square) or less, and eight times that for a million
users, whose errors cancel more. Updates keep the grid of the fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from tastebridge._numerics.exact import energy, exact_product
from tastebridge.exceptions import InvalidDataError
from tastebridge.maps.moments import Array, Moments

# 7 bits are a factor of 128: room for a hundred times as many users
_BITS, _GROWTH = 62 - 2, 7
"""Bits of a sum of squares, and bits left for more users or longer factors."""
_LIMIT = 2**62
"""The bound of the largest sum of squares, so that two of them still add in 64 bits."""

Whole = NDArray[np.int64]


class Grid(NamedTuple):
    """The exponents a of the grids of the source factors and of the target factors."""

    x: int
    y: int

    @classmethod
    def of(cls, X: Array, Y: Array, n_people: int) -> Self:
        """Return the grid for factors like these of so many users."""
        # half of the bits for each factor of a product, after those for the number of users
        bits = (_BITS - _GROWTH - max(n_people, 1).bit_length()) // 2
        return cls(_exponent(X) - bits, _exponent(Y) - bits)


@dataclass(frozen=True, eq=False)
class ExactMoments:
    r"""The sums :math:`n, \sum x, \sum y, X^\top X, X^\top Y, Y^\top Y` of factors on a grid.

    Attributes
    ----------
    grid : Grid
        Sums of x count in :math:`2^{a_x}`, sums of products in the product of both units; all are whole.
    n : ndarray of shape (), of int64
    sum_x, sum_y, xx, xy, yy : ndarray of int64
        As in :class:`tastebridge.maps.moments.Moments`.

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.routes.exact import ExactMoments, Grid
    >>> X, Y = np.random.default_rng(0).normal(size=(2, 100, 3))
    >>> whole, some = (ExactMoments.of(X[:n], Y[:n], Grid.of(X, Y, 100)) for n in (100, 40))
    >>> rest = ExactMoments.of(X[40:], Y[40:], whole.grid)
    >>> np.array_equal((whole - some).xy, rest.xy)
    True
    """

    grid: Grid
    n: Whole
    sum_x: Whole
    sum_y: Whole
    xx: Whole
    xy: Whole
    yy: Whole

    @classmethod
    def of(cls, X: Array, Y: Array, grid: Grid) -> Self:
        """Return the sums over users with the factors ``X`` (n, p) and ``Y`` (n, q).

        Raises
        ------
        InvalidDataError
            If factors are not finite, or too large for the grid.
        """
        X, Y = np.rint(np.ldexp(X, -grid.x)), np.rint(np.ldexp(Y, -grid.y))
        # before the sums: by Cauchy and Schwarz the squares bound every product too
        _check_room(energy(X), energy(Y))
        sums = (np.array(len(X)), X.sum(axis=0), Y.sum(axis=0))
        products = (exact_product(*pair) for pair in ((X, X), (X, Y), (Y, Y)))
        return cls(grid, *(part.astype(np.int64) for part in sums), *products)

    @property
    def shape(self) -> tuple[int, int]:
        """The number of source factors and of target factors, ``(p, q)``."""
        return self.xy.shape[0], self.xy.shape[1]

    @property
    def least(self) -> int:
        """The least of the sums that are never below zero: of users, and of squares."""
        return min(int(part.min(initial=0)) for part in (self.n, np.diag(self.xx), np.diag(self.yy)))

    def __add__(self, other: ExactMoments) -> ExactMoments:
        """Return the sums over both sets of users."""
        return self._plus(other, 1)

    def __sub__(self, other: ExactMoments) -> ExactMoments:
        """Return the sums without the users of ``other``."""
        return self._plus(other, -1)

    def rounded(self) -> Moments:
        """Return the moments in the units of the factors, each the float nearest to it."""
        a, b = self.grid
        units = {"sum_x": a, "sum_y": b, "xx": 2 * a, "xy": a + b, "yy": 2 * b}
        sums = {name: np.ldexp(getattr(self, name).astype(np.float64), at) for name, at in units.items()}
        return Moments(float(self.n), **sums)

    def to_arrays(self) -> dict[str, Whole]:
        """Return the six sums by name."""
        return {name: getattr(self, name) for name in _SUMS}

    @classmethod
    def from_stored(cls, grid: Grid, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the moments with these :meth:`to_arrays`, checked for type, sign and size."""
        moments = cls(grid, **{name: arrays[name] for name in _SUMS})
        if any(part.dtype != np.int64 for part in moments.to_arrays().values()) or moments.least < 0:
            raise InvalidDataError("stored sums must be whole numbers, and sums of squares not below zero.")
        _check_room(np.diag(moments.xx), np.diag(moments.yy))
        return moments

    def _plus(self, other: ExactMoments, sign: int) -> ExactMoments:
        parts = zip(self.to_arrays().values(), other.to_arrays().values(), strict=True)
        total = ExactMoments(self.grid, *(mine + sign * theirs for mine, theirs in parts))
        _check_room(np.diag(total.xx), np.diag(total.yy))
        return total


_SUMS = tuple(field.name for field in fields(ExactMoments))[1:]


def _exponent(F: Array) -> int:
    """Return the exponent of the power of two at or below the mean length of factors (n, k)."""
    length = np.sqrt(np.square(F).sum() / max(len(F), 1))
    return int(np.floor(np.log2(length))) if 0 < length < np.inf else 0


def _check_room(*energies: Array | Whole) -> None:
    # written so that NaN fails too
    if not all((part < _LIMIT).all() for part in energies):
        raise InvalidDataError(
            "the factors of users are not finite, or far larger than those of the fit, and cannot be summed "
            "exactly. Look for weights that are out of proportion, cap them (Weighting), and fit again."
        )
