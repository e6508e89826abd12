"""The partition of each user: ranges of ids with about equally many events, chosen from the input alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tastebridge.batch.memory import partition_bytes
from tastebridge.batch.source import Source
from tastebridge.data.coding import encode
from tastebridge.data.counters import is_number
from tastebridge.data.text_numbers import is_text
from tastebridge.data.time_evidence import TimeEvidence, TimeReading
from tastebridge.data.times import seconds

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
    times : TimeReading or None
        The reading of times in numbers or text; None where there are none.
    """

    splitters: np.ndarray
    times: TimeReading | None

    @classmethod
    def of(cls, source: Source, events: int) -> Spread:
        """Read the ids, and the times if they must be read, and choose ranges from evenly spaced rows."""
        # such times need all rows: whether 20240131 is a date or seconds must be one answer for all parts
        wanted = min(MOST, -(-source.n_rows // events))
        unread = _need_reading(source.schema)
        if wanted == 1 and not unread:
            return cls(np.empty(0, dtype=np.int64), None)
        step = max(1, source.n_rows // (wanted * _SAMPLES))
        samples, evidence, row = [], TimeEvidence(), 0
        for table in source.read(["user_id", "timestamp"] if unread else ["user_id"]):
            samples.append(table["user_id"].take(pa.array(np.arange(-row % step, len(table), step))))
            evidence += TimeEvidence.of(table["timestamp"]) if unread else TimeEvidence()
            row += len(table)
        times = evidence.reading(source.time_name) if unread else None
        return cls(_splitters(samples, wanted), times)

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
        """Return the table with times in numbers or text as seconds."""
        if self.times is None:
            return table
        place = table.column_names.index("timestamp")
        times = seconds(table["timestamp"], part=True, reading=self.times)
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


def _need_reading(schema: pa.Schema) -> bool:
    """Return whether there are times in numbers or text."""
    if "timestamp" not in schema.names:
        return False
    kind = schema.field("timestamp").type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return is_number(kind) or is_text(kind)
