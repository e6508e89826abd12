"""Item features: numbers that describe the items of a category, such as texts, pictures, tags or prices."""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.data.events import into_frame
from tastebridge.data.vocabulary import Vocabulary
from tastebridge.exceptions import InvalidDataError

Numbers = Any
"""A dense array or a ``csr_matrix`` of float32."""


@dataclass(frozen=True, eq=False)
class ItemFeatures:
    """Features of items: one row of numbers per item, dense or sparse.

    Parameters
    ----------
    items : Vocabulary
        The items, ascending.
    matrix : ndarray or csr_matrix of float32, shape (n_items, n_features)
        Finite. Dense columns may have any scale, because models standardise them. Sparse columns, such as
        tags, are used as they are. An item without features has the mean of the others in a dense matrix,
        and zeros in a sparse matrix.
    described : ndarray of bool, shape (n_items,)
        Whether each item has features.
    columns : tuple of str or None
        The meaning of each column. Features of two categories share one space if they have the same name and
        the same columns.
    encoder : object with encode, or None
        The encoder that created the rows from cells, such as texts: ``encode(cells)`` returns the rows of
        later items. None if the features were given as numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from tastebridge.data import ItemFeatures
    >>> frame = pd.DataFrame({"item_id": ["emma", "dune"], "pages": [474, 412], "year": [1815, 1965]})
    >>> features = ItemFeatures.read(frame)
    >>> features
    <ItemFeatures of 2 items: pages, year>
    >>> features.items.ids.tolist(), features.matrix[:, 1].tolist()
    (['dune', 'emma'], [1965.0, 1815.0])
    """

    items: Vocabulary
    matrix: Numbers
    described: NDArray[np.bool_]
    columns: tuple[str, ...] | None = None
    encoder: Any = None

    def __post_init__(self) -> None:
        if self.matrix.shape[0] != len(self.items) or self.described.shape != (len(self.items),):
            raise InvalidDataError(
                f"ItemFeatures need a row for each of {len(self.items)} items; got {self.matrix.shape}. Make "
                "them with ItemFeatures.read."
            )

    @classmethod
    def read(cls, features: object, item_ids: Sized | None = None) -> ItemFeatures:
        """Create features from a frame or a matrix.

        Parameters
        ----------
        features : frame, ndarray or sparse matrix
            A pandas, polars or pyarrow frame has a column item_id; all other columns are numbers. A matrix
            (n_items, n_features) needs ``item_ids``.
        item_ids : list or column of ids, optional
            The item of each row of a matrix.

        Raises
        ------
        InvalidDataError
            If an item occurs twice, a value is not a finite number, or the table is empty.
        """
        matrix, ids, columns = _of_frame(features) if item_ids is None else _of_matrix(features, item_ids)
        items = Vocabulary.from_ids(ids, "item_id")
        if len(items) < matrix.shape[0]:
            raise InvalidDataError(
                f"item features need each item once; {len(ids) - len(items)} of {len(ids)} rows "
                "repeat an item. Merge them first, for instance by their mean."
            )
        return cls(items, matrix[np.argsort(items.numbers(ids))], np.ones(len(items), dtype=bool), columns)

    @property
    def shape(self) -> tuple[int, int]:
        """Items and features."""
        return self.matrix.shape[0], self.matrix.shape[1]

    def over(self, items: Vocabulary) -> ItemFeatures:
        """Return the features of these items; items without a row here have none."""
        if items == self.items:
            return self
        at = self.items.numbers(items.ids, missing="negative")
        known = at >= 0
        described = known & self.described[at]
        if sparse.issparse(self.matrix):
            matrix = sparse.csr_matrix(sparse.diags(known.astype(np.float32)) @ self.matrix[at])
            # The product leaves the entries of unknown items as stored zeros.
            matrix.eliminate_zeros()
            return replace(self, items=items, matrix=matrix, described=described)
        # With the mean an unknown item is an average one, once columns are standardised.
        mean = self.matrix[self.described].mean(axis=0, dtype=np.float64).astype(np.float32)
        matrix = np.where(described[:, None], self.matrix[at], mean)
        return replace(self, items=items, matrix=matrix, described=described)

    def joined(self, other: ItemFeatures, items: Vocabulary) -> ItemFeatures:
        """Return the features of these items, of those that are not known here as the other has them.

        Parameters
        ----------
        other : ItemFeatures
            In the same space; of items none of which is known here.
        items : Vocabulary
        """
        mine = self.over(items)
        at = items.numbers_of(other.items)
        came = other.described & (at >= 0)
        described = mine.described.copy()
        described[at[came]] = True
        if sparse.issparse(mine.matrix):
            where = (np.ones(came.sum(), np.float32), (at[came], np.flatnonzero(came)))
            chosen = sparse.csr_matrix(where, shape=(len(items), len(other.items)))
            return replace(
                mine, matrix=sparse.csr_matrix(mine.matrix + chosen @ other.matrix), described=described
            )
        matrix = mine.matrix.copy()
        matrix[at[came]] = other.matrix[came]
        return replace(mine, matrix=matrix, described=described)

    def shares_space_with(self, other: ItemFeatures) -> bool:
        """Return whether the columns of both mean the same."""
        same_kind = sparse.issparse(self.matrix) == sparse.issparse(other.matrix)
        return same_kind and self.shape[1] == other.shape[1] and self.columns == other.columns

    def __repr__(self) -> str:
        names = (
            f"{self.shape[1]:,} features"
            if self.columns is None
            else ", ".join(self.columns[:3]) + (", …" if len(self.columns) > 3 else "")
        )
        return f"<ItemFeatures of {len(self.items):,} items: {names}>"


