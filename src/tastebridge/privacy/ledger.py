"""Append-only ledger files that processes share: one record per line, read and written under a lock."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tastebridge.exceptions import InvalidDataError

_LARGEST = 1 << 24


class Ledger:
    """The records of a file that is open and locked.

    Attributes
    ----------
    records : list of dict
        One per line, in the order of writing.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        text = _text(file, path)
        self.records, self._ends = _records(text, path), not text or text.endswith(b"\n")

    def append(self, record: dict[str, Any]) -> None:
        """Write a record to the end of the file; it is on the disk when this returns."""
        start = self._file.seek(0, os.SEEK_END)
        line = (
            (b"" if self._ends else b"\n") + json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n"
        )
        try:
            self._write(line)
        except OSError:
            self._file.truncate(start)  # a full disk must not leave half a line
            raise
        self.records.append(record)
        self._ends = True

    def _write(self, line: bytes) -> None:
        self._file.write(line)
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def open_ledger(path: str | Path, create: bool = False) -> Iterator[Ledger]:
    """Open a ledger file, alone: other processes and threads wait until it is closed.

    Parameters
    ----------
    path : str or Path
    create : bool, default=False
        Whether to make the file if there is none. Only its owner can read it.

    Raises
    ------
    InvalidDataError
        If the file cannot be opened, or a line of it is not a whole record.

    Examples
    --------
    >>> import tempfile
    >>> from tastebridge.privacy.ledger import open_ledger
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open_ledger(f"{folder}/ledger", create=True) as ledger:
    ...         ledger.append({"n": 1})
    ...     with open_ledger(f"{folder}/ledger") as ledger:
    ...         ledger.records
    [{'n': 1}]
    """
    path = Path(path)
    flags = os.O_RDWR | (os.O_CREAT if create else 0) | getattr(os, "O_BINARY", 0)
    try:
        file = os.fdopen(os.open(path, flags, 0o600), "r+b")
    except OSError as error:
        raise InvalidDataError(
            f"the ledger {str(path)!r} cannot be opened: {error.strerror}. Give a file that can be written."
        ) from None
    with file:
        _lock(file)
        try:
            yield Ledger(file, path)
        finally:
            _unlock(file)


def _text(file: BinaryIO, path: Path) -> bytes:
    text = file.read(_LARGEST + 1)
    if len(text) > _LARGEST:
        raise InvalidDataError(f"the ledger {str(path)!r} has more than {_LARGEST:,} bytes.")
    return text


def _records(text: bytes, path: Path) -> list[dict[str, Any]]:
    try:
        # an object of JSON that was cut off by a crash is none: whether it counts is not known
        records = [json.loads(line) for line in text.split(b"\n") if line]
    except (ValueError, RecursionError) as error:
        why = str(error).partition("\n")[0][:200]
        raise InvalidDataError(
            f"the ledger {str(path)!r} is damaged: {why}. Restore it from a backup that is complete."
        ) from None
    if not all(isinstance(record, dict) for record in records):
        raise InvalidDataError(f"the ledger {str(path)!r} is damaged: a line of it is not a record.")
    return records


try:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)

    def _unlock(file: BinaryIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)

except ImportError:  # Windows
    import msvcrt

    # a byte far behind the end is locked, since a locked byte cannot be read by others
    _FAR = 1 << 40

    def _lock(file: BinaryIO) -> None:
        place = file.tell()
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined, unused-ignore]
        file.seek(place)

    def _unlock(file: BinaryIO) -> None:
        file.seek(_FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined, unused-ignore]
