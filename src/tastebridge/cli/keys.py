"""Keys on the command line: made by ``tastebridge key``, given by file or environment only."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tastebridge.cli.screen import screen
from tastebridge.privacy import Key, key_from_environment, new_key, read_key, write_key

KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="Key of an encrypted model, as `tastebridge key` wrote it; also read from $TASTEBRIDGE_KEY.",
        show_default=False,
    ),
]


def key_of(key_file: Path | None) -> Key | None:
    """Return the key of the file, or of the environment where there is no file; None if neither."""
    return key_from_environment() if key_file is None else read_key(key_file)


def key(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="File to write.", show_default=False)
    ],
) -> None:
    """Make a new secret key for encrypted models and pseudonyms.

    The file can be read by its owner only and is never overwritten. Keep a
    copy in a safe place: without the key a model saved with it is lost.

    [bold]Examples[/bold]
      tastebridge key -o model.key
      tastebridge fit events.parquet -t sport -o model --key-file model.key
    """
    write_key(new_key(), output)
    screen().print(f"The key is in {output}. Keep it secret, and keep a copy.", soft_wrap=True)
