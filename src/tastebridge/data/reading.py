"""Panels read from files: Parquet, delimited text, or a folder of Parquet parts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.dataset as ds

from tastebridge.data.columns import REQUIRED, recognise
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
    if path.is_dir():
        return _read_parquet(_parts(path), columns, path)
    if path.stat().st_size == 0:
        raise InvalidDataError(f"{str(path)!r} is an empty file.")
    kind = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    if path.suffix == ".parquet":
        return _read_parquet([str(path)], columns, path)
    if kind.lower() in _DELIMITERS:
        return _read_text(path, _DELIMITERS[kind.lower()], columns)
    raise InvalidDataError(
        f"{str(path)!r} has the unknown ending {path.suffix!r}; expected .parquet, .csv, .tsv or .inter"
        " (also with .gz), or a folder of .parquet files."
    )


def _parts(folder: Path) -> list[str]:
    parts = sorted(str(part) for part in folder.rglob("*.parquet") if part.is_file())
    if not parts:
        raise InvalidDataError(f"the folder {str(folder)!r} holds no .parquet files.")
    return parts


def _read_parquet(
    parts: list[str], columns: Mapping[str, str | None], base: Path
) -> tuple[pa.Table, dict[str, str]]:
    hive = ds.partitioning(flavor="hive")
    data = ds.dataset(parts, format="parquet", partitioning=hive, partition_base_dir=str(base))
    roles = _roles(data.schema.names, columns, base)
    return data.to_table(columns=list(roles.values())), roles


def _read_text(
    path: Path, delimiter: str, columns: Mapping[str, str | None]
) -> tuple[pa.Table, dict[str, str]]:
    parse = pacsv.ParseOptions(delimiter=delimiter)
    with pacsv.open_csv(path, parse_options=parse) as opened:
        roles = _roles(opened.schema.names, columns, path)
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


def _roles(names: list[str], columns: Mapping[str, str | None], path: Path) -> dict[str, str]:
    try:
        return recognise(names, columns)
    except InvalidDataError as error:
        raise InvalidDataError(f"in {str(path)!r}: {error}") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300]
