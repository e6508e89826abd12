"""Events on the disk, read piece by piece and always in the same order of rows, wherever reading begins."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.dataset as ds

from tastebridge._foundation.validation import check_path
from tastebridge.batch.row_groups import tables_of
from tastebridge.data import CleaningPolicy, ReadingOptions
from tastebridge.data.files.errors import reason
from tastebridge.data.files.parquet import check_agreed
from tastebridge.data.files.places import STANDARD_INPUT, parquet_files, places_of
from tastebridge.data.files.uris import RemoteFiles, look_up, uri_of
from tastebridge.data.reading import open_parquet, read_table, roles_of
from tastebridge.exceptions import InvalidDataError
from tastebridge.persist.disk import digest

_Piece: TypeAlias = ds.ParquetFileFragment | pa.Table
BATCH = 1 << 16
"""Rows read at once."""
SPAN = 500_000
"""Fewest rows for which another thread pays off."""


@dataclass(frozen=True)
class Source:
    """A table of events, in files.

    Attributes
    ----------
    path : Path
        The file, the folder, or the pattern.
    files : tuple of Path
        Those on the disk.
    roles : dict of role to column
    n_rows : int
    schema : Schema
        The schema of all rows, by role.
    joined : tuple of Path
        The tables that were joined, on the disk.
    joined_at : tuple of str
        The addresses of others.
    remote : RemoteFiles or None
        The files at an address.
    signs_read : bool
        Whether weights that mean no rating was given are read already.
    """

    path: Path
    files: tuple[Path, ...]
    roles: dict[str, str]
    n_rows: int
    schema: pa.Schema
    _pieces: tuple[_Piece, ...]
    _starts: tuple[int, ...]
    _data: ds.Dataset | None
    joined: tuple[Path, ...] = ()
    joined_at: tuple[str, ...] = ()
    remote: RemoteFiles | None = None
    signs_read: bool = False

    @classmethod
    def open(
        cls,
        path: str | Path,
        columns: Mapping[str, str | None],
        reading: ReadingOptions | None = None,
        policy: CleaningPolicy | None = None,
    ) -> Source:
        """Open every file; rows of plain Parquet are read later, other tables are read whole at once.

        Raises
        ------
        InvalidDataError
            If there are no files or rows, a file cannot be read, or a column is missing.
        """
        path, reading = check_path("events", path), reading or ReadingOptions()
        address = uri_of(path)
        remote = None if address is None else look_up(address)
        if remote is not None and remote.parquet and reading.plain:
            with unreadable(path):
                data = open_parquet(remote.parquet, Path(remote.base), system=remote.system)
            return replace(cls._of_parquet(path, (), data, columns), remote=remote)
        parts = parquet_files(path) if reading.plain and remote is None else None
        if parts is None:
            return replace(cls._of_table(path, columns, reading, policy), remote=remote)
        with unreadable(path):
            data = open_parquet(parts[1], parts[0])
        return cls._of_parquet(path, tuple(map(Path, parts[1])), data, columns)

    @classmethod
    def _of_parquet(
        cls, path: Path, files: tuple[Path, ...], data: ds.Dataset, columns: Mapping[str, str | None]
    ) -> Source:
        roles = roles_of(data.schema.names, columns, path)
        check_agreed(data.schema, list(roles.values()))
        pieces: list[tuple[ds.ParquetFileFragment, int]] = []
        for fragment in data.get_fragments():
            with unreadable(Path(fragment.path)):
                groups = [(group, group.row_groups[0].num_rows) for group in fragment.split_by_row_group()]
                pieces += [(group, n_rows) for group, n_rows in groups if n_rows]
        schema = pa.schema([(role, data.schema.field(column).type) for role, column in roles.items()])
        return cls._with(path, files, roles, schema, pieces, data)

    @classmethod
    def _of_table(
        cls,
        path: Path,
        columns: Mapping[str, str | None],
        reading: ReadingOptions,
        policy: CleaningPolicy | None,
    ) -> Source:
        with unreadable(path):
            found = read_table(path, columns, reading, policy)
        slices = [found.table.slice(start, BATCH) for start in range(0, len(found.table), BATCH)]
        pieces = [(piece, len(piece)) for piece in slices]
        roles = {role: found.roles.get(role, role) for role in found.table.column_names}
        made = cls._with(path, (), roles, found.table.schema, pieces, None)
        made = replace(made, files=_files(path), signs_read=found.signs_read)
        return replace(made, joined=reading.files, joined_at=reading.addresses)

    @classmethod
    def _with(
        cls,
        path: Path,
        files: tuple[Path, ...],
        roles: dict[str, str],
        schema: pa.Schema,
        pieces: Sequence[tuple[_Piece, int]],
        data: ds.Dataset | None,
    ) -> Source:
        """Return the source of pieces, each with its number of rows."""
        starts = (0, *accumulate(n_rows for _, n_rows in pieces))
        if not starts[-1]:
            raise InvalidDataError(f"{str(path)!r} has no rows, hence no users. Give a table with events.")
        only_pieces = tuple(piece for piece, _ in pieces)
        return cls(path, files, roles, starts[-1], schema, only_pieces, starts[:-1], data)

    @property
    def time_name(self) -> str:
        """The name that may tell the unit of the times; where they were read already, it is the role's."""
        return self.roles["timestamp"] if self._data is not None else "timestamp"

    def spans(self, start: int, n: int) -> list[tuple[int, int]]:
        """Divide the rows from ``start`` on into about ``n`` spans, each from a first row to before a last.

        Spans end at the ends of pieces, so that no piece is read twice.
        """
        ends = [end for end in (*self._starts[1:], self.n_rows) if end > start]
        least = max(SPAN, (self.n_rows - start) // n)
        spans: list[tuple[int, int]] = []
        for end in ends:
            if end - start >= least or end == self.n_rows:
                spans.append((start, end))
                start = end
        return spans

    def read(self, roles: Sequence[str], start: int = 0, stop: int | None = None) -> Iterator[pa.Table]:
        """Yield the columns of some roles, for the rows from ``start`` to before ``stop``."""
        stop = self.n_rows if stop is None else stop
        for piece, first, following in zip(
            self._pieces, self._starts, (*self._starts[1:], self.n_rows), strict=True
        ):
            at = first
            for table in self._tables(piece, roles) if following > start and first < stop else ():
                if at + len(table) > start and at < stop:
                    yield table.slice(max(0, start - at), stop - max(start, at))
                at += len(table)

    def fingerprint(self) -> str:
        """Return a SHA-256 of the names and contents of all files."""
        whole = hashlib.sha256()
        for file in self.files:
            with unreadable(file):
                # names in a folder can hold a category; the name of a single file does not matter
                name = file.relative_to(self.path).as_posix() if self.path.is_dir() else file.suffix
                whole.update(f"{len(name)} {name} {digest(file)}\n".encode())
        for line in self.remote.digests() if self.remote is not None else ():
            whole.update(f"{line}\n".encode())
        for file in self.joined:
            whole.update(f"joined {digest(file)}\n".encode())
        for address in self.joined_at:
            whole.update(f"joined {list(look_up(address).digests())}\n".encode())
        # the standard input has no file to read again, so its rows are hashed
        if not self.files and self.remote is None:
            for table in self.read(list(self.roles)):
                whole.update(repr(table.to_pydict()).encode())
        return whole.hexdigest()

    def _tables(self, piece: _Piece, roles: Sequence[str]) -> Iterator[pa.Table]:
        if self._data is None:
            yield piece.select(list(roles))
            return
        columns = [self.roles[role] for role in roles]
        with unreadable(Path(piece.path)):
            for table in tables_of(piece, self._data.schema, columns, BATCH):
                yield table.rename_columns(list(roles))


def _files(path: Path) -> tuple[Path, ...]:
    """Return the files of a table that is read whole; none for the standard input."""
    if str(path) == STANDARD_INPUT or uri_of(path) is not None:
        return ()
    parts = parquet_files(path)
    return tuple(map(Path, parts[1])) if parts else tuple({place.path: None for place in places_of(path)})


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Turn errors of reading into an InvalidDataError that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeError) as error:
        if isinstance(error, InvalidDataError):
            raise
        raise InvalidDataError(
            f"{str(path)!r} cannot be read: {reason(error)}. Repair or replace this file and run it again."
        ) from None
