"""A stamp on every row of a result: the model that made it, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa

from tastebridge.batch.destination import Combine, Destination
from tastebridge.exceptions import InvalidParameterError

MODEL, TIME = "model", "made_at"
"""The columns of a stamp: the fingerprint of the model, and the time in UTC when the rows were written."""


def stamping(model: str, destination: Destination, combine: Combine = iter) -> Combine:
    """Return a function that adds the columns of a stamp to the tables of one file.

    Parameters
    ----------
    model : str
        The fingerprint of the model.
    destination : Destination
    combine : function, default=iter
        Makes the tables without a stamp.

    Raises
    ------
    InvalidParameterError
        If the results are a folder of parts, whose manifest names the model.
    """
    if not destination.is_file:
        raise InvalidParameterError(
            f"stamp=True takes one file, .parquet or .csv; got the folder {str(destination.path)!r}, whose "
            "_manifest.json has the fingerprint of the model. Leave the stamp out, or choose a file."
        )

    def stamped(parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
        now = _now()
        for table in combine(parts):
            times = pa.repeat(pa.scalar(now, pa.timestamp("s", "UTC")), len(table))
            yield table.append_column(MODEL, pa.repeat(model, len(table))).append_column(TIME, times)

    return stamped


def stamped_frame(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    """Return a frame with the columns of a stamp."""
    return frame.assign(**{MODEL: model, TIME: pd.Timestamp(_now()).as_unit("s")})


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
