"""Lists of ids as callers write them: columns, sets, generators, or a frame with a column of ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set, ValuesView
from typing import TypeVar

import numpy as np

from tastebridge._foundation.nouns import with_article
from tastebridge.exceptions import InvalidDataError

ValuesT = TypeVar("ValuesT")

_SCALARS = (str, bytes, bool, int, float, np.generic)


def listed(values: ValuesT, name: str) -> ValuesT | list[object]:
    """Return ids as a list or column of one dimension, in the order they come in.

    Parameters
    ----------
    values : list, column, set, generator, mapping or frame
        Of a set the ids are sorted, so that the order does not differ between two processes.
    name : str
        What they are called in an error.

    Raises
    ------
    InvalidDataError
        If there is a single value, or there are rows and columns.

    Examples
    --------
    >>> listed({"b", "a"}, "user_ids"), listed((n for n in (2, 1)), "user_ids")
    (['a', 'b'], [2, 1])
    """
    if values is None or isinstance(values, _SCALARS):
        raise InvalidDataError(
            f"{name} must be a list or column of ids; got the single value {values!r}. Write [{values!r}]."
        )
    if isinstance(values, Set):
        return sorted(values, key=lambda value: (type(value).__name__, value))
    if isinstance(values, Iterator | Mapping | ValuesView):
        return list(values)
    if isinstance(values, list | tuple):
        _refuse_nested(values, name)
        return values
    if getattr(values, "ndim", 1) > 1 or hasattr(values, "columns") or hasattr(values, "column_names"):
        shape = getattr(values, "shape", None)
        raise InvalidDataError(
            f"{name} must be a list or column of ids; got {with_article(values)}"
            f"{f' of shape {shape}' if isinstance(shape, tuple) else ''}. Give one column of it, such as"
            ' frame["user_id"] or array.ravel().'
        )
    return values


def _refuse_nested(values: Iterable[object], name: str) -> None:
    first = next(iter(values), None)
    if isinstance(first, list | tuple | set | frozenset | dict | np.ndarray):
        raise InvalidDataError(
            f"{name} must be a list of ids; its first element is {with_article(first)}. Give one flat list."
        )
