"""A table of items as features: one kind of feature per column, chosen by the type of its cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.warnings import warn_of_data
from tastebridge.data import ItemFeatures
from tastebridge.data.columns import recognised
from tastebridge.data.events import into_frame
from tastebridge.exceptions import InvalidDataError
from tastebridge.features.cells import is_listed, is_missing, named
from tastebridge.features.numbers import number_features
from tastebridge.features.tags import tag_features
from tastebridge.features.texts import text_features

_SEPARATOR, _TAGGED = "|", 0.1
"""Text with this separator in a tenth of its cells or more is read as tags."""
WIDE, _MANY = "numbers", 16
"""More columns of numbers than this are read as one vector: an embedding, not a list of properties."""


class _Column(NamedTuple):
    """A column of a table of items: the items that have a value, and the values."""

    kind: str
    ids: list[Any]
    cells: Any
    columns: tuple[str, ...] | None = None


def table_features(
    tables: Mapping[str, Any],
    item_column: str | None = None,
    stop_words: str | list[str] | None = "english",
) -> dict[str, dict[str, ItemFeatures]]:
    """Encode tables of items as features, with the encoding of each column chosen by its type.

    ===========================================  ===========================================================
    column of                                    becomes
    ===========================================  ===========================================================
    text                                         vectors of its words, by :func:`text_features`
    lists of text, or text of which a tenth or   tags, by :func:`tag_features`
    more holds ``|``
    numbers, dates                               smooth steps, by :func:`number_features`; more than 16 such
                                                 columns are one vector, ``"numbers"``, taken as it is
    lists of numbers, all of one length          taken as they are: vectors of a text or image model
    ===========================================  ===========================================================

    Columns with the same name and kind in several tables are encoded together, in one space. Items with an
    empty cell are left out of that feature. For another encoding, call the functions above directly.

    Parameters
    ----------
    tables : mapping of category to frame
        One row per item. The column of ids is ``item_id``, or a name that other packages use for it. If there
        is a column ``category``, only the rows of the category are used.
    item_column : str, optional
        The column of ids.
    stop_words : "english", list of str or None, default="english"
        Words to remove from texts. None keeps all words, for example for texts in several languages.

    Returns
    -------
    dict of category to dict of column to ItemFeatures
        For :meth:`tastebridge.Panel.with_item_features`. :func:`later_features` encodes later tables in the
        same spaces.

    Raises
    ------
    InvalidDataError
        If a table has no column of ids, or no column that can be encoded.

    Warns
    -----
    TastebridgeWarning
        If columns are left out: constant columns, texts without words, and types without an encoding.

    Examples
    --------
    >>> import pandas as pd
    >>> from tastebridge.features import table_features
    >>> films = pd.DataFrame({"item_id": [1, 2, 3], "genres": ["War|Drama", "Drama", None]})
    >>> table_features({"films": films})
    {'films': {'genres': <ItemFeatures of 2 items: Drama, War>}}
    """
    unused: dict[str, InvalidDataError] = {}
    read = {category: _columns(category, table, item_column, unused) for category, table in tables.items()}
    found: dict[str, dict[str, ItemFeatures]] = {category: {} for category in read}
    for name in dict.fromkeys(name for columns in read.values() for name in columns):
        parts = {category: columns[name] for category, columns in read.items() if name in columns}
        for kind in dict.fromkeys(part.kind for part in parts.values()):
            group = {category: part for category, part in parts.items() if part.kind == kind}
            try:
                made = _made(name, kind, group, stop_words)
            except InvalidDataError as error:
                unused[name] = error
                continue
            for category, features in made.items():
                found[category][name] = features
    _tell_of(unused, found)
    return found


def _tell_of(unused: Mapping[str, InvalidDataError], found: Mapping[str, object]) -> None:
    """Warn of columns that no features could be made of; where nothing is left it is an error."""
    for category, features in found.items():
        if unused and not features:
            raise next(iter(unused.values()))
        if not features:
            raise InvalidDataError(f"no cell of the table of items of {category!r} describes an item.")
    if unused:
        told = "; ".join(str(error).rstrip(".") for error in unused.values())
        warn_of_data(f"{len(unused)} columns of items are left out: {told}.")


def _columns(
    category: str, frame: object, item_column: str | None, unused: dict[str, InvalidDataError]
) -> dict[str, _Column]:
    """Return the columns in the table of a category, each with its kind."""
    table, ids = of_category(category, frame, item_column)
    kinds = {}
    for name in table.column_names:
        try:
            kinds[name] = _kind(category, name, table[name])
        except InvalidDataError as error:
            unused[name] = error
    numbers = [name for name, kind in kinds.items() if kind == "numbers"]
    found = {}
    if len(numbers) > _MANY:
        whole, wide = wide_of(table, numbers)
        found[WIDE] = _Column("vector", [ids[at] for at in whole], wide, tuple(numbers))
        kinds = {name: kind for name, kind in kinds.items() if kind != "numbers"}
    for name, kind in kinds.items():
        cells = table[name].to_pylist() if kind != "vector" else vectors_of(category, name, table[name])
        known = [at for at, cell in enumerate(cells) if not _is_unknown(cell)]
        found[name] = _Column(kind, [ids[at] for at in known], [cells[at] for at in known])
    return {name: part for name, part in found.items() if part.ids}


def wide_of(table: pa.Table, names: list[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows of a table with a number in all of some columns, and these numbers."""
    wide = np.column_stack([table[name].to_numpy().astype(np.float64) for name in names])
    whole = np.flatnonzero(np.isfinite(wide).all(axis=1))
    return whole, wide[whole]


