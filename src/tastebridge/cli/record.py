"""The record of one run of a command: its messages, its counts, and its summary in a file."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from tastebridge._foundation.version import __version__
from tastebridge.batch.account import Account
from tastebridge.data import CleaningReport, Panel
from tastebridge.persist import fingerprint
from tastebridge.persist.output import replaced
from tastebridge.recommenders import Recommender


@dataclass
class Record:
    """One run of a command.

    Attributes
    ----------
    command : str
    quiet : bool
        Whether nothing but errors is shown.
    logged : bool
        Whether notes go to the log.
    piped : bool
        Whether the standard output carries the result, so that everything else goes to the standard error.
    summary : Path or None
        The file of the summary.
    notes : list of str
    error : str or None
    facts : dict of name to value
        The contents of the summary that the command adds; values of JSON.
    """

    command: str
    quiet: bool = False
    logged: bool = False
    piped: bool = False
    summary: Path | None = None
    notes: list[str] = field(default_factory=list)
    error: str | None = None
    facts: dict[str, object] = field(default_factory=dict)
    started: float = field(default_factory=time.time)

    @property
    def shows_progress(self) -> bool:
        """Whether bars and lines of progress are shown."""
        return not self.quiet

    def add(self, **facts: object) -> None:
        """Add facts to the summary."""
        self.facts.update(facts)

    def add_model(self, recommender: Recommender, path: Path) -> None:
        """Add the path and the fingerprint of a model; it takes time, so only if a summary is written."""
        # all arrays of the model are read for it: not in every call
        if self.summary is not None:
            self.add(model={"path": str(path), "fingerprint": fingerprint(recommender)})

    def add_account(self, account: Account) -> None:
        """Add the counts of a batch."""
        self.add(
            counts={
                "events": account.events,
                "users": account.people,
                "users_served": account.served,
                "users_with_short_lists": account.short,
                "rows": account.rows,
            },
            dropped=account.cleaning,
            unknown=account.unknown,
        )

    def add_lists(self, panel: Panel, frame: pd.DataFrame, n: int, unknown: dict[str, int]) -> None:
        """Add the counts of lists of up to ``n`` items over several targets."""
        lengths = frame.groupby("user_id", sort=False).size()
        short = len(panel) - int((lengths >= n).sum())
        counts = {"people": len(panel), "served": len(lengths), "short": short, "rows": len(frame)}
        self.add_account(Account.of(panel.cleaning, **counts, unknown=unknown))
        self.facts["rows_by_category"] = {
            str(name): int(rows) for name, rows in frame["category"].value_counts(sort=False).items()
        }

    def add_cleaning(self, report: CleaningReport, users: int) -> None:
        """Add the counts of a table of events that was read as a whole."""
        # one step can come several times, once for each category
        dropped: dict[str, int] = {}
        for step in report.steps:
            dropped[step.step] = dropped.get(step.step, 0) + step.rows
        self.add(counts={"events": report.rows_in, "users": users}, dropped=dropped)

    def write(self, exit_code: int) -> None:
        """Write the summary, if one is wanted.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        if self.summary is None:
            return
        content = {
            "command": self.command,
            "version": __version__,
            "started": datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds"),
            "seconds": round(time.time() - self.started, 3),
            "exit_code": exit_code,
            "error": self.error,
            "notes": self.notes,
            **self.facts,
        }
        # whole or not at all: whoever waits for the file must not read half of it
        with replaced(self.summary) as new:
            new.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


_RECORD: ContextVar[Record] = ContextVar("record")


def record() -> Record:
    """Return the record of the running command, or an unused record outside of commands."""
    return _RECORD.get(Record(""))


@contextmanager
def recording(started: Record) -> Iterator[Record]:
    """Make a record the one of the command that runs."""
    token = _RECORD.set(started)
    try:
        yield started
    finally:
        _RECORD.reset(token)
