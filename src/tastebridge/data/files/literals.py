"""Python's own way of writing values, as some public data sets have it in their cells and records."""

from __future__ import annotations

import ast


def literal(text: str) -> object:
    """Return the value that Python's ``repr`` wrote; None if it is none.

    Examples
    --------
    >>> literal("['War', 'Drama']"), literal("War")
    (['War', 'Drama'], None)
    """
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
