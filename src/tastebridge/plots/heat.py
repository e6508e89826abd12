"""A matrix of categories against categories, darker for larger values, with the numbers in the cells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tastebridge.plots.letters import fitting
from tastebridge.plots.paper import SMALL, colour, hint, paper
from tastebridge.plots.picture import Picture, picture_of

_CELL, _LEFT, _TOP = 46.0, 112.0, 26.0


def heat_map(values: Mapping[tuple[str, str], float], names: Sequence[str], title: str) -> Picture:
    """Draw a number for every ordered pair of names, rows first; missing values and NaN stay empty.

    Parameters
    ----------
    values : mapping of (row, column) to float
        Numbers between -1 and 1; the shades show 0 to 1.
    names : sequence of str
    title : str

    Examples
    --------
    >>> "0.62" in heat_map({("books", "films"): 0.62}, ["books", "films"], "Relatedness")
    True
    """
    size = _CELL * len(names)
    width, told = _LEFT + size + 4, []
    with paper(width, _TOP + size + 4, left=_LEFT, right=4, top=_TOP, bottom=4) as axes:
        from matplotlib.patches import Rectangle

        axes.set(xlim=(0, len(names)), ylim=(len(names), 0))
        middles = [place + 0.5 for place in range(len(names))]
        rows = [fitting(name, _LEFT - 6, 12) for name in names]
        axes.set_yticks(middles, rows, fontsize=12, color=colour("ink"))
        axes.set_xticks(middles, [fitting(name, _CELL - 4, SMALL) for name in names], fontsize=SMALL)
        axes.xaxis.tick_top()
        for row, one in enumerate(names):
            for column, other in enumerate(names):
                value = values.get((one, other), math.nan)
                cell: dict[str, Any] = {
                    "xy": (column + 0.02, row + 0.02),
                    "width": 0.96,
                    "height": 0.96,
                    "linewidth": 0,
                }
                if math.isnan(value):
                    axes.add_patch(Rectangle(**cell, color=colour("line"), alpha=0.35))
                    continue
                said = f"{one} and {other}: {value:.2f}"
                # at half the strength text keeps a contrast of 4.5 to 1, on light and on dark paper
                shade = 0.5 * min(max(value, 0.0), 1.0)
                axes.add_patch(Rectangle(**cell, color=colour("accent"), alpha=shade, gid=hint(said)))
                axes.text(column + 0.5, row + 0.5, f"{value:.2f}", ha="center", va="center")
                told.append(said)
        return picture_of(axes, title, "; ".join(told), least=0.85 * width)