def _of_frame(features: object) -> tuple[Numbers, Any, tuple[str, ...]]:
    if sparse.issparse(features) or isinstance(features, np.ndarray):
        raise InvalidDataError(
            "a matrix of item features needs item_ids, the item of each row. Pass them, or a frame with a "
            "column item_id."
        )
    data = into_frame(features)
    table = data.collect() if isinstance(data, nw.LazyFrame) else data
    if "item_id" not in table.columns:
        raise InvalidDataError(f"item features need the column item_id; the columns are {table.columns}.")
    names = tuple(name for name in table.columns if name != "item_id")
    for name in names:
        if not (table[name].dtype.is_numeric() or table[name].dtype == nw.Boolean):
            raise InvalidDataError(
                f"item features must be numbers; the column {name!r} holds {table[name].dtype}. Turn texts "
                "and tags into numbers with tastebridge.features, or leave the column out."
            )
    columns = [table[name].to_numpy().astype(np.float32) for name in names]
    matrix = np.column_stack(columns) if columns else np.zeros((len(table), 0), dtype=np.float32)
    return _checked(matrix, names), table["item_id"], names


def _of_matrix(features: object, item_ids: Sized) -> tuple[Numbers, Any, None]:
    if sparse.issparse(features):
        matrix = sparse.csr_matrix(features, dtype=np.float32)
        matrix.sum_duplicates()
    else:
        try:
            matrix = np.array(features, dtype=np.float32)
        except (TypeError, ValueError):
            raise InvalidDataError("a matrix of item features must hold numbers only.") from None
    if matrix.ndim != 2 or len(item_ids) != matrix.shape[0]:
        raise InvalidDataError(
            f"item features must be a matrix with a row for each of {len(item_ids)} item_ids; got shape "
            f"{matrix.shape}."
        )
    return _checked(matrix, None), item_ids, None


def _checked(matrix: Numbers, names: tuple[str, ...] | None) -> Numbers:
    if not matrix.shape[0] or not matrix.shape[1]:
        raise InvalidDataError(
            f"item features need an item and a feature at least; got shape {matrix.shape}."
        )
    values = matrix.data if sparse.issparse(matrix) else matrix
    if not np.isfinite(values).all():
        where = ""
        if isinstance(matrix, np.ndarray):
            at = int(np.flatnonzero(~np.isfinite(matrix).all(axis=0))[0])
            where = f" (column {names[at] if names else at!r})"
        raise InvalidDataError(
            f"item features must be finite numbers; some are missing or infinite{where}. Fill them in, or "
            "leave those items out."
        )
    return matrix
