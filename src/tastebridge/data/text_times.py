"""Times written as text: ISO 8601 with or without a zone, or in a format that is given."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tastebridge.data.cell_shapes import shape_of
from tastebridge.data.text_dates import DateSigns, Form, as_iso
from tastebridge.data.time_units import civil_seconds
from tastebridge.exceptions import InvalidDataError

_ISO = (
    r"^(?P<year>[0-9]{4})[-/](?P<month>[0-9]{1,2})[-/](?P<day>[0-9]{1,2})"
    r"(?:[T ]+(?P<hour>[0-9]{1,2})"
    r"(?::?(?P<minute>[0-9]{2})(?::?(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]+))?)?)?)?"
    r"(?: ?(?P<zone>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?$"
)
_NUMBER = r"^[+-]?[0-9]+([.][0-9]*)?([eE][+-]?[0-9]+)?$"


def all_numbers(texts: pa.ChunkedArray) -> bool:
    """Return whether all texts are plain numbers."""
    return bool(pc.all(pc.match_substring_regex(texts, _NUMBER), min_count=0).as_py())


def are_iso(texts: pa.Array) -> pa.Array:
    """Return which texts have the form of ISO 8601."""
    return pc.match_substring_regex(texts, _ISO)


def parsed(texts: pa.ChunkedArray, time_format: str | None = None, form: Form | None = None) -> np.ndarray:
    """Return texts as seconds since 1970, NaN where null.

    Parameters
    ----------
    texts : ChunkedArray of string
    time_format : str, optional
        A format of :meth:`datetime.datetime.strptime`; without it ISO 8601.
    form : Form, optional
        The form of the whole column, of which the texts are a part; by default they decide on it.

    Returns
    -------
    ndarray of float64
        Infinite for ``0000-00-00``, which databases write for no date.

    Raises
    ------
    InvalidDataError
        If a text is no such time, naming its row and shape.

    Examples
    --------
    >>> parsed(pa.chunked_array([["1970-01-01T02:00:00+02:00", "1970-01-02"]])).tolist()
    [0.0, 86400.0]
    >>> parsed(pa.chunked_array([["02/01/1970"]]), "%d/%m/%Y").tolist()
    [86400.0]
    """
    if not len(texts):
        return np.empty(0)
    # Texts repeat, above all dates: each is parsed once.
    coded = texts.dictionary_encode().combine_chunks()
    coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
    values = (
        _iso(coded.dictionary, form) if time_format is None else _formatted(coded.dictionary, time_format)
    )
    rows = coded.indices.fill_null(len(values)).to_numpy(zero_copy_only=False)
    # The last place serves null, which is missing and not unread.
    unread = np.append(np.isnan(values), False)
    if unread.any():
        row = int(np.argmax(unread[rows]))
        expected = "ISO 8601 text" if time_format is None else f"text in the format {time_format!r}"
        raise InvalidDataError(
            f"timestamp must hold dates, numbers or {expected}; row {row} holds"
            f" {shape_of(coded.dictionary[rows[row]].as_py())}. Specify the format, such as"
            " time_format='%d/%m/%Y %H:%M', or leave it out: columns={'timestamp': None}."
        )
    return np.append(values, np.nan)[rows]


def _iso(texts: pa.Array, form: Form | None) -> np.ndarray:
    """Return ISO 8601 texts, or all of another known form, as seconds, NaN where a text is none."""
    found = pc.extract_regex(texts, _ISO)
    if form is None and found.null_count == len(found):
        form = DateSigns.of(texts).form
    if form is not None and form != "iso":
        found = pc.extract_regex(as_iso(texts, form), _ISO)
    matched = found.is_valid().to_numpy(zero_copy_only=False)
    year, month, day, hour, minute, second = (
        _whole(found, name) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    # A leap second is written as 60.
    good = matched & (hour <= 23) & (minute <= 59) & (second <= 60)
    clock = hour * 3600 + minute * 60 + second - _offset(found)
    micros = (civil_seconds(year, month, day) + clock) * 1e6 + _micros(found)
    nothing = matched & (year == 0) & (month == 0) & (day == 0)
    # Divided once, from microseconds: every way of writing a time gives the same float.
    return np.where(nothing, np.inf, np.where(good, micros / 1e6, np.nan))


def _field(found: pa.Array, name: str) -> pa.Array:
    return pc.fill_null(pc.struct_field(found, name), "")


def _whole(found: pa.Array, name: str) -> np.ndarray:
    texts = _field(found, name)
    return pc.if_else(pc.equal(texts, ""), "0", texts).cast(pa.int64()).to_numpy(zero_copy_only=False)


def _micros(found: pa.Array) -> np.ndarray:
    # Nine digits are nanoseconds; more are cut off.
    part = pc.utf8_slice_codeunits(pc.utf8_rpad(_field(found, "part"), 9, "0"), 0, 9)
    return part.cast(pa.int64()).to_numpy(zero_copy_only=False) / 1e3


def _offset(found: pa.Array) -> np.ndarray:
    """Return how many seconds a zone is ahead of UTC."""
    zone = pc.replace_substring(_field(found, "zone"), ":", "")
    signed = pc.match_substring_regex(zone, "^[+-]")
    digits = pc.if_else(signed, pc.utf8_rpad(pc.utf8_slice_codeunits(zone, 1), 4, "0"), "0000")
    hours, minutes = np.divmod(digits.cast(pa.int64()).to_numpy(zero_copy_only=False), 100)
    west = pc.starts_with(zone, "-").to_numpy(zero_copy_only=False)
    return np.where(west, -1, 1) * (hours * 3600 + minutes * 60)


def _formatted(texts: pa.Array, time_format: str) -> np.ndarray:
    return np.array([_read(text, time_format) for text in texts.to_pylist()], dtype=np.float64)


def _read(text: str, time_format: str) -> float:
    try:
        time = datetime.strptime(text, time_format)
    except ValueError:
        return float("nan")
    # UTC as everywhere here, not the zone of this machine.
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
