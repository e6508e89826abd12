"""Times that count days, weeks or other units from the start of a study, by the name of their column."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa

from tastebridge.data.text_numbers import given_texts, is_text, plain
from tastebridge.data.text_times import all_numbers
from tastebridge.exceptions import InvalidDataError

TimeUnit: TypeAlias = Literal[
    "seconds", "milliseconds", "microseconds", "nanoseconds", "minutes", "hours", "days", "weeks", "months"
]
"""A unit of times that are numbers."""
_DAY = 86_400.0
_SECONDS: dict[TimeUnit, float] = {
    "seconds": 1.0,
    "milliseconds": 1e-3,
    "microseconds": 1e-6,
    "nanoseconds": 1e-9,
    "minutes": 60.0,
    "hours": 3_600.0,
    "days": _DAY,
    "weeks": 7 * _DAY,
    "months": 365 / 12 * _DAY,
}
UNITS = tuple(_SECONDS)
_COUNTED: dict[str, TimeUnit] = {"hour": "hours", "day": "days", "week": "weeks", "month": "months"}
_NAMED: dict[str, TimeUnit] = {
    f"{before}{word}{after}": unit
    for word, unit in _COUNTED.items()
    for before in ("", "transaction", "order", "event", "study", "purchase")
    for after in ("", "s", "no", "nr", "num", "number", "index", "idx", "id", "count")
}
_LARGEST = 9e18
_SMALL = 100_000
"""Counters stay below: as seconds they would all lie in the first 28 hours of 1970, as days before 2244."""


def unit_of(column: pa.ChunkedArray, name: str) -> TimeUnit | None:
    """Return the unit that a column counts: named for one, with small whole numbers in every cell.

    Parameters
    ----------
    column : ChunkedArray
    name : str
        The name in the file, such as ``DAY`` or ``WEEK_NO``.

    Examples
    --------
    >>> days = pa.chunked_array([[1, 711]])
    >>> unit_of(days, "DAY"), unit_of(days, "WEEK_NO"), unit_of(days, "timestamp")
    ('days', 'weeks', None)
    >>> unit_of(pa.chunked_array([[1_260_759_144]]), "day") is None
    True
    """
    unit = unit_named(name)
    if unit is None:
        return None
    numbers = numbers_in(column)
    return unit if numbers is not None and is_small(numbers) else None


def unit_named(name: str) -> TimeUnit | None:
    """Return the unit that the name of a column tells, if its numbers are small; None for any other name."""
    return _NAMED.get("".join(letter for letter in name.split(":")[0].lower() if letter.isalnum()))


def counted(
    column: pa.ChunkedArray, name: str, asked: TimeUnit | None = None
) -> tuple[pa.ChunkedArray, TimeUnit | None]:
    """Return a column of counters as timestamps, and its unit; another column as it is, and None.

    Parameters
    ----------
    column : ChunkedArray
        The whole column.
    name : str
    asked : TimeUnit, optional
        The unit that was asked for, which holds for all numbers.

    Raises
    ------
    InvalidDataError
        If a unit was asked for and the column does not hold numbers.
    """
    unit = asked or unit_of(column, name)
    return (column, None) if unit is None else (in_unit(column, unit), unit)


def is_small(numbers: np.ndarray) -> bool:
    """Return whether all numbers that are given are whole, and below 100,000 on either side of the start.

    Examples
    --------
    >>> is_small(np.array([1.0, 711.0, np.nan])), is_small(np.array([0.5])), is_small(np.array([1.5e9]))
    (True, False, False)
    """
    some = numbers[~np.isnan(numbers)]
    if not len(some) or np.abs(some).max() >= _SMALL:
        return False
    return bool((some == np.floor(some)).all())


def in_unit(column: pa.ChunkedArray, unit: TimeUnit) -> pa.ChunkedArray:
    """Convert numbers of a unit to timestamps, so that the unit is not guessed again.

    As seconds, 20150731 would be read as a date, and Julian days as milliseconds.

    Raises
    ------
    InvalidDataError
        If the column does not hold numbers.

    Examples
    --------
    >>> in_unit(pa.chunked_array([["1", None]]), "days").to_pylist()
    [datetime.datetime(1970, 1, 2, 0, 0), None]
    >>> in_unit(pa.chunked_array([[20150731]]), "seconds").to_pylist()
    [datetime.datetime(1970, 8, 22, 5, 25, 31)]
    """
    numbers = numbers_in(column)
    if numbers is None:
        raise InvalidDataError(
            f"time_unit={unit!r} is for times that are numbers; the column holds {column.type}. Leave it out."
        )
    seconds = numbers * _SECONDS[unit]
    # a time beyond 64 bits stays a placeholder
    micros = np.clip(np.rint(np.nan_to_num(seconds * 1e6)), -_LARGEST, _LARGEST).astype(np.int64)
    return pa.chunked_array([pa.array(micros, mask=np.isnan(seconds)).cast(pa.timestamp("us"))])


def numbers_in(column: pa.ChunkedArray) -> np.ndarray | None:
    """Return a column of numbers, or of texts that are all numbers, as float64; None for any other."""
    column = plain(column)
    if is_text(column.type):
        column = given_texts(column)
        if not all_numbers(column):
            return None
    elif not is_number(column.type):
        return None
    return column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)


def is_number(kind: pa.DataType) -> bool:
    """Return whether a type of Arrow holds numbers: whole ones, floats or decimals."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
