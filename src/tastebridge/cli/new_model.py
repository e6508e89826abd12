"""The options of commands that change a model: the output and its key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tastebridge.batch.inputs import refuse_inputs
from tastebridge.cli import options
from tastebridge.cli.keys import KeyFile, key_of
from tastebridge.cli.models import refuse_among
from tastebridge.cli.output import refuse_finished
from tastebridge.cli.signatures import in_one
from tastebridge.persist import check_free
from tastebridge.privacy import Key


@dataclass(frozen=True)
class NewModel:
    """The place of a changed model, as Typer shows and parses it; each field is one option."""

    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="NEW", help="Folder to write.", show_default=False)
    ]
    overwrite: options.Overwrite = False
    key_file: KeyFile = None

    def checked_key(self, model: Path, **inputs: Path | None) -> Key | None:
        """Return the key, after the checks that the result can be written and replaces no input."""
        key = key_of(self.key_file)
        refuse_inputs(self.output, key=self.key_file, **inputs)
        refuse_among(model, self.output)
        check_free(self.output)
        # a changed model may go to its own place unasked
        refuse_finished(self.output, self.overwrite, model)
        return key


writes_model = in_one("place", NewModel)
"""Decorates a command that takes ``place``, a :class:`NewModel`."""
