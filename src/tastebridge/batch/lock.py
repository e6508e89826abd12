"""One process at a time in a folder; a lock goes with the process that holds it, however it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tastebridge.batch.files import disk
from tastebridge.exceptions import OutputError

NAME = "lock"


@contextmanager
def locked(folder: Path, what: Path) -> Iterator[None]:
    """Hold the lock of a folder, or refuse at once where another process does."""
    path = folder / NAME
    with disk(path):
        file = path.open("ab")
    with file:
        try:
            _take(file)
        except OSError:
            raise OutputError(
                f"another process is writing {str(what)!r}. Wait for it, or choose another output."
            ) from None
        yield


def _take(file: IO[Any]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
