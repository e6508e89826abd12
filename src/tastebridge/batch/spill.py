"""Events spread over partitions: runs of rows on the disk, each a file with one block per partition."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from tastebridge._numerics.threads import together
from tastebridge.batch.chosen_users import ChosenUsers
from tastebridge.batch.files import disk, whole
from tastebridge.batch.runs import Run, write_run
from tastebridge.batch.source import Source
from tastebridge.batch.spreading import Spread
from tastebridge.exceptions import OutputError

_NAME = re.compile(r"run-(\d{15})-(\d{15})\.arrow")


class Sizes(NamedTuple):
    """The events and (at most) the users of every partition, and the approximate bytes of an event."""

    events: np.ndarray
    users: np.ndarray
    width: int


@dataclass(frozen=True)
class Spill:
    """The events of all users, by partition.

    A run is written whole or not at all and named by its first row and the row after its last. So spreading
    can be resumed after the last run. The rows of a partition come back in the order of the input, however
    long the runs are.

    Attributes
    ----------
    folder : Path
    source : Source
    spread : Spread
    users : ChosenUsers, optional
        The users whose events are kept; all by default.
    """

    folder: Path
    source: Source
    spread: Spread
    users: ChosenUsers | None = None

    def fill(self, buffer: int, done: Callable[[int], None], n_jobs: int = 1) -> None:
        """Write the missing runs, of about ``buffer`` bytes at most, ``n_jobs`` at once."""
        runs = self.runs()
        self._clear_beyond(runs)
        start = runs[-1][1] if runs else 0
        done(start)
        # two spans per thread, so that one with slow rows does not keep the others waiting
        spans = self.source.spans(start, 2 * n_jobs if n_jobs > 1 else 1)
        together([partial(self._spread, *span, buffer, done) for span in spans], n_jobs)

    def _spread(self, first: int, stop: int, buffer: int, done: Callable[[int], None]) -> None:
        """Write the runs of some rows."""
        row, size = first, 0
        held: list[pa.Table] = []
        for table in self.source.read(list(self.source.roles), first, stop):
            events = _plain(self.spread.in_seconds(table))
            held.append(events if self.users is None else self.users.rows(events))
            row, size = row + len(table), size + held[-1].nbytes
            if size >= buffer or row == stop:
                self._write(held, first, row)
                first, held, size = row, [], 0
            done(len(table))

    def sizes(self) -> Sizes:
        """Return the sizes of the partitions."""
        events, users = np.zeros((2, self.spread.n_partitions), dtype=np.int64)
        n_bytes = 0
        for run in self._complete():
            # a user in several runs counts several times: an upper bound
            events, users, n_bytes = events + run.events, users + run.users, n_bytes + run.nbytes
        return Sizes(events, users, -(-n_bytes // max(1, int(events.sum()))))

    def partition(self, number: int) -> pa.Table:
        """Return the events of a partition, in the order of the input."""
        return pa.concat_tables([run.partition(number) for run in self._complete()])

    def runs(self) -> list[tuple[Path, int]]:
        """Return the runs from the first row up to the first gap, each with the row after its last."""
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
        """Remove runs after a gap, which a killed process leaves if it writes several at once."""
        for path in {*self.folder.glob("run-*.arrow")} - {path for path, _ in runs}:
            path.unlink()

    def _complete(self) -> Iterator[Run]:
        """Yield the runs, which together must hold all rows."""
        runs = self.runs()
        if not runs or runs[-1][1] != self.source.n_rows:
            raise OutputError(
                f"{str(self.folder)!r} lost some of its runs of events. Start again with restart=True."
            )
        row = 0
        for path, last in runs:
            yield Run.open(path, row, last)
            row = last

    def _write(self, held: list[pa.Table], first: int, last: int) -> None:
        rows = pa.concat_tables(held)
        held.clear()  # here and with del below: else three copies of the buffer would be in memory
        partition, users = self.spread.partitions(rows["user_id"])
        order = np.argsort(partition, kind="stable")
        sizes = np.bincount(partition, minlength=self.spread.n_partitions)
        sorted_rows = rows.take(pa.array(order)).combine_chunks()
        del rows
        path, ends = self.folder / f"run-{first:015d}-{last:015d}.arrow", np.cumsum(sizes)
        parts = (sorted_rows.slice(end - size, size) for end, size in zip(ends, sizes, strict=True))
        with whole(path) as file, disk(path):
            write_run(file, parts, users, (first, last))


def event_bytes(source: Source) -> int:
    """Return the bytes of an event in memory, estimated from the first rows of the input."""
    first = _plain(next(source.read(list(source.roles))))
    return -(-first.nbytes // len(first))


def _plain(table: pa.Table) -> pa.Table:
    """Return a table without dictionaries, since Arrow allows only one for all batches of a file."""
    kinds = [
        field.with_type(field.type.value_type) if pa.types.is_dictionary(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(kinds))
