"""The partition of each user: ranges of ids with about equally many events, chosen from the input alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tastebridge.batch.memory import partition_bytes
from tastebridge.batch.source import Source
from tastebridge.data.coding import encode
from tastebridge.data.time_units import are_calendar_digits, number_seconds

EVENTS, MOST = 200_000, 4096
"""Events in a partition, about, and the largest number of partitions."""
_BYTES = 80 << 20
"""Bytes of a partition at most, about: events with long ids are fewer in a partition."""
_SAMPLES = 64
"""Sampled rows for each partition."""


@dataclass(frozen=True)
class Spread:
    """The assignment of users to partitions; it depends on the input, not on memory or jobs.

    Attributes
    ----------
    splitters : ndarray
        Ascending ids; partition p holds the ids from ``splitters[p - 1]`` on and below ``splitters[p]``. So
        the partitions in their order hold all users in ascending order.
    calendar : bool or None
        Whether all numeric times are dates written in digits; None if times are not numbers.
    """

    splitters: np.ndarray
    calendar: bool | None

    @classmethod
    def of(cls, source: Source, events: int) -> Spread:
        """Read the ids, and the times if they are numbers, and choose ranges from evenly spaced rows."""
        # numeric times need all rows: whether 20240131 is a date or seconds must be one answer for all parts
        wanted = min(MOST, -(-source.n_rows // events))
        numeric = _is_number(source.schema)
        if wanted == 1 and not numeric:
            return cls(np.empty(0, dtype=np.int64), None)
        step = max(1, source.n_rows // (wanted * _SAMPLES))
        samples, calendar, row = [], True, 0
        for table in source.read(["user_id", "timestamp"] if numeric else ["user_id"]):
            samples.append(table["user_id"].take(pa.array(np.arange(-row % step, len(table), step))))
            calendar = calendar and numeric and _calendar(table["timestamp"])
            row += len(table)
        return cls(_splitters(samples, wanted), calendar if numeric else None)

    @property
    def n_partitions(self) -> int:
        """The number of partitions."""
        return len(self.splitters) + 1

    def partitions(self, user_ids: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
        """Return the partition of each row, and the number of users in each partition.

        Rows without an id go to the first partition and are counted there.
        """
        coded = encode(user_ids, "user_id")
        ends = (
            np.searchsorted(coded.ids, self.splitters)
            if len(coded.ids)
            else np.zeros(len(self.splitters), int)
        )
        sizes = np.diff(ends, prepend=0, append=len(coded.ids))
        of_id = np.append(np.repeat(np.arange(self.n_partitions, dtype=np.int16), sizes), np.int16(0))
        return of_id[coded.codes], sizes

    def in_seconds(self, table: pa.Table) -> pa.Table:
        """Return the table with numeric times in seconds."""
        if self.calendar is None:
            return table
        place = table.column_names.index("timestamp")
        times = number_seconds(_numbers(table["timestamp"]), self.calendar)
        return table.set_column(place, "timestamp", pa.chunked_array([pa.array(times, mask=np.isnan(times))]))


def events_in_partition(wanted: int | None, event_bytes: int) -> int:
    """Return the usual number of events in a partition, by the bytes of one; ``wanted`` is the most."""
    return min(wanted or EVENTS, max(1, _BYTES // partition_bytes(1, 0, event_bytes, 0)))


def _splitters(samples: list[pa.ChunkedArray], wanted: int) -> np.ndarray:
    chunks = [chunk for sample in samples for chunk in sample.chunks]
    coded = encode(pa.chunked_array(chunks) if chunks else [], "user_id")
    ids = coded.ids[np.sort(coded.codes[coded.codes >= 0])]
    if not len(ids):
        return ids[:0]
    return np.unique(ids[(np.arange(1, wanted) * len(ids)) // wanted])


def _is_number(schema: pa.Schema) -> bool:
    if "timestamp" not in schema.names:
        return False
    kind = schema.field("timestamp").type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _calendar(times: pa.ChunkedArray) -> bool:
    numbers = _numbers(times)
    return are_calendar_digits(numbers) or not (np.isfinite(numbers) & (numbers != 0)).any()


def _numbers(times: pa.ChunkedArray) -> np.ndarray:
    return times.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)
