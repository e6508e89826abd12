"""Tables of recommendations, by any system and in any container: their columns, read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tastebridge.data import ReadingOptions
from tastebridge.data.coding import encode
from tastebridge.data.columns import plain_name, recognised
from tastebridge.data.events import FrameLike
from tastebridge.data.files.errors import NoHeaderError
from tastebridge.data.files.tables import open_table
from tastebridge.data.text_ids import IdKind, ids_of_kind
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


class IdTable(NamedTuple):
    """Ids of users and items, whether both of a row are there, and columns of numbers by role."""

    users: NDArray
    items: NDArray
    known: NDArray[np.bool_]
    numbers: Mapping[str, NDArray[np.float64]]


def read_lists(table: Recommendations, kinds: Mapping[str, IdKind]) -> ListTable:
    """Return the columns of a table of recommendations; ids of text files become of the kinds given."""
    found = read_ids(table, kinds, ("score", "rank"), "recommendations")
    score, rank = (found.numbers.get(role) for role in ("score", "rank"))
    if score is None and rank is None:
        raise InvalidDataError("recommendations need a column score or rank. Add one, or rename a column.")
    return ListTable(found.users, found.items, found.known, score, rank)


def read_ids(table: Recommendations, kinds: Mapping[str, IdKind], roles: Sequence[str], what: str) -> IdTable:
    """Return user_id and item_id of a table, and the columns of numbers that it has of some roles.

    Parameters
    ----------
    table : frame, str or Path
    kinds : mapping of {"user_id", "item_id"} to {"auto", "str", "int"}
        The kinds of ids made of digits in a text file.
    roles : sequence of str
        Names of columns; those without a column are left out.
    what : str
        The word for the table in an error.
    """
    try:
        opened = open_table(table, ReadingOptions())
    except NoHeaderError:
        raise InvalidDataError(
            f"the first line of {str(table)!r} does not look like a header, and {what} need one. Write the "
            f"names of the columns above the rows, such as user_id,item_id,{roles[-1]}."
        ) from None
    names = opened.names
    found = {role: recognised(role, names) for role in ("user_id", "item_id")}
    if missing := [role for role, name in found.items() if name is None]:
        raise InvalidDataError(f"{what} need the columns {' and '.join(missing)}; there are {names}.")
    asked = {
        role: next((name for name in names if plain_name(name) == plain_name(role)), None) for role in roles
    }
    read = opened.read([name for name in (*found.values(), *asked.values()) if name is not None])
    coded = {}
    for role, name in found.items():
        column = read[str(name)]
        if isinstance(table, str | Path) and pa.types.is_dictionary(column.type):
            column = ids_of_kind(column, kinds.get(role, "auto"), role)
        coded[role] = encode(column, role)
    codes = {role: one.codes for role, one in coded.items()}
    ids = {role: _ids(one.ids, one.codes) for role, one in coded.items()}
    known = (codes["user_id"] >= 0) & (codes["item_id"] >= 0)
    numbers = {role: _numbers(read[name], role, what) for role, name in asked.items() if name is not None}
    return IdTable(ids["user_id"], ids["item_id"], known, numbers)


def _ids(ids: NDArray, codes: NDArray) -> NDArray:
    """Return the id of each row; any id where it is missing."""
    return ids[np.maximum(codes, 0)] if len(ids) else np.zeros(len(codes), dtype=object)


def _numbers(column: pa.ChunkedArray, role: str, what: str) -> NDArray[np.float64]:
    try:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise InvalidDataError(f"{role} of {what} must be a number in every row.") from None
