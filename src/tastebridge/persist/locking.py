"""One writer at a time for a path; a lock goes with the process that holds it, however it ends."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


class Held(OSError):
    """Another process holds the lock."""


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a path, in a hidden file beside it that is gone afterwards.

    A killed holder leaves the empty file, which hinders nobody: the system released the lock itself.

    Raises
    ------
    Held
        If another process, or another thread of this one, holds the lock.
    OSError
        If no file can be made there.
    """
    beside = path.with_name(f".{path.name}.lock")
    file = taken(beside)
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file; an empty one that stays does no harm
            beside.unlink()
        file.close()


def take(file: IO[Any]) -> None:
    """Lock an open file, or raise :class:`Held` at once where another holder has it.

    A disk that knows no locks, as some network drives, is written without one.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        _take_on_windows(file)
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise Held(error.errno, "it is locked") from None


def _take_on_windows(file: IO[Any]) -> None:
    import msvcrt

    file.seek(0)
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError as error:
        raise Held(error.errno, "it is locked") from None


def taken(beside: Path) -> IO[Any]:
    """Return an open and locked file of this name, made where there is none.

    A file that the holder before removed meanwhile does not count.

    Raises
    ------
    Held
        If another process, or another thread of this one, holds the lock.
    OSError
        If no file can be made there.
    """
    while True:
        file = beside.open("ab")
        try:
            take(file)
            if _is_still(file, beside):
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _is_still(file: IO[Any], path: Path) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    return os.path.samestat(os.fstat(file.fileno()), found)
