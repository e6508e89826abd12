"""Lists of items and of people in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from tastebridge.data import Vocabulary
from tastebridge.data.text_ids import numbers_if_all
from tastebridge.exceptions import InvalidDataError, InvalidParameterError

_NAMES = ("user_id", "item_id")


def read_list(path: Path | None) -> Any:
    """Return the column item_id of a table, or its columns user_id and item_id where it has both.

    In text files ids are int if all of a column are plain whole numbers, as for
    :func:`tastebridge.read_panel`.
    """
    if path is None:
        return None
    table = _table_with("item_id", path)
    found = table.select([name for name in _NAMES if name in table.column_names])
    return found if found.num_columns == 2 else found["item_id"]


def read_people(path: Path) -> Any:
    """Return the column user_id of a table."""
    return _table_with("user_id", path)["user_id"]


def _table_with(column: str, path: Path) -> pa.Table:
    try:
        table = pq.read_table(path) if path.suffix == ".parquet" else _read_text(path)
    except (pa.ArrowException, OSError) as error:
        raise InvalidDataError(f"{str(path)!r} cannot be read: {str(error).splitlines()[0][:300]}") from None
    if column not in table.column_names:
        raise InvalidDataError(
            f"{str(path)!r} needs a column {column}; it has {', '.join(map(repr, table.column_names))}."
        )
    return table


def _read_text(path: Path) -> pa.Table:
    texts = pacsv.ConvertOptions(
        column_types={name: pa.dictionary(pa.int32(), pa.string()) for name in _NAMES}
    )
    table = pacsv.read_csv(path, convert_options=texts)
    for name in set(_NAMES) & set(table.column_names):
        place = table.column_names.index(name)
        table = table.set_column(place, name, numbers_if_all(table.column(place)))
    return table


def items_of(words: list[str], known: Vocabulary) -> list[Any]:
    """Return the item ids of words, of the kind the model knows."""
    if known.kind == "str":
        return list(words)
    try:
        return [int(word) for word in words]
    except ValueError as error:
        raise InvalidParameterError(
            f"--items must be whole numbers, as the model's items are: {error}"
        ) from None
