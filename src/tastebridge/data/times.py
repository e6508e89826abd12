"""Times of any kind as seconds since 1970."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from narwhals.typing import IntoSeries

from tastebridge.data.coding import dtype_of, to_arrow
from tastebridge.data.counters import in_unit
from tastebridge.data.text_numbers import given_texts, is_text, plain
from tastebridge.data.text_times import all_numbers, parsed
from tastebridge.data.time_evidence import TimeReading
from tastebridge.data.time_units import are_calendar_digits, number_seconds, possible
from tastebridge.exceptions import InvalidDataError

_PERIOD = "pandas.period"
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def seconds(
    series: IntoSeries,
    part: bool = False,
    time_format: str | None = None,
    reading: TimeReading | None = None,
) -> np.ndarray:
    """Return a column of times as float64 seconds since 1970, NaN where missing.

    - Dates and times, with or without a zone, are taken as they are; without a zone they are UTC. A period of
      pandas, such as a month, counts from its start.
    - Text is ISO 8601 (``2015-07-31``, ``2015-07-31 22:13``, with ``Z`` or an offset or neither), or numbers.
    - Plain numbers are seconds, or milli-, micro- or nanoseconds if beyond 1e11, 1e14 or 1e17. Each number is
      read by itself: seconds pass 1e11 in the year 5138, milliseconds passed it in 1973.
    - If all numbers of the column are dates written as ``20150731`` (or with the time behind, as
      ``20150731221320``), or months from 1900 to 2100 written as ``201507``, they are read as such.
    - Placeholders become infinite: a time outside 1900 to 2261 such as ``9999-12-31``, the last day of 2099
      or 2199, the last second of a 32-bit clock.

    Parameters
    ----------
    series : column of pandas, polars or pyarrow
        The column.
    part : bool, default=False
        Whether it is a part of a column, so that every time may be missing.
    time_format : str, optional
        How text is to be read, such as ``"%d/%m/%Y %H:%M"``: see :meth:`datetime.datetime.strptime`.
    reading : TimeReading, optional
        The reading of the whole column, of which this is a part; by default these cells decide on it.

    Returns
    -------
    ndarray of float64
        Seconds since 1970, UTC; infinite for placeholders.

    Raises
    ------
    InvalidDataError
        If the column cannot be read as times, or every time is missing or a placeholder.

    Examples
    --------
    >>> import pandas as pd
    >>> seconds(pd.Series([1_260_759_144_000, 1_260_759_144])).tolist()
    [1260759144.0, 1260759144.0]
    >>> seconds(pd.Series(["2009-12-14T02:52:24Z", "9999-12-31"])).tolist()
    [1260759144.0, inf]
    """
    try:
        times = possible(_seconds(plain(to_arrow(series)), time_format, reading))
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, InvalidDataError):
            raise
        raise InvalidDataError(
            f"timestamp must hold dates, numbers or ISO 8601 text; got {dtype_of(series)}."
        ) from None
    if not np.isfinite(times).any() and not part:
        raise InvalidDataError(
            "every timestamp is missing or is a placeholder outside 1900 to 2261."
            " Leave the column out: columns={'timestamp': None}."
        )
    return times


def _seconds(column: pa.ChunkedArray, time_format: str | None, reading: TimeReading | None) -> np.ndarray:
    if isinstance(column.type, pa.BaseExtensionType):
        column = _starts(column)
    if reading is not None and reading.unit is not None:
        column = in_unit(column, reading.unit)
    if is_text(column.type):
        texts = given_texts(column)
        if time_format is None and (all_numbers(texts) if reading is None else reading.numbers):
            return _of_numbers(texts.cast(pa.float64()), reading)
        return parsed(texts, time_format, None if reading is None else reading.form)
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        return _of_whole(column.cast(pa.int64()), _PER_SECOND[column.type.unit])
    return _of_numbers(column, reading)


def _starts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the starts of periods of pandas; other types that Arrow does not know itself are refused."""
    if column.type.extension_name != _PERIOD:
        raise TypeError(column.type)
    # such a type casts to the numbers it is stored as, which count days, months or years
    return pa.chunked_array([pa.array(column.to_pandas().dt.start_time, from_pandas=True)])


def _of_numbers(column: pa.ChunkedArray, reading: TimeReading | None) -> np.ndarray:
    numbers = column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
    return number_seconds(numbers, are_calendar_digits(numbers) if reading is None else reading.calendar)


def _of_whole(column: pa.ChunkedArray, per_second: int) -> np.ndarray:
    """Return whole units as seconds: one rounding at the end, so that every unit gives the same float."""
    missing = column.is_null().to_numpy()
    numbers = column.fill_null(0).to_numpy()
    whole, rest = np.divmod(numbers, per_second)
    micros = whole.astype(np.float64) * 1e6 + rest * (1_000_000 / per_second)
    return np.where(missing, np.nan, micros / 1e6)
