"""A table in files of any kind: its columns by name, over one file or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import narwhals as nw
import pandas as pd
import pyarrow as pa

from tastebridge.data.coding import arrow_column
from tastebridge.data.events import as_table
from tastebridge.data.files.delimited import DelimitedTable
from tastebridge.data.files.errors import readable
from tastebridge.data.files.excel import ENDINGS as WORKBOOKS
from tastebridge.data.files.excel import ExcelTable
from tastebridge.data.files.json_lines import JsonTable
from tastebridge.data.files.lacking import warn_of_lacking
from tastebridge.data.files.options import ReadingOptions
from tastebridge.data.files.parquet import ParquetTable
from tastebridge.data.files.places import JSONS, TEXTS, Place, parquet_files, places_of
from tastebridge.data.files.sections import is_sectioned
from tastebridge.data.files.uris import RemoteFiles, look_up, uri_of
from tastebridge.exceptions import InvalidDataError

_HEAD = 1 << 10
NAME_OF_FILE = "category (name of the file)"
"""The column that a file's name becomes."""


class Table(Protocol):
    """Columns that can be requested by name."""

    @property
    def names(self) -> list[str]:
        """The columns, in order."""

    @property
    def note(self) -> str:
        """How the table was read."""

    def read(self, columns: Sequence[str], varied: Sequence[str] = ()) -> pa.Table:
        """Return some columns; values of those that are ``varied`` hardly repeat."""


@dataclass(frozen=True)
class FrameTable:
    """A frame of pandas, or a table of Arrow, as a table."""

    frame: pa.Table | pd.DataFrame

    @property
    def names(self) -> list[str]:
        """The columns with names of text, in order."""
        names = self.frame.columns if isinstance(self.frame, pd.DataFrame) else self.frame.column_names
        return [name for name in names if isinstance(name, str)]

    @property
    def note(self) -> str:
        """How the table was read."""
        return f"a frame of {len(self.frame):,} rows"

    def read(self, columns: Sequence[str], varied: Sequence[str] = ()) -> pa.Table:
        """Return some columns."""
        if isinstance(self.frame, pa.Table):
            return self.frame.select(list(columns))
        return pa.table({name: arrow_column(self.frame[name], name) for name in columns})


@dataclass(frozen=True)
class FilesTable:
    """Several files of text or JSON as one table over the columns of all of them.

    Attributes
    ----------
    places : tuple of Place
    parts : tuple of Table
        One per file.
    with_name : bool
        Whether the name of each file is a column.
    """

    places: tuple[Place, ...]
    parts: tuple[Table, ...]
    with_name: bool

    @property
    def names(self) -> list[str]:
        """The columns of all files, in order."""
        every = dict.fromkeys(name for part in self.parts for name in part.names)
        return [*every, *([NAME_OF_FILE] if self.with_name else [])]

    @property
    def note(self) -> str:
        """How the files were read."""
        more = f", and {len(self.parts) - 1:,} more files" if len(self.parts) > 1 else ""
        return self.parts[0].note + more

    def read(self, columns: Sequence[str], varied: Sequence[str] = ()) -> pa.Table:
        """Return some columns of all files; a column that a file lacks is null there, and is warned of."""
        files = [(str(place), set(part.names)) for place, part in zip(self.places, self.parts, strict=True)]
        warn_of_lacking([name for name in columns if name != NAME_OF_FILE], files)
        tables = [
            self._part(place, part, columns, varied)
            for place, part in zip(self.places, self.parts, strict=True)
        ]
        return tables[0] if len(tables) == 1 else _stacked(tables, columns)

    def mixed_as_text(self) -> FilesTable:
        """Return the table that reads fields of several types in JSON as text."""
        parts = (
            replace(part, mixed_as_text=True) if isinstance(part, JsonTable) else part for part in self.parts
        )
        return replace(self, parts=tuple(parts))

    def _part(self, place: Place, part: Table, columns: Sequence[str], varied: Sequence[str]) -> pa.Table:
        with readable(place):
            table = part.read([name for name in columns if name in part.names], varied)
        if NAME_OF_FILE in columns:
            n_rows = table.num_rows
            table = table.append_column(
                NAME_OF_FILE, pa.array([place.stem] * n_rows, pa.string()).dictionary_encode()
            )
        for name in columns:
            if name not in table.column_names:
                table = table.append_column(name, pa.nulls(table.num_rows))
        return table.select(list(columns))


