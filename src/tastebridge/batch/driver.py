"""The local driver: events to partitions, partitions through a kernel, parts into their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from tastebridge._foundation.progress import meter
from tastebridge._foundation.warnings import warn
from tastebridge._numerics.threads import one_blas_thread, together
from tastebridge.batch.account import Account
from tastebridge.batch.destination import Destination
from tastebridge.batch.inputs import refuse_inputs
from tastebridge.batch.job import Job
from tastebridge.batch.kernel import HistoryKernel
from tastebridge.batch.manifest import Manifest
from tastebridge.batch.memory import Budget, partition_bytes, release
from tastebridge.batch.parts import Part, finished, write_part
from tastebridge.batch.schema import nest
from tastebridge.batch.source import Source
from tastebridge.batch.spill import Spill, event_bytes
from tastebridge.batch.spreading import EVENTS, Spread
from tastebridge.data.history_encoder import unknown_events
from tastebridge.exceptions import (
    InvalidDataError,
    OutputError,
    TastebridgeError,
    UnknownIdError,
)

_EVENT_BYTES = 60
"""What an event takes at least, by experience; the first rows of the input may say more."""


@dataclass(frozen=True)
class Driver:
    """A job and all it takes to do it.

    Attributes
    ----------
    kernel : HistoryKernel
    source : Source
    destination : Destination
    job : Job
    memory : int
        The bound in bytes.
    n_jobs : int
    progress : bool
    per_part : int or None
        Events a part should be of; None for the usual number.
    combine : function of the parts
        What one file is made of, where the parts as they are are not it.
    """

    kernel: HistoryKernel
    source: Source
    destination: Destination
    job: Job
    memory: int
    n_jobs: int
    progress: bool
    per_part: int | None = None
    combine: Callable[[Iterator[pa.Table]], Iterator[pa.Table]] = iter

    def run(self, restart: bool) -> Manifest:
        """Do the job, or the rest of it."""
        refuse_inputs(self.destination.path, events=self.source.path)
        with self.destination.held():
            manifest = self.destination.admit(self.job, restart)
            if manifest is not None:
                return manifest
            with one_blas_thread():
                with self._forgetting(TastebridgeError, unless="run-*.arrow"):
                    spill = self._spill()
                with self._forgetting(InvalidDataError, UnknownIdError, unless="part-*.json"):
                    parts = self._parts(spill)
            self._refuse_nothing(parts)
            return self.destination.finish(self.job, parts, self.combine)

    def _spill(self) -> Spill:
        """Spread the events over partitions, or what of them is not spread yet."""
        usual = min(self.per_part or EVENTS, self.source.n_rows)
        width = max(_EVENT_BYTES, event_bytes(self.source))
        likely = partition_bytes(usual, usual // 4, width, self.kernel.answer_bytes)
        budget = Budget.of(self.memory, 1, self.kernel.state.scorer.model, likely)
        spill = Spill(self.destination.work, self.source, Spread.of(self.source, self.per_part))
        with meter("Reading", self.source.n_rows, "events", self.progress) as count:
            spill.fill(budget.buffer // self.n_jobs, count, self.n_jobs)
        release()
        return spill

    def _parts(self, spill: Spill) -> list[Part]:
        """Return the records of all parts, those made before and those made now."""
        folder, records = self.destination.folder, self.destination.work
        sizes = spill.sizes()
        found = [finished(number, folder, records) for number in range(spill.spread.n_partitions)]
        largest = partition_bytes(
            int(sizes.events.max()), int(sizes.users.max()), sizes.width, self.kernel.answer_bytes
        )
        budget = Budget.of(self.memory, self.n_jobs, self.kernel.state.scorer.model, largest)
        self.kernel.chunk = min(self.kernel.chunk, budget.chunk)
        with meter("Scoring", self.source.n_rows, "events", self.progress) as count:

            def work(number: int) -> Part:
                part = found[number]
                if part is None:
                    histories = nest(spill.partition(number))
                    rows, account = self.kernel(histories)
                    part = write_part(rows, account, number, folder, records)
                    del histories, rows
                    release()
                count(int(sizes.events[number]), part.account.people)
                return part

            return together([partial(work, number) for number in range(len(found))], budget.workers)

    def _refuse_nothing(self, parts: list[Part]) -> None:
        """Refuse to call it a result if no row was any good."""
        account = Manifest({}, tuple(parts)).account
        if not account.people:
            self.destination.forget()
            raise InvalidDataError(
                f"no row is left after cleaning: {account.events:,} rows in, left out {account.cleaning}. "
                "Mend the rows, or let more through with a CleaningPolicy."
            )

    @contextmanager
    def _forgetting(self, *errors: type[Exception], unless: str) -> Iterator[None]:
        """Leave nothing of a job that failed by its input before it finished a file like ``unless``."""
        try:
            yield
        except errors as error:
            if not isinstance(error, OutputError) and not any(self.destination.work.glob(unless)):
                self.destination.forget()
            raise


def warn_of_losses(account: Account, n: int | None = None) -> None:
    """Warn, once, of what was left out."""
    bad = {step: rows for step, rows in account.cleaning.items() if step != "duplicates"}
    if bad:
        what = ", ".join(f"{rows:,} with {step}" for step, rows in bad.items())
        warn(f"of {account.events:,} rows these were bad and left out: {what}.")
    if account.unknown:
        warn(f"{unknown_events(account.unknown)}; they are passed over.")
    if n is not None and account.short:
        warn(
            f"{account.short} of {account.people} users get fewer than n={n} recommendations: no more items "
            "are left for them."
        )
