"""Ids of any container, coded: the sorted unique ids of a column, and which of them each row holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from narwhals.typing import IntoSeries

from tastebridge.data.id_lists import listed
from tastebridge.exceptions import InvalidDataError

Kind = Literal["int", "str"]

_FEW = 100
"""Rows up to which Python codes a column sooner than Arrow is asked to."""
_EXACT = {16: 2.0**11, 32: 2.0**24, 64: 2.0**53}
"""Up to where a float of so many bits tells every whole number from its neighbours."""
_TEXT = ("object", "str")
"""Types of columns of pandas that may hold plain text."""


@dataclass(frozen=True)
class Coded:
    """A column of ids as numbers: ``ids[codes[row]]`` is the id of a row, code -1 a missing id."""

    ids: np.ndarray
    codes: np.ndarray


def encode(values: object, name: str) -> Coded:
    """Code a column of ids.

    Missing are null, NaN and the empty string. Whole numbers that came as floats become ints, as long as the
    float tells each from its neighbours (up to 2**53 in double precision).

    Parameters
    ----------
    values : list, ndarray, pandas, polars or pyarrow column
        The ids, all int or all str.
    name : str
        The word for the column in an error.

    Returns
    -------
    Coded
        ``ids`` sorted ascending and unique (int64, or object holding str); ``codes`` int32.

    Raises
    ------
    InvalidDataError
        If the ids are of mixed type, neither int nor str, or floats that may be rounded.

    Examples
    --------
    >>> coded = encode(["b", "a", None, "b"], "user_id")
    >>> coded.ids.tolist(), coded.codes.tolist()
    (['a', 'b'], [1, 0, -1, 1])
    """
    if (plain := _plain(values)) is not None:
        return _code_few(*plain)
    column = arrow_column(values, name)
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _encode_dictionary(column, name)
    if pa.types.is_null(kind):
        return Coded(np.empty(0, dtype=np.int64), np.full(len(column), -1, dtype=np.int32))
    if pa.types.is_integer(kind):
        return _code(_whole(column, name))
    if pa.types.is_floating(kind):
        return _code(_whole_floats(column, name))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _code(column)
    raise InvalidDataError(
        f"{name} must hold ids of type int or str; it holds {kind}. Convert it first, for instance to str."
    )


def _plain(values: object) -> tuple[list[Any], np.dtype[Any]] | None:
    """Return a short column of pandas as a list, if all of it is plain text or int64; None if not."""
    if not isinstance(values, pd.Series) or not 0 < len(values) <= _FEW:
        return None
    if values.dtype == np.int64:
        return values.tolist(), np.dtype(np.int64)
    if values.dtype not in _TEXT:
        return None
    # pandas' own tolist() takes several times as long where Arrow holds the text
    found = values.tolist() if values.dtype == object else pa.array(values.array).to_pylist()
    # Arrow refuses text that is no Unicode, so only text that needs no look is taken
    if all(type(one) is str for one in found) and "".join(found).isascii():
        return found, np.dtype(object)
    return None


def arrow_column(values: object, name: str) -> pa.ChunkedArray:
    """Return a column of any kind as an Arrow column, NaN as null; mixed Python types are refused."""
    values = listed(values, name)
    try:
        array = to_arrow(values)
    except (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError) as error:
        raise InvalidDataError(_why_not(values, name, error)) from None
    if isinstance(array.type, pa.BaseExtensionType):
        raise InvalidDataError(f"{name} holds the type {array.type}; convert it to int or str first.")
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def to_arrow(values: object) -> pa.Array | pa.ChunkedArray:
    """Return a column of any kind as an Arrow column, NaN as null; errors of Arrow pass through."""
    if not isinstance(values, nw.Series | pd.Series):  # pandas is read as it is, which is the quicker
        values = nw.from_native(values, series_only=True, pass_through=True)
    if isinstance(values, nw.Series):
        return values.to_arrow()
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, Iterable) and not hasattr(values, "__array__"):
        values = list(values)
    return pa.array(values, from_pandas=True)


def dtype_of(values: IntoSeries) -> object:
    """Return the type of a column, with the same names for all libraries."""
    return nw.from_native(values, series_only=True).dtype


def _why_not(values: object, name: str, error: Exception) -> str:
    """Return which types a column mixes and where each comes first; the values may be personal."""
    places: dict[str, int] = {}
    for row, value in enumerate(values if isinstance(values, Iterable) else ()):
        # NaN is not equal to itself.
        if value is not None and value == value:
            places.setdefault(type(value).__name__, row)
    if len(places) > 1:
        shown = " and ".join(f"{kind} (first in row {row})" for kind, row in list(places.items())[:3])
        return f"{name} must hold one type; it mixes {shown}. Convert all to int or all to str."
    kind = next(iter(places), "nothing")
    return f"{name} cannot be read as a column of int or str: it holds {kind} ({type(error).__name__})."


def _whole(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    try:
        return column.cast(pa.int64())
    except pa.ArrowInvalid:
        raise InvalidDataError(f"{name} holds ints beyond 64 bits; give them as str.") from None


def _whole_floats(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Return floats as ints, if each is a whole number that its type holds exactly and uniquely."""
    exact = _EXACT[column.type.bit_width]
    numbers = column.cast(pa.float64()).to_numpy().astype(np.float64)
    given = ~np.isnan(numbers)
    with np.errstate(invalid="ignore"):
        # Infinity is its own floor: the bound of exact floats refuses it.
        broken = given & ((np.floor(numbers) != numbers) | (np.abs(numbers) > exact))
    if broken.any():
        row = int(np.argmax(broken))
        if abs(numbers[row]) > exact and np.isfinite(numbers[row]):
            why = f"above 2**{int(np.log2(exact))}, where two ids become one float"
        else:
            why = "not a whole number"
        raise InvalidDataError(
            f"{name} must hold ids of type int or str; it holds floats, and row {row} is {why}. Keep the"
            " ids as int or str where they are first read, for instance with dtype='Int64'."
        )
    whole = np.where(given, numbers, 0.0).astype(np.int64)
    return pa.chunked_array([pa.array(whole, mask=~given)])


