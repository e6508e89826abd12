"""Numbers to places on paper, and round numbers along them."""

from __future__ import annotations

import math
from collections.abc import Callable

Scale = Callable[[float], float]


def linear(low: float, high: float, start: float, end: float) -> Scale:
    """Return the map of ``[low, high]`` onto ``[start, end]``; an empty range lies in the middle."""
    if high <= low:
        return lambda value: (start + end) / 2
    return lambda value: start + (value - low) / (high - low) * (end - start)


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Return at most ``most`` round numbers in ``[low, high]``.

    Examples
    --------
    >>> ticks(-0.013, 0.097, most=4)
    [0.0, 0.05]
    >>> ticks(0, 1, most=4)
    [0.0, 0.5, 1.0]
    """
    if not high > low:
        return [low]
    step = 10.0 ** math.floor(math.log10(high - low) - 1)
    for factor in (1, 2, 5, 10, 20, 50):
        first, last = math.ceil(low / step / factor - 1e-9), math.floor(high / step / factor + 1e-9)
        if last - first + 1 <= most:
            return [round(place * step * factor, 12) + 0.0 for place in range(first, last + 1)]
    return [low, high]
