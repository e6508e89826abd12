"""What a mapper found out about itself, as tables to store, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from tastebridge.metrics.calibration import Calibrated

_FINDING, _CONFIDENCE = "finding_", "confidence_"
_WIDTHS = {"coef": None, "knots": 2, "reliability": 3}
"""The columns of each part of a calibration; None for a vector."""


def tables_of(known: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Return the findings and the calibrations among the attributes of a recommender, as tables by name."""
    tables = {f"{_FINDING}{name}": table for name, table in known.get("findings_", {}).items()}
    if "confidence_" in known:
        tables[_CONFIDENCE] = _to_table(known["confidence_"])
    return tables


def attributes_of(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the attributes that tables were stored for."""
    out: dict[str, Any] = {name: table for name, table in tables.items() if not name.startswith(_FINDING)}
    findings = {name.removeprefix(_FINDING): table for name, table in tables.items() if name not in out}
    if findings:
        out["findings_"] = findings
    if _CONFIDENCE in out:
        out[_CONFIDENCE] = _from_table(out[_CONFIDENCE])
    return out


def _to_table(state: Mapping[str, list[Calibrated]]) -> pd.DataFrame:
    """Return a row a number: segment, place of the calibration, part, value; parts row by row."""
    rows = [
        (segment, place, part, float(value))
        for segment, calibrations in state.items()
        for place, calibrated in enumerate(calibrations)
        for part, values in calibrated._asdict().items()
        for value in (values.T if part == "knots" else values).ravel()
    ]
    return pd.DataFrame(rows, columns=["segment", "place", "part", "value"])


def _from_table(table: pd.DataFrame) -> dict[str, list[Calibrated]]:
    state: dict[str, list[Calibrated]] = {}
    for (segment, _), rows in table.groupby(["segment", "place"], sort=False):
        parts = {}
        for part, width in _WIDTHS.items():
            values = rows.loc[rows["part"] == part, "value"].to_numpy(dtype=np.float64)
            parts[part] = values if width is None else values.reshape(-1, width)
        parts["knots"] = np.ascontiguousarray(parts["knots"].T)
        state.setdefault(str(segment), []).append(Calibrated(**parts))
    return state
