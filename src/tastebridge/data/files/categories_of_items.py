"""The category of each event from the categories of its item, by one policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

ItemPolicy = Literal["first", "all", "primary"]
"""Of an item in several categories: the first, all with split weight, or the one that most items have."""


@dataclass(frozen=True)
class Joined:
    """The rows of events and their categories.

    Attributes
    ----------
    rows : ndarray of int64
        The event of each row.
    categories : ndarray of object
        Its category; None where the table does not know the item.
    shares : ndarray of float64
        The share of the event's weight.
    n_unknown : int
        Events of items without a category.
    """

    rows: np.ndarray
    categories: np.ndarray
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
    return Joined(joined["row"].to_numpy(), categories.to_numpy(), 1.0 / counts, unknown)
