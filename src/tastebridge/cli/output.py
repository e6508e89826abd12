"""Results in files, complete or not at all, or on the standard output."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import typer

from tastebridge.batch import manifest
from tastebridge.batch.destination import Destination
from tastebridge.batch.inputs import refuse_inputs
from tastebridge.batch.joining import csv_of
from tastebridge.exceptions import InvalidParameterError, OutputError
from tastebridge.persist.output import replaced
from tastebridge.persist.writable import check_file

STANDARD_OUTPUT = "-"
"""The output of a command whose result goes to the standard output, as CSV."""
_ENDINGS = (".parquet", ".csv")


def check_output(path: Path, overwrite: bool, **inputs: Path | None) -> None:
    """Refuse a file that cannot be written, would replace an input or a finished result, before any work."""
    if str(path) == STANDARD_OUTPUT:
        return
    if path.suffix.lower() not in _ENDINGS:
        raise InvalidParameterError(f"--output must end in .parquet or .csv; got {str(path)!r}.")
    check_file("--output", path)
    refuse_inputs(path, **inputs)
    refuse_finished(path, overwrite)


def check_result(path: Path, overwrite: bool, restart: bool, **inputs: Path | None) -> bool:
    """Refuse the output of a batch that cannot be written, would replace an input or a finished result.

    Returns
    -------
    bool
        Whether the batch begins anew: asked for, or because a finished folder is to be overwritten.
    """
    if str(path) == STANDARD_OUTPUT:
        return restart
    refuse_inputs(path, **inputs)
    # a folder is compared with the job that is recorded in it, by the batch itself
    if not Destination.of(path).is_file:
        return restart or (overwrite and (path / manifest.NAME).exists())
    refuse_finished(path, overwrite or restart)
    return restart


def refuse_finished(path: Path, overwrite: bool, model: Path | None = None) -> None:
    """Refuse to replace a finished result unasked; a changed ``model`` may go to its own place."""
    if overwrite or not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if model is not None and model.exists() and path.samefile(model):
        return
    raise OutputError(
        f"the output {str(path)!r} is there already. Replace it with --overwrite, or choose another output."
    )


@contextmanager
def result_file(path: Path) -> Iterator[Path]:
    """Yield the file to write to: the output, or a temporary CSV that is copied to the standard output."""
    if str(path) != STANDARD_OUTPUT:
        yield path
        return
    # not written directly: a batch replaces its output in one step at its end, and can fail before it
    with TemporaryDirectory(prefix="tastebridge-") as folder:
        file = Path(folder) / "result.csv"
        yield file
        with file.open("rb") as content:
            out = typer.get_binary_stream("stdout")
            shutil.copyfileobj(content, out)
            out.flush()


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table to a temporary file and move it to its place in one step."""
    with result_file(path) as file, replaced(file) as new:
        # by the final name: the temporary one ends in .tmp
        if file.suffix.lower() == ".csv":
            new.write_bytes(csv_of(frame))
        else:
            frame.to_parquet(new, index=False)


def place_of(path: Path) -> str:
    """Return the place of a result for a sentence."""
    return "on the standard output" if str(path) == STANDARD_OUTPUT else f"in {path}"
