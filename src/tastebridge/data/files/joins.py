"""Tables joined to events: the user of an order, the category and the name of an item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from tastebridge.data.columns import holds_several, plain_name, recognised
from tastebridge.data.files.options import ReadingOptions
from tastebridge.data.files.tables import Table, open_table
from tastebridge.exceptions import InvalidDataError

_PROPERTY, _VALUE = "property", "value"
_NAMES = (
    "name",
    "title",
    "itemname",
    "productname",
    "movietitle",
    "booktitle",
    "animename",
    "prodname",
    "filmtitle",
)
_SEPARATORS = ("|", ", ", "; ", ",", ";")
_LEVELS = (" > ", ">", " / ", " » ")


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
    note : str
        Where both come from.
    """

    categories: pd.DataFrame
    names: pd.DataFrame | None
    several: bool
    note: str


def as_texts(column: pa.Array | pa.ChunkedArray) -> pd.Series:
    """Return a column as text, so that ids of tables of any kind meet: 7, 7.0 and "7" alike, "007" apart."""
    column = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_floating(column.type):
        numbers = column.to_numpy()
        whole = np.isnan(numbers) | (np.floor(numbers) == numbers)
        # 7.0 is the id 7 in a column with missing values; above 2^53 a float does not tell ids apart.
        if whole.all() and (np.abs(numbers[~np.isnan(numbers)]) <= 2.0**53).all():
            missing = np.isnan(numbers)
            column = pa.chunked_array(
                [pa.array(np.where(missing, 0, numbers).astype(np.int64), mask=missing)]
            )
    texts = column.to_pandas() if _has_lists(column) else column.cast(pa.string()).to_pandas()
    return texts.astype(object).where(texts.notna(), None)


def _has_lists(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_list(column.type) or pa.types.is_large_list(column.type))


def common_column(one: Sequence[str], other: Sequence[str], what: str) -> tuple[str, str]:
    """Return the one column of each of two tables that goes by the same name in both.

    Raises
    ------
    InvalidDataError
        If there is none, or there are several of which not just one is an id.
    """
    pairs = [(left, right) for left in one for right in other if plain_name(left) == plain_name(right)]
    ids = [pair for pair in pairs if plain_name(pair[0]).endswith("id")]
    found = pairs if len(pairs) == 1 else ids
    if len(found) == 1:
        return found[0]
    shown = ", ".join(repr(left) for left, _ in pairs) or "none"
    raise InvalidDataError(
        f"{what} must have one column in common with the table it is joined to; there are {len(pairs)}:"
        f" {shown}. Rename the columns, or join the tables before."
    )


def read_items_table(options: ReadingOptions) -> ItemTable:
    """Return the categories and names of the items, from the tables the options name.

    Raises
    ------
    InvalidDataError
        If a table cannot be read, or has no column of ids or of categories.
    """
    given = options.items if isinstance(options.items, list | tuple) else [options.items]
    plain = ReadingOptions(encoding=options.encoding)
    tables = [open_table(one, plain, [name for name in (options.item_id,) if name]) for one in given]
    frame, item = _joined(tables, options)
    column = _category_column(frame, item, options)
    if column == (_PROPERTY, _VALUE):
        frame = _of_property(frame, item, str(options.item_category))
        column = str(options.item_category)
    assert isinstance(column, str)
    rows = pd.DataFrame({"item_id": frame[item], "category": frame[column]}).dropna(subset=["item_id"])
    rows["category"] = split_cells(rows["category"], options.category_level)
    rows = rows.explode("category").dropna().drop_duplicates()
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
    return ItemTable(rows, names, several > 0, note)


def _joined(tables: Sequence[Table], options: ReadingOptions) -> tuple[pd.DataFrame, str]:
    """Return the tables as one frame of text, and its column of ids."""
    frame = _frame(tables[0])
    item = options.item_id or _item_column(list(frame.columns))
    if item not in frame.columns:
        raise InvalidDataError(
            f"the table of items has no column {item!r}; its columns are"
            f" {', '.join(map(repr, frame.columns))}."
        )
    for table in tables[1:]:
        other = _frame(table)
        left, right = common_column(list(frame.columns), list(other.columns), "a further table of items")
        # One row per key: a second one would repeat its items.
        other = other.drop_duplicates(right).rename(columns={right: left})
        frame = frame.merge(other, on=left, how="left", suffixes=("", " (joined)"))
    return frame, item


