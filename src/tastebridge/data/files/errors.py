"""Errors of the libraries that read files, as ones that name the file and show no cell of it."""

from __future__ import annotations

import lzma
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from tastebridge.exceptions import InvalidDataError

# Quoted text and longer numbers may be cells of the file, and cells may be personal.
_CONTENT = re.compile(r"'[^']*'|\"[^\"]*\"|\b\d{4,}\b")


class NoHeaderError(InvalidDataError):
    """The first line of a text file does not look like a header, and no names are given."""


@contextmanager
def readable(path: object) -> Iterator[None]:
    """Turn errors of reading into one that names the file; quoted text, which may be a cell, is left out."""
    try:
        yield
    except InvalidDataError:
        raise
    except (pa.ArrowException, OSError, UnicodeError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise InvalidDataError(f"{str(path)!r} cannot be read: {reason(error)}") from None


def reason(error: Exception) -> str:
    """Return the first line of an error without anything that may be the content of a cell."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    if "Is this a 'parquet' file?" in str(error) or "Parquet magic bytes not found" in str(error):
        return "it is not a Parquet file, or it is damaged."
    # Arrow writes the cell behind the colon.
    return _CONTENT.sub("…", line.partition(":")[0] if isinstance(error, pa.ArrowInvalid) else line)[:200]
