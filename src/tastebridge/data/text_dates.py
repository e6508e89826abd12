"""Dates as services and spreadsheets write them, as ISO 8601 text."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_MAIL = (
    r"^[A-Z][a-z]{2},? +(?P<month>[0-9]{1,2}) +(?P<day>[0-9]{1,2}) +"
    r"(?P<clock>[0-9]{1,2}:[0-9]{2}:[0-9]{2})(?: +(?P<zone>UTC|GMT|[+-][0-9]{4}))? +(?P<year>[0-9]{4})$"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LOCAL = (
    r"^(?P<first>[0-9]{1,2})(?P<sign>[/.-])(?P<second>[0-9]{1,2})[/.-](?P<year>[0-9]{4})"
    r"(?:,?[ T]+(?P<hour>[0-9]{1,2})(?P<rest>:[0-9]{2}(?::[0-9]{2})?)(?: ?(?P<half>[AaPp][Mm]))?)?$"
)


def as_iso(texts: pa.Array) -> pa.Array | None:
    """Convert dates in other formats to ISO 8601 text; None if the format is unknown.

    Read are ``Fri Aug 25 13:55:02 -0700 2017``, and ``25/8/2017 1:55 PM`` where the order of day and month is
    beyond doubt: points stand between them, or one of the numbers is larger than 12 in some row.

    Parameters
    ----------
    texts : Array of string
        All the dates of a column, which decide on its form together.

    Examples
    --------
    >>> as_iso(pa.array(["Fri Aug 25 13:55:02 -0700 2017"])).to_pylist()
    ['2017-8-25 13:55:02-0700']
    >>> as_iso(pa.array(["11/15/2019 8:05:45 PM", "1/2/2019 12:00:00 AM"])).to_pylist()
    ['2019-11-15 20:05:45', '2019-1-2 0:00:00']
    >>> as_iso(pa.array(["1/2/2019"])) is None
    True
    """
    texts = texts.cast(pa.string())
    found = pc.extract_regex(_with_numbers(texts), _MAIL)
    if _whole(found, texts):
        date = pc.binary_join_element_wise(*(pc.struct_field(found, part) for part in _DATE), "-")
        time = pc.binary_join_element_wise(date, pc.struct_field(found, "clock"), " ")
        return pc.binary_join_element_wise(time, pc.struct_field(found, "zone"), "")
    found = pc.extract_regex(texts, _LOCAL)
    return _local(found) if _whole(found, texts) else None


_DATE = ("year", "month", "day")


def _local(found: pa.Array) -> pa.Array | None:
    """Return dates in numbers in one order, if it is beyond doubt."""
    first, second = (pc.struct_field(found, part) for part in ("first", "second"))
    day_first = _above_12(first) or pc.all(pc.equal(pc.struct_field(found, "sign"), ".")).as_py()
    if day_first == _above_12(second):
        return None
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


def _whole(found: pa.Array, texts: pa.Array) -> bool:
    """Return whether every text was read, and there is one."""
    return found.null_count == texts.null_count < len(texts)


def _with_numbers(texts: pa.Array) -> pa.Array:
    """Return texts with the names of months as numbers."""
    for number, name in enumerate(_MONTHS, start=1):
        texts = pc.replace_substring(texts, f" {name} ", f" {number} ", max_replacements=1)
    return texts
