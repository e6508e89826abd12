"""Tables of items that arrive after the fit, encoded in the feature spaces of the fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from tastebridge._foundation.validation import nearest
from tastebridge.data import ItemFeatures
from tastebridge.exceptions import InvalidDataError
from tastebridge.features.cells import is_listed, is_missing, named
from tastebridge.features.tables import WIDE, of_category, vectors_of, wide_of


class CellEncoder(Protocol):
    """The encoder of a column of cells."""

    def encode(self, cells: list[Any]) -> ArrayLike:
        """Return one row per cell."""


class Made(Protocol):
    """Features made earlier: an ItemFeatures, or the part of them that a model keeps."""

    @property
    def columns(self) -> tuple[str, ...] | None:
        """The name of each number."""

    @property
    def encoder(self) -> CellEncoder | None:
        """The encoder of the cells; None where the cells were numbers, taken as they are."""


def later_features(
    tables: Mapping[str, Any], made: Mapping[str, Mapping[str, Made]], item_column: str | None = None
) -> dict[str, dict[str, ItemFeatures]]:
    """Encode tables of later items in the spaces of earlier features.

    Parameters
    ----------
    tables : mapping of category to frame
        As for :func:`table_features`. Columns may be missing; columns with new names are refused.
    made : mapping of category to mapping of column to ItemFeatures
        The features of the earlier items, as :func:`table_features` or the functions it calls return them.
    item_column : str, optional
        The column of ids.

    Returns
    -------
    dict of category to dict of column to ItemFeatures
        For :meth:`tastebridge.InterestMapper.update`. Words and tags that no earlier item had are ignored.

    Raises
    ------
    InvalidDataError
        If a column has another name or kind than before.

    Examples
    --------
    >>> import pandas as pd
    >>> from tastebridge.features import later_features, table_features
    >>> films = pd.DataFrame({"item_id": [1, 2, 3], "genres": ["War|Drama", "Drama", None]})
    >>> made = table_features({"films": films})
    >>> more = pd.DataFrame({"item_id": [4], "genres": ["War|Opera"]})
    >>> later_features({"films": more}, made)["films"]["genres"].matrix.toarray().tolist()
    [[0.0, 1.0]]
    """
    found = {}
    for category, frame in tables.items():
        table, ids = of_category(category, frame, item_column)
        known = made.get(category, {})
        # a column may itself be called "numbers": then it has an encoder, and is no wide vector
        wide = list(known[WIDE].columns or ()) if WIDE in known and known[WIDE].encoder is None else []
        for name in table.column_names:
            if name not in known and name not in wide:
                raise InvalidDataError(
                    f"the earlier items of {category!r} had no column {name!r}; they had "
                    f"{[*known] or 'none'}.{nearest(name, known)} Call it as it was called, or leave it out."
                )
        kinds = {
            name: _read(category, name, part, table, ids)
            for name, part in known.items()
            if name in table.column_names
        }
        if wide and set(wide) & set(table.column_names):
            kinds[WIDE] = _wide(category, wide, table, ids)
        found[category] = {name: part for name, part in kinds.items() if part is not None}
    return found


def _read(category: str, name: str, part: Made, table: pa.Table, ids: list[Any]) -> ItemFeatures | None:
    """Return the features of a column; None where every cell is missing."""
    column = table[name]
    if part.encoder is None and not is_listed(column.type):
        raise InvalidDataError(
            f"the features {name!r} of {category!r} are lists of numbers; the column {name!r} holds "
            f"{column.type}. Give the numbers, or leave the column out."
        )
    cells = vectors_of(category, name, column) if part.encoder is None else column.to_pylist()
    known = [at for at, cell in enumerate(cells) if not is_missing(cell)]
    if not known:
        return None
    # items with an empty cell get no feature of this name, as in the fit
    given = [cells[at] for at in known]
    try:
        rows = np.array(given) if part.encoder is None else part.encoder.encode(given)
        return named(ItemFeatures.read(rows, [ids[at] for at in known]), part.columns, part.encoder)
    except InvalidDataError as error:
        raise InvalidDataError(f"the column {name!r} of the items of {category!r}: {error}") from None


def _wide(category: str, names: list[str], table: pa.Table, ids: list[Any]) -> ItemFeatures | None:
    """Return the columns of numbers that are one vector together."""
    if missing := sorted(set(names) - set(table.column_names)):
        raise InvalidDataError(
            f"{len(names)} columns of the items of {category!r} are one vector, and of them {missing[:3]} "
            "are missing. Give all of them, or none."
        )
    try:
        whole, numbers = wide_of(table, names)
    except ValueError as error:
        raise InvalidDataError(
            f"the columns of numbers of the items of {category!r} hold something else: {error}."
        ) from None
    return named(ItemFeatures.read(numbers, [ids[at] for at in whole]), names) if len(whole) else None
