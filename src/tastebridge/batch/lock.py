"""One process at a time in a folder; the lock is released when its process ends, however that happens."""

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
def locked(folder: Path, output: Path) -> Iterator[None]:
    """Make a folder and hold its lock; if another process holds it, refuse at once, naming the output."""
    with disk(folder):
        try:
            file = _open_locked(folder)
        except Held:
            raise OutputError(
                f"another process is writing {str(output)!r}. Wait for it, or choose another output."
            ) from None
    with file:
        yield


def _open_locked(folder: Path) -> IO[Any]:
    """Return the locked file of a folder; a previous holder may remove the folder in between."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return open_locked(folder / NAME)
