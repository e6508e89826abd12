"""Tables written to files, completely or not at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from tastebridge.batch.inputs import refuse_inputs
from tastebridge.batch.joining import csv_of
from tastebridge.exceptions import InvalidParameterError
from tastebridge.persist.output import replaced

_ENDINGS = (".parquet", ".csv")


def check_output(path: Path, **inputs: Path | None) -> None:
    """Refuse a path that cannot be written to or would replace an input, before any work."""
    if path.suffix.lower() not in _ENDINGS:
        raise InvalidParameterError(f"--output must end in .parquet or .csv; got {str(path)!r}.")
    if path.is_dir() or not path.parent.is_dir():
        why = "is a folder" if path.is_dir() else "lies in a folder that does not exist"
        raise InvalidParameterError(f"--output {str(path)!r} {why}. Choose another path.")
    refuse_inputs(path, **inputs)


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table to a temporary file and move it to its place in one step."""
    with replaced(path) as new:
        # by the final name: the temporary one ends in .tmp
        if path.suffix.lower() == ".csv":
            new.write_bytes(csv_of(frame))
        else:
            frame.to_parquet(new, index=False)
