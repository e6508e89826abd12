"""Columns of any container as lists of cells, and the columns of features with their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from tastebridge.data import ItemFeatures
from tastebridge.exceptions import InvalidDataError


def cells_of(column: Iterable[Any]) -> list[Any]:
    """Return the cells of a list, an array or a series of pandas or polars."""
    # lists and arrays pass through unchanged; only a series has to_list
    native = nw.from_native(column, series_only=True, pass_through=True)
    return native.to_list() if isinstance(native, nw.Series) else list(column)


def strings_of(texts: Iterable[Any]) -> list[str]:
    """Return texts, a missing one as ``""``; other types are refused."""
    cells = cells_of(texts)
    if bad := [cell for cell in cells if not (isinstance(cell, str) or is_missing(cell))]:
        raise InvalidDataError(
            f"texts must be of type str; got {bad[0]!r}. Turn the column into str, or use tags or numbers."
        )
    return [cell if isinstance(cell, str) else "" for cell in cells]


def is_listed(kind: pa.DataType) -> bool:
    """Return whether the cells of an Arrow column are lists."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def is_missing(cell: object) -> bool:
    """Return whether a cell is empty: None, NaN or the missing value of pandas."""
    return cell is None or cell is pd.NA or (isinstance(cell, float) and np.isnan(cell))


def counted(vectorizer: CountVectorizer, cells: list[Any], what: str) -> sparse.csr_matrix:
    """Return the matrix of counts a vectorizer of scikit-learn learns from cells."""
    try:
        return vectorizer.fit_transform(cells)
    except ValueError as error:  # scikit-learn's message names its own parameters, not ours
        raise InvalidDataError(
            f"nothing is left of the {what}: {error}. Lower min_items, or check the column."
        ) from None


def named(features: ItemFeatures, columns: Sequence[str] | None, encoder: object = None) -> ItemFeatures:
    """Return features with the names of their columns and the encoder that made them."""
    return replace(features, columns=None if columns is None else tuple(columns), encoder=encoder)
