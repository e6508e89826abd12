"""Events spread over partitions: runs of rows on the disk, each a file with a batch for every partition."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tastebridge._numerics.threads import together
from tastebridge.batch.files import disk, whole
from tastebridge.batch.source import Source
from tastebridge.batch.spreading import Spread
from tastebridge.exceptions import OutputError

_NAME = re.compile(r"run-(\d{15})-(\d{15})\.arrow")


class Sizes(NamedTuple):
    """The events of every partition, its people (at most), and the bytes of an event, about."""

    events: np.ndarray
    people: np.ndarray
    width: int


@dataclass(frozen=True)
class Spill:
    """The events of all people, by partition.

    A run is written whole or not at all and named by its first row and the row behind its last, so that
    spreading goes on behind the last run that is there. The rows of a partition come back in the order of
    the input, however long the runs are.

    Attributes
    ----------
    folder : Path
    source : Source
    spread : Spread
    """

    folder: Path
    source: Source
    spread: Spread

    def fill(self, buffer: int, done: Callable[[int], None], n_jobs: int = 1) -> None:
        """Write the runs that are not there yet, of about ``buffer`` bytes at most, ``n_jobs`` at once."""
        runs = self.runs()
        self._clear_beyond(runs)
        start = runs[-1][1] if runs else 0
        done(start)
        spans = self.source.spans(start, 2 * n_jobs if n_jobs > 1 else 1)
        together([partial(self._spread, *span, buffer, done) for span in spans], n_jobs)

    def _spread(self, first: int, stop: int, buffer: int, done: Callable[[int], None]) -> None:
        """Write the runs of some rows."""
        row, size = first, 0
        held: list[pa.Table] = []
        for table in self.source.read(list(self.source.roles), first, stop):
            held.append(_plain(self.spread.in_seconds(table)))
            row, size = row + len(table), size + held[-1].nbytes
            if size >= buffer or row == stop:
                self._write(held, first, row)
                first, held, size = row, [], 0
            done(len(table))

    def sizes(self) -> Sizes:
        """Return how large the partitions are."""
        events, people = np.zeros((2, self.spread.n_partitions), dtype=np.int64)
        n_bytes = 0
        for path, _ in self._complete():
            with _sound(path), pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as opened:
                meta = opened.schema.metadata
                events += np.array(meta[b"events"].split(), dtype=np.int64)
                people += np.array(meta[b"people"].split(), dtype=np.int64)
                n_bytes += int(meta[b"nbytes"])
        return Sizes(events, people, -(-n_bytes // max(1, int(events.sum()))))

    def partition(self, number: int) -> pa.Table:
        """Return the events of a partition, in the order of the input."""
        batches = []
        for path, _ in self._complete():
            with _sound(path), pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as opened:
                batches.append(opened.get_batch(number).replace_schema_metadata(None))
        return pa.Table.from_batches(batches)

    def runs(self) -> list[tuple[Path, int]]:
        """Return the runs from the first row on without a gap, each with the row behind its last."""
        found = {}
        for path in self.folder.glob("run-*.arrow"):
            name = _NAME.fullmatch(path.name)
            if name:
                found[int(name[1])] = (path, int(name[2]))
        runs: list[tuple[Path, int]] = []
        row = 0
        while row in found and found[row][1] > row:
            runs.append(found[row])
            row = runs[-1][1]
        return runs

    def _clear_beyond(self, runs: list[tuple[Path, int]]) -> None:
        """Remove runs behind a gap: a killed process had several in hand."""
        for path in {*self.folder.glob("run-*.arrow")} - {path for path, _ in runs}:
            path.unlink()

    def _complete(self) -> list[tuple[Path, int]]:
        runs = self.runs()
        if not runs or runs[-1][1] != self.source.n_rows:
            raise OutputError(
                f"{str(self.folder)!r} lost some of its runs of events. Begin anew with restart=True."
            )
        return runs

    def _write(self, held: list[pa.Table], first: int, last: int) -> None:
        rows = pa.concat_tables(held)
        held.clear()
        where, people = self.spread.partitions(rows["user_id"])
        order = np.argsort(where, kind="stable")
        sizes = np.bincount(where, minlength=self.spread.n_partitions)
        sorted_rows = rows.take(pa.array(order)).combine_chunks()
        meta = {"events": _words(sizes), "people": _words(people), "nbytes": str(sorted_rows.nbytes)}
        del rows
        schema = sorted_rows.schema.with_metadata(meta)
        path = self.folder / f"run-{first:015d}-{last:015d}.arrow"
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        ends = np.cumsum(sizes)
        with whole(path) as file, disk(path), pa.ipc.new_file(file, schema, options=options) as writer:
            for end, size in zip(ends, sizes, strict=True):
                writer.write_batch(_batch(sorted_rows.slice(end - size, size), schema))


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    """Say of a run that cannot be read what to do."""
    try:
        yield
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError):
        raise OutputError(f"{str(path)!r} is damaged. Begin anew with restart=True.") from None


def _words(numbers: np.ndarray) -> str:
    return " ".join(map(str, numbers.tolist()))


def _plain(table: pa.Table) -> pa.Table:
    """Return a table without dictionaries: a file of Arrow batches has one dictionary for all of them."""
    kinds = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(kinds))


def _batch(rows: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    batches = rows.cast(schema).to_batches()
    return (
        batches[0]
        if batches
        else pa.RecordBatch.from_arrays([pa.array([], field.type) for field in schema], schema=schema)
    )
