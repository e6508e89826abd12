"""Numbers along an axis: accuracy by length of history, and predicted against observed shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tastebridge.plots.paper import SMALL, colour, hint, paper, ticks
from tastebridge.plots.picture import Picture, picture_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def history_plot(groups: Sequence[tuple[str, float, float, float, float]], title: str, unit: str) -> Picture:
    """Draw a measure by length of history, with intervals, and the same measure of the baseline.

    Parameters
    ----------
    groups : sequence of (label, mean, low, high, baseline)
    title, unit : str

    Examples
    --------
    >>> "1–4" in history_plot([("1–4", 0.2, 0.1, 0.3, 0.1), ("5 or more", 0.3, 0.2, 0.4, 0.1)], "By", "NDCG")
    True
    """
    highest = max((max(row[3], row[4]) for row in groups), default=1.0)
    places = range(len(groups))
    with _ruled(unit, "items of a user in the sources", highest) as axes:
        axes.set_xlim(-0.5, max(len(groups), 1) - 0.5)
        axes.set_xticks(places, [row[0].replace(" or more", "+") for row in groups])
        flat = {"color": colour("flat"), "linewidth": 2, "dashes": (2, 2)}
        axes.plot(places, [row[4] for row in groups], label="without", **flat)
        axes.plot(
            places, [row[1] for row in groups], color=colour("accent"), linewidth=2, label="with sources"
        )
        for at, (label, mean, low, high, baseline) in enumerate(groups):
            _dot(axes, at, baseline, 6, "flat", f"{label}: {baseline:.3f} without sources")
            axes.plot([at, at], [low, high], color=colour("accent"), linewidth=3)
            _dot(axes, at, mean, 10, "accent", f"{label}: {mean:.3f} ({low:.3f} to {high:.3f})")
        lines, said = axes.get_legend_handles_labels()
        axes.legend(
            lines[::-1],
            said[::-1],
            ncols=2,
            loc="lower right",
            bbox_to_anchor=(1, 1),
            borderpad=0.2,
            borderaxespad=0,
        )
        told = "; ".join(
            f"{label} items: {mean:.3f}, without sources {base:.3f}" for label, mean, _, _, base in groups
        )
        return picture_of(axes, title, told)


def reliability_plot(points: Sequence[tuple[float, float, float]], title: str) -> Picture:
    """Draw observed shares against predicted probabilities; calibrated ones lie on the diagonal.

    Parameters
    ----------
    points : sequence of (predicted, observed, users)
    title : str

    Examples
    --------
    >>> "observed share" in reliability_plot([(0.2, 0.25, 40), (0.7, 0.6, 40)], "Reliability")
    True
    """
    # rare events would be a cluster in the corner of a unit square
    highest = min(1.0, 1.1 * max((max(said, seen) for said, seen, _ in points), default=1.0))
    with _ruled("observed share", "predicted probability", highest / 1.08) as axes:
        axes.set_xlim(0, highest)
        ticks(axes.xaxis)
        axes.xaxis.grid(False)
        axes.plot([0, highest], [0, highest], color=colour("flat"), linewidth=1.5, dashes=(3, 3))
        axes.plot(
            [part[0] for part in points], [part[1] for part in points], color=colour("accent"), linewidth=2
        )
        for said, seen, people in points:
            _dot(
                axes, said, seen, 9, "accent", f"predicted {said:.2f}, observed {seen:.2f}, {people:g} users"
            )
        told = "; ".join(f"predicted {said:.2f}, observed {seen:.2f}" for said, seen, _ in points)
        return picture_of(axes, title, told)


@contextmanager
def _ruled(above: str, below: str, highest: float) -> Iterator[Any]:
    """Yield axes that start at 0, with a grid and the names of both measures."""
    with paper(360, 250, left=44, right=12, top=26, bottom=50) as axes:
        axes.set_ylim(0, 1.08 * highest)
        ticks(axes.yaxis)
        axes.set_xlabel(below, loc="right")
        axes.set_title(above, loc="left", fontsize=SMALL, color=colour("soft"))
        yield axes


def _dot(axes: Axes, x: float, y: float, size: float, role: str, text: str) -> None:
    shade = colour(role)
    axes.plot(
        [x],
        [y],
        "o",
        color=shade,
        markersize=size,
        markeredgewidth=0,
        clip_on=False,
        zorder=3,
        gid=hint(text),
    )