def _code(column: pa.ChunkedArray) -> Coded:
    """Code a column of ids of int64 or strings: few by a dict, many by Arrow."""
    whole = pa.types.is_integer(column.type)
    if len(column) <= _FEW:
        return _code_few(column.to_pylist(), np.dtype(np.int64 if whole else object))
    return (
        # large_string, since the offsets of string end at 2 GiB of text.
        _sort_ints(_distinct(column)) if whole else _sort_strings(_distinct(column.cast(pa.large_string())))
    )


def _code_few(values: list[Any], dtype: np.dtype[Any]) -> Coded:
    ids = sorted({value for value in values if value is not None and value != ""})
    places = {value: place for place, value in enumerate(ids)}
    codes = np.array([places.get(value, -1) for value in values], dtype=np.int32)
    return Coded(np.array(ids, dtype=dtype), codes)


def _distinct(column: pa.ChunkedArray) -> tuple[pa.Array, np.ndarray]:
    """Return the distinct values in order of appearance and the code of each row, -1 for null."""
    if not len(column):
        return pa.array([], column.type), np.empty(0, dtype=np.int32)
    coded = column.dictionary_encode().combine_chunks()
    coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
    return coded.dictionary, _filled(coded.indices)


def _filled(codes: pa.Array) -> np.ndarray:
    """Return codes, -1 for null."""
    return (pc.fill_null(codes, -1) if codes.null_count else codes).to_numpy(zero_copy_only=False)


def _sort_ints(distinct: tuple[pa.Array, np.ndarray]) -> Coded:
    values, codes = distinct[0].to_numpy(zero_copy_only=False), distinct[1]
    order = np.argsort(values)
    return Coded(values[order].astype(np.int64), _recode(order, codes))


def _sort_strings(distinct: tuple[pa.Array, np.ndarray]) -> Coded:
    values, codes = distinct
    order = pc.sort_indices(values).to_numpy(zero_copy_only=False)
    ids = values.to_numpy(zero_copy_only=False)[order]
    coded = Coded(ids, _recode(order, codes))
    return _without_empty(coded) if len(ids) and ids[0] == "" else coded


def _without_empty(coded: Coded) -> Coded:
    """Count the empty string, which sorts first, as missing."""
    return Coded(coded.ids[1:], np.maximum(coded.codes - 1, -1))


def _recode(order: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the codes after ``values[order]`` became the ids; the last place of the table serves code -1."""
    table = np.full(len(order) + 1, -1, dtype=np.int32)
    table[order] = np.arange(len(order), dtype=np.int32)
    return table[codes]


def _encode_dictionary(column: pa.ChunkedArray, name: str) -> Coded:
    """Code a categorical column; categories no row holds are left out."""
    if not len(column):
        return encode(pa.array([], column.type.value_type), name)
    array = column.unify_dictionaries().combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    values = encode(array.dictionary, name)
    rows = _filled(array.indices.cast(pa.int64()))
    # Null is code -1, which finds the last place.
    codes = np.append(values.codes, np.int32(-1))[rows]
    used = np.zeros(len(values.ids) + 1, dtype=bool)
    used[codes] = True
    places = (np.cumsum(used) - 1).astype(np.int32)
    places[-1] = -1
    return Coded(values.ids[used[:-1]], places[codes])
