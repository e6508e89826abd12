"""Cells in errors: the place and the shape of a value, never the value, which may be personal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_LONGEST = 24


def shape_of(text: str) -> str:
    """Return the shape of a text: ``a`` for a letter, ``9`` for a digit, other signs as they are.

    Examples
    --------
    >>> shape_of("12 Dec 2015")
    "text like '99 aaa 9999'"
    >>> shape_of("I liked it, though the second half drags on")
    'text of 43 characters'
    """
    if len(text) > _LONGEST:
        return f"text of {len(text)} characters"
    shape = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", text))
    return f"text like {re.sub(r'[^ -~]', '?', shape)!r}"


def first_match(column: pa.ChunkedArray, find: Callable[[Any], Any]) -> tuple[int, str]:
    """Return the place, counted from 0, and the shape of the first text that a test finds."""
    texts = column.cast(pa.string())
    found = pc.fill_null(find(texts), False)
    row = pc.index(found, True).as_py()
    return row, shape_of(texts[row].as_py())
