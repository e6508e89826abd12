"""Keys on the command line: made by ``tastebridge key``, passed only by file or environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tastebridge.cli.screen import screen
from tastebridge.persist.encrypted_store import Vault
from tastebridge.privacy import Key, key_from_environment, new_key, read_key, write_key

KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="File with the key of an encrypted model, made by `tastebridge key`; or set $TASTEBRIDGE_KEY.",
        show_default=False,
    ),
]


def key_of(key_file: Path | None) -> Key | None:
    """Return the key from the file, or else from the environment; None if there is neither."""
    # never as an argument: other users of the machine can see the arguments of a process
    return key_from_environment() if key_file is None else read_key(key_file)


def check_encryption(key: Key | None) -> None:
    """Refuse a key if the package that encrypts is missing, before hours of fitting."""
    if key is not None:
        Vault.new(key)


def key(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="File to write.", show_default=False)
    ],
) -> None:
    """Make a new secret key for encrypted models and pseudonyms.

    Only its owner can read the file, and it is never overwritten. Keep a
    copy in a safe place: without its key an encrypted model is lost.

    [bold]Examples[/bold]
      tastebridge key -o model.key
      tastebridge fit events.parquet -t sport -o model --key-file model.key
    """
    write_key(new_key(), output)
    screen().print(f"The key is in {output}. Keep it secret, and keep a copy.", soft_wrap=True)
