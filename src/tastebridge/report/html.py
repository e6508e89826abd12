"""Parts of a page as strings; all values from data are escaped here and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any


class Markup(str):
    """Text that is already markup and must not be escaped again."""


def text(value: object) -> str:
    """Return a value as text of a page."""
    return escape(str(value))


def section(name: str, title: str, *parts: str) -> str:
    """Return a section with a heading and an anchor; an empty string if there are no parts."""
    inside = "\n".join(part for part in parts if part)
    return f'<section id="{name}"><h2>{text(title)}</h2>\n{inside}\n</section>' if inside else ""


def paragraph(*words: str, kind: str = "") -> str:
    """Return a paragraph of texts, escaped."""
    mark = f' class="{kind}"' if kind else ""
    return f"<p{mark}>{text(' '.join(words))}</p>"


def gist(sentence: str) -> str:
    """Return the sentence with the meaning of a section; "" for an empty one."""
    return paragraph(sentence, kind="gist") if sentence else ""


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], caption: str, numbers: Sequence[int] = ()
) -> str:
    """Return a table whose first column holds the row headings, in a box that scrolls if it is too wide.

    Parameters
    ----------
    columns : sequence of str
    rows : iterable of sequences
        Cells, which are escaped unless they are :class:`Markup`.
    caption : str
    numbers : sequence of int
        The places of columns that hold numbers, which are aligned right.
    """
    head = "".join(
        f'<th scope="col"{_right(at, numbers)}>{text(name)}</th>' for at, name in enumerate(columns)
    )
    body = "".join(f"<tr>{_cells(row, numbers)}</tr>" for row in rows)
    # a box that scrolls must take the keyboard focus, and then screen readers need a name for it
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{text(caption)}"><table>'
        f"<caption>{text(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def figure(picture: str, caption: str, scroll: bool = False) -> str:
    """Return a picture with its caption."""
    wide = ' class="scroll" tabindex="0"' if scroll else ""
    return f"<figure{wide}>{picture}<figcaption>{text(caption)}</figcaption></figure>"


def more(title: str, *parts: str) -> str:
    """Return parts that are folded away until the reader opens them."""
    return f"<details><summary>{text(title)}</summary>{''.join(parts)}</details>"


def number(value: float | None, digits: int = 3, signed: bool = False) -> str:
    """Return a number, or a dash for NaN."""
    if value is None or math.isnan(value):
        return "–"
    return f"{value:{'+' if signed else ''},.{digits}f}"


def between(low: float, high: float, digits: int = 3, signed: bool = False) -> str:
    """Return an interval."""
    return f"{number(low, digits, signed)} … {number(high, digits, signed)}"


def measured(value: float, low: float, high: float, digits: int = 3, signed: bool = False) -> Markup:
    """Return a cell with a number and, below it, its interval."""
    return Markup(f"{number(value, digits, signed)}<small>{between(low, high, digits, signed)}</small>")


def percent(value: float) -> str:
    """Return a share in percent."""
    return "–" if math.isnan(value) else f"{100 * value:.0f} %"


def _right(place: int, numbers: Sequence[int]) -> str:
    return ' class="n"' if place in numbers else ""


def _cells(row: Sequence[Any], numbers: Sequence[int]) -> str:
    # the one place where cells are escaped: names of items and categories can hold any text
    cells = [cell if isinstance(cell, Markup) else text(cell) for cell in row]
    first = f'<th scope="row">{cells[0]}</th>' if cells else ""
    rest = "".join(f"<td{_right(at, numbers)}>{cell}</td>" for at, cell in enumerate(cells[1:], start=1))
    return first + rest
