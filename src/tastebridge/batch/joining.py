"""Many tables joined into one file, one table at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tastebridge.batch.files import disk, whole
from tastebridge.batch.vector_files import ids_path
from tastebridge.exceptions import OutputError
from tastebridge.persist.locking import Held, locked
from tastebridge.persist.output import sweep


def join(tables: Iterator[pa.Table], path: Path, n_rows: int) -> None:
    """Write tables one after the other, in the format of the path's ending.

    A ``.npy`` file of vectors comes with its ids in ``….ids.parquet``, in the same order.
    """
    first = next(tables)
    if path.suffix.lower() == ".npy":
        _write_npy(first, tables, path, n_rows)
        return
    write = _write_csv if path.suffix.lower() == ".csv" else _write_parquet
    with whole(path) as file, disk(path):
        write(first, tables, file)


def csv_of(frame: pd.DataFrame, header: bool = True) -> bytes:
    """Return a frame as CSV with lines that end in a line feed; a cell with any line break is quoted.

    Python's writer quotes a carriage return only if lines end in one. So a frame with such cells is written
    with both characters, and then each line loses its carriage return.
    """
    text: str = frame.to_csv(index=False, header=header, lineterminator="\n")
    if "\r" not in text:  # seen in the text much faster than in the columns
        return text.encode()
    lines = _Lines()
    frame.to_csv(lines, index=False, header=header, lineterminator="\r\n")
    return "".join(lines.written).encode()


class _Lines:
    """A text file that is written line by line and keeps only the line feed of each ending."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> int:
        """Take a line."""
        self.written.append(line.removesuffix("\r\n") + "\n")
        return len(line)

    def __iter__(self) -> Iterator[str]:
        """Return the lines; pandas takes an object with this method for an open file."""
        return iter(self.written)


def put(tables: Iterator[pa.Table], path: Path, n_rows: int) -> None:
    """Write tables like :func:`join`, under a separate lock.

    Raises
    ------
    OutputError
        If another process is writing the file, or it cannot be written.
    """
    try:
        with disk(path), locked(path):
            sweep(path)
            join(tables, path, n_rows)
    except Held:
        raise OutputError(
            f"another process is writing {str(path)!r}. Wait for it, or choose another output."
        ) from None


def _write_csv(first: pa.Table, tables: Iterator[pa.Table], file: IO[bytes]) -> None:
    file.write(csv_of(first.to_pandas()))
    for table in tables:
        file.write(csv_of(table.to_pandas(), header=False))


def _write_parquet(first: pa.Table, tables: Iterator[pa.Table], file: IO[bytes]) -> None:
    with pq.ParquetWriter(file, first.schema) as writer:
        writer.write_table(first)
        for table in tables:
            writer.write_table(table)


def _write_npy(first: pa.Table, tables: Iterator[pa.Table], path: Path, n_rows: int) -> None:
    """Write the column ``vector`` as a matrix, and the other columns to a file next to it."""
    names = [name for name in first.column_names if name != "vector"]
    width = first.schema.field("vector").type.list_size
    ids = ids_path(path)
    header: dict[str, Any] = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, width)}
    with whole(path) as file, whole(ids) as ids_file, disk(path):
        # little-endian on every machine; the header needs the number of rows before the first of them
        np.lib.format.write_array_header_1_0(file, header)
        with pq.ParquetWriter(ids_file, first.select(names).schema) as writer:
            for table in _all(first, tables):
                for chunk in table["vector"].chunks:
                    file.write(np.ascontiguousarray(chunk.flatten().to_numpy(), dtype="<f4").tobytes())
                writer.write_table(table.select(names))
        # the old matrix goes first: a kill between the two renames leaves no matrix, not one with wrong ids
        path.unlink(missing_ok=True)


def _all(first: pa.Table, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from tables
