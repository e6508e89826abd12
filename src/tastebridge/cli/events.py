"""The table of events a command is given."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tastebridge._validation import nearest
from tastebridge.cli.options import Duplicates
from tastebridge.data import CleaningPolicy, Panel, read_panel
from tastebridge.data.columns import ROLES
from tastebridge.exceptions import InvalidDataError, InvalidParameterError

_OPTIONS = {"user_id": "user", "item_id": "item", "timestamp": "time"}


@dataclass(frozen=True)
class Table:
    """A table of events and how to read it.

    Attributes
    ----------
    path : Path
    columns : dict of role to column or None
        Those named on the command line; None for the others.
    event_weights : sequence of "type=number", or None
    duplicates : Duplicates
    """

    path: Path
    columns: dict[str, str | None]
    event_weights: Sequence[str] | None
    duplicates: Duplicates

    def check(self) -> None:
        """Refuse a table that is not there."""
        if not self.path.exists():
            folder = self.path.parent
            around = [part.name for part in folder.iterdir()] if folder.is_dir() else []
            raise InvalidDataError(f"there is no file {str(self.path)!r}.{nearest(self.path.name, around)}")

    def read(self) -> Panel:
        """Return the panel of the table."""
        self.check()
        return read_panel(self.path, **self.how)

    @property
    def how(self) -> dict[str, Any]:
        """How it is read: the arguments of :func:`tastebridge.read_panel`."""
        return {
            "columns": self.named,
            "event_weights": parse_weights(self.event_weights),
            "policy": CleaningPolicy(duplicates=self.duplicates),
        }

    @property
    def named(self) -> dict[str, str]:
        """The columns that were named."""
        return {role: column for role, column in self.columns.items() if column is not None}

    @property
    def words(self) -> str:
        """The table as the words of a command."""
        words = [str(self.path)]
        for role, column in self.named.items():
            words += [f"--{_OPTIONS.get(role, role)}-column", column]
        for weight in self.event_weights or ():
            words += ["--event-weight", weight]
        if self.duplicates != "sum":
            words += ["--duplicates", self.duplicates]
        return shlex.join(words)


def columns_of(*names: str | None) -> dict[str, str | None]:
    """Return the columns by role: people, items, categories, weights, times, types of event."""
    return dict(zip(ROLES, names, strict=True))


def parse_weights(given: Sequence[str] | None) -> dict[str, float] | None:
    """Return the weights of ``type=number`` words by type; None where there are none."""
    if not given:
        return None
    weights = {}
    for word in given:
        kind, _, number = word.rpartition("=")
        try:
            weights[kind] = float(number)
        except ValueError:
            kind = ""
        if not kind:
            raise InvalidParameterError(f"--event-weight must be like purchase=5; got {word!r}.")
    return weights
