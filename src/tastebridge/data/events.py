"""Events: the rows of a frame as numbers, before they are cleaned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from narwhals.typing import IntoFrame, IntoSeries

from tastebridge.data.cleaning import CleaningPolicy
from tastebridge.data.coding import Coded, dtype_of, encode, to_arrow
from tastebridge.data.columns import recognise
from tastebridge.data.counters import counted
from tastebridge.data.event_weights import weights_of_events
from tastebridge.data.text_numbers import numbers_of, plain_numbers
from tastebridge.data.time_evidence import TimeReading
from tastebridge.data.times import seconds
from tastebridge.exceptions import InvalidDataError, InvalidParameterError


class ArrowStream(Protocol):
    """An object with a stream of Arrow, such as a ``RecordBatchReader`` or a relation of DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the capsule of the stream."""


FrameLike = IntoFrame | ArrowStream
"""A data frame, eager or lazy, of a library that narwhals knows, or a stream of Arrow."""


@dataclass(frozen=True)
class Events:
    """Rows as numbers: codes into the sorted ids; -1 marks a missing id, NaN a missing value.

    Parameters
    ----------
    user_ids, item_ids, category_ids : ndarray
        The ids the codes stand for.
    users, items, categories : ndarray of int32
        A code for each row.
    weights : ndarray of float64
        A weight for each row.
    times : ndarray of float64 or None
        Seconds since 1970 for each row; infinite for a placeholder such as 9999-12-31.
    weight_column : str, optional
        The name of the column of weights; None without one.
    notes : tuple of str
        How the weights were read.
    first_times, first_weights : ndarray of float64 or None
        Of merged rows, the time and the weight of the earliest; None if no pair met at several times.
    """

    user_ids: np.ndarray
    item_ids: np.ndarray
    category_ids: np.ndarray
    users: np.ndarray
    items: np.ndarray
    categories: np.ndarray
    weights: np.ndarray
    times: np.ndarray | None
    weight_column: str | None = None
    notes: tuple[str, ...] = ()
    first_times: np.ndarray | None = None
    first_weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.users)

    def take(self, rows: np.ndarray) -> Events:
        """Return some of the rows: a mask, or places in order."""
        return replace(
            self,
            users=self.users[rows],
            items=self.items[rows],
            categories=self.categories[rows],
            weights=self.weights[rows],
            times=None if self.times is None else self.times[rows],
            first_times=None if self.first_times is None else self.first_times[rows],
            first_weights=None if self.first_weights is None else self.first_weights[rows],
        )


def read_events(
    frame: FrameLike,
    columns: Mapping[str, str | None] | None = None,
    event_weights: Mapping[Any, float] | None = None,
    part: bool = False,
    policy: CleaningPolicy | None = None,
    times: TimeReading | None = None,
) -> Events:
    """Read a frame of any library into events.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame, polars.LazyFrame, pyarrow.Table or Arrow stream
        One row per event. An Arrow stream is any object with ``__arrow_c_stream__``, such as a
        ``RecordBatchReader`` or a relation of DuckDB; a pyarrow ``Dataset`` will do too.
    columns : mapping of role to column, optional
        See :func:`tastebridge.data.columns.recognise`.
    event_weights : mapping of event type to weight, optional
        The worth of each type of event; it multiplies the weight where there is a column of weights too.
    part : bool, default=False
        Whether the frame is a part of a table, so that it may be empty, and all its weights or times missing.
    policy : CleaningPolicy, optional
        Its weight that means no rating was given, and the weight of such rows.
    times : TimeReading, optional
        The reading of the times of a whole table of which this is a part; by default these rows decide on it.

    Returns
    -------
    Events
        All rows of the frame.
    """
    if columns is not None and not isinstance(columns, Mapping):
        raise InvalidParameterError(
            f"columns must be a mapping of role to column; got {type(columns).__name__}. Write"
            ' columns={"user_id": "buyer"}; a list names the columns of a file without a header.'
        )
    columns = dict(columns or {})
    if event_weights is None:
        # Types of events mean nothing without weights: two such columns must not make a role unclear.
        columns.setdefault("event", None)
    table, roles = _chosen(frame, columns)
    if not len(table) and not part:
        raise InvalidDataError("the frame has no rows; a panel needs at least one.")
    series = {role: table[column] for role, column in roles.items()}
    users, items = encode(series["user_id"], "user_id"), encode(series["item_id"], "item_id")
    categories = _named(encode(series["category"], "category"))
    weights = _weights(series["weight"], part) if "weight" in series else np.ones(len(table))
    notes: tuple[str, ...] = ()
    if policy is not None:
        notes = policy.idle_sign(weights if "weight" in series else None)
        weights = policy.rated(weights) if "weight" in series else weights
    if event_weights is not None:
        weights *= weights_of_events(series.get("event"), event_weights)
    read = None
    if "timestamp" in series and times is not None:
        read = seconds(series["timestamp"], part, reading=times)
    elif "timestamp" in series:
        read = _times(series["timestamp"], roles["timestamp"], part)
    codes = users.codes, items.codes, categories.codes
    return Events(users.ids, items.ids, categories.ids, *codes, weights, read, roles.get("weight"), notes)


def _times(series: Any, name: str, part: bool) -> np.ndarray:  # noqa: ANN401 - of any library
    """Return a column of times as seconds; counters such as ``DAY`` are read in the unit of their name."""
    try:
        column, unit = counted(to_arrow(series), name)
    except (pa.ArrowException, TypeError, ValueError):
        return seconds(series, part)  # no column of Arrow: the reader of times says so
    return seconds(series if unit is None else column, part)


def _chosen(frame: FrameLike, columns: Mapping[str, str | None]) -> tuple[Any, dict[str, str]]:
    """Return a frame with the columns that play a role, and which does; pandas is read as it is."""
    names = frame.columns.tolist() if isinstance(frame, pd.DataFrame) else []
    if names and not any(isinstance(name, str) for name in names):
        shown = ", ".join(map(repr, names[:4])) + (", …" if len(names) > 4 else "")
        raise InvalidDataError(
            f"the columns of the frame have names other than text: {shown}. Rename them, such as"
            ' frame.columns = ["user_id", "item_id", "category"].'
        )
    # pandas is the quicker as it is; a frame with doubled names goes on, to the error that names them.
    if names and len(set(names)) == len(names):
        return frame, recognise([name for name in names if isinstance(name, str)], columns)
    data = into_frame(frame)
    names = data.columns if isinstance(data, nw.DataFrame) else data.collect_schema().names()
    roles = recognise([name for name in names if isinstance(name, str)], columns)
    return _collected(data, list(roles.values())), roles


def into_frame(frame: object) -> nw.DataFrame[Any] | nw.LazyFrame[Any]:
    """Return any known frame under one interface; an unknown type is an error."""
    try:
        # a single column has a stream of Arrow too
        data = frame if _is_column(frame) else nw.from_native(as_table(frame), pass_through=True)
    except ValueError as error:  # such as two columns of one name
        raise InvalidDataError(f"the frame cannot be read: {error}") from None
    if isinstance(data, nw.DataFrame | nw.LazyFrame):
        return data
    raise InvalidDataError(
        "frame must be a pandas or polars data frame, a pyarrow table or an Arrow stream;"
        f" got {type(frame).__name__}. Convert it, for instance with pandas.DataFrame(…)."
    )


def as_table(frame: object) -> object:
    """Return a data set or stream of Arrow as a table; frames of known libraries as they are."""
    if isinstance(frame, ds.Dataset):
        return frame.to_table()
    if isinstance(frame, pd.DataFrame | pa.Table) or not hasattr(frame, "__arrow_c_stream__"):
        return frame
    known = nw.from_native(frame, pass_through=True)
    return (
        frame
        if isinstance(known, nw.DataFrame | nw.LazyFrame) and not _is_relation(frame)
        else pa.table(frame)
    )


def _is_column(frame: object) -> bool:
    """Return whether something is one column: a series, or an array of Arrow."""
    series = nw.from_native(frame, pass_through=True, allow_series=True)
    return isinstance(frame, pa.Array) or isinstance(series, nw.Series)


def _is_relation(frame: object) -> bool:
    """Return whether a lazy frame of DuckDB is meant, whose stream is read at once."""
    return type(frame).__module__.partition(".")[0] in ("duckdb", "_duckdb")


def _collected(data: nw.DataFrame[Any] | nw.LazyFrame[Any], columns: list[str]) -> nw.DataFrame[Any]:
    try:
        chosen = data.select(columns)
    except ValueError as error:
        raise InvalidDataError(f"the frame cannot be read: {error}") from None
    return chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen


def _named(categories: Coded) -> Coded:
    """Return categories with names of type str: ``3`` becomes ``"3"``, sorted as text."""
    if categories.ids.dtype == object:
        return categories
    names = categories.ids.astype(str).astype(object)
    order = np.argsort(names)
    # The inverse of the order: the new place of each category. Code -1 finds the last place and stays -1.
    places = np.append(np.argsort(order), -1).astype(np.int32)
    return Coded(names[order], places[categories.codes])


def _weights(series: IntoSeries, part: bool) -> np.ndarray:
    try:
        weights = plain_numbers(series)
        weights = numbers_of(to_arrow(series), "weight") if weights is None else weights
    except (pa.ArrowException, TypeError, ValueError) as error:
        if isinstance(error, InvalidDataError):
            raise
        raise InvalidDataError(f"weight must be a column of numbers; got {dtype_of(series)}.") from None
    with np.errstate(over="ignore", under="ignore"):
        # As the matrix will hold them: a weight that is infinite or 0 in single precision is cleaned as such.
        weights = weights.astype(np.float32).astype(np.float64)
    if np.isnan(weights).all() and not part:
        raise InvalidDataError(
            "every weight is missing or NaN. Leave the column out: columns={'weight': None}."
        )
    return weights
