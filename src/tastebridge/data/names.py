"""Names of items, for display."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from tastebridge._foundation.warnings import warn_of_data
from tastebridge.data.events import FrameLike, into_frame
from tastebridge.data.interactions import Interactions
from tastebridge.data.vocabulary import Vocabulary
from tastebridge.exceptions import InvalidDataError


def names_by_category(frame: FrameLike, interactions: Mapping[str, Interactions]) -> dict[str, pd.Series]:
    """Spread a table of names over the categories.

    Parameters
    ----------
    frame : pandas.DataFrame, polars.DataFrame, polars.LazyFrame or pyarrow.Table
        Columns item_id and name; of several names for one item the first counts.
    interactions : mapping of category to Interactions
        The items of each category.

    Returns
    -------
    dict of category to Series
        The names of a category's items, indexed by item id; None where there is no name.
    """
    data = into_frame(frame)
    columns = data.collect_schema().names()
    if not {"item_id", "name"} <= set(columns):
        raise InvalidDataError(
            f"item_names needs the columns 'item_id' and 'name'; the columns are {columns}."
        )
    chosen = data.select("item_id", "name")
    table = chosen.collect() if isinstance(chosen, nw.LazyFrame) else chosen
    known = Vocabulary.from_ids(table["item_id"], "item_id of item_names")
    if len(known) and not any(_known(known, part) for part in interactions.values()):
        warn_of_data(
            f"item_names names none of the items: its item_id is such as {known.ids[0]!r}. Names are found by"
            " the ids of the events."
        )
    names = _first_names(known.numbers(table["item_id"]), table["name"].to_list(), len(known))
    return {
        category: pd.Series(
            names[known.numbers(part.items.ids, missing="negative")],
            part.items.ids,
            dtype=object,
            name="name",
        )
        for category, part in interactions.items()
    }


def _known(named: Vocabulary, part: Interactions) -> bool:
    """Return whether any item of a category is among the named ones."""
    return bool((named.numbers(part.items.ids, missing="negative") >= 0).any())


def _first_names(numbers: np.ndarray, names: list[Any], n_items: int) -> np.ndarray:
    """Return the first name of each item, and at the end None for number -1."""
    table = np.full(n_items + 1, None, dtype=object)
    values = np.array([*names, None], dtype=object)
    values[pd.isna(values)] = None
    # Backwards: of several names the one written last stays, which is the first.
    table[numbers[::-1]] = values[-2::-1]
    return table
