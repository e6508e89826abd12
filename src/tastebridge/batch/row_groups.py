"""One row group of a Parquet file, read page by page, so that only a few pages are in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import LocalFileSystem

_BUFFER, _TABLE = 1 << 16, 1 << 24
"""Bytes read from the file at once for each column; largest size of a table in bytes, about."""

_REMOTE_BUFFER = 1 << 22
"""Over a network each read waits for an answer, so that fewer and larger ones are made."""


def tables_of(
    piece: ds.ParquetFileFragment, schema: pa.Schema, columns: Sequence[str], rows: int
) -> Iterator[pa.Table]:
    """Yield some columns of a row group, as tables of at most ``rows`` rows, in order.

    A scan of the data set would decode the whole row group at once.

    Parameters
    ----------
    piece : ParquetFileFragment
        A fragment with one row group.
    schema : Schema
        The types of the columns in the tables.
    columns : sequence of str
        Columns of the file, or keys in the names of its folders; null if the file lacks one.
    rows : int
    """
    fixed = ds.get_partition_keys(piece.partition_expression)
    stored = [name for name in columns if name not in fixed and name in piece.physical_schema.names]
    for batch in _batches(piece, stored, rows):
        yield pa.table({name: _column(batch, name, schema.field(name).type, fixed) for name in columns})


def _batches(piece: ds.ParquetFileFragment, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    group = piece.row_groups[0]
    if not columns:
        # all columns come from the names of folders: only the number of rows is needed
        for start in range(0, group.num_rows, rows):
            numbers = np.arange(start, min(start + rows, group.num_rows))
            yield pa.record_batch({"": pa.array(numbers)})
        return
    # rows with long texts: fewer at once
    width = max(1, group.total_byte_size // group.num_rows)
    rows = max(1, min(rows, _TABLE // width))
    local = isinstance(piece.filesystem, LocalFileSystem)
    with pq.ParquetFile(
        piece.path,
        metadata=piece.metadata,
        buffer_size=_BUFFER if local else _REMOTE_BUFFER,
        filesystem=None if local else piece.filesystem,
        pre_buffer=False,  # it would read the row group ahead, as a whole
        page_checksum_verification=True,
    ) as file:
        yield from file.iter_batches(rows, row_groups=[group.id], columns=columns, use_threads=False)


def _column(batch: pa.RecordBatch, name: str, kind: pa.DataType, fixed: dict[str, object]) -> pa.Array:
    if name in fixed:
        return pa.repeat(pa.scalar(fixed[name]), len(batch)).cast(kind)
    if name not in batch.schema.names:
        return pa.nulls(len(batch), kind)
    column = batch[name]
    return column if column.type == kind else column.cast(kind)
