"""Files of results, written whole or not at all and by one process at a time."""

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
    """Yield the path of a new file next to ``path``, which replaces it in one step unless there is an error.

    Raises
    ------
    OutputError
        If another process is writing the file, or it cannot be written.
    """
    try:
        with locked(path):
            sweep(path)
            new = temporary(path)
            try:
                yield new
                sync_file(new)  # before the rename, which can reach the disk earlier than the content
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


def temporary(path: Path) -> Path:
    """Return a new name in the folder of a file, for its content while it is written."""
    # in the same folder, hence on the same disk: only there a rename is a single step
    return path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")


def sweep(path: Path) -> None:
    """Remove temporary files that killed writers of a file left; the caller holds its lock."""
    name = re.compile(rf"\.{re.escape(path.name)}-[0-9a-f]{{8}}\.tmp")
    for left in path.parent.iterdir():
        if name.fullmatch(left.name) and left.is_file() and not left.is_symlink():
            left.unlink(missing_ok=True)
