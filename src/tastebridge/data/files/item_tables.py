"""Tables of items, one or several: the categories and the names of the items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa

from tastebridge.data.columns import holds_several, listed, plain_name, recognised
from tastebridge.data.files.category_cells import split_cells
from tastebridge.data.files.errors import NoHeaderError
from tastebridge.data.files.joins import as_texts, common_column
from tastebridge.data.files.options import ReadingOptions
from tastebridge.data.files.tables import FilesTable, Table, open_table
from tastebridge.exceptions import InvalidDataError

_PROPERTY, _VALUE = "property", "value"
_NAMES = (
    "name", "title", "itemname", "productname", "movietitle", "booktitle", "animename", "prodname",
    "filmtitle", "appname", "bookname", "trackname", "artistname", "newstitle", "producttitle", "gametitle",
)  # fmt: skip


@dataclass(frozen=True)
class ItemTable:
    """The categories and names of items, from one or several tables.

    Attributes
    ----------
    categories : DataFrame
        Columns ``item_id`` and ``category``, as text, one row per item and category in their order.
    names : DataFrame or None
        Columns ``item_id`` and ``name``.
    several : bool
        Whether an item has several categories.
    levels : bool
        Whether the category of an item is other than its cell.
    note : str
        Where both come from.
    """

    categories: pd.DataFrame
    names: pd.DataFrame | None
    several: bool
    levels: bool
    note: str


def read_items_table(options: ReadingOptions, item_column: str | None = None) -> ItemTable:
    """Return the categories and names of the items, from the tables the options name.

    Parameters
    ----------
    options : ReadingOptions
    item_column : str, optional
        The column of items in the events, whose name the table of items may share.

    Raises
    ------
    InvalidDataError
        If a table cannot be read, or has no column of ids or of categories.
    """
    given = options.items if isinstance(options.items, list | tuple) else [options.items]
    tables = [_opened(one, options) for one in given]
    frame, item = _joined(tables, options, item_column)
    column = _category_column(frame, item, options)
    if column is None:
        column = str(options.item_category)
        frame = _of_property(frame, item, column)
    rows = pd.DataFrame({"item_id": frame[item], "category": frame[column]}).dropna(subset=["item_id"])
    cells, rows["category"] = rows["category"], split_cells(rows["category"], options.category_level, column)
    rows = rows.explode("category")
    levels = _are_parts(rows["category"], cells.reindex(rows.index))
    rows = rows.dropna().drop_duplicates()
    rows = rows[rows["category"] != ""].reset_index(drop=True)
    named = _name_column([name for name in frame.columns if name not in (item, column)], options)
    names = None
    if named is not None:
        names = frame[[item, named]].set_axis(["item_id", "name"], axis=1).dropna().drop_duplicates("item_id")
    several = int((rows["item_id"].value_counts() > 1).sum())
    note = (
        f"category is {column!r} of {'; '.join(table.note for table in tables)}:"
        f" {rows['item_id'].nunique():,}"
        f" items{f', {several:,} of them in several categories' if several else ''}"
    )
    return ItemTable(rows, names, several > 0, levels, note)


def _are_parts(categories: pd.Series, cells: pd.Series) -> bool:
    """Return whether any category is only a part of its cell, as every one of a list is."""
    pairs = zip(categories, cells, strict=True)
    return any(isinstance(one, str) and (not isinstance(cell, str) or one != cell) for one, cell in pairs)


def _opened(table: object, options: ReadingOptions) -> Table:
    """Return a table of items; those without a header take the names that the options give."""
    plain = ReadingOptions(encoding=options.encoding)
    expected = [name for name in (options.item_id,) if name]
    alone = not isinstance(options.items, list | tuple) or len(options.items) == 1
    if alone and options.item_columns is not None:
        return open_table(table, replace(plain, names=options.item_columns), expected)
    try:
        return open_table(table, plain, expected)
    except NoHeaderError as error:
        if options.item_columns is None:
            told = str(error).partition(": no column")[0]
            raise InvalidDataError(
                f"{told}: the first line of this table of items does not look like a header. If there is "
                'none, name the columns in order: item_columns=["item_id", "title", "genres"]; an empty name '
                'leaves one out. If there is one, name its column of ids: item_id="…".'
            ) from None
    return open_table(table, replace(plain, names=options.item_columns), expected)


def _joined(
    tables: Sequence[Table], options: ReadingOptions, item_column: str | None
) -> tuple[pd.DataFrame, str]:
    """Return the tables as one frame of text, and its column of ids."""
    frame = _frame(tables[0])
    item = options.item_id or _item_column(list(frame.columns), item_column)
    if item not in frame.columns:
        raise InvalidDataError(
            f"the table of items has no column {item!r}; its columns are {listed(list(frame.columns))}."
        )
    for table in tables[1:]:
        other = _frame(table)
        left, right = common_column(list(frame.columns), list(other.columns), "a further table of items")
        # One row per key: a second one would repeat its items.
        other = other.drop_duplicates(right).rename(columns={right: left})
        frame = frame.merge(other, on=left, how="left", suffixes=("", " (joined)"))
    return frame, item


def _frame(table: Table) -> pd.DataFrame:
    """Return a table as texts and lists; counts by category stay mappings."""
    names = [name for name in table.names if not (holds_several(name.partition(".")[0]) and "." in name)]
    # most fields are not used: a price that is a number here and "free" there is no reason to refuse a table
    read = (table.mixed_as_text() if isinstance(table, FilesTable) else table).read(names)
    kept = [name for name in names if holds_several(name) or not _is_struct(read[name].type)]
    return pd.DataFrame(
        {
            name: read[name].to_pandas() if _is_struct(read[name].type) else as_texts(read[name])
            for name in kept
        }
    )


def _is_struct(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind.value_type if pa.types.is_list(kind) else kind))


def _item_column(names: list[str], item_column: str | None) -> str:
    """Return the column of ids: of a known name, of the name it has in the events, or plainly ``id``."""
    same = [name for name in names if item_column and plain_name(name) == plain_name(item_column)]
    if len(same) == 1:
        return same[0]
    found = recognised("item_id", names) or next((name for name in names if plain_name(name) == "id"), None)
    if found is None:
        raise InvalidDataError(
            f"the table of items has no column of ids that is known; its columns are {listed(names)}."
            ' Name it: item_id="…".'
        )
    return found


def _category_column(frame: pd.DataFrame, item: str, options: ReadingOptions) -> str | None:
    """Return the column of categories; None where they are a property, a row per item and property."""
    names = [name for name in frame.columns if name != item]
    wanted = options.item_category
    if wanted is None:
        return _usual_category(names)
    if wanted in names:
        return wanted
    plain = {plain_name(name): name for name in names}
    if plain_name(wanted) in plain:
        return plain[plain_name(wanted)]
    if {_PROPERTY, _VALUE} <= set(names) and (frame[_PROPERTY] == wanted).any():
        return None
    raise InvalidDataError(
        f"item_category={wanted!r} is not among the columns of the table of items: {listed(names)}."
    )


def _usual_category(names: list[str]) -> str:
    """Return the column of a known name; one category per item goes before several, and these before others.

    A table of games has genres and a publisher, and the genres are meant.
    """
    single = [name for name in names if not _is_key(name, names) and not holds_several(name)]
    try:
        found = recognised("category", single, weakly=False)
        found = found or next((name for name in names if holds_several(name)), None)
        found = found or recognised("category", single)
    except InvalidDataError as error:
        told = str(error).replace("columns={'category': ", "item_category=").replace("}.", ".")
        raise InvalidDataError(f"in the table of items: {told}") from None
    if found is None:
        raise InvalidDataError(
            f"the table of items has no column of categories that is known; its others are {listed(names)}."
            ' Name it: item_category="…".'
        )
    return found


def _is_key(name: str, names: Sequence[str]) -> bool:
    """Return whether a column is the id of another one that is there with its name."""
    plain = plain_name(name)
    return plain.endswith("id") and plain[:-2] in {plain_name(other) for other in names}


def _of_property(frame: pd.DataFrame, item: str, wanted: str) -> pd.DataFrame:
    """Return the last value of a property of each item, from a table with one row per item and property."""
    rows = frame[frame[_PROPERTY] == wanted]
    time = recognised("timestamp", list(frame.columns))
    if time is not None:
        order = pd.to_numeric(rows[time], errors="coerce")
        rows = rows.assign(_order=order).sort_values("_order", kind="stable")
    rows = rows.drop_duplicates(item, keep="last")
    return pd.DataFrame({item: rows[item], wanted: rows[_VALUE]})


def _name_column(names: Sequence[str], options: ReadingOptions) -> str | None:
    if options.item_name is not None:
        if options.item_name not in names:
            raise InvalidDataError(
                f"item_name={options.item_name!r} is not among the other columns of the table of items:"
                f" {listed(list(names))}."
            )
        return options.item_name
    return next((name for known in _NAMES for name in names if plain_name(name) == known), None)
