"""Histories as Arrow: one row per user with a list of events, and the conversion from a table of events."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tastebridge.data.coding import encode
from tastebridge.data.columns import REQUIRED, ROLES
from tastebridge.exceptions import InvalidDataError

FIELDS = tuple(role for role in ROLES if role != "user_id")
"""The fields of an event; item_id and category are required."""


def nest(events: pa.Table) -> pa.RecordBatch:
    """Return the histories of a table with one row per event.

    Parameters
    ----------
    events : Table
        Columns user_id, item_id, category and, where there are any, weight, timestamp and event.

    Returns
    -------
    RecordBatch
        ``user_id`` and ``events``, a list of structs of the other columns. Users are ascending, and events of
        a user keep their order. Rows without a user_id come first, as one history.

    Examples
    --------
    >>> rows = {"user_id": [2, 1, 2], "item_id": ["a", "b", "c"], "category": ["books"] * 3}
    >>> nest(pa.table(rows)).to_pylist()[0]
    {'user_id': 1, 'events': [{'item_id': 'b', 'category': 'books'}]}
    """
    events = events.combine_chunks()
    users = encode(events["user_id"], "user_id").codes
    order = _together(users)
    grouped = users[order]
    starts = np.append(0, np.flatnonzero(grouped[1:] != grouped[:-1]) + 1)[: len(grouped)]
    names = [name for name in FIELDS if name in events.column_names]
    rows = events.select(names).take(pa.array(order))
    structs = pa.StructArray.from_arrays([_one(rows[name]) for name in names], names)
    ends = pa.array(np.append(starts, len(rows)).astype(np.int32))
    ids = _one(events["user_id"].take(pa.array(order[starts])))
    return pa.record_batch({"user_id": ids, "events": pa.ListArray.from_arrays(ends, structs)})


def unnest(histories: pa.RecordBatch) -> pa.Table:
    """Return the events of histories, one row per event; the inverse of :func:`nest`.

    Raises
    ------
    InvalidDataError
        If the batch does not hold histories, or holds a user twice.
    """
    _check(histories)
    events = histories["events"]
    user_ids = _repeated(histories["user_id"], pc.list_parent_indices(events))
    flat = pc.list_flatten(events)
    columns = dict(zip((field.name for field in flat.type), flat.flatten(), strict=True))
    return pa.table({"user_id": user_ids, **{name: columns[name] for name in FIELDS if name in columns}})


def _repeated(ids: pa.Array, places: pa.Array) -> pa.Array:
    """Return the ids at some positions as a dictionary array, which needs less memory than copies."""
    if pa.types.is_dictionary(ids.type):
        return ids.take(places)
    return pa.DictionaryArray.from_arrays(places.cast(pa.int32()), ids)


def id_type(kind: pa.DataType) -> pa.DataType:
    """Return the type in which ids of a type are written: int64 or string."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    # floats: pandas turns whole numbers into them where one is missing
    whole = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
    return pa.int64() if whole else pa.string()


def _together(users: np.ndarray) -> np.ndarray:
    """Return the places of the rows user by user, each user's in the original order."""
    # NumPy sorts 16-bit numbers by radix, which is faster and stable too
    short = len(users) and users.max() < np.iinfo(np.int16).max
    return np.argsort(users.astype(np.int16) if short else users, kind="stable")


def _one(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    # Arrow may return a chunked array here too, with one chunk
    return array.chunk(0) if isinstance(array, pa.ChunkedArray) else array


def _check(histories: pa.RecordBatch) -> None:
    schema = histories.schema
    if not {"user_id", "events"} <= set(schema.names) or not _holds_events(schema.field("events").type):
        raise InvalidDataError(
            "a batch of histories needs the columns user_id and events, a list of structs with item_id and "
            f"category; got {schema.to_string(show_schema_metadata=False)!r}. "
            "tastebridge.batch.nest makes such a batch from a table of events."
        )
    users = histories["user_id"].drop_null()
    twice = len(users) - len(users.unique())
    if twice:
        counts = users.value_counts()
        first = counts.filter(pc.greater(counts.field("counts"), 1))[0]["values"]
        raise InvalidDataError(
            f"a batch of histories needs each user once; {first.as_py()!r} has several rows. Group the "
            "events by user first."
        )


def _holds_events(kind: pa.DataType) -> bool:
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    inner = kind.value_type
    names = {field.name for field in inner} if pa.types.is_struct(inner) else set()
    return set(REQUIRED[1:]) <= names
