"""The reading of a column of times, decided once from all of its cells, however many pieces it comes in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tastebridge.data.counters import TimeUnit, is_small, numbers_in, unit_named
from tastebridge.data.text_dates import DateSigns, Form
from tastebridge.data.text_numbers import given_texts, is_text, plain
from tastebridge.data.text_times import are_iso
from tastebridge.data.time_units import are_calendar_digits, are_in_one_calendar


@dataclass(frozen=True)
class TimeReading:
    """The reading of all times of a column, whatever a part of the column would suggest.

    Attributes
    ----------
    numbers : bool
        Whether text holds numbers, and no dates.
    unit : TimeUnit or None
        The unit of numbers that count from the start of a study; None for seconds or fractions of them.
    calendar : bool
        Whether numbers are dates written in digits.
    form : Form
        The form of dates in text.
    """

    numbers: bool = True
    unit: TimeUnit | None = None
    calendar: bool = False
    form: Form = "iso"


SECONDS = TimeReading()
"""The reading of seconds: no date is looked for in their digits."""


@dataclass(frozen=True)
class TimeEvidence:
    """The evidence of some cells for the reading of their column; the evidence of parts adds.

    Attributes
    ----------
    given : bool
        Whether any cell holds a number.
    numbers : bool
        Whether no cell holds anything but a number.
    small : bool
        Whether all numbers are small and whole, as counters are.
    calendar : bool
        Whether all numbers other than 0 are dates written in digits.
    low, high : float
        The range of the numbers other than 0.
    iso : bool
        Whether any text is a date of ISO 8601.
    signs : DateSigns
        The evidence for other forms of dates.
    """

    given: bool = False
    numbers: bool = True
    small: bool = True
    calendar: bool = True
    low: float = np.inf
    high: float = -np.inf
    iso: bool = False
    signs: DateSigns = field(default_factory=DateSigns)

    @classmethod
    def of(cls, column: pa.Array | pa.ChunkedArray) -> TimeEvidence:
        """Return the evidence of a column, or of a part of one.

        Examples
        --------
        >>> TimeEvidence.of(pa.array([1, 711])).reading("DAY").unit
        'days'
        """
        column = plain(column)
        numbers = numbers_in(column)
        if numbers is not None:
            return cls._of_numbers(numbers)
        if not is_text(column.type):
            return cls(numbers=False)
        texts = pc.drop_null(pc.unique(given_texts(column)))
        iso = bool(pc.any(are_iso(texts)).as_py())
        return cls(numbers=False, iso=iso, signs=DateSigns() if iso else DateSigns.of(texts))

    @classmethod
    def _of_numbers(cls, numbers: np.ndarray) -> TimeEvidence:
        given = bool((~np.isnan(numbers)).any())
        some = numbers[np.isfinite(numbers) & (numbers != 0)]
        return cls(
            given=given,
            small=not given or is_small(numbers),
            calendar=not len(some) or are_calendar_digits(some),
            low=float(some.min(initial=np.inf)),
            high=float(some.max(initial=-np.inf)),
        )

    def __add__(self, other: TimeEvidence) -> TimeEvidence:
        return TimeEvidence(
            self.given or other.given,
            self.numbers and other.numbers,
            self.small and other.small,
            self.calendar and other.calendar,
            min(self.low, other.low),
            max(self.high, other.high),
            self.iso or other.iso,
            self.signs + other.signs,
        )

    @classmethod
    def sum(cls, parts: Iterable[TimeEvidence]) -> TimeEvidence:
        """Return the evidence of all parts."""
        return reduce(add, parts, cls())

    def reading(self, name: str) -> TimeReading:
        """Return the reading of the column, as :func:`tastebridge.data.times.seconds` reads one whole column.

        Parameters
        ----------
        name : str
            The name of the column, which decides on the unit of small numbers.
        """
        counted = self.numbers and self.given and self.small
        # pieces may be dates of different lengths, such as months and days, and then they are none
        calendar = self.low <= self.high and self.calendar and are_in_one_calendar(self.low, self.high)
        form = None if self.iso else self.signs.form
        return TimeReading(self.numbers, unit_named(name) if counted else None, calendar, form or "iso")

    def fields(self) -> dict[str, Any]:
        """Return the evidence as plain values, to be sent between processes: see :meth:`of_fields`."""
        return {**self.__dict__, "signs": self.signs.__dict__}

    @classmethod
    def of_fields(cls, fields: dict[str, Any]) -> TimeEvidence:
        """Return the evidence of plain values."""
        return cls(**{**fields, "signs": DateSigns(**fields["signs"])})
