"""Ids from text files: int if the whole column is integers, text otherwise, or as given."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from tastebridge.data.cell_shapes import first_match
from tastebridge.data.text_numbers import is_text
from tastebridge.exceptions import InvalidDataError

IdKind = Literal["auto", "str", "int"]
"""How the digits of a text file are read."""

# At most 19 digits: most of these numbers fit in 64 bits, and the cast refuses the rest.
_WHOLE = r"^(0|-?[1-9][0-9]{0,18})$"
# At most 15 digits: a float holds these exactly, so 7.0 was the number 7.
_WHOLE_AS_FLOAT = r"^(0|-?[1-9][0-9]{0,14})\.0$"


def numbers_if_all(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a dictionary column of text as one of ints if every value is a plain whole number.

    Leading zeros, plus signs and blanks keep a column text. Numbers all written like ``7.0``, as pandas
    writes ints in a column with missing values, count as whole.

    Parameters
    ----------
    column : ChunkedArray of dictionary of string
        The ids as read.

    Returns
    -------
    ChunkedArray
        A dictionary of int64, or the column as it came.

    Examples
    --------
    >>> numbers_if_all(pa.chunked_array([pa.array(["7", "12"]).dictionary_encode()])).to_pylist()
    [7, 12]
    >>> numbers_if_all(pa.chunked_array([pa.array(["007", "12"]).dictionary_encode()])).to_pylist()
    ['007', '12']
    """
    column = column.unify_dictionaries()
    if not column.num_chunks:
        return column
    # After unifying, all chunks share one dictionary: the first one shows it.
    values = _without_decimals(column.chunk(0).dictionary)
    numbers = _numbers(values)
    return column if numbers is None else _with_values(column, numbers)


def ids_of_kind(column: pa.ChunkedArray, kind: IdKind, name: str) -> pa.ChunkedArray:
    """Return a dictionary column of text as ids of a kind.

    Parameters
    ----------
    column : ChunkedArray of dictionary of string
        The ids as read.
    kind : {"auto", "str", "int"}
        ``"auto"`` is :func:`numbers_if_all`; ``"str"`` keeps the text as it stands.
    name : str
        The word for the column in an error.

    Raises
    ------
    InvalidDataError
        With ``"int"``, if a value is not a plain whole number.
    """
    if kind == "str":
        return column
    found = numbers_if_all(column)
    if kind == "int" and len(column) and is_text(found.type.value_type):
        row, shape = first_match(column, lambda text: pc.invert(pc.match_substring_regex(text, _WHOLE)))
        raise InvalidDataError(
            f"{name} must hold whole numbers, as the model's ids are; row {row} holds {shape}."
            " Read the ids as text, or give the ids that the model knows."
        )
    return found


def _with_values(column: pa.ChunkedArray, values: pa.Array) -> pa.ChunkedArray:
    chunks = [pa.DictionaryArray.from_arrays(chunk.indices, values) for chunk in column.chunks]
    return pa.chunked_array(chunks)


def _without_decimals(values: pa.Array) -> pa.Array:
    if len(values) and _all_match(values, _WHOLE_AS_FLOAT):
        return pc.replace_substring(values, ".0", "")
    return values


def _numbers(values: pa.Array) -> pa.Array | None:
    """Return text as int64; None where one is not a plain whole number of 64 bits."""
    if not len(values) or not _all_match(values, _WHOLE):
        return None
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid:  # 19 digits may be beyond 64 bits
        return None


def _all_match(values: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern), min_count=0).as_py())
