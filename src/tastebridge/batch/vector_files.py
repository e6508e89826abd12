"""Files of vectors that lie where new ones are to go: replaced only if they are of an earlier run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tastebridge.exceptions import OutputError


def refuse_others(path: Path, column: str) -> None:
    """Refuse to write vectors over a table or matrix that is none of vectors.

    Parameters
    ----------
    path : Path
        Of a ``.parquet`` or ``.npy`` file, there or not.
    column : str
        The name of the ids.

    Raises
    ------
    OutputError
        If the file that is there was not written as vectors of these ids.
    """
    ids = ids_path(path)
    if path.suffix == ".npy":
        fits = (not path.exists() or _is_matrix(path)) and (not ids.exists() or _names(ids) == [column])
    else:
        fits = not path.exists() or _names(path) == [column, "vector"]
    if not fits:
        raise OutputError(
            f"{str(path)!r} is there already, and not a file of vectors that an earlier run wrote. Choose "
            "another folder, or move it away."
        )


def ids_path(path: Path) -> Path:
    """Return the path of the ids of a matrix."""
    return path.with_suffix(".ids.parquet")


def _names(path: Path) -> list[str]:
    """Return the columns of a Parquet file; none where it is not one."""
    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        return []


def _is_matrix(path: Path) -> bool:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        return False
    return bool(found.ndim == 2 and found.dtype == np.float32)
