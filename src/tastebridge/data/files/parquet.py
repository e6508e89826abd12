"""Parquet files and folders of them, as one table whose schema all parts agree on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.types as pt
from pyarrow.fs import FileSystem

from tastebridge._foundation.warnings import warn_of_data
from tastebridge.data.columns import recognised_id
from tastebridge.data.files.errors import readable
from tastebridge.data.files.lacking import lacking
from tastebridge.exceptions import InvalidDataError

# At most 18 digits, which always fit in 64 bits.
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_MARK, _LACKING = "tastebridge.disagreement", "tastebridge.lacking"
# Hive's name for the folder of rows without a value.
_NULL = "__HIVE_DEFAULT_PARTITION__"


def parquet_parts(path: Path) -> list[str]:
    """Return the Parquet files of a folder, in the order of their names; or the one file."""
    if not path.is_dir():
        return [str(path)]
    parts = sorted(str(part) for part in path.rglob("*.parquet") if part.is_file())
    if not parts:
        raise InvalidDataError(f"the folder {str(path)!r} holds no .parquet files.")
    return parts


def open_parquet(
    parts: list[str], base: Path, coded: Sequence[str] = (), system: FileSystem | None = None
) -> ds.Dataset:
    """Return the data set of some Parquet files below ``base``, over the columns of all of them.

    Names of folders such as ``category=007`` are columns of text; ids in them are int if all are plain whole
    numbers. A column that some parts lack is null there. Texts of the ``coded`` columns are read as codes
    into a dictionary. With a file ``system`` the files are there instead of on the disk.

    A column whose types in two parts cannot be one is refused when it is used: see :func:`check_agreed`.

    Raises
    ------
    InvalidDataError
        If a part is empty.
    """
    for part in parts if system is None else ():
        if Path(part).stat().st_size == 0:
            raise InvalidDataError(f"{part!r} is an empty file.")
    kind = ds.ParquetFileFormat(dictionary_columns=list(coded))
    hive = ds.partitioning(folder_columns(parts, base), flavor="hive")
    how: dict[str, Any] = {"format": kind, "partitioning": hive, "filesystem": system}
    how["partition_base_dir"] = str(base) if system is None else base.as_posix()
    with readable(parts[0]):  # the one whose footer is read here
        data = ds.dataset(parts, **how)
    if len(parts) == 1:
        return data
    schema = schema_of_all(data, folder_columns(parts, base))
    return ds.dataset(parts, schema, **how)


def folder_columns(parts: Sequence[str], base: Path) -> pa.Schema:
    """Return the columns encoded in folder names: text, or int for ids that are all integers."""
    found: dict[str, set[str]] = {}
    for part in parts:
        relative = Path(part).relative_to(base) if Path(part).is_relative_to(base) else Path(part)
        for folder in relative.parts[:-1]:
            name, sign, value = folder.partition("=")
            if sign:
                found.setdefault(unquote(name), set()).add(unquote(value))
    return pa.schema([(name, _type_of(name, values - {_NULL})) for name, values in found.items()])


def _type_of(name: str, values: set[str]) -> pa.DataType:
    whole = recognised_id(name) and all(_WHOLE.fullmatch(value) for value in values)
    return pa.int64() if whole else pa.string()


@dataclass(frozen=True)
class _Seen:
    type: pa.DataType
    part: str
    disagreement: str | None = None


def schema_of_all(data: ds.Dataset, folders: pa.Schema) -> pa.Schema:
    """Return the columns of all parts, with notes on parts that lack a column or differ in type."""
    seen: dict[str, _Seen] = {}
    files: list[tuple[str, set[str]]] = []
    for fragment in data.get_fragments():
        with readable(fragment.path):
            columns = fragment.physical_schema
        files.append((fragment.path, {*columns.names, *folders.names}))
        for column in columns:
            if column.name in folders.names:
                continue
            before = seen.get(column.name)
            common = column.type if before is None else _common(before.type, column.type)
            if common is None:
                told = _disagreement(column.name, seen[column.name], column.type, fragment.path)
                seen[column.name] = replace(seen[column.name], disagreement=told)
            elif before is None or (common != before.type and before.disagreement is None):
                seen[column.name] = _Seen(common, fragment.path)
    notes = {name: {_MARK: one.disagreement, _LACKING: lacking(name, files)} for name, one in seen.items()}
    fields = [
        pa.field(name, one.type, metadata={mark: told for mark, told in notes[name].items() if told})
        for name, one in seen.items()
    ]
    return pa.schema([*fields, *folders])


def check_agreed(schema: pa.Schema, columns: Sequence[str]) -> None:
    """Refuse columns whose types differ between the parts, so that no ``"007"`` becomes a 7.

    Raises
    ------
    InvalidDataError
        Naming the column, two parts and their types.

    Warns
    -----
    DataWarning
        If some parts lack a column.
    """
    for name in columns:
        notes = schema.field(name).metadata or {}
        if (told := notes.get(_MARK.encode())) is not None:
            raise InvalidDataError(told.decode())
        if (told := notes.get(_LACKING.encode())) is not None:
            warn_of_data(told.decode())


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    """Return the type that holds the values of both without changing any; None if there is none."""
    if one == other or pt.is_null(other):
        return one
    if pt.is_null(one):
        return other
    if pt.is_dictionary(one) or pt.is_dictionary(other):
        first, second = (kind.value_type if pt.is_dictionary(kind) else kind for kind in (one, other))
        return _common(first, second)
    if _is_text(one) and _is_text(other):
        return pa.large_string() if pt.is_large_string(one) or pt.is_large_string(other) else pa.string()
    if pt.is_integer(one) and pt.is_integer(other):
        return pa.int64()
    if _is_number(one) and _is_number(other):  # a whole number beyond 2**53 is then refused by Arrow
        return pa.float64()
    if pt.is_timestamp(one) and pt.is_timestamp(other) and (one.tz is None) == (other.tz is None):
        return pa.timestamp("ns" if "ns" in (one.unit, other.unit) else "us", one.tz)
    return None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind))


def _disagreement(name: str, before: _Seen, kind: pa.DataType, part: str) -> str:
    return (
        f"the parts cannot be read as one table: {name!r} is {before.type} in {before.part!r} and {kind} in"
        f" {part!r}. Write it as one type in all parts; ids as text keep their zeros."
    )


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file, or a folder of them, as one table.

    Attributes
    ----------
    path : Path
    parts : list of str
    schema : Schema
    system : FileSystem or None
        Where the parts are; None for the disk.
    address : str or None
        The address of the table in that system, without credentials.
    """

    path: Path
    parts: list[str]
    schema: pa.Schema
    system: FileSystem | None = None
    address: str | None = None

    @classmethod
    def open(cls, path: Path, parts: list[str] | None = None) -> ParquetTable:
        """Look at every part and agree on the types of the columns."""
        parts = parts or parquet_parts(path)
        return cls(path, parts, open_parquet(parts, path).schema)

    @classmethod
    def at(cls, address: str, base: str, parts: list[str], system: FileSystem) -> ParquetTable:
        """Return the table of some parts in a file system."""
        path = Path(base)
        return cls(path, parts, open_parquet(parts, path, system=system).schema, system, address)

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        return list(self.schema.names)

    @property
    def note(self) -> str:
        """How the table was read."""
        several = "s" if len(self.parts) > 1 else ""
        return f"{self.address or self.path}: Parquet, {len(self.parts):,} file{several}"

    def read(self, columns: Sequence[str], varied: Sequence[str] = ()) -> pa.Table:
        """Return some columns; texts as codes into a dictionary, since they repeat and all are in memory."""
        check_agreed(self.schema, columns)
        kinds = {name: self.schema.field(name).type for name in columns if name not in varied}
        texts = [name for name, kind in kinds.items() if pt.is_string(kind)]
        data = open_parquet(self.parts, self.path, texts, self.system)
        return data.to_table(columns=list(columns))
