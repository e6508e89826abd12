"""One process at a time in a folder; a lock goes with the process that holds it, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from tastebridge.batch.files import disk
from tastebridge.exceptions import OutputError
from tastebridge.persist.locking import Held, open_locked

NAME = "lock"


@contextmanager
def locked(folder: Path, what: Path) -> Iterator[None]:
    """Make a folder and hold its lock, or refuse at once where another process does."""
    with disk(folder):
        try:
            file = _open_locked(folder)
        except Held:
            raise OutputError(
                f"another process is writing {str(what)!r}. Wait for it, or choose another output."
            ) from None
    with file:
        yield


def _open_locked(folder: Path) -> IO[Any]:
    """Return the locked file of a folder, which the holder before may remove meanwhile."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return open_locked(folder / NAME)
