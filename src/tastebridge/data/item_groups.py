"""Labels of items, such as brands and genres: from a table of items to matrices by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse

from tastebridge._foundation.validation import check_category, nearest
from tastebridge._foundation.warnings import warn
from tastebridge.data.coding import encode
from tastebridge.data.columns import recognised
from tastebridge.data.events import into_frame
from tastebridge.data.types import Frame
from tastebridge.data.vocabulary import Vocabulary
from tastebridge.exceptions import InvalidDataError, InvalidParameterError

Rows = Iterator[tuple[str, str, str, str]]
COLUMNS = ("category", "item_id", "column", "label")
_SEPARATOR = "|"
_LONGEST = 200
"""Characters of a cell of labels; a column of longer texts holds descriptions."""


class Labels(NamedTuple):
    """The labels of one column, in every category.

    Attributes
    ----------
    names : list of str
    matrices : mapping of category to csr_matrix of float32, shape (n_items, n_labels)
        1 where an item has a label; of categories with any label.
    """

    names: list[str]
    matrices: Mapping[str, sparse.csr_matrix]


class ItemGroups:
    """The labels of the items of some categories, by column; each matrix is made once.

    Parameters
    ----------
    table : DataFrame
        As of :func:`read_item_groups`.
    items : mapping of category to Vocabulary
    """

    def __init__(self, table: pd.DataFrame, items: Mapping[str, Vocabulary]) -> None:
        self._table, self._items, self._made = table, items, dict[str, Labels]()

    @cached_property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [str(name) for name in self._table["column"].unique()]

    def labels(self, column: str) -> Labels:
        """Return the labels of a column.

        Raises
        ------
        InvalidParameterError
            If there is no such column.
        """
        if column not in self.columns:
            known = ", ".join(map(repr, self.columns)) or "none"
            raise InvalidParameterError(
                f"there is no column {column!r} in the groups of the items of this model; it has {known}."
                f"{nearest(column, self.columns)} Give a table with it to set_item_groups or --groups."
            )
        if column not in self._made:
            rows = self._table[self._table["column"] == column]
            names, codes = np.unique(rows["label"].to_numpy(dtype=str), return_inverse=True)
            # names are numbered over all categories: a genre of books is the same genre of films
            rows = rows.assign(code=codes)
            parts = {str(name): part for name, part in rows.groupby("category", sort=True)}
            matrices = {
                name: _matrix(parts[name], items, len(names))
                for name, items in self._items.items()
                if name in parts
            }
            self._made[column] = Labels(names.tolist(), matrices)
        return self._made[column]


def read_item_groups(
    table: Frame, items: Mapping[str, Vocabulary], category: str | None = None
) -> pd.DataFrame:
    """Return the labels in a table of items: one row per item and label.

    Parameters
    ----------
    table : frame
        A column item_id and columns of labels: text, numbers or truth values, several labels as a list or as
        text with ``|`` between them. With a column category each row is about the items of its category.
    items : mapping of category to Vocabulary
        Items that are not among them are left out.
    category : category, optional
        The category of the items; None for every category that has an item of the id.

    Returns
    -------
    DataFrame
        category, item_id (as text), column, label.

    Raises
    ------
    InvalidDataError
        If there is no column of ids or of labels, or no item is known.
    UnknownCategoryError
        If there is no such category.
    """
    if category is not None:
        check_category("category", category, items)
    data = into_frame(table)
    frame = data.collect() if isinstance(data, nw.LazyFrame) else data
    ids = recognised("item_id", frame.columns)
    named = [name for name in frame.columns if name not in (ids, "category")]
    if ids is None or not named:
        raise InvalidDataError(
            "a table of item groups needs a column item_id and a column of labels; its columns are "
            f"{frame.columns}."
        )
    coded = encode(frame[ids].to_native(), ids)
    given = Vocabulary(np.sort(coded.ids), ids)
    own = frame["category"].cast(nw.String).to_list() if "category" in frame.columns else None
    found: list[tuple[str, str, str, str]] = []
    for name in items if category is None else [category]:
        # of several categories, some may have ids of the other kind
        if given.kind != items[name].kind and category is None:
            continue
        here = items[name].numbers(frame[ids].to_native(), missing="negative") >= 0
        if own is not None:
            here &= np.array([value == name for value in own], dtype=bool)
        at = np.flatnonzero(here)
        texts = [str(one) for one in coded.ids[coded.codes[at]].tolist()]
        found += _rows(frame, _short(frame, named), name, at, texts)
    if not found:
        raise InvalidDataError(
            f"the table of item groups describes no item of {', '.join(map(repr, items))}. Check its column "
            f"{ids!r}, and that its columns {named} have cells."
        )
    return pd.DataFrame(found, columns=list(COLUMNS), dtype=object).drop_duplicates(ignore_index=True)


def _short(frame: nw.DataFrame[Any], named: list[str]) -> list[str]:
    """Return the columns without long texts, and warn of the others."""
    # lists and dates hold no long texts
    texts = [name for name in named if frame[name].dtype == nw.String]
    long = [name for name in texts if (frame[name].str.len_chars().max() or 0) > _LONGEST]
    if long:
        warn(
            f"{len(long)} columns of item groups are left out, because texts of more than {_LONGEST} "
            f"characters are no labels: {', '.join(map(repr, long))}."
        )
    return [name for name in named if name not in long]


def _rows(
    frame: nw.DataFrame[Any], named: list[str], category: str, at: np.ndarray, texts: list[str]
) -> Rows:
    """Yield the labels of the items of one category, whose rows of the frame and ids are given."""
    for column in named:
        cells = frame[column].to_list()
        for row, text in zip(at.tolist(), texts, strict=True):
            for label in _labels(cells[row]):
                yield category, text, column, label


def _labels(cell: object) -> Iterator[str]:
    """Yield the labels in a cell."""
    if isinstance(cell, list | tuple | set | np.ndarray):
        for part in cell:
            yield from _labels(part)
    elif isinstance(cell, str):
        parts = [part.strip() for part in cell.split(_SEPARATOR)]
        yield from dict.fromkeys(part for part in parts if part)
    elif cell is not None and cell is not pd.NA and cell == cell:  # NaN differs from itself
        yield str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def _matrix(rows: pd.DataFrame, items: Vocabulary, n_labels: int) -> sparse.csr_matrix:
    ids = rows["item_id"].tolist()
    at = items.numbers([int(one) for one in ids] if items.kind == "int" else ids, missing="negative")
    known = at >= 0
    shape = (len(items), n_labels)
    pairs = (at[known], rows["code"].to_numpy()[known])
    matrix = sparse.csr_matrix((np.ones(known.sum(), np.float32), pairs), shape=shape)
    matrix.sum_duplicates()
    # a label named twice counts once
    matrix.data[:] = 1.0
    return matrix
