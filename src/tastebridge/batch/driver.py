"""The local driver: spreads events over partitions, runs a kernel on each, and writes the parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa

from tastebridge._foundation.progress import meter
from tastebridge._foundation.warnings import warn, warn_of_data
from tastebridge._numerics.threads import one_blas_thread, together
from tastebridge.batch.account import Account
from tastebridge.batch.chosen_users import ChosenUsers
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
from tastebridge.batch.spreading import Spread, events_in_partition
from tastebridge.data.history_encoder import unknown_events
from tastebridge.data.time_evidence import SECONDS
from tastebridge.exceptions import (
    DataWarning,
    InvalidDataError,
    OutputError,
    TastebridgeError,
    UnknownIdError,
)

_EVENT_BYTES = 60
"""The least bytes assumed for an event, from experience; the first rows of the input can show more."""


@dataclass(frozen=True)
class Driver:
    """A job with everything needed to run it.

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
        Events in a part; None for the usual number.
    combine : function of the parts
        Makes the tables of one file from the parts; by default the parts themselves.
    users : ChosenUsers or None
        The users to whom the job is restricted.
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
    users: ChosenUsers | None = None

    def run(self, restart: bool) -> Manifest:
        """Do the job, or the remaining part of it."""
        refuse_inputs(self.destination.path, events=self.source.path)
        with self.destination.held():
            job = self.job if restart else self.job.as_begun(self.destination.begun())
            manifest = self.destination.admit(job, restart)
            if manifest is not None:
                warn_of_losses(manifest.account, self.users)
                return manifest
            # partitions are spread over threads; BLAS threads on top of them would only wait for each other
            with one_blas_thread():
                with self._forgetting(TastebridgeError, KeyboardInterrupt, SystemExit, unless="run-*.arrow"):
                    spill = self._spill()
                with self._forgetting(InvalidDataError, UnknownIdError, unless="part-*.json"):
                    parts = self._parts(spill, job)
            self._refuse_empty(parts)
            # before the result is in its place: where warnings are errors, there is no result
            with self._forgetting(DataWarning, unless=None):
                warn_of_losses(Manifest({}, tuple(parts)).account, self.users)
            return self.destination.finish(job, parts, self.combine)

    def _spill(self) -> Spill:
        """Spread the events over partitions, as far as that is not done yet."""
        # the true sizes are known only afterwards; a memory too small is better refused before the work
        width = max(_EVENT_BYTES, event_bytes(self.source))
        per_part = events_in_partition(self.per_part, width)
        usual = min(per_part, self.source.n_rows)
        likely = partition_bytes(usual, usual // 4, width, self.kernel.answer_bytes)
        release()  # the fingerprint of the model, of which arrays were copied
        budget = Budget.of(self.memory, 1, self.kernel.state.scorer.model, likely)
        spill = Spill(self.destination.work, self.source, Spread.of(self.source, per_part), self.users)
        with meter("Reading", self.source.n_rows, "events", self.progress) as count:
            spill.fill(budget.buffer // self.n_jobs, count, self.n_jobs)
        release()  # the buffers of reading, before scoring divides the memory that is free
        return spill

    def _parts(self, spill: Spill, job: Job) -> list[Part]:
        """Return the records of all parts, from earlier runs and from this one."""
        folder, records = self.destination.folder, self.destination.work
        sizes = spill.sizes()
        found = [finished(number, folder, records) for number in range(spill.spread.n_partitions)]
        largest = partition_bytes(
            int(sizes.events.max()), int(sizes.users.max()), sizes.width, self.kernel.answer_bytes
        )
        budget = Budget.of(self.memory, self.n_jobs, self.kernel.state.scorer.model, largest)
        self.kernel.times = SECONDS  # read when they were spread, by all rows
        if self.source.signs_read:
            self.kernel.policy = replace(self.kernel.policy, no_rating=None)
        # users are scored in chunks; their size changes the memory, never a result
        self.kernel.chunk = min(self.kernel.chunk, budget.chunk)
        with meter("Scoring", self.source.n_rows, "events", self.progress) as count:

            def work(number: int) -> Part:
                part = found[number]
                if part is None:
                    histories = nest(spill.partition(number))
                    rows, account = self.kernel(histories)
                    part = write_part(rows, account, number, folder, records, job.stamp)
                    del histories, rows  # before release: freed memory that is held counts against the bound
                    release()
                count(int(sizes.events[number]), part.account.people)
                return part

            return together([partial(work, number) for number in range(len(found))], budget.workers)

    def _refuse_empty(self, parts: list[Part]) -> None:
        """Raise an error if no row is left after cleaning."""
        account = Manifest({}, tuple(parts)).account
        if not account.people:
            self.destination.forget()
            if self.users is not None and not account.events:
                raise InvalidDataError(
                    f"none of the {self.users.n_asked:,} chosen users has an event in "
                    f"{str(self.source.path)!r}. Give the ids as they are in its column of users."
                )
            raise InvalidDataError(
                f"no row is left after cleaning: {account.events:,} rows in, left out {account.cleaning}. "
                "Correct the rows, or accept more with a CleaningPolicy."
            )

    @contextmanager
    def _forgetting(self, *errors: type[BaseException], unless: str | None) -> Iterator[None]:
        """Remove all files of a job that failed because of its input, ``unless`` a file was finished."""
        try:
            yield
        except errors as error:
            # an output error is no fault of the input: after making room the same run goes on
            kept = unless is not None and any(self.destination.work.glob(unless))
            if not isinstance(error, OutputError) and not kept:
                self.destination.forget()
            raise


def warn_of_losses(account: Account, users: ChosenUsers | None = None) -> None:
    """Warn, once, of rows that were left out, of unknown items, and of chosen users without events."""
    bad = {step: rows for step, rows in account.cleaning.items() if step != "duplicates"}
    if bad:
        steps = ", ".join(f"{rows:,} with {step}" for step, rows in bad.items())
        warn_of_data(f"of {account.events:,} rows these were bad and left out: {steps}.")
    if account.unknown:
        warn_of_data(f"{unknown_events(account.unknown)}; they are ignored.")
    if users is not None and account.people < users.n_asked:
        warn_of_data(
            f"{users.n_asked - account.people:,} of the {users.n_asked:,} chosen users have no usable event "
            "and get no recommendations."
        )


def warn_of_short_lists(account: Account, n: int) -> None:
    """Warn of users who get fewer recommendations than requested."""
    if account.short:
        warn(
            f"{account.short} of {account.people} users get fewer than n={n} recommendations: no more items "
            "are left for them."
        )
