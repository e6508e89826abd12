"""Regular files read once and within bounds, and files and folders synced to the disk."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from tastebridge.exceptions import ModelFileError

_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)
"""Flags that refuse a symbolic link and do not block on a pipe without a writer."""


@contextmanager
def open_regular(path: Path) -> Iterator[tuple[BufferedReader, int]]:
    """Yield an open regular file and its size; a link, pipe or device is refused.

    Raises
    ------
    ModelFileError
        If the path is no regular file.
    OSError
        If it is missing or cannot be read.
    """
    # for the message; where the system knows O_NOFOLLOW, the flag holds against a link made after this line
    if path.is_symlink():
        raise ModelFileError(
            f"{str(path)!r} is a symbolic link; a model folder holds files. Copy the file itself."
        )
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        # the open file, not the path: the path can be replaced between a check and the opening
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ModelFileError(f"{str(path)!r} is not a regular file. Copy the whole folder again.")
        yield file, found.st_size


def read_regular(path: Path, largest: int) -> bytes:
    """Return the content of a regular file of at most ``largest`` bytes.

    Raises
    ------
    ModelFileError
        If the file is larger, or is no regular file.
    OSError
        If it is missing or cannot be read.
    """
    with open_regular(path) as (file, size):
        # one byte more than allowed: a file that grows after fstat is noticed
        text = file.read(largest + 1) if size <= largest else b""
    if size > largest or len(text) > largest:
        raise ModelFileError(f"{str(path)!r} has {size:,} bytes; at most {largest:,} were expected.")
    return text


def resolved(path: Path) -> Path:
    """Return a path without links; links in a circle are an OSError in every version of Python."""
    try:
        return path.resolve()
    except RuntimeError:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def installed_memory() -> int | None:
    """Return the bytes of memory of this machine; None if the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def sync_file(path: Path) -> None:
    """Bring the content of a file to the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, where the system can."""
    # a new name is on the disk only once its folder is synced; Windows does not open folders
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:  # some network drives refuse to sync a folder
        pass
    finally:
        os.close(handle)
