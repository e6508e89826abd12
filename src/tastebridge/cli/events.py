"""The table of events a command is given."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tastebridge._foundation.validation import nearest
from tastebridge.batch.id_kinds import kinds_of
from tastebridge.cli.reading import Reading
from tastebridge.data import Panel, read_panel
from tastebridge.data.files.places import is_there
from tastebridge.exceptions import InvalidDataError


@dataclass(frozen=True)
class Table:
    """A table of events and how to read it."""

    path: Path
    reading: Reading

    def check(self) -> None:
        """Refuse a table that is not there."""
        if not is_there(self.path):
            folder = self.path.parent
            around = [part.name for part in folder.iterdir()] if folder.is_dir() else []
            raise InvalidDataError(f"there is no file {str(self.path)!r}.{nearest(self.path.name, around)}")

    def read(self, recommender: Any = None) -> Panel:
        """Return the panel of the table.

        Parameters
        ----------
        recommender : Recommender, optional
            The model the panel is for: ids of digits in text files are read as its own are, and each of its
            items keeps the category it has there.
        """
        self.check()
        how = self.reading.how
        if recommender is not None:
            how["reading"] = how["reading"].with_kinds(kinds_of(recommender))
            how["policy"] = self.reading.policy(whole=False)
        return read_panel(self.path, **how)

    @property
    def words(self) -> str:
        """The table as the words of a command."""
        return shlex.join([str(self.path), *self.reading.words])
