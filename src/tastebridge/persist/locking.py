"""One writer at a time for a path; the system releases a lock when its process ends, however that happens."""

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
    """Hold the lock of a path, in a hidden file next to it that is removed afterwards.

    A killed holder leaves the empty file. It does no harm, because the system has released the lock.

    Raises
    ------
    Held
        If another process, or another thread of this one, holds the lock.
    OSError
        If no file can be made there.
    """
    lock = path.with_name(f".{path.name}.lock")
    file = open_locked(lock)
    try:
        yield
    finally:
        # removed while it is still locked: the next holder could have locked it after a close
        with suppress(OSError):  # Windows removes no open file; an empty one that stays does no harm
            lock.unlink()
        file.close()


def take(file: IO[Any]) -> None:
    """Lock an open file, or raise :class:`Held` at once if another holder has it.

    Some network drives do not support locks; there the file is written without one.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        _take_on_windows(file)
        return
    try:
        # flock, not lockf: it belongs to the open file, so it also holds between threads of one process
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise Held(error.errno, "it is locked") from None


def _take_on_windows(file: IO[Any]) -> None:
    import msvcrt

    file.seek(0)  # Windows locks from the current position: all holders must mean the same byte
    try:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    except OSError as error:
        raise Held(error.errno, "it is locked") from None


def open_locked(path: Path) -> IO[Any]:
    """Open and lock a file of this name, making it if it is missing.

    A file that its previous holder removed in the meantime is opened again.

    Raises
    ------
    Held
        If another process, or another thread of this one, holds the lock.
    OSError
        If no file can be made there.
    """
    while True:
        file = path.open("ab")
        try:
            take(file)
            # a lock on a removed file protects nothing: the next process makes a new file of the name
            if _is_still(file, path):
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
