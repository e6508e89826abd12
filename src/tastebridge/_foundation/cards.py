"""A card for a notebook: a title, a few facts and a table, as HTML in which all text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from tastebridge._foundation.printable import printable

_BOX = "border:1px solid rgba(128,128,128,.4);border-radius:8px;padding:.6em 1em;max-width:52em"
_CELL = "padding:.15em .9em .15em 0;text-align:{side};border-bottom:1px solid rgba(128,128,128,.25)"


def card(title: str, facts: Iterable[str], columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return the markup of a card, in the colours of the notebook, light or dark.

    Parameters
    ----------
    title : str
    facts : iterable of str
        Sentences, one per line.
    columns : sequence of str
        The heads of the table; its first column holds names, the others numbers and words.
    rows : iterable of sequence
        The cells.

    Examples
    --------
    >>> "&lt;b&gt;" in card("Panel", ["2 users"], ["category"], [["<b>"]])
    True
    """
    head = "".join(_cell(name, place, "th") for place, name in enumerate(columns))
    body = "".join(
        f"<tr>{''.join(_cell(value, place, 'td') for place, value in enumerate(row))}</tr>" for row in rows
    )
    told = "".join(f"<div>{_text(fact)}</div>" for fact in facts)
    table = (
        f'<table style="border-collapse:collapse;margin:.4em 0 0">{_head(head)}<tbody>{body}</tbody></table>'
    )
    return f'<div style="{_BOX}"><b>{_text(title)}</b>{told}{table if body else ""}</div>'


def _head(cells: str) -> str:
    return f"<thead><tr>{cells}</tr></thead>"


def _cell(value: object, place: int, tag: str) -> str:
    return f'<{tag} style="{_CELL.format(side="right" if place else "left")}">{_text(value)}</{tag}>'


def _text(value: object) -> str:
    # ids and categories come from data: control characters are shown, and markup is text
    return escape(printable(str(value)))
