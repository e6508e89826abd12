"""Ids, with the names to display for them, as Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tastebridge.data import Vocabulary
from tastebridge.exceptions import ModelFileError
from tastebridge.persist.bounded import read_parquet


def write_ids(path: Path | BinaryIO, vocabulary: Vocabulary, names: pd.Series | None = None) -> None:
    """Write the ids of a vocabulary, in order, and their names if there are any."""
    # large_string: the ids of a large catalogue can exceed the 2 GB of a string column
    kind = pa.int64() if vocabulary.kind == "int" else pa.large_string()
    columns = {"id": pa.array(vocabulary.ids, kind)}
    if names is not None:
        columns["name"] = pa.array(_texts(names, vocabulary), pa.large_string())
    pq.write_table(pa.table(columns), path)


def read_ids(file: BinaryIO, name: str) -> tuple[Vocabulary, pd.Series | None]:
    """Return the vocabulary of ids called ``name``, and their names if there are any."""
    table = read_parquet(file)
    column = table.column("id")
    if column.null_count:
        raise ModelFileError(f"a {name} is missing.")
    ids = column.to_numpy()
    # text columns can be fixed-width in NumPy; a vocabulary holds Python strings
    vocabulary = Vocabulary(ids if column.type == pa.int64() else ids.astype(object), name)
    if "name" not in table.column_names:
        return vocabulary, None
    texts = np.array(table.column("name").to_pylist(), dtype=object)
    return vocabulary, pd.Series(texts, vocabulary.ids, dtype=object, name="name")


def _texts(names: pd.Series, vocabulary: Vocabulary) -> list[str | None]:
    aligned = names.reindex(vocabulary.ids).to_numpy(dtype=object)
    return [None if pd.isna(text) else str(text) for text in aligned]
