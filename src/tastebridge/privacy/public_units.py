"""The unit of numeric times, which reading a frame learns from all rows, learned from public rows only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tastebridge.data import Panel
from tastebridge.data.coding import encode, to_arrow
from tastebridge.data.columns import recognise
from tastebridge.data.events import FrameLike, into_frame
from tastebridge.data.time_units import are_calendar_digits, number_seconds
from tastebridge.data.types import Frame
from tastebridge.exceptions import InvalidDataError

_FARTHEST = 9.0e18
"""Microseconds since 1970 that a time may have: later ones are put there, so that no row goes."""
_SUSPICIOUS = 30.0
"""A protected time so many times as late as the last public one was read in another unit: dates since 1971
differ by less."""


def with_public_times(frame: FrameLike, public: NDArray[Any]) -> Frame | None:
    """Return a frame whose numeric times are dates, read as the rows of public users say.

    Plain numbers are seconds, or milli-, micro- or nanoseconds, each by its own size; or all of them are
    dates written in digits. One protected user would decide on the last for all users.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame, polars.LazyFrame or pyarrow.Table
        One row per event.
    public : ndarray of ids
        The users whose rows alone decide on the unit. A user whose rows are all left out by the cleaning is
        not one of them.

    Returns
    -------
    frame, or None
        None if there are no numeric times, so that the frame can be read as it is.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> from tastebridge.privacy.public_units import with_public_times
    >>> rows = [("ada", "dune", "books", 20200913.0), ("kim", "emma", "books", 1.6e12)]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "timestamp"])
    >>> with_public_times(frame, np.array(["ada"]))["timestamp"].iloc[0]
    Timestamp('2020-09-13 00:00:00')
    """
    data = into_frame(frame)
    table = data.collect() if isinstance(data, nw.LazyFrame) else data
    roles = recognise([name for name in table.columns if isinstance(name, str)], {"event": None})
    if "timestamp" not in roles:
        return None
    name = roles["timestamp"]
    column = to_arrow(nw.to_native(table[name]))
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return None
    numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
    numbers[np.isinf(numbers)] = np.nan
    users = encode(nw.to_native(table[roles["user_id"]]), "user_id")
    known = np.append(np.isin(users.ids, public), False)[users.codes]  # -1: an id that is missing
    times = number_seconds(numbers, are_calendar_digits(numbers[known]))
    dates = nw.new_series(name, _dates(times), nw.Datetime("us"), backend=table.implementation)
    return nw.to_native(table.with_columns(dates))


def check_public(panel: Panel, protected: Callable[[Panel], NDArray[np.bool_]]) -> None:
    """Refuse a panel that was made in a way that lets protected users decide on the data of others.

    Raises
    ------
    InvalidDataError
        If it was cleaned with minimum counts, or a protected time shows that its unit was read from there.
    """
    minima = panel.cleaning.minima
    if max(minima) > 1 or any(step.step.startswith("rare ") for step in panel.cleaning.steps):
        raise InvalidDataError(
            "the panel was cleaned with minimum counts (min_user_events, min_item_events), so which items "
            "and users are left depends on protected users, without noise. Make it without these; "
            "min_outsiders=… leaves out rare items by public counts."
        )
    if panel.has_times:
        mask = protected(panel)
        latest = [_latest(panel[rows]) for rows in (mask, ~mask)]
        if latest[0] > _SUSPICIOUS * max(latest[1], 1.0):
            raise InvalidDataError(
                "a protected user has times far beyond all others, so the unit of the panel's "
                "numeric times depends on protected users. Pass the frame, of which the unit is read from "
                "others only, or give times as dates."
            )


def _latest(panel: Panel) -> float:
    times = (part.times for part in panel.interactions.values())
    return max((float(np.abs(some).max()) for some in times if some is not None and len(some)), default=0.0)


def _dates(seconds: NDArray[np.float64]) -> NDArray[np.datetime64]:
    micro = np.clip(np.rint(seconds * 1e6), -_FARTHEST, _FARTHEST)
    missing = np.isnan(micro)
    dates = np.where(missing, 0.0, micro).astype(np.int64).astype("datetime64[us]")
    dates[missing] = np.datetime64("NaT")
    return dates
