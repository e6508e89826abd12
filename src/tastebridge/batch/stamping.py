"""A stamp on every row of a result: the model that made it, and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa

MODEL, TIME = "model", "made_at"
"""The columns of a stamp: the fingerprint of the model, and the time in UTC of the result."""
_ROWS = 1 << 16
"""Rows that are stamped at once: the fingerprint is wider than a row of a list."""


@dataclass(frozen=True)
class Stamp:
    """The stamp of one result.

    Attributes
    ----------
    model : str
        The fingerprint of the model.
    made_at : datetime
        In UTC, to the second.
    """

    model: str
    made_at: datetime

    @classmethod
    def now(cls, model: str) -> Stamp:
        """Return the stamp of a result that is made now."""
        return cls(model, datetime.now(UTC).replace(microsecond=0))

    def tables(self, parts: Iterator[pa.Table]) -> Iterator[pa.Table]:
        """Yield the tables with the columns of the stamp, in pieces."""
        for table in parts:
            for start in range(0, max(len(table), 1), _ROWS):
                yield self._on(table.slice(start, _ROWS))

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return a frame with the columns of the stamp."""
        return frame.assign(**{MODEL: self.model, TIME: pd.Timestamp(self.made_at).as_unit("s")})

    def _on(self, table: pa.Table) -> pa.Table:
        times = pa.repeat(pa.scalar(self.made_at, pa.timestamp("s", "UTC")), len(table))
        return table.append_column(MODEL, pa.repeat(self.model, len(table))).append_column(TIME, times)
