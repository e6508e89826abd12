"""Existing files at the place of new vectors: replaced only if an earlier run wrote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tastebridge.batch.stamping import MODEL, TIME
from tastebridge.exceptions import OutputError


def refuse_others(path: Path, column: str) -> None:
    """Refuse to write vectors over a table or matrix that does not hold vectors.

    Parameters
    ----------
    path : Path
        A ``.parquet`` or ``.npy`` file, which need not exist.
    column : str
        The name of the ids.

    Raises
    ------
    OutputError
        If a file is there that does not hold vectors of these ids.
    """
    ids = ids_path(path)
    if path.suffix == ".npy":
        fits = (not path.exists() or _is_matrix(path)) and (not ids.exists() or _names(ids) == [column])
    else:
        fits = not path.exists() or _names(path) == [column, "vector"]
    if not fits:
        raise OutputError(
            f"{str(path)!r} exists and is not a file of vectors from an earlier run. Choose another folder, "
            "or move the file away."
        )


def ids_path(path: Path) -> Path:
    """Return the path of the ids of a matrix."""
    return path.with_suffix(".ids.parquet")


def _names(path: Path) -> list[str]:
    """Return the columns of a Parquet file without a stamp; none if it is another file."""
    try:
        names = list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return []
    return names[:-2] if names[-2:] == [MODEL, TIME] else names


def _is_matrix(path: Path) -> bool:
    try:
        # mapped: only the header is read, however large the matrix is
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return False
    return bool(found.ndim == 2 and found.dtype == np.float32)