def open_table(path: object, options: ReadingOptions, expected: Sequence[str] = ()) -> Table:
    """Return a table at a path of any kind, or of a frame, once it is known how it is laid out.

    Parameters
    ----------
    path : str, Path, or frame
        See :func:`tastebridge.read_panel`.
    options : ReadingOptions
    expected : sequence of str
        Columns the caller names, which a header must hold.
    """
    if not isinstance(path, str | Path):
        return FrameTable(_of_frame(path))
    uri = uri_of(path)
    found = None if uri is None else look_up(uri)
    if found is not None and found.parquet:
        _refuse_names(path, options)
        return _remote_parquet(found, options)
    parts = None if found is not None else parquet_files(path)
    if parts is not None:
        _refuse_names(path, options)
        if options.category_from_name:
            return _named_parquet(parts)
        with readable(path):
            return ParquetTable.open(*parts)
    places = tuple(places_of(path) if found is None else found.places())
    with readable(places[0] if len(places) == 1 else path):
        opened = tuple(_open(place, options, expected) for place in places)
    return FilesTable(places, opened, options.category_from_name)


def _open(place: Place, options: ReadingOptions, expected: Sequence[str]) -> Table:
    from_input = place.content is not None and not place.ending
    json = place.ending in JSONS or (from_input and bytes(place.content or b"").lstrip()[:1] in (b"{", b"["))
    if json:
        _refuse_names(place, options)
        return JsonTable.open(place)
    if place.ending in WORKBOOKS:
        _refuse_names(place, options)
        return ExcelTable.open(place)
    known = place.ending in TEXTS or from_input or options.delimiter or options.names
    if not known:
        raise InvalidDataError(
            f"{str(place)!r} has the unknown ending {place.ending!r}; expected .parquet, .csv, .tsv,"
            " .inter, .txt, .dat, .json, .jsonl (also with .gz, .bz2, .zst or .zip), .xlsx, or a folder of"
            " them. For another name say the delimiter of the text: delimiter=…"
        )
    return DelimitedTable.open(*_sectioned(place, options), expected)


def _sectioned(place: Place, options: ReadingOptions) -> tuple[Place, ReadingOptions]:
    """Return a file whose sections are items as one with a further column, item_id."""
    with place.opened() as stream:
        if not is_sectioned(stream.read(_HEAD)):
            return place, options
    names = options.names
    if names is not None and "item_id" not in names:
        names = [*names, "item_id"]
    return replace(place, sectioned=True), replace(options, names=names)


def _named_parquet(parts: tuple[Path, list[str]]) -> FilesTable:
    places = tuple(Place(Path(part)) for part in parts[1])
    tables = []
    for place in places:
        with readable(place):
            tables.append(ParquetTable.open(place.path))
    return FilesTable(places, tuple(tables), True)


def _remote_parquet(found: RemoteFiles, options: ReadingOptions) -> Table:
    parts = found.parquet
    if not options.category_from_name:
        return ParquetTable.at(found.address, found.base, parts, found.system)
    places = tuple(Place(Path(part)) for part in parts)
    tables = tuple(ParquetTable.at(part, part, [part], found.system) for part in parts)
    return FilesTable(places, tables, True)


def _refuse_names(path: object, options: ReadingOptions) -> None:
    if options.names is not None:
        raise InvalidDataError(
            f"{str(path)!r} has names for its columns; a list of columns is for text files without a"
            " header. Give a"
            ' mapping: columns={"user_id": "…"}.'
        )


def _of_frame(frame: object) -> pa.Table | pd.DataFrame:
    known = nw.from_native(frame, eager_only=True, pass_through=True)
    if isinstance(known, nw.DataFrame) and not isinstance(frame, pd.DataFrame | pa.Table):
        return _without_views(known.to_arrow())  # older versions of Arrow cannot cast the views of a stream
    found = as_table(frame)
    if isinstance(found, pa.Table):
        return _without_views(found)
    if isinstance(found, pd.DataFrame):
        return found
    if hasattr(found, "__arrow_c_stream__"):
        return _without_views(pa.table(found))
    if hasattr(found, "collect"):
        return _of_frame(found.collect())
    raise InvalidDataError(
        f"a table must be a path, a data frame or an Arrow stream; got {type(frame).__name__}. Give the"
        " path as text; of several files a pattern, such as 'logs/*.csv'."
    )


def _without_views(table: pa.Table) -> pa.Table:
    """Return a table with text types that all functions of Arrow accept."""
    return table.cast(pa.schema([field.with_type(_without_view(field.type)) for field in table.schema]))


def _without_view(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.list_(_without_view(kind.value_type))
    return pa.large_string() if pa.types.is_string_view(kind) else kind


def _stacked(tables: Sequence[pa.Table], columns: Sequence[str]) -> pa.Table:
    """Return tables one behind the other; a column that is text in one and numbers in another is refused."""
    for name in columns:
        # A file that lacks the column has nulls, which go with any type.
        kinds = {_plain_type(table[name].type) for table in tables} - {pa.null()}
        if len(kinds) > 1:
            shown = " and ".join(sorted(map(str, kinds)))
            raise InvalidDataError(
                f"the files hold {name!r} as {shown}. Write it as one type in all of them."
            )
    plain = [pa.table({name: _plain(table[name]) for name in columns}) for table in tables]
    return pa.concat_tables(plain, promote_options="default")


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
