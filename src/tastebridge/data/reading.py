"""Panels read from files: Parquet, text with a delimiter, JSON lines, one file or many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from tastebridge._foundation.addresses import conceal
from tastebridge._foundation.log import LOGGER
from tastebridge._foundation.validation import check_type, nearest
from tastebridge.data.cleaning import CleaningPolicy
from tastebridge.data.columns import recognise, recognised
from tastebridge.data.events import FrameLike
from tastebridge.data.files.assembling import EventTable, is_typed, read_events_table
from tastebridge.data.files.errors import NoHeaderError, readable
from tastebridge.data.files.options import ReadingOptions
from tastebridge.data.files.parquet import ParquetTable, open_parquet, parquet_parts
from tastebridge.data.files.tables import open_table
from tastebridge.data.files.uris import uri_of
from tastebridge.data.panel import Panel
from tastebridge.data.rating_columns import rating_notes
from tastebridge.data.text_ids import IdKind, ids_of_kind, numbers_if_all
from tastebridge.data.text_numbers import is_text, numbers_of
from tastebridge.exceptions import InvalidDataError, InvalidParameterError

__all__ = ["open_parquet", "parquet_parts", "read_ids", "read_items", "read_panel", "read_table", "roles_of"]

_OPTIONS = frozenset(field.name for field in fields(ReadingOptions))


def read_panel(
    path: str | Path | FrameLike,
    *,
    columns: Mapping[str, str | None] | Sequence[str] | None = None,
    reading: ReadingOptions | None = None,
    **from_frame_options: Any,  # noqa: ANN401 - each of a type of its own
) -> Panel:
    r"""Read a panel from files.

    Parameters
    ----------
    path : str, Path, or Arrow stream
        - a ``.parquet`` file, or a folder of them, in subfolders like ``category=books`` too;
        - a text file: ``.csv``, ``.tsv``, ``.txt``, ``.dat``, RecBole's ``.inter``, …;
        - JSON lines: ``.json``, ``.jsonl``;
        - any of the last two compressed, as ``.gz``, ``.bz2``, ``.zst`` or ``.zip``, a folder of them, or a
          pattern such as ``logs/*.csv``;
        - a workbook: ``.xlsx``, ``.xls``, ``.ods``, with the extra ``excel``;
        - ``-`` for the standard input;
        - a URI such as ``s3://shop/events.parquet``, by the file systems of pyarrow;
        - a data frame, or an object with ``__arrow_c_stream__`` such as a relation of DuckDB.

        For text files, the delimiter, encoding, quotes and header are detected. Cells are read literally:
        only empty cells are missing, and ``NA``, ``null``, ``007`` and ``1e5`` are ids. Ids are int if all
        ids of a column are plain integers, and str otherwise. Nested fields of JSON records have dotted
        names, and a cell with a list of items becomes one row per item.
    columns : mapping of role to column, or sequence of str, optional
        A mapping as in :meth:`Panel.from_frame`; only the columns needed are read. A sequence names the
        columns of a text file without a header, in order.
    reading : ReadingOptions, optional
        The layout of the files.
    **from_frame_options
        The fields of :class:`~tastebridge.data.ReadingOptions`, such as ``delimiter``, ``items`` or
        ``category_from_name``; the others are passed on to :meth:`Panel.from_frame`.

    Returns
    -------
    Panel
        The panel of all rows. ``panel.cleaning.notes`` describes how the files were read.

    Raises
    ------
    InvalidDataError
        If a file is missing or cannot be read, or has no rows, or lacks a column. Errors name the location
        and the pattern of a cell, never its content.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "events.csv")
    ...     _ = path.write_text("user_id;item_id;category\n1;dune;books\n2;emma;books\n")
    ...     panel = read_panel(path)
    >>> panel
    <Panel of 2 users in 1 category: books>
    >>> panel.cleaning.notes[0].partition(": ")[2]
    'delimiter semicolon, encoding utf-8, no quotes, header'

    The category can come from a table of items, and the columns of a file without a header can be named:

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path, items = Path(folder, "events.dat"), Path(folder, "films.csv")
    ...     _ = path.write_text("1::7::978300760\n2::8::978302109\n")
    ...     _ = items.write_text("movieId,title,genres\n7,Alien,Horror|Sci-Fi\n8,Emma,Romance\n")
    ...     read_panel(path, columns=["user_id", "item_id", "timestamp"], items=items)
    <Panel of 2 users in 2 categories: Horror, Romance>
    """
    path = conceal(path)
    given = {name: from_frame_options.pop(name) for name in _OPTIONS & set(from_frame_options)}
    _refuse_unknown(from_frame_options)
    if columns is not None and not isinstance(columns, Mapping):
        given["names"], columns = _listed(columns), None
    check_type("reading", reading or ReadingOptions(), ReadingOptions, 'ReadingOptions(delimiter=";")')
    options = replace(reading or ReadingOptions(), **given)
    wanted = _without_event(columns, from_frame_options.get("event_weights"))
    policy = from_frame_options.get("policy") or CleaningPolicy()
    check_type("policy", policy, CleaningPolicy, 'CleaningPolicy(duplicates="error")')
    settled = policy.settled(from_frame_options.get("event_weights"))
    found = read_table(path, wanted, options, settled)
    if not found.table.num_rows:
        raise InvalidDataError(f"{_shown(path)} has no rows; a panel needs at least one.")
    # The columns go by their roles now. A role the files lack is None, or its name might be recognised
    # anew.
    explicit: dict[str, str | None] = dict.fromkeys(("weight", "timestamp", "event"))
    explicit |= {role: role for role in found.table.column_names}
    from_frame_options.setdefault("item_names", found.item_names)
    if options.categories == "all":  # asked for: each row has its share
        kept = "keep" if policy.several_categories == "auto" else policy.several_categories
        sign = None if found.signs_read else policy.no_rating
        from_frame_options["policy"] = replace(policy, several_categories=kept, no_rating=sign)
    panel = Panel.from_frame(found.table, columns=explicit, **from_frame_options)
    notes: tuple[str, ...] = found.notes
    # the column went by its role, so that the frame could not tell its name
    # where the weights are split they are ratings no more, and the note would tell of halves
    if not settled.ratings and "weight" in found.roles and options.categories != "all":
        weights = found.table["weight"].to_numpy()
        notes += rating_notes(found.roles["weight"], weights[weights != settled.no_rating])
    return replace(panel, cleaning=replace(panel.cleaning, notes=(*notes, *panel.cleaning.notes)))


def read_table(
    path: str | Path | FrameLike,
    columns: Mapping[str, str | None],
    options: ReadingOptions | None = None,
    policy: CleaningPolicy | None = None,
) -> EventTable:
    """Return the events of a table in files, whole: one column per role.

    Parameters
    ----------
    path : str, Path, or Arrow stream
        As of :func:`read_panel`.
    columns : mapping of role to column
    options : ReadingOptions, optional
    policy : CleaningPolicy, optional
        With ``ratings`` settled; it decides how weights are split over several categories of an item.

    Raises
    ------
    InvalidDataError
        If the table cannot be read.
    """
    path = conceal(path)
    with readable(_shown(path).strip("'")):
        try:
            found = read_events_table(path, columns, options or ReadingOptions(), policy)
        except InvalidDataError as error:
            # the message names this file, or another one such as the table of items
            named = (str(path), uri_of(path) or "in '", "in '", "there is no ")
            if not isinstance(path, str | Path) or any(name in str(error) for name in named):
                raise
            raise InvalidDataError(f"in {str(path)!r}: {error}") from None
    LOGGER.info("read %s rows of %s", f"{found.table.num_rows:,}", _shown(path))
    for told in found.notes:
        LOGGER.debug("%s: %s", _shown(path), told)
    return found


def read_items(path: str | Path, item_column: str | None = None) -> pa.Table:
    """Read a table of items with all its columns.

    Parameters
    ----------
    path : str or Path
        As of :func:`read_panel`. In text files the ids are read as there, and other columns are numbers if
        all their cells are.
    item_column : str, optional
        The column of ids; None for the one named item_id or as peers name it.

    Raises
    ------
    InvalidDataError
        If it cannot be read.
    """
    path = conceal(path)
    with readable(path):
        try:
            opened = open_table(path, ReadingOptions(), [item_column] if item_column else [])
        except NoHeaderError:
            raise InvalidDataError(
                f"the first line of {str(path)!r} does not look like a header, and a table of items needs "
                "one, with a column item_id. Write the names of its columns above the rows."
            ) from None
        table = opened.read(opened.names)
    if isinstance(opened, ParquetTable):
        return table
    items = item_column if item_column in opened.names else recognised("item_id", opened.names)
    for place, name in enumerate(opened.names):
        column = table[name]
        if is_text(getattr(column.type, "value_type", column.type)) and pa.types.is_dictionary(column.type):
            read = numbers_if_all(column) if name == items else _number_column(column)
            table = table.set_column(place, name, read)
    return table


def read_ids(
    path: str | Path,
    needed: Sequence[str],
    optional: Sequence[str] = (),
    kinds: Mapping[str, IdKind] | None = None,
) -> pa.Table:
    """Read columns of ids, such as a list of items to leave out.

    Parameters
    ----------
    path : str or Path
        As of :func:`read_panel`.
    needed, optional : sequence of str
        The columns, by the names they must have.
    kinds : mapping of column to {"auto", "str", "int"}, optional
        How digits in text files are read.

    Raises
    ------
    InvalidDataError
        If it cannot be read, or a column is missing.
    """
    path = conceal(path)
    with readable(path):
        try:
            opened = open_table(path, ReadingOptions(), needed)
        except NoHeaderError:
            raise InvalidDataError(
                f"{str(path)!r} needs a column {needed[0]}, and its first line does not look like a header. "
                f"Write {needed[0]} above the ids."
            ) from None
        for name in needed:
            if name not in opened.names:
                raise InvalidDataError(
                    f"{str(path)!r} needs a column {name}; it has {', '.join(map(repr, opened.names))}."
                )
        chosen = [*(name for name in optional if name in opened.names), *needed]
        table = opened.read(chosen)
    if not is_typed(opened):
        for place, name in enumerate(chosen):
            column = ids_of_kind(table[name], (kinds or {}).get(name, "auto"), name)
            table = table.set_column(place, name, column)
    return table


def roles_of(names: list[str], columns: Mapping[str, str | None], path: Path) -> dict[str, str]:
    """Return the column of each role among the columns of a file."""
    try:
        return recognise(names, columns)
    except InvalidDataError as error:
        raise InvalidDataError(f"in {str(path)!r}: {error}") from None


def _number_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of text as numbers if all its cells are; other columns as they are."""
    whole = numbers_if_all(column)
    kind = whole.type.value_type
    if not is_text(kind):
        return whole.cast(kind)
    try:
        return pa.chunked_array([pa.array(numbers_of(column, "a column", "."), from_pandas=True)])
    except InvalidDataError:
        return column.cast(pa.string())


def _without_event(columns: Mapping[str, str | None] | None, event_weights: object) -> dict[str, str | None]:
    """Return the columns by role; types of events are only read if they have weights."""
    given = dict(columns or {})
    if event_weights is None:
        given.setdefault("event", None)
    return given


def _listed(columns: Sequence[str]) -> list[str]:
    if isinstance(columns, str) or not all(isinstance(name, str) for name in columns):
        raise InvalidParameterError(
            f"columns must be a mapping of role to column, or a list of names; got {type(columns).__name__}."
            ' Write {"user_id": "buyer"}, or ["user_id", "item_id"] for a file without a header.'
        )
    return list(columns)


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    known = {*_OPTIONS, "event_weights", "policy", "item_names"}
    for name in options:
        if name not in known:
            raise InvalidParameterError(f"read_panel has no parameter {name!r}.{nearest(name, known)}")


def _shown(path: object) -> str:
    return repr(str(path)) if isinstance(path, str | Path) else f"the {type(path).__name__}"
