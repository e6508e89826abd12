"""Tables written to files, whole or not at all."""

from __future__ import annotations

import secrets
from pathlib import Path

import pandas as pd

from tastebridge.exceptions import InvalidParameterError

_ENDINGS = (".parquet", ".csv")


def check_output(path: Path) -> None:
    """Refuse a path a table cannot be written to, before any work."""
    if path.suffix.lower() not in _ENDINGS:
        raise InvalidParameterError(f"--output must end in .parquet or .csv; got {str(path)!r}.")
    if path.is_dir() or not path.parent.is_dir():
        what = "is a folder" if path.is_dir() else "lies in a folder that does not exist"
        raise InvalidParameterError(f"--output {str(path)!r} {what}. Choose another path.")


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table beside its place and put it there in one step."""
    new = path.with_name(f".{path.name}-{secrets.token_hex(4)}.tmp")
    try:
        if path.suffix.lower() == ".csv":
            frame.to_csv(new, index=False)
        else:
            frame.to_parquet(new, index=False)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
