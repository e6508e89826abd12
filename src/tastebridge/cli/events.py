"""The table of events of a command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from tastebridge._foundation.validation import nearest_file
from tastebridge.batch.id_kinds import kinds_of
from tastebridge.cli.reading import Reading
from tastebridge.cli.record import record
from tastebridge.data import Panel, read_panel
from tastebridge.data.files.places import is_there
from tastebridge.data.files.uris import uri_of
from tastebridge.exceptions import InvalidDataError
from tastebridge.recommenders import Recommender


@dataclass(frozen=True)
class Table:
    """A table of events and the options for reading it."""

    path: Path
    reading: Reading

    def check(self) -> None:
        """Raise an error if the table does not exist."""
        if uri_of(self.path) is None and not is_there(self.path):
            raise InvalidDataError(f"there is no file {str(self.path)!r}.{nearest_file(self.path)}")

    def read(self, recommender: Recommender | None = None) -> Panel:
        """Return the panel of the table.

        Parameters
        ----------
        recommender : Recommender, optional
            The model that will use the panel. Ids made of digits in text files get the kind of its ids, and
            its items keep their categories.
        """
        self.check()
        how = self.reading.how  # a new dict each time, changed here
        if recommender is not None:
            how["reading"] = how["reading"].with_kinds(kinds_of(recommender))
            how["policy"] = self.reading.as_read_by(recommender).policy(whole=False)
        panel = read_panel(self.path, **how)
        record().add_cleaning(panel.cleaning, len(panel))
        return panel

    @property
    def words(self) -> str:
        """The path and the reading options as words of a command, quoted for a shell."""
        return shlex.join([str(self.path), *self.reading.words])
