"""The folder of a model: written beside its place, put there in one step, and never over anything else."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tastebridge.exceptions import ModelFileError
from tastebridge.persist.manifest import CARD, MANIFEST, parse


def check_free(path: str | Path) -> Path:
    """Return the path as one a model can be saved to: free, an empty folder, or a saved model.

    Raises
    ------
    ModelFileError
        If something else is there, or nothing can be written there.
    """
    path = Path(path).resolve()
    above = next(folder for folder in path.parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ModelFileError(f"{str(path)!r} cannot be written: no folder can be made in {str(above)!r}.")
    if not path.exists():
        return path
    if not path.is_dir():
        raise ModelFileError(f"{str(path)!r} is a file; a model is a folder. Choose another path.")
    found = {part.name for part in path.iterdir()}
    if found and found - _files(path):
        raise ModelFileError(
            f"{str(path)!r} exists and holds something else than a saved model, such as "
            f"{min(found - _files(path))!r}. Choose another path, or remove it first."
        )
    return path


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Yield a new folder beside ``path``, which is gone afterwards."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.parent / f".{path.name}-{secrets.token_hex(4)}.tmp"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, path: Path) -> None:
    """Put a finished folder in its place, whole or not at all.

    Over a saved model, the new files, whose names hold their checksums, come beside the old ones, and the
    new manifest over the old one is the step that counts; what only the old model needed goes last. The card,
    whose name is always the same, goes over the old one just before: should the machine stop between the two,
    the folder is refused, never misread.
    """
    if path.exists() and not any(path.iterdir()):
        path.rmdir()
    if not path.exists():
        folder.replace(path)
        return
    old = _files(path)
    for part in sorted(folder.iterdir(), key=lambda part: (part.name == MANIFEST, part.name == CARD)):
        os.replace(part, path / part.name)
    for name in old - _files(path):
        (path / name).unlink(missing_ok=True)


def _files(path: Path) -> set[str]:
    """Return the names of the files of a saved model; none if it is not one."""
    try:
        content = parse((path / MANIFEST).read_bytes(), path)
        return {MANIFEST, *(_name(record) for record in content["files"].values())}
    except (ModelFileError, OSError, KeyError, TypeError, AttributeError):
        return set()


def _name(record: Any) -> str:
    return str(record["file"])
