"""Panels read from files: Parquet, delimited text, or a folder of Parquet parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.dataset as ds

from tastebridge.data.columns import REQUIRED, recognise, recognised
from tastebridge.data.panel import Panel
from tastebridge.data.text_ids import numbers_if_all
from tastebridge.exceptions import InvalidDataError

_DELIMITERS = {".csv": ",", ".tsv": "\t", ".inter": "\t"}


def read_panel(
    path: str | Path, *, columns: Mapping[str, str | None] | None = None, **from_frame_options: Any
) -> Panel:
    r"""Read a panel from a file or a folder.

    Parameters
    ----------
    path : str or Path
        ``.parquet``; ``.csv``, ``.tsv`` or RecBole's ``.inter``, also with ``.gz`` behind; or a folder of
        Parquet parts, in subfolders like ``category=books`` too. In text files ids are int if all of a column
        are plain whole numbers, else str (so ``007`` stays ``"007"``).
    columns : mapping of role to column, optional
        As in :meth:`Panel.from_frame`; only the columns needed are read.
    **from_frame_options
        Passed on to :meth:`Panel.from_frame`.

    Returns
    -------
    Panel
        Of all the rows.

    Raises
    ------
    InvalidDataError
        If there is no such file, it cannot be read, has no rows or lacks a column.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "events.csv")
    ...     _ = path.write_text("user_id,item_id,category\n1,dune,books\n2,emma,books\n")
    ...     read_panel(path)
    <Panel of 2 people in 1 categories: books>
    """
    path = Path(path)
    if not path.exists():
        raise InvalidDataError(
            f"there is no file or folder {str(path)!r}. Check the path; it is read from {Path.cwd()}."
        )
    columns = dict(columns or {})
    if from_frame_options.get("event_weights") is None:
        columns.setdefault("event", None)
    try:
        table, roles = _read(path, columns)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise InvalidDataError(f"{str(path)!r} cannot be read: {_first_line(error)}") from None
    if not table.num_rows:
        raise InvalidDataError(f"{str(path)!r} has no rows; a panel needs at least one.")
    explicit: dict[str, str | None] = {"weight": None, "timestamp": None, **columns, **roles}
    return Panel.from_frame(table, columns=explicit, **from_frame_options)


def _read(path: Path, columns: Mapping[str, str | None]) -> tuple[pa.Table, dict[str, str]]:
    if path.is_dir() or path.suffix == ".parquet":
        data = open_parquet(parts := parquet_parts(path), path)
        roles = roles_of(data.schema.names, columns, path)
        texts = [name for name in roles.values() if pa.types.is_string(data.schema.field(name).type)]
        data = open_parquet(parts, path, texts)  # a code a row: texts repeat, and all of them are in memory
        return data.to_table(columns=list(roles.values())), roles
    return read_text(path, columns)


def parquet_parts(path: Path) -> list[str]:
    """Return the Parquet files of a folder, in the order of their names; or the one file."""
    if not path.is_dir():
        return [str(path)]
    parts = sorted(str(part) for part in path.rglob("*.parquet") if part.is_file())
    if not parts:
        raise InvalidDataError(f"the folder {str(path)!r} holds no .parquet files.")
    return parts


def open_parquet(parts: list[str], base: Path, coded: Sequence[str] = ()) -> ds.Dataset:
    """Return the data set of some Parquet files below ``base``; names of folders may be columns.

    Texts of the ``coded`` columns are read as codes into a dictionary.
    """
    for part in parts:
        _refuse_empty(Path(part))
    hive = ds.partitioning(flavor="hive")
    kind = ds.ParquetFileFormat(dictionary_columns=list(coded))
    return ds.dataset(parts, format=kind, partitioning=hive, partition_base_dir=str(base))


def read_text(path: Path, columns: Mapping[str, str | None]) -> tuple[pa.Table, dict[str, str]]:
    """Return the table of a delimited file, of the columns that play a role, and the roles."""
    parse = _parsing(path)
    with pacsv.open_csv(path, parse_options=parse) as opened:
        roles = roles_of(opened.schema.names, columns, path)
    texts = [roles[role] for role in (*REQUIRED, "event") if role in roles]
    convert = pacsv.ConvertOptions(
        include_columns=list(roles.values()),
        column_types={column: pa.dictionary(pa.int32(), pa.string()) for column in texts},
        strings_can_be_null=True,
    )
    table = pacsv.read_csv(path, parse_options=parse, convert_options=convert)
    for role in ("user_id", "item_id", "event"):
        if role in roles:
            place = table.schema.names.index(roles[role])
            table = table.set_column(place, roles[role], numbers_if_all(table.column(place)))
    return table, roles


def read_items(path: str | Path, item_column: str | None = None) -> pa.Table:
    """Read a table of items with all its columns.

    Parameters
    ----------
    path : str or Path
        As of :func:`read_panel`. In text files the ids are read as there.
    item_column : str, optional
        The column of ids; None for the one named item_id or as peers name it.

    Raises
    ------
    InvalidDataError
        If it cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir() or path.suffix == ".parquet":
            return open_parquet(parquet_parts(path), path).to_table()
        parse = _parsing(path)
        with pacsv.open_csv(path, parse_options=parse) as opened:
            names = opened.schema.names
        items = item_column if item_column in names else recognised("item_id", names)
        texts = {} if items is None else {items: pa.dictionary(pa.int32(), pa.string())}
        convert = pacsv.ConvertOptions(column_types=texts, strings_can_be_null=True)
        table = pacsv.read_csv(path, parse_options=parse, convert_options=convert)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise InvalidDataError(f"{str(path)!r} cannot be read: {_first_line(error)}") from None
    if items is None:
        return table
    return table.set_column(names.index(items), items, numbers_if_all(table[items]))


def roles_of(names: list[str], columns: Mapping[str, str | None], path: Path) -> dict[str, str]:
    """Return which of the columns of a file plays which role."""
    try:
        return recognise(names, columns)
    except InvalidDataError as error:
        raise InvalidDataError(f"in {str(path)!r}: {error}") from None


def _parsing(path: Path) -> pacsv.ParseOptions:
    """Return how a delimited file, which is not empty, is to be parsed."""
    _refuse_empty(path)
    kind = (path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix).lower()
    if kind not in _DELIMITERS:
        raise InvalidDataError(
            f"{str(path)!r} has the unknown ending {path.suffix!r}; expected .parquet, .csv, .tsv or .inter"
            " (also with .gz), or a folder of .parquet files."
        )
    return pacsv.ParseOptions(delimiter=_DELIMITERS[kind])


def _refuse_empty(path: Path) -> None:
    if path.stat().st_size == 0:
        raise InvalidDataError(f"{str(path)!r} is an empty file.")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300]
