"""Parquet files of a model, read in memory bounded by the size of the file.

A file of a few kilobytes can unfold into terabytes: by its codec, by run lengths, or by one long text that a
million rows repeat. The files of a saved model do none of these, so such a file is refused before it unfolds.
"""

from __future__ import annotations

from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tastebridge.exceptions import ModelFileError
from tastebridge.persist.footer import Footer, footer_of

_CODECS = {0, 1}
"""None and Snappy, which turns a byte into at most 21; other codecs turn one into thousands."""
_ROWS, _ROWS_PER_BYTE, _TIMES, _SPARE = 100_000, 4, 64, 1 << 20
"""Limits: rows of any file, rows per byte of a larger file, unfolded bytes per byte, and bytes on top.

An id takes more than a byte, so 4 rows per byte leave room for run lengths.
"""
_KINDS = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_null,
)


def read_parquet(file: BinaryIO) -> pa.Table:
    """Return the table of a Parquet file that a saved model holds.

    Raises
    ------
    ModelFileError
        If it would take much more memory than its size, or has columns of a type no saved model has.
    """
    # read once: the footer that is checked and the rows that are read come from the same bytes
    text = file.read()
    size = len(text)
    _check(footer_of(text), size)
    schema = pq.ParquetFile(pa.BufferReader(text), pre_buffer=False).schema_arrow
    for field in schema:
        if not any(kind(field.type) for kind in _KINDS):
            raise ModelFileError(
                f"its table has the column {field.name!r} of the type {field.type}; a saved model has "
                "numbers and texts only."
            )
    # texts as dictionaries: a long text that many rows repeat stays one copy until _check_texts has counted
    texts = [field.name for field in schema if _is_text(field.type)]
    source = pa.BufferReader(text)
    coded = pq.ParquetFile(source, pre_buffer=False, read_dictionary=texts).read(use_threads=False)
    _check_texts(coded, size)
    return coded.cast(schema)


def _check(footer: Footer, size: int) -> None:
    if footer.codecs - _CODECS:
        raise ModelFileError("its table uses another codec than Snappy; a saved model uses Snappy or none.")
    if footer.n_rows > max(_ROWS, _ROWS_PER_BYTE * size) or footer.n_bytes > _TIMES * size + _SPARE:
        raise ModelFileError(
            f"its table of {size:,} bytes would unfold to {footer.n_rows:,} rows in {footer.n_bytes:,} "
            "bytes, far more than a saved model of that size."
        )


def _check_texts(table: pa.Table, size: int) -> None:
    unfolded = 0
    for column in table.columns:
        for chunk in column.chunks if pa.types.is_dictionary(column.type) else ():
            # int64 before the sum: lengths are int32, and hostile ones add up beyond it
            lengths = pc.cast(pc.binary_length(chunk.dictionary), pa.int64())
            unfolded += pc.sum(lengths.take(chunk.indices)).as_py() or 0
    if unfolded > _TIMES * size + _SPARE:
        raise ModelFileError(
            f"its texts would unfold from {size:,} to {unfolded:,} bytes, far more than in a saved model."
        )


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
