"""Means with their intervals, one above the other, against a line of no difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tastebridge.plots.letters import fitting
from tastebridge.plots.paper import colour, hint, paper, ticks
from tastebridge.plots.picture import Picture, picture_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH, _LEFT, _ROW, _TOP, _BOTTOM = 360.0, 144.0, 30.0, 12.0, 36.0


class Row(NamedTuple):
    """A label, a mean with its interval (NaN where it is unknown), and the role of its colour."""

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
        From top to bottom; the role is one of ``plots.paper.COLOURS``.
    title : str
    unit : str
        The measure, written below the axis.
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
    # zero stays in view, so that an interval off zero can be seen to be
    low, high = (min(0.0, *ends), max(0.0, *ends)) if zero else (min(ends), max(ends))
    space = (high - low or 1.0) * 0.06
    height = _TOP + _ROW * len(given) + _BOTTOM
    with paper(_WIDTH, height, left=_LEFT, right=12, top=_TOP, bottom=_BOTTOM) as axes:
        axes.set(xlim=(low - space, high + space), ylim=(len(given) - 0.5, -0.5), yticks=[])
        axes.set_xlabel(unit, loc="right")
        ticks(axes.xaxis, 4)
        if zero:
            axes.axvline(0, color=colour("soft"), linewidth=1.5)
        for place, row in enumerate(given):
            _draw(axes, place, row)
        return picture_of(axes, title, "; ".join(map(_told, given)))


def _told(row: Row) -> str:
    if math.isnan(row.mean):
        return f"{row.label}: not judged"
    return f"{row.label}: {row.mean:.4f} ({row.low:.4f} to {row.high:.4f})"


def _draw(axes: Axes, place: int, row: Row) -> None:
    label: dict[str, Any] = {"xycoords": ("figure fraction", "data"), "va": "center"}
    axes.annotate(fitting(row.label, _LEFT - 4, 12), (0, place), **label)
    if math.isnan(row.mean):
        # at the right end, on paper of its own: lines of the grid cross the row
        rim = {"facecolor": colour("paper"), "linewidth": 0, "pad": 2}
        end = ((_WIDTH - 12) / _WIDTH, place)
        axes.annotate("not judged", end, color=colour("soft"), ha="right", bbox=rim, **label)
        return
    shade = colour(row.role)
    if not math.isnan(row.low):
        axes.plot([row.low, row.high], [place, place], color=shade, linewidth=3)
    axes.plot([row.mean], [place], "o", color=shade, markersize=10, markeredgewidth=0, gid=hint(_told(row)))
