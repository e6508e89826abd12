"""Vectors in a plain Parquet file: an item id, and a list or one column per component."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tastebridge._foundation.validation import check_path, check_type
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors.pretrained import SETTINGS, PretrainedFactors
from tastebridge.factors.readers.damage import reading

_CONTENT = "a table of item vectors"
_KEY = b"tastebridge.factors"
_COMPONENT = re.compile(r"v(0|[1-9][0-9]*)")
_BIAS = "item_bias"


def read_vectors(path: str | Path, **settings: float | str | bool) -> PretrainedFactors:
    """Return the item vectors of a Parquet file or folder.

    Parameters
    ----------
    path : str or Path
        A table with a column ``item_id`` and the vectors, as one column of lists (any name) or as columns
        ``v0``, ``v1``, … A column ``item_bias`` holds the biases of ratings.
    **settings
        The parameters of :class:`tastebridge.factors.PretrainedFactors` for the fold-in. By default those in
        the file, if :func:`write_vectors` wrote it.

    Returns
    -------
    PretrainedFactors

    Raises
    ------
    InvalidDataError
        If the table is damaged, or ids or vectors are lacking, of several lengths or not finite.
    InvalidParameterError
        If a setting is unknown or out of range.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from tastebridge.factors import PretrainedFactors, read_vectors, write_vectors
    >>> books = PretrainedFactors(["dune", "emma"], np.eye(2), alpha=20.0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_vectors(books, f"{folder}/books.parquet")
    ...     read_vectors(f"{folder}/books.parquet").alpha
    20.0
    """
    if unknown := set(settings) - set(SETTINGS):
        raise InvalidParameterError(f"{min(unknown)!r} is no setting of a fold-in; there are {SETTINGS}.")
    with reading(path, _CONTENT) as found:
        table = table_of(found)
        return of_table(table, {**_stored_settings(found), **settings})


def of_table(table: pd.DataFrame, settings: dict[str, Any]) -> PretrainedFactors:
    """Return the item vectors of a table in memory."""
    if "item_id" not in table:
        raise InvalidDataError(
            f"a table of item vectors needs a column item_id; there are {list(table.columns)[:10]}. "
            "Rename it."
        )
    if table["item_id"].isna().any():
        raise InvalidDataError("the column item_id has missing ids. Leave these rows out.")
    biases = table[_BIAS].to_numpy(np.float64) if _BIAS in table else None
    ids = table["item_id"].tolist()
    return PretrainedFactors(ids, _vectors(table), item_biases=biases, **settings).checked()


def write_vectors(model: PretrainedFactors, path: str | Path) -> None:
    """Write item vectors and the settings of their fold-in to one Parquet file.

    Parameters
    ----------
    model : PretrainedFactors
        One with ids.
    path : str or Path
        Read by :func:`read_vectors`, and by ``tastebridge fit --source-model books=PATH``.

    Raises
    ------
    InvalidParameterError
        If the model has no ids.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from tastebridge.factors import PretrainedFactors, read_factors, write_vectors
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_vectors(PretrainedFactors(["dune", "emma"], np.eye(2)), f"{folder}/books.parquet")
    ...     read_factors(f"{folder}/books.parquet").items
    ['dune', 'emma']
    """
    check_type("model", model, PretrainedFactors, "PretrainedFactors(items, factors)").checked()
    if model.items is None:
        raise InvalidParameterError(
            "write_vectors needs the ids of the items. Build the model with items=[…]."
        )
    Y = np.asarray(model.factors)
    Y = Y if Y.dtype in (np.float32, np.float64) else Y.astype(np.float64)
    flat = pa.array(np.ascontiguousarray(Y).ravel())
    columns: dict[str, pa.Array] = {
        "item_id": pa.array(np.asarray(model.items).tolist()),
        "vector": pa.FixedSizeListArray.from_arrays(flat, Y.shape[1]),
    }
    if model.item_biases is not None:
        columns[_BIAS] = pa.array(np.asarray(model.item_biases, dtype=np.float64))
    settings = model.settings()
    table = pa.table(columns).replace_schema_metadata({_KEY: json.dumps(settings).encode()})
    pq.write_table(table, check_path("path", path))


def table_of(path: Path) -> pd.DataFrame:
    """Return a Parquet file, or all of a folder in the order of their names, as a table."""
    # not as one data set: names of folders such as id=7 would become columns
    return pd.concat([pq.read_table(part, partitioning=None).to_pandas() for part in _parts(path)])


def stacked(column: pd.Series[Any], name: str) -> NDArray[np.floating[Any]]:
    """Return a column of lists of one length as a matrix."""
    rows = [np.asarray(row) for row in column]
    lengths = {row.size if row.ndim == 1 else -1 for row in rows}
    if len(lengths) != 1 or min(lengths) < 1:
        raise InvalidDataError(
            f"the column {name!r} must hold vectors of one length; there are {sorted(lengths)[:5]} "
            "numbers (-1 for no vector). Write one vector for each item."
        )
    return np.stack(rows)


def _parts(path: Path) -> list[Path]:
    parts = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not parts:
        raise InvalidDataError(f"the folder {str(path)!r} holds no .parquet files.")
    return parts


def _stored_settings(path: Path) -> dict[str, Any]:
    """Return the settings that :func:`write_vectors` left in a file; none in others."""
    stored = (pq.read_schema(_parts(path)[0]).metadata or {}).get(_KEY)
    found = {} if stored is None else json.loads(stored)
    if not isinstance(found, dict):
        raise InvalidDataError(f"the settings in {str(path)!r} are damaged. Write the file again.")
    return {name: found[name] for name in SETTINGS if name in found}


def _vectors(table: pd.DataFrame) -> NDArray[np.floating[Any]]:
    components = sorted((int(m[1]), name) for name in table.columns if (m := _COMPONENT.fullmatch(str(name))))
    if components:
        places = [place for place, _ in components]
        if places != list(range(len(places))):
            raise InvalidDataError(f"the columns v0, v1, … must have no gap; there are {places[:10]}.")
        return table[[name for _, name in components]].to_numpy(np.float64)
    lists = [
        name
        for name in table.columns
        if name != "item_id" and len(table) and isinstance(table[name].iloc[0], np.ndarray | list)
    ]
    if len(lists) != 1:
        raise InvalidDataError(
            f"a table of item vectors needs one column of lists, or columns v0, v1, …; among "
            f"{list(table.columns)[:10]} there are {len(lists)} of lists. Leave the others out."
        )
    return stacked(table[lists[0]], str(lists[0]))
