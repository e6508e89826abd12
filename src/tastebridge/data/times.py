"""Times of any kind as seconds since 1970."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from tastebridge.data.coding import dtype_of, to_arrow
from tastebridge.exceptions import InvalidDataError

_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_BOUNDS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))


def seconds(series: Any, part: bool = False) -> np.ndarray:
    """Return a column of times as float64 seconds since 1970, NaN where missing.

    Dates and times (with or without a zone) are taken as they are, text is read as ISO 8601. Plain numbers
    are seconds, or milli-, micro- or nanoseconds if the largest of them is beyond 1e11, 1e14 or 1e17: seconds
    pass 1e11 in the year 5138, milliseconds passed it in 1973.

    Parameters
    ----------
    series : column of pandas, polars or pyarrow
        The column.
    part : bool, default=False
        Whether it is a part of a column, so that every time may be missing.

    Returns
    -------
    ndarray of float64
        Seconds since 1970, UTC.

    Raises
    ------
    InvalidDataError
        If the column cannot be read as times, or every time is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> seconds(pd.Series([1_260_759_144_000])).tolist()
    [1260759144.0]
    """
    try:
        times = _seconds(to_arrow(series))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise InvalidDataError(
            f"timestamp must hold dates, numbers or ISO 8601 text; got {dtype_of(series)}: {error}"
        ) from None
    if np.isnan(times).all() and not part:
        raise InvalidDataError(
            "every timestamp is missing. Leave the column out: columns={'timestamp': None}."
        )
    return times


def _seconds(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.timestamp("us"))
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        return _numbers(column.cast(pa.int64())) / _PER_SECOND[column.type.unit]
    numbers = _numbers(column)
    largest = float(np.nanmax(np.abs(numbers), initial=0.0))
    return numbers / scale_of(largest)


def scale_of(largest: float) -> float:
    """Return how many make a second, of plain numbers of which this is the largest."""
    return next((per_second for bound, per_second in _BOUNDS if largest > bound), 1.0)


def _numbers(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.isinf(numbers), np.nan, numbers)
