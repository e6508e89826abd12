"""One file of many tables, a table at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tastebridge.batch.files import disk, whole


def join(tables: Iterator[pa.Table], path: Path, n_rows: int) -> None:
    """Write tables, one behind the other, as the ending of the path says.

    Of the ``.npy`` file of vectors the ids stand beside, in ``….ids.parquet``, in the same order.
    """
    first = next(tables)
    if path.suffix.lower() == ".npy":
        _write_npy(first, tables, path, n_rows)
        return
    write = _write_csv if path.suffix.lower() == ".csv" else _write_parquet
    with whole(path) as file, disk(path):
        write(first, tables, file)


def _write_csv(first: pa.Table, tables: Iterator[pa.Table], file: IO[bytes]) -> None:
    def lines(table: pa.Table, header: bool) -> bytes:
        return table.to_pandas().to_csv(index=False, header=header, lineterminator="\n").encode()

    file.write(lines(first, True))
    for table in tables:
        file.write(lines(table, False))


def _write_parquet(first: pa.Table, tables: Iterator[pa.Table], file: IO[bytes]) -> None:
    with pq.ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)


def _write_npy(first: pa.Table, tables: Iterator[pa.Table], path: Path, n_rows: int) -> None:
    """Write the column ``vector`` as a matrix, and the other column beside it."""
    name = next(name for name in first.column_names if name != "vector")
    width = first.schema.field("vector").type.list_size
    ids = path.with_suffix(".ids.parquet")
    header: dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, width)}
    with whole(path) as file, whole(ids) as beside, disk(path):
        np.lib.format.write_array_header_1_0(file, header)
        with pq.ParquetWriter(beside, first.select([name]).schema) as writer:
            for table in _all(first, tables):
                for chunk in table["vector"].chunks:
                    file.write(np.ascontiguousarray(chunk.flatten().to_numpy(), dtype="<f4").tobytes())
                writer.write_table(table.select([name]))


def _all(first: pa.Table, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from tables
