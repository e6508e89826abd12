"""The location of a table: a file, folder, pattern, archive member, or standard input."""

from __future__ import annotations

import glob
import io
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import pyarrow as pa

from tastebridge.data.files.errors import readable
from tastebridge.data.files.sections import unsectioned
from tastebridge.exceptions import InvalidDataError

STANDARD_INPUT = "-"
PACKED = (".gz", ".bz2", ".zst", ".zip")
TEXTS = (".csv", ".tsv", ".psv", ".ssv", ".txt", ".dat", ".data", ".inter", ".item", ".user", ".ratings")
JSONS = (".json", ".jsonl", ".ndjson")
# Such as Spark's _SUCCESS and .DS_Store.
_HIDDEN = ("_", ".")


@dataclass(frozen=True)
class Place:
    """One file of a table, which can be opened again and again.

    Attributes
    ----------
    path : Path
    member : str or None
        The file inside a zip archive.
    content : bytes or None
        The bytes from the standard input.
    sectioned : bool
        Whether lines such as ``17:`` name the item of the rows below; see
        :mod:`tastebridge.data.files.sections`.
    """

    path: Path
    member: str | None = None
    content: bytes | None = None
    sectioned: bool = False

    @property
    def name(self) -> str:
        """The name of the file, without the endings of compression."""
        name = Path(self.member).name if self.member else self.path.name
        return name[: -len(Path(name).suffix)] if Path(name).suffix in PACKED else name

    @property
    def ending(self) -> str:
        """The ending of the name, in small letters."""
        return Path(self.name).suffix.lower()

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self.name[: -len(self.ending)] if self.ending else self.name

    def __str__(self) -> str:
        if str(self.path) == STANDARD_INPUT:
            return "the standard input"
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Open the file as a stream of bytes, unpacked."""
        with self._opened() as stream:
            yield pa.BufferReader(unsectioned(stream.read())) if self.sectioned else stream

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        if self.member is not None:
            with zipfile.ZipFile(_archived(self)) as archive, archive.open(self.member) as file:
                yield pa.PythonFile(file, mode="r")
        elif self.content is not None:
            yield pa.BufferReader(self.content)
        else:
            with pa.input_stream(str(self.path), compression="detect") as stream:
                yield stream


def places_of(path: str | Path) -> list[Place]:
    """Return the files of a table, in the order of their names.

    Parameters
    ----------
    path : str or Path
        - a file, a folder of files of one kind, or a pattern such as ``logs/*.csv``;
        - a zip archive of one file, or a file inside an archive (``archive.zip/events.csv``);
        - ``-`` for the standard input.

    Raises
    ------
    InvalidDataError
        If there is nothing, a file is empty, or an archive holds several files.
    """
    if str(path) == STANDARD_INPUT:
        return [_standard_input()]
    path = Path(path)
    archive = _archive(path)
    if archive is not None:
        return [Place(archive, path.relative_to(archive).as_posix())]
    if not path.exists():
        found = _matches(path)
        if found:
            return [place for part in found for place in places_of(part)]
        raise InvalidDataError(
            f"there is no file or folder {str(path)!r}. Check the path; it is read from {Path.cwd()}."
        )
    if path.is_dir():
        return _in_folder(path)
    _refuse_empty(path)
    place = Place(path)
    return [only_member(place) if path.suffix == ".zip" else place]


def is_there(path: Path) -> bool:
    """Return whether a table may be at a path: a file, a folder, a pattern, or the standard input."""
    return (
        str(path) == STANDARD_INPUT
        or path.exists()
        or _archive(path) is not None
        or next(glob.iglob(str(path), recursive=True), None) is not None
    )


def parquet_files(path: str | Path) -> tuple[Path, list[str]] | None:
    """Return the base folder and the Parquet files of a table; None for other tables.

    Names of folders below the base may be columns.
    A table is Parquet if it is a file of this ending, a folder that holds such files, or a pattern of them.

    Raises
    ------
    InvalidDataError
        If the path may not be looked at, or is longer than any path.
    """
    with readable(path):
        return _parquet_files(Path(path))


def _parquet_files(place: Path) -> tuple[Path, list[str]] | None:
    if str(place) == STANDARD_INPUT or _archive(place) is not None:
        return None
    if place.is_dir():
        parts = sorted(str(part) for part in place.rglob("*.parquet") if part.is_file())
        return (place, parts) if parts else None
    if place.exists():
        return (place, [str(place)]) if place.suffix == ".parquet" else None
    inside = [_parquet_files(part) for part in _matches(place)]
    parts = [part for one in inside if one is not None for part in one[1]]
    return (_before_pattern(place), parts) if parts else None


def _matches(pattern: Path) -> list[Path]:
    """Return the matches of a pattern, sorted by name; a broken link matches itself."""
    return sorted(Path(name) for name in glob.glob(str(pattern), recursive=True) if name != str(pattern))


def _before_pattern(path: Path) -> Path:
    """Return the folder in front of the first sign of a pattern."""
    plain = [part for part in path.parents if not glob.has_magic(str(part))]
    return plain[0] if plain else Path()


def _standard_input() -> Place:
    source: BinaryIO = getattr(sys.stdin, "buffer", io.BytesIO())
    content = source.read()
    if not content:
        raise InvalidDataError("the standard input is empty; a table was expected.")
    return Place(Path("-"), None, content)


def _archive(path: Path) -> Path | None:
    """Return the archive that a path leads into, if it does."""
    return next((part for part in path.parents if part.suffix == ".zip" and part.is_file()), None)


def only_member(place: Place) -> Place:
    """Return the one file inside a zip archive."""
    path = place.path
    try:
        with zipfile.ZipFile(_archived(place)) as archive:
            names = [one.filename for one in archive.infolist() if not one.is_dir() and one.file_size]
    except zipfile.BadZipFile:
        raise InvalidDataError(f"{str(path)!r} cannot be read: it is not a zip archive.") from None
    # macOS adds a folder of resource forks to an archive.
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if len(names) == 1:
        return replace(place, member=names[0])
    listed = ", ".join(map(repr, sorted(names)[:10]))
    raise InvalidDataError(
        f"the archive {str(path)!r} holds {len(names)} files ({listed}); one was expected. Name the one to"
        f" read, as in {str(path / (names[0] if names else 'events.csv'))!r}."
    )


def _archived(place: Place) -> Path | io.BytesIO:
    """Return the archive as zipfile takes it."""
    return place.path if place.content is None else io.BytesIO(place.content)


def are_tables(path: str) -> bool:
    """Return whether a file in a folder is text or JSON lines, by its name."""
    place = Place(Path(path))
    return place.path.suffix != ".zip" and place.ending in (*TEXTS, *JSONS)


def is_hidden(path: PurePath) -> bool:
    """Return whether a path below the folder of a table is that of a file which is no part of it."""
    return any(part.startswith(_HIDDEN) for part in path.parts)


def _in_folder(folder: Path) -> list[Place]:
    inside = sorted(part for part in folder.rglob("*") if part.is_file())
    parts = [part for part in inside if not is_hidden(part.relative_to(folder))]
    places = [Place(part) for part in parts if are_tables(str(part))]
    if not places:
        raise InvalidDataError(
            f"the folder {str(folder)!r} holds no .parquet files, and no text or JSON lines."
        )
    for place in places:
        _refuse_empty(place.path)
    return places


def _refuse_empty(path: Path) -> None:
    if path.stat().st_size == 0:
        raise InvalidDataError(f"{str(path)!r} is an empty file.")