def _frame(table: Table) -> pd.DataFrame:
    read = table.read(table.names)
    return pd.DataFrame(
        {name: as_texts(read[name]) for name in read.column_names if not _is_struct(read[name])}
    )


def _is_struct(column: pa.ChunkedArray) -> bool:
    kind = column.type
    kind = kind.value_type if pa.types.is_list(kind) else kind
    return bool(pa.types.is_struct(kind))


def _item_column(names: list[str]) -> str:
    found = recognised("item_id", names)
    if found is None:
        raise InvalidDataError(
            "the table of items has no column of ids that is known; its columns are"
            f" {', '.join(map(repr, names))}."
            ' Name it: item_id="…".'
        )
    return found


def _category_column(frame: pd.DataFrame, item: str, options: ReadingOptions) -> str | tuple[str, str]:
    names = [name for name in frame.columns if name != item]
    wanted = options.item_category
    if wanted is None:
        found = recognised("category", [name for name in names if not _is_key(name, names)])
        found = found or next((name for name in names if holds_several(name)), None)
        if found is None:
            raise InvalidDataError(
                f"the table of items has no column of categories that is known; its columns are"
                f' {", ".join(map(repr, names))}. Name it: item_category="…".'
            )
        return found
    if wanted in names:
        return wanted
    plain = {plain_name(name): name for name in names}
    if plain_name(wanted) in plain:
        return plain[plain_name(wanted)]
    if {_PROPERTY, _VALUE} <= set(names) and (frame[_PROPERTY] == wanted).any():
        return _PROPERTY, _VALUE
    raise InvalidDataError(
        f"item_category={wanted!r} is not among the columns of the table of items:"
        f" {', '.join(map(repr, names))}."
    )


def _is_key(name: str, names: Sequence[str]) -> bool:
    """Return whether a column is the id of another one that is there with its name."""
    plain = plain_name(name)
    return plain.endswith("id") and plain[:-2] in {plain_name(other) for other in names}


def _of_property(frame: pd.DataFrame, item: str, wanted: str) -> pd.DataFrame:
    """Return the last value of a property of each item, from a table with one row per item and property."""
    rows = frame[frame[_PROPERTY] == wanted]
    time = recognised("timestamp", list(frame.columns))
    if time is not None:
        rows = rows.assign(_order=pd.to_numeric(rows[time], errors="coerce")).sort_values(
            "_order", kind="stable"
        )
    rows = rows.drop_duplicates(item, keep="last")
    return pd.DataFrame({item: rows[item], wanted: rows[_VALUE]})


def split_cells(cells: pd.Series, level: int | None) -> pd.Series:
    """Return the list of categories of each cell: of a list, of ``A|B`` or ``A, B``, or the one it holds.

    With a ``level`` a hierarchy, as a list or as ``A > B``, is one category: its beginning, cut at the level.
    """
    texts = [cell for cell in cells if isinstance(cell, str)]
    signs = _LEVELS if level is not None else _SEPARATORS
    # One sign for the whole column: in a column of bars a comma belongs to a name.
    sign = next((one for one in signs if any(one in text for text in texts)), None)

    def parts(cell: str | float | Iterable[object] | None) -> list[str]:
        # A missing cell is NaN, a float.
        if cell is None or isinstance(cell, float):
            return []
        if isinstance(cell, str):
            found = [part.strip() for part in cell.split(sign)] if sign else [cell]
        else:
            found = [str(part).strip() for part in _flat(cell) if part is not None]
        found = [part for part in found if part]
        return [" > ".join(found[:level])] if level is not None and found else list(dict.fromkeys(found))

    return pd.Series([parts(cell) for cell in cells], cells.index, dtype=object)


def several_in(cells: pd.Series, level: int | None) -> pd.DataFrame:
    """Return the categories of each cell of a column: columns item_id, which is the cell, and category."""
    distinct = pd.Series(cells.dropna().unique(), dtype=object)
    rows = pd.DataFrame({"item_id": distinct, "category": split_cells(distinct, level)})
    return rows.explode("category").dropna().reset_index(drop=True)


def _flat(cell: Iterable[object]) -> list[object]:
    return [
        inner for part in cell for inner in (_flat(part) if isinstance(part, list | np.ndarray) else [part])
    ]


def _name_column(names: Sequence[str], options: ReadingOptions) -> str | None:
    if options.item_name is not None:
        return options.item_name
    return next((name for known in _NAMES for name in names if plain_name(name) == known), None)
