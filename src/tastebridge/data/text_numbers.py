"""Numbers written as text: decimal points, decimal commas, and words for a missing value."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tastebridge.data.cell_shapes import first_match
from tastebridge.exceptions import InvalidDataError

NONE_GIVEN = ("", "NA", "N/A", "na", "n/a", "NaN", "nan", "NULL", "null", "None", "none", "\\N", "-")
"""Words that mean no value in a column of numbers or times; in a column of ids they are ids."""

_NUMBERS = frozenset(map(np.dtype, (np.float64, np.float32, np.int64, np.int32)))

_POINT = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(inf|Inf|INF|infinity|Infinity)$"
_COMMA = r"^[+-]?[0-9]*,[0-9]+$"
_THOUSANDS = r"^[+-]?[0-9]{1,3}(,[0-9]{3})+$"


def is_text(kind: pa.DataType) -> bool:
    """Return whether a type of Arrow is text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def plain(column: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column without a dictionary, in chunks."""
    column = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def given_texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return texts without blanks around them; null where no value is given."""
    texts = pc.utf8_trim_whitespace(column.cast(pa.large_string()))
    return pc.if_else(pc.is_in(texts, pa.array(NONE_GIVEN, pa.large_string())), None, texts)


def plain_numbers(values: object) -> np.ndarray | None:
    """Return a column of pandas of numpy's numbers as float64; None for any other column.

    Examples
    --------
    >>> plain_numbers(pd.Series([4, 3])).tolist(), plain_numbers(pd.Series(["4"]))
    ([4.0, 3.0], None)
    """
    if isinstance(values, pd.Series) and isinstance(values.dtype, np.dtype) and values.dtype in _NUMBERS:
        return values.to_numpy(np.float64)
    return None


def numbers_of(column: pa.Array | pa.ChunkedArray, name: str, decimal: str | None = None) -> np.ndarray:
    """Return a column of numbers, or of numbers written as text, as float64; NaN where there is none.

    Parameters
    ----------
    column : Array or ChunkedArray
        Numbers, booleans or text.
    name : str
        The word for the column in an error.
    decimal : {".", ","}, optional
        The decimal sign of text. Without it a comma is one if no value has a point and the commas cannot
        separate thousands.

    Raises
    ------
    InvalidDataError
        If a text is not a number, naming its row and shape, or the column has an extension type.

    Examples
    --------
    >>> numbers_of(pa.array(["4,5", "3", None]), "weight").tolist()
    [4.5, 3.0, nan]
    """
    column = plain(column)
    if isinstance(column.type, pa.BaseExtensionType):
        column = _stored(column, name)
    if is_text(column.type):
        column = _parsed(given_texts(column), name, decimal)
    return column.cast(pa.float64(), safe=False).to_numpy().astype(np.float64)


def _stored(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return the truth values of Arrow's bool8; another extension type alone knows what it stores."""
    if column.type.extension_name != "arrow.bool8":
        # it casts to its storage: months to their count since 1970, a price to cents
        raise InvalidDataError(
            f"{name} holds the extension type {column.type.extension_name!r}, which is stored as"
            f" {column.type.storage_type}. Convert the column to numbers."
        )
    return pa.chunked_array([chunk.storage for chunk in column.chunks], pa.int8()).cast(pa.bool_())


def _parsed(texts: pa.ChunkedArray, name: str, decimal: str | None) -> pa.ChunkedArray:
    with_comma = pc.match_substring_regex(texts, _COMMA)
    if decimal == "," or (decimal is None and _any(with_comma)):
        if decimal is None:
            _refuse_unclear(texts, with_comma, name)
        texts = pc.replace_substring(texts, ",", ".")
    good = pc.match_substring_regex(texts, _POINT)
    if not bool(pc.all(good, min_count=0).as_py()):
        row, shape = first_match(texts, lambda text: pc.invert(pc.match_substring_regex(text, _POINT)))
        raise InvalidDataError(
            f"{name} must be a column of numbers; row {row} holds {shape}. Name another column, or leave it"
            f" out: columns={{{name!r}: None}}."
        )
    return texts.cast(pa.float64())


def _refuse_unclear(texts: pa.ChunkedArray, with_comma: pa.ChunkedArray, name: str) -> None:
    """Refuse commas that may be thousands separators, or that occur next to points."""
    thousands = pc.all(pc.match_substring_regex(texts.filter(with_comma), _THOUSANDS), min_count=0).as_py()
    if thousands or _any(pc.match_substring(texts, ".")):
        raise InvalidDataError(
            f"{name} has numbers with commas, which may be decimal signs or thousands separators. Pass "
            "decimal=',' if they are decimal signs; remove them if they are not."
        )


def _any(found: pa.ChunkedArray) -> bool:
    return bool(pc.any(found, min_count=0).as_py())
