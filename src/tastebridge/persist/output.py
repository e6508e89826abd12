"""Files of results that are there whole or not at all, written by one process at a time."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tastebridge.exceptions import OutputError
from tastebridge.persist.disk import sync_file, sync_folder
from tastebridge.persist.locking import Held, locked


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield the path of a new file beside ``path``; written without an error, it takes its place in one step.

    Raises
    ------
    OutputError
        If another process is writing the file, or it cannot be written.
    """
    try:
        with locked(path):
            sweep(path)
            new = beside(path)
            try:
                yield new
                sync_file(new)
                new.replace(path)
                sync_folder(path.parent)
            finally:
                new.unlink(missing_ok=True)
    except Held:
        raise OutputError(
            f"another process is writing {str(path)!r}. Wait for it, or choose another output."
        ) from None
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise OutputError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def beside(path: Path) -> Path:
    """Return a new name beside a file, for its content while it is written."""
    return path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")


def sweep(path: Path) -> None:
    """Remove what killed processes left of a file while they wrote it; the caller holds its lock."""
    name = re.compile(rf"\.{re.escape(path.name)}-[0-9a-f]{{8}}\.tmp")
    for left in path.parent.iterdir():
        if name.fullmatch(left.name) and left.is_file() and not left.is_symlink():
            left.unlink(missing_ok=True)
