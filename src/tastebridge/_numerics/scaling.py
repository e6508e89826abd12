"""Standard deviations of columns, exactly 0 for constant columns in spite of rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
_ROUNDING = 1e-6
"""Share of the size of a column below which variation is rounding: ten times the resolution of float32."""
_RARE = 0.02
"""Share of the rows beyond each end of the range that counts as seen."""


def deviations(X: NDArray[Any]) -> Array:
    """Return the standard deviation (m,) of every column of ``X`` (n, m); 0 for a constant column.

    The mean of equal numbers is rounded. So their computed deviation is not 0 but about 1e-16 of their size
    times the root of their number. A column counts as constant if it deviates by less than a millionth of its
    largest absolute value.
    """
    spread = np.asarray(X.std(axis=0), dtype=np.float64)
    size = np.abs(X).max(axis=0, initial=0.0)
    return np.where(spread > _ROUNDING * size, spread, 0.0)


def deviations_alone(X: NDArray[Any]) -> Array:
    """Return :func:`deviations` of columns in float64, each summed alone, without a copy of all of ``X``.

    They are those of ``X`` (n, m) as float64 in Fortran order, bit by bit.
    """
    spread, size = np.empty(X.shape[1]), np.empty(X.shape[1])
    for at in range(X.shape[1]):
        column = X[:, at].astype(np.float64)
        size[at] = max(column.max(initial=0.0), -column.min(initial=0.0))
        column -= column.mean()
        spread[at] = np.sqrt(np.square(column, out=column).mean())
    return np.where(spread > _ROUNDING * size, spread, 0.0)


def varies(spread: Array) -> NDArray[np.bool_]:
    """Return which columns vary, by their deviations (m,): more than a millionth of the most varying one.

    Scores below that are rounding, as of a factor that is 0 for all users at hand. To divide by their
    deviation would make the rounding as large as the scores of other columns.
    """
    return np.asarray(spread > _ROUNDING * spread.max(initial=0.0))


def seen_range(X: NDArray[Any]) -> tuple[Array, Array]:
    """Return the ends (m,), (m,) of the range of every column of ``X`` (n, m).

    Values that only one row in fifty reaches, at either end, are outside. A few rows far from all others are
    no basis for a prediction, and would widen the range to where no data lie. Of fewer than fifty rows all
    are inside.
    """
    ordered = np.sort(np.asarray(X, dtype=np.float64), axis=0)
    beyond = int(_RARE * len(ordered))
    return ordered[beyond].copy(), ordered[len(ordered) - 1 - beyond].copy()
