"""Files that are written whole or not at all, and errors of the disk in plain words."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tastebridge.exceptions import OutputError
from tastebridge.persist.disk import sync_folder
from tastebridge.persist.output import temporary

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def whole(path: Path) -> Iterator[IO[Any]]:
    """Yield a file to write to; it is moved to its path if no error occurs, and removed otherwise."""
    new = temporary(path)
    with disk(path):
        try:
            with new.open("wb") as file:
                yield file
                # on the disk before the rename, which can get there first: else a full name, an empty file
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
            sync_folder(path.parent)
        finally:
            new.unlink(missing_ok=True)


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Turn errors of the disk into an OutputError that names the remedy."""
    try:
        yield
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        if error.errno in _FULL:
            raise OutputError(
                f"{str(path)!r} cannot be written: the disk is full ({error.strerror}). Free some space and "
                "run the same again: it continues from the finished parts."
            ) from error
        raise OutputError(f"{str(path)!r} cannot be written: {error.strerror or error}.") from error


def sweep(folder: Path) -> None:
    """Remove half-written files of a killed process."""
    for path in folder.glob(".*-????????.tmp"):
        if path.is_file():
            path.unlink(missing_ok=True)
