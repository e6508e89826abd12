"""Tables of recommendations, by any system and in any container: their columns, read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tastebridge.data import ReadingOptions
from tastebridge.data.coding import Kind, encode
from tastebridge.data.columns import plain_name, recognised
from tastebridge.data.events import FrameLike
from tastebridge.data.files.tables import open_table
from tastebridge.data.text_ids import ids_of_kind
from tastebridge.exceptions import InvalidDataError

Recommendations = FrameLike | str | Path
"""A frame of pandas, polars or Arrow, or the path of a file: user_id, item_id, and score or rank."""
Numbers = NDArray[np.int64]


class ListTable(NamedTuple):
    """The columns of a table of recommendations; scores and ranks are None without a column."""

    users: NDArray
    items: NDArray
    known: NDArray[np.bool_]
    score: NDArray[np.float64] | None
    rank: NDArray[np.float64] | None

    def ordered(self) -> tuple[Numbers, NDArray[np.bool_]]:
        """Return the numbers of the usable rows, best first, and which rows are usable."""
        values = [part for part in (self.rank, self.score) if part is not None]
        usable = self.known & np.all([np.isfinite(part) for part in values], axis=0)
        falling = None if self.score is None else -self.score
        # the last key of lexsort is the first one; it is stable, so that further ties keep their order
        order = np.lexsort([part for part in (falling, self.rank) if part is not None])
        return order[usable[order]], usable


def read_lists(table: Recommendations, kinds: Mapping[str, Kind]) -> ListTable:
    """Return the columns of a table of recommendations; ids of text files become of the kinds given."""
    opened = open_table(table, ReadingOptions())
    names = opened.names
    roles = {role: recognised(role, names) for role in ("user_id", "item_id")}
    values = {role: next((n for n in names if plain_name(n) == role), None) for role in ("score", "rank")}
    missing = [role for role, name in roles.items() if name is None]
    if missing or not any(values.values()):
        raise InvalidDataError(
            "recommendations need columns user_id, item_id, and score or rank; "
            f"{' and '.join(missing) or 'score or rank'} missing among {names}. Rename the columns."
        )
    wanted = [name for name in (*roles.values(), *values.values()) if name is not None]
    read = opened.read(wanted)
    of_file = isinstance(table, str | Path)
    coded = {}
    for role, name in roles.items():
        column = read[str(name)]
        if of_file and pa.types.is_dictionary(column.type) and pa.types.is_string(column.type.value_type):
            column = ids_of_kind(column, kinds[role], role)
        coded[role] = encode(column, role)
    codes = {role: found.codes for role, found in coded.items()}
    known = (codes["user_id"] >= 0) & (codes["item_id"] >= 0)
    ids = {role: np.append(found.ids, found.ids[:1])[codes[role]] for role, found in coded.items()}
    score, rank = (_numbers(read, values[role], role) for role in ("score", "rank"))
    return ListTable(ids["user_id"], ids["item_id"], known, score, rank)


def _numbers(table: pa.Table, name: str | None, role: str) -> NDArray[np.float64] | None:
    if name is None:
        return None
    try:
        column = pc.cast(table[name], pa.float64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InvalidDataError(
            f"column {name!r} of the recommendations must hold a number for each {role}; it is of type "
            f"{table[name].type}."
        ) from None
    return np.asarray(column.to_numpy(), dtype=np.float64)
