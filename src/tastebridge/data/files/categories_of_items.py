"""The category of each event from the categories of its item, by one policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from tastebridge.data.files.joins import as_texts

ItemPolicy = Literal["first", "all", "primary"]
"""Of an item in several categories: the first, all with split weight, or the one that most items have."""


@dataclass(frozen=True)
class Joined:
    """The rows of events and their categories.

    Attributes
    ----------
    rows : ndarray of int64
        The event of each row.
    categories : DictionaryArray of string
        Its category; null where the table does not know the item.
    shares : ndarray of float64
        The share of the event's weight.
    n_unknown : int
        Events of items without a category.
    """

    rows: np.ndarray
    categories: pa.DictionaryArray
    shares: np.ndarray
    n_unknown: int


def categories_of(items: pd.Series, table: pd.DataFrame, policy: ItemPolicy) -> Joined:
    """Return the categories of events.

    Parameters
    ----------
    items : Series of text
        The item of each event; None where it is missing.
    table : DataFrame
        Columns item_id and category, as text; one row per item and category, the first one first.
    policy : {"first", "all", "primary"}

    Examples
    --------
    >>> table = pd.DataFrame({"item_id": ["a", "a", "b"], "category": ["war", "drama", "drama"]})
    >>> categories_of(pd.Series(["a", "b"]), table, "primary").categories.tolist()
    ['drama', 'drama']
    >>> found = categories_of(pd.Series(["a"]), table, "all")
    >>> found.categories.tolist(), found.shares.tolist()
    (['war', 'drama'], [0.5, 0.5])
    """
    if policy == "primary":
        size = table["category"].map(table["category"].value_counts())
        # The most items first; of equals the first by name, then in the order of the table.
        order = np.lexsort((np.arange(len(table)), table["category"].to_numpy(), -size.to_numpy()))
        table = table.iloc[order]
    if policy != "all":
        table = table.drop_duplicates("item_id")
    events = pd.DataFrame({"item_id": items.to_numpy(), "row": np.arange(len(items))})
    # A merge may reorder rows; the stable sort keeps the categories of one event in their order.
    joined = events.merge(table, on="item_id", how="left").sort_values("row", kind="stable")
    counts = joined["row"].map(joined["row"].value_counts()).to_numpy()
    categories = joined["category"].astype(object)
    categories = categories.where(categories.notna(), None)
    unknown = int((categories.isna() & joined["item_id"].notna()).sum())
    names = pa.array(categories.to_numpy(), pa.string()).dictionary_encode()
    return Joined(joined["row"].to_numpy(), names, 1.0 / counts, unknown)


def categories_of_column(column: pa.ChunkedArray, table: pd.DataFrame, policy: ItemPolicy) -> Joined:
    """Return :func:`categories_of` for a column of events, looked up once for each distinct item.

    Examples
    --------
    >>> table = pd.DataFrame({"item_id": ["7", "7", "8"], "category": ["war", "drama", "drama"]})
    >>> found = categories_of_column(pa.chunked_array([[7, 8, None, 7]]), table, "all")
    >>> found.rows.tolist(), found.categories.to_pylist()
    ([0, 0, 1, 2, 3, 3], ['war', 'drama', 'drama', None, 'war', 'drama'])
    """
    codes, items = _distinct(column)
    of = categories_of(items, table, policy)
    first = np.searchsorted(of.rows, np.arange(len(items)))
    n_each = np.bincount(of.rows, minlength=len(items))[codes]
    rows = np.repeat(np.arange(len(codes)), n_each)
    # the place in the block of each event, after the place where the block of its item begins
    at = first[codes][rows] + np.arange(len(rows)) - (np.cumsum(n_each) - n_each)[rows]
    known = of.categories.is_valid().to_numpy(zero_copy_only=False)[first] | items.isna().to_numpy()
    return Joined(rows, of.categories.take(pa.array(at)), of.shares[at], int((~known)[codes].sum()))


def _distinct(column: pa.ChunkedArray) -> tuple[np.ndarray, pd.Series]:
    """Return the code of each event's item, and the distinct items as text, the last one missing."""
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    coded = coded.unify_dictionaries()
    items = coded.chunk(0).dictionary if coded.num_chunks else pa.array([], column.type)
    parts = [chunk.indices.fill_null(len(items)).to_numpy() for chunk in coded.chunks]
    codes = np.concatenate(parts).astype(np.int64) if parts else np.zeros(0, dtype=np.int64)
    texts = as_texts(items)
    return codes, pd.concat([texts, pd.Series([None], dtype=object)], ignore_index=True)
