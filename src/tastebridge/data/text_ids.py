"""Ids from text files: numbers where the whole column is numbers, text otherwise."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_WHOLE = r"^(0|-?[1-9][0-9]{0,17})$"
_WHOLE_AS_FLOAT = r"^(0|-?[1-9][0-9]{0,14})\.0$"


def numbers_if_all(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a dictionary column of text as one of ints if every value is a plain whole number.

    Leading zeros, plus signs and blanks keep a column text. Numbers all written like ``7.0``, as pandas
    writes ints beside missing values, count as whole.

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
    values = column.chunk(0).dictionary
    if _all_match(values, _WHOLE_AS_FLOAT):
        values = pc.replace_substring(values, ".0", "")
    if not len(values) or not _all_match(values, _WHOLE):
        return column
    numbers = values.cast(pa.int64())
    chunks = [pa.DictionaryArray.from_arrays(chunk.indices, numbers) for chunk in column.chunks]
    return pa.chunked_array(chunks)


def _all_match(values: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern), min_count=0).as_py())
