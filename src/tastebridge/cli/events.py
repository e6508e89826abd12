"""The table of events a command is given."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from tastebridge._foundation.validation import nearest
from tastebridge.cli.reading import Reading
from tastebridge.data import Panel, read_panel
from tastebridge.exceptions import InvalidDataError


@dataclass(frozen=True)
class Table:
    """A table of events and how to read it."""

    path: Path
    reading: Reading

    def check(self) -> None:
        """Refuse a table that is not there."""
        if not self.path.exists():
            folder = self.path.parent
            around = [part.name for part in folder.iterdir()] if folder.is_dir() else []
            raise InvalidDataError(f"there is no file {str(self.path)!r}.{nearest(self.path.name, around)}")

    def read(self) -> Panel:
        """Return the panel of the table."""
        self.check()
        return read_panel(self.path, **self.reading.how)

    @property
    def words(self) -> str:
        """The table as the words of a command."""
        return shlex.join([str(self.path), *self.reading.words])
