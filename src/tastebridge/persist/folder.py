"""The folder of a model: written next to its place, moved there in one step, never over anything else."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tastebridge._foundation.validation import check_path
from tastebridge.exceptions import ModelFileError
from tastebridge.persist.disk import digest, read_regular, resolved, sync_file, sync_folder
from tastebridge.persist.locking import Held, locked
from tastebridge.persist.manifest import CARD, LARGEST, MANIFEST, WAITING_CARD, card_waiting, parse
from tastebridge.persist.swapping import exchange
from tastebridge.persist.writable import refuse_address

_PLAIN = re.compile(r"[a-z][a-z0-9_-]*-([0-9a-f]{12})\.(parquet|safetensors)")
"""The name of a plain file: its role, and the first digits of its checksum."""
_SEALED = r"[0-9a-f]{32}\.sealed"
_COPY = r"\.[A-Za-z0-9_.-]+-[0-9a-f]{8}\.tmp"
"""The name of a file while it is copied from another disk."""
_LARGEST_CARD = 1 << 24  # a card has kilobytes; anything larger is not read to find out
_OURS = re.compile("|".join((_PLAIN.pattern, _SEALED, _COPY, WAITING_CARD)))


def check_free(path: str | Path, inside: bool = True) -> Path:
    """Return the resolved path if a model can be saved there: free, an empty folder, or a saved model.

    Look ``inside`` only under the lock: otherwise the files of a concurrent save look like foreign ones.

    Raises
    ------
    ModelFileError
        If something else is there, or the place is not writable.
    """
    path = check_path("path", path)
    refuse_address("the place of a model,", path)
    try:
        path = resolved(path)
        above = next(folder for folder in path.parents if folder.exists())
    except OSError as error:
        raise ModelFileError(f"{str(path)!r:.300} cannot be written: {error.strerror}.") from None
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise ModelFileError(f"{str(path)!r} cannot be written: no folder can be made in {str(above)!r}.")
    if not path.exists():
        return path
    if not path.is_dir():
        raise ModelFileError(f"{str(path)!r} is a file; a model is a folder. Choose another path.")
    foreign = _names(path) - _model_files(path) if inside else set()
    if foreign:
        raise ModelFileError(
            f"{str(path)!r} exists and holds other files than a saved model, such as "
            f"{min(foreign)!r}. Choose another path, or remove it first."
        )
    return path


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock of a model's path for this process.

    Raises
    ------
    ModelFileError
        If another process is saving there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with locked(path):
            yield
    except Held:
        raise ModelFileError(
            f"another process is saving to {str(path)!r}. Wait for it, or choose another path."
        ) from None


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """Yield a new folder next to ``path`` and remove it afterwards, with any that killed saves left.

    The caller holds the lock of ``path``.
    """
    # under the lock no other save is running, so every such folder was left by a killed one
    for left in path.parent.glob(f".{_literal(path.name)}-????????.tmp"):
        if re.fullmatch(r".*-[0-9a-f]{8}\.tmp", left.name) and left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
    folder = path.parent / f".{path.name}-{secrets.token_hex(4)}.tmp"
    folder.mkdir()
    if path.is_dir():
        # it takes the place of the old folder, and who may read that was decided by its owner
        shutil.copymode(path, folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, path: Path) -> None:
    """Put a finished folder in its place, whole or not at all.

    Over a saved model the two folders change places in one step, and the old files, now in the scratch
    folder, are removed. Where the system cannot do that, the new files move into the old folder, and
    replacing the manifest is the decisive step; see :func:`_move_in`. After a kill at any moment the path
    holds the old or the new model whole, and the next save removes any other files.

    Parameters
    ----------
    folder : Path
        The scratch folder with all files of the new model, brought to the disk here.
    path : Path
        The path that :func:`check_free` returned, under the lock.
    """
    # everything is on the disk before the first rename: a rename can outlive a power cut, and files not yet
    # written would then be empty under their final names
    for part in folder.iterdir():
        sync_file(part)
    sync_folder(folder)
    check_free(path)  # again: writing took a while, and other programs do not know our lock
    if not path.exists() or not any(path.iterdir()):
        if path.exists():
            path.rmdir()  # Windows renames onto no folder, not even an empty one
        folder.replace(path)
    elif exchange(folder, path):
        sync_folder(path.parent)
        _discard(folder, path)
    else:
        _move_in(folder, path)
    sync_folder(path.parent)


def _discard(old: Path, path: Path) -> None:
    """Remove the files of the old model; a foreign file that was added meanwhile is moved back."""
    try:
        for name in _model_files(old):
            (old / name).unlink(missing_ok=True)
        # whatever is left was put there after the check and belongs to its user
        for part in old.iterdir():
            part.rename(path / part.name)
        old.rmdir()
    except OSError as error:
        raise ModelFileError(
            f"the new model is in {str(path)!r}, but the old one could not be removed: "
            f"{error.strerror or error}. Remove {str(old)!r}; it may hold users and their histories."
        ) from None


def _move_in(folder: Path, path: Path) -> None:
    """Put the files of a new model into the folder of the old one.

    The names of the files hold their checksums, so new files and old ones do not collide. Only the card has
    the same name in both. It waits under a temporary name, which readers accept, until the manifest is there.
    """
    new = _names(folder)
    waiting = card_waiting(digest(folder / CARD)) if CARD in new else None
    for name in sorted(new - {MANIFEST, CARD}):
        _move(folder / name, path / name)
    if waiting is not None:
        _move(folder / CARD, path / waiting)
    # two syncs around the manifest: it must not reach the disk before the files it names, and the old files
    # must not vanish before it is there
    sync_folder(path)
    _move(folder / MANIFEST, path / MANIFEST)
    sync_folder(path)
    if waiting is not None:
        os.replace(path / waiting, path / CARD)
    for name in _model_files(path) - new:
        (path / name).unlink(missing_ok=True)
    sync_folder(path)


def _move(old: Path, new: Path) -> None:
    """Move a file in one step, also onto another disk."""
    try:
        os.replace(old, new)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # the model's folder can be a mount point, so that its parent, with the scratch folder, is elsewhere
        copy = new.with_name(f".{new.name}-{secrets.token_hex(4)}.tmp")
        shutil.copyfile(old, copy)
        sync_file(copy)
        os.replace(copy, new)


def _model_files(path: Path) -> set[str]:
    """Return the names of a saved model's files in a folder, with those that a killed save left.

    A manifest may come from anywhere, and these files are going to be deleted. So a name counts only if this
    package gives such names and a regular file has it. If the manifest does not name the file, its content
    must also match the checksum in the name.
    """
    named, present = _named(path), {name for name in _names(path) if _is_file(path / name)}
    found = {name for name in present if _OURS.fullmatch(name) and (name in named or _is_left(path / name))}
    fixed = {MANIFEST} if named else set()
    # README.md is a common name: without the manifest's word the text itself must say that it is a card
    if named and (CARD in named or _is_card(path / CARD)):
        fixed.add(CARD)
    return found | (fixed & present)


def _named(path: Path) -> set[str]:
    """Return the names that the manifest of a folder gives; none if it is not the manifest of a model."""
    try:
        content = parse(read_regular(path / MANIFEST, LARGEST), path)
        return {MANIFEST, *(_name(record) for record in content["files"].values())}
    except (ModelFileError, OSError, KeyError, TypeError, AttributeError):
        return set()


def _name(record: Mapping[str, object]) -> str:
    return str(record["file"])


def _is_left(path: Path) -> bool:
    """Return whether a file that no manifest names was left by a killed save."""
    named = _PLAIN.fullmatch(path.name) or re.fullmatch(WAITING_CARD, path.name)
    return named is None or digest(path).startswith(named[1])


def _is_card(path: Path) -> bool:
    """Return whether a file is a model card, which a killed save over a model may leave."""
    try:
        return b"\nA model of tastebridge " in read_regular(path, _LARGEST_CARD)
    except (ModelFileError, OSError):
        return False


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _names(path: Path) -> set[str]:
    return {part.name for part in path.iterdir()}


def _literal(name: str) -> str:
    """Return a name as a pattern of :meth:`Path.glob` that matches the name alone."""
    return re.sub(r"([*?[])", r"[\1]", name)
