"""A matrix of categories against categories, the stronger the darker, with the numbers in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tastebridge.plots.svg import Picture, box, frame, shortened, words

_CELL, _LEFT, _TOP = 46.0, 96.0, 26.0


def heat_map(values: Mapping[tuple[str, str], float], names: Sequence[str], title: str) -> Picture:
    """Draw a number for every ordered pair of names, rows first; what is missing or NaN stays empty.

    Parameters
    ----------
    values : mapping of (row, column) to float
        Between -1 and 1; shades go from 0 to 1.
    names : sequence of str
    title : str

    Examples
    --------
    >>> "0.62" in heat_map({("books", "films"): 0.62}, ["books", "films"], "Relatedness")
    True
    """
    marks, told = [], []
    for row, one in enumerate(names):
        y = _TOP + row * _CELL
        marks.append(words(_LEFT - 8, y + _CELL / 2 + 4, shortened(one, 14), anchor="end"))
        marks.append(words(_LEFT + (row + 0.5) * _CELL, _TOP - 8, shortened(one, 7), "soft", "middle", 11))
        for column, other in enumerate(names):
            value = values.get((one, other), math.nan)
            x = _LEFT + column * _CELL
            if math.isnan(value):
                marks.append(box(x + 1, y + 1, _CELL - 2, _CELL - 2, "line", 0.35))
                continue
            shade = min(max(value, 0.0), 1.0)
            hint = f"{one} and {other}: {value:.2f}"
            # at half the strength text keeps a contrast of 4.5 to 1, on light and on dark paper
            marks.append(box(x + 1, y + 1, _CELL - 2, _CELL - 2, "accent", 0.5 * shade, hint))
            marks.append(words(x + _CELL / 2, y + _CELL / 2 + 4, f"{value:.2f}", anchor="middle"))
            told.append(hint)
    size = len(names) * _CELL
    width = _LEFT + size + 4
    return frame(width, _TOP + size + 4, title, "; ".join(told), marks, least=0.85 * width)
