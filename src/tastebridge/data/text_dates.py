"""Dates as services and spreadsheets write them, as ISO 8601 text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

Form: TypeAlias = Literal["iso", "mail", "day first", "month first"]
"""A form of dates in text."""

_MAIL = (
    r"^[A-Z][a-z]{2},? +(?P<month>[0-9]{1,2}) +(?P<day>[0-9]{1,2}) +"
    r"(?P<clock>[0-9]{1,2}:[0-9]{2}:[0-9]{2})(?: +(?P<zone>UTC|GMT|[+-][0-9]{4}))? +(?P<year>[0-9]{4})$"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LOCAL = (
    r"^(?P<first>[0-9]{1,2})(?P<sign>[/.-])(?P<second>[0-9]{1,2})[/.-](?P<year>[0-9]{4})"
    r"(?:,?[ T]+(?P<hour>[0-9]{1,2})(?P<rest>:[0-9]{2}(?::[0-9]{2})?)(?: ?(?P<half>[AaPp][Mm]))?)?$"
)


def as_iso(texts: pa.Array, form: Form) -> pa.Array:
    """Convert dates in a format to ISO 8601 text; null where a text has another format.

    Examples
    --------
    >>> as_iso(pa.array(["Fri Aug 25 13:55:02 -0700 2017"]), "mail").to_pylist()
    ['2017-8-25 13:55:02-0700']
    >>> as_iso(pa.array(["11/15/2019 8:05:45 PM", "1/2/2019 12:00:00 AM"]), "month first").to_pylist()
    ['2019-11-15 20:05:45', '2019-1-2 0:00:00']
    """
    texts = texts.cast(pa.string())
    if form == "iso":
        return texts
    if form != "mail":
        return _local(pc.extract_regex(texts, _LOCAL), form == "day first")
    found = pc.extract_regex(_with_numbers(texts), _MAIL)
    date = pc.binary_join_element_wise(*(pc.struct_field(found, part) for part in _DATE), "-")
    time = pc.binary_join_element_wise(date, pc.struct_field(found, "clock"), " ")
    return pc.binary_join_element_wise(time, pc.struct_field(found, "zone"), "")


_DATE = ("year", "month", "day")


@dataclass(frozen=True)
class DateSigns:
    """The evidence of dates in text for their form; the evidence of parts of a column adds.

    Forms are ``Fri Aug 25 13:55:02 -0700 2017``, and ``25/8/2017 1:55 PM`` where the order of day and month
    is beyond doubt: points stand between them, or one of the numbers is larger than 12 in some row.

    Attributes
    ----------
    given : bool
        Whether there is a date.
    mail, local : bool
        Whether all dates have the first form, or the second.
    points : bool
        Whether points stand between all numbers.
    first, second : bool
        Whether the first number is above 12 in some date, and whether the second is.
    """

    given: bool = False
    mail: bool = True
    local: bool = True
    points: bool = True
    first: bool = False
    second: bool = False

    @classmethod
    def of(cls, texts: pa.Array) -> DateSigns:
        """Return the evidence of texts.

        Examples
        --------
        >>> one, other = DateSigns.of(pa.array(["1/2/2019"])), DateSigns.of(pa.array(["15/2/2019"]))
        >>> one.form, (one + other).form
        (None, 'day first')
        """
        texts = texts.drop_null().cast(pa.string())
        if not len(texts):
            return cls()
        if not pc.extract_regex(_with_numbers(texts), _MAIL).null_count:
            return cls(given=True, local=False)
        found = pc.extract_regex(texts, _LOCAL)
        if found.null_count:
            return cls(given=True, mail=False, local=False)
        points = pc.all(pc.equal(pc.struct_field(found, "sign"), ".")).as_py()
        above = (_above_12(pc.struct_field(found, name)) for name in ("first", "second"))
        return cls(True, False, True, bool(points), *above)

    def __add__(self, other: DateSigns) -> DateSigns:
        return DateSigns(
            self.given or other.given,
            self.mail and other.mail,
            self.local and other.local,
            self.points and other.points,
            self.first or other.first,
            self.second or other.second,
        )

    @property
    def form(self) -> Form | None:
        """The form of all dates; None where it is not known, or in doubt."""
        if not self.given or not (self.mail or self.local):
            return None
        if self.mail:
            return "mail"
        day_first = self.first or self.points
        if day_first == self.second:
            return None
        return "day first" if day_first else "month first"


def _local(found: pa.Array, day_first: bool) -> pa.Array:
    """Return dates in numbers as ISO 8601 text."""
    first, second = (pc.struct_field(found, part) for part in ("first", "second"))
    day, month = (first, second) if day_first else (second, first)
    date = pc.binary_join_element_wise(pc.struct_field(found, "year"), month, day, "-")
    texts = pc.struct_field(found, "hour")
    hour = pc.if_else(pc.equal(texts, ""), "0", texts).cast(pa.int64())
    half = pc.utf8_lower(pc.struct_field(found, "half"))
    twelve = pc.and_(pc.not_equal(half, ""), pc.equal(hour, 12))
    hour = pc.if_else(twelve, 0, hour)
    hour = pc.if_else(pc.equal(half, "pm"), pc.add(hour, 12), hour).cast(pa.string())
    rest = pc.struct_field(found, "rest")
    clock = pc.binary_join_element_wise(hour, pc.if_else(pc.equal(rest, ""), ":00", rest), "")
    return pc.binary_join_element_wise(date, clock, " ")


def _above_12(numbers: pa.Array) -> bool:
    return bool(pc.any(pc.greater(numbers.cast(pa.int64()), 12), min_count=0).as_py())


def _with_numbers(texts: pa.Array) -> pa.Array:
    """Return texts with the names of months as numbers."""
    for number, name in enumerate(_MONTHS, start=1):
        texts = pc.replace_substring(texts, f" {name} ", f" {number} ", max_replacements=1)
    return texts