def of_category(category: str, frame: object, item_column: str | None) -> tuple[pa.Table, list[Any]]:
    """Return the rows of a category without their ids, and the ids."""
    data = into_frame(frame)
    table = _arrow(data.collect() if isinstance(data, nw.LazyFrame) else data)
    names = table.column_names
    # of several tables, one may lack the name given
    items = item_column if item_column in names else recognised("item_id", names)
    if items is None:
        raise InvalidDataError(
            f"the table of items of {category!r} needs a column item_id; its columns are {names}. "
            "Rename the column of ids, or name it by item_column."
        )
    if "category" in names:
        table = table.filter(pc.equal(pc.cast(table["category"], pa.string()), category))
        table = table.drop_columns("category")
    ids, table = table[items].to_pylist(), table.drop_columns(items)
    if not table.num_rows or not table.num_columns:
        raise InvalidDataError(
            f"the table of items of {category!r} needs at least one row and, besides {items!r}, one column "
            f"that describes the items; it has {table.num_rows} rows and the columns {names}."
        )
    return table, ids


def _arrow(data: nw.DataFrame[Any]) -> pa.Table:
    """Return a frame as a table: dates as seconds, decimals as floats, columns of mixed types as text."""
    columns = {}
    for name in data.columns:
        try:
            column = data[name].to_arrow()
        except (pa.ArrowException, TypeError):
            column = pa.array([None if is_missing(cell) else str(cell) for cell in data[name].to_list()])
        if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
            column = pc.cast(pc.cast(column, pa.timestamp("s"), safe=False), pa.int64())
        columns[name] = pc.cast(column, pa.float64()) if pa.types.is_decimal(column.type) else column
    return pa.table(columns)


def _is_unknown(cell: object) -> bool:
    return is_missing(cell) or (isinstance(cell, float) and np.isinf(cell))


def _kind(category: str, name: str, column: pa.ChunkedArray) -> str:
    # a categorical column has the type of its categories
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
        return "numbers"
    if _is_text(kind):
        holds = pc.match_substring(pc.cast(column, pa.string()), _SEPARATOR)
        # the mean of an empty column is None
        return "tags" if (pc.mean(holds).as_py() or 0.0) >= _TAGGED else "text"
    if is_listed(kind):
        if _is_text(kind.value_type):
            return "tags"
        if pa.types.is_integer(kind.value_type) or pa.types.is_floating(kind.value_type):
            return "vector"
    raise InvalidDataError(
        f"features are made of texts, tags, numbers and lists of numbers; the column {name!r} of the items "
        f"of {category!r} holds {column.type}. Turn it into one of these, or leave it out."
    )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def vectors_of(category: str, name: str, column: pa.ChunkedArray) -> list[Any]:
    """Return the vector of each item, or None."""
    # vectors of two lengths come from two models
    lengths = set(pc.list_value_length(column.drop_null()).to_pylist())
    if len(lengths) > 1:
        raise InvalidDataError(
            f"vectors must be of one length; those in the column {name!r} of the items of {category!r} have "
            f"{min(lengths)} to {max(lengths)} numbers."
        )
    flat = np.asarray(column.combine_chunks().flatten(), dtype=np.float32)
    cells: list[Any] = [None] * len(column)
    known = np.flatnonzero(np.asarray(column.is_valid()))
    for at, vector in zip(known, flat.reshape(len(known), -1), strict=True):
        cells[at] = vector
    return cells


def _made(
    name: str, kind: str, parts: Mapping[str, _Column], stop_words: str | list[str] | None
) -> dict[str, ItemFeatures]:
    """Return the features of one column for each category, encoded for all categories together."""
    if kind == "vector":
        return {
            category: named(ItemFeatures.read(np.array(part.cells), part.ids), part.columns)
            for category, part in parts.items()
        }
    cells = [cell for part in parts.values() for cell in part.cells]
    try:
        # ids are given below, category by category; here rows count by place
        whole = _MAKE[kind](range(len(cells)), cells, name, stop_words)
    except InvalidDataError as error:
        raise InvalidDataError(
            f"the column {name!r} of the items of {', '.join(map(repr, parts))}: {error}"
        ) from None
    if kind == "text" and _says_nothing(whole, len(cells)):
        raise InvalidDataError(
            f"the column {name!r} of the items of {', '.join(map(repr, parts))} has the same value for every "
            "item."
        )
    found, start = {}, 0
    for category, part in parts.items():
        # rows of the categories lie one after the other, as the cells were put together above
        rows = slice(start, start := start + len(part.ids))
        found[category] = named(ItemFeatures.read(whole.matrix[rows], part.ids), whole.columns, whole.encoder)
    return found


def _says_nothing(whole: ItemFeatures, n_cells: int) -> bool:
    """Return whether all items have the same features, so that a model has nothing to learn of them."""
    matrix = sparse.csr_matrix(whole.matrix)
    return n_cells > 1 and float((matrix.max(axis=0) - matrix.min(axis=0)).max()) < _EQUAL


_EQUAL = 1e-6
"""Texts of the same words differ by rounding."""
_MAKE: Mapping[str, Callable[[Any, Any, str, Any], ItemFeatures]] = {
    "text": lambda ids, cells, name, words: text_features(ids, cells, stop_words=words),
    "tags": lambda ids, cells, name, words: tag_features(ids, cells),
    "numbers": lambda ids, cells, name, words: number_features(ids, cells, name=name),
}
