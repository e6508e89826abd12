"""Means with their intervals, one above the other, against a line that stands for no difference."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tastebridge.plots.scale import Scale, linear, ticks
from tastebridge.plots.svg import Picture, dot, frame, segment, shortened, words

_WIDTH, _LEFT, _ROW, _TOP = 360.0, 116.0, 30.0, 12.0


class Row(NamedTuple):
    """A label, a mean with its interval (NaN where it is not known), and the role of its colour."""

    label: str
    mean: float
    low: float
    high: float
    role: str = "accent"


def interval_plot(rows: Sequence[tuple], title: str, unit: str = "", zero: bool = True) -> Picture:
    """Draw means with intervals.

    Parameters
    ----------
    rows : sequence of (label, mean, low, high) or (label, mean, low, high, role)
        From top to bottom; the role is one of ``plots.svg.COLOURS``.
    title : str
    unit : str
        What the numbers are of, said below the axis.
    zero : bool, default=True
        Whether to draw a line at 0.

    Examples
    --------
    >>> picture = interval_plot([("books", 0.03, 0.01, 0.05)], "Lift", "NDCG@10")
    >>> "books" in picture
    True
    """
    given = [Row(*row) for row in rows]
    ends = [value for row in given for value in row[1:4] if not math.isnan(value)] or [0.0, 1.0]
    low, high = (min(0.0, *ends), max(0.0, *ends)) if zero else (min(ends), max(ends))
    space = (high - low or 1.0) * 0.06
    x = linear(low - space, high + space, _LEFT, _WIDTH - 12)
    bottom = _TOP + _ROW * len(given)
    marks = [*_axis(x, low - space, high + space, bottom, unit), *_zero(x, bottom, zero)]
    for place, row in enumerate(given):
        marks += _marks(x, _TOP + _ROW * (place + 0.5), row)
    said = "; ".join(map(_told, given))
    return frame(_WIDTH, bottom + 36, title, said, marks)


def _told(row: Row) -> str:
    if math.isnan(row.mean):
        return f"{row.label}: not judged"
    return f"{row.label}: {row.mean:.4f} ({row.low:.4f} to {row.high:.4f})"


def _axis(x: Scale, low: float, high: float, bottom: float, unit: str) -> Iterator[str]:
    for value in ticks(low, high, 4):
        yield segment(x(value), _TOP, x(value), bottom)
        yield words(x(value), bottom + 14, f"{value:g}", "soft", "middle", 11)
    yield words(_WIDTH - 12, bottom + 30, unit, "soft", "end", 11)


def _zero(x: Scale, bottom: float, zero: bool) -> list[str]:
    return [segment(x(0), _TOP, x(0), bottom, "soft", 1.5)] if zero else []


def _marks(x: Scale, y: float, row: Row) -> Iterator[str]:
    yield words(0, y + 4, shortened(row.label, 19))
    if math.isnan(row.mean):
        yield words(_LEFT + 6, y + 4, "not judged", "soft")
        return
    if not math.isnan(row.low):
        yield segment(x(row.low), y, x(row.high), y, row.role, 3)
    yield dot(x(row.mean), y, 5, row.role, _told(row))
