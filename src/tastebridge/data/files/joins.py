"""Tables joined by id: ids of every kind meet as text, by the column that both tables have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from tastebridge.data.columns import plain_name
from tastebridge.exceptions import InvalidDataError


def as_texts(column: pa.Array | pa.ChunkedArray) -> pd.Series:
    """Convert ids to text, so that tables of any kind can be joined: 7, 7.0 and "7" match, "007" does not."""
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
