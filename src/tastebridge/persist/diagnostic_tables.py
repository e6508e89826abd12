"""Diagnostics of a fit as tables to store, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from tastebridge.data.item_groups import COLUMNS as LABELS
from tastebridge.exceptions import ModelFileError
from tastebridge.metrics.calibration import Calibrated
from tastebridge.online.state import GROUPS

_FINDING, _CONFIDENCE = "finding_", "confidence_"
_WIDTHS = {"coef": None, "knots": 2, "reliability": 3}
"""The columns of each part of a calibration; None for a vector."""


def tables_of(
    findings: Mapping[str, pd.DataFrame], confidence: Mapping[str, list[Calibrated]] | None
) -> dict[str, pd.DataFrame]:
    """Return findings and calibrations as tables, by the name they are stored under."""
    tables = {f"{_FINDING}{name}": table for name, table in findings.items()}
    if confidence is not None:
        tables[_CONFIDENCE] = _to_table(confidence)
    return tables


class Read(NamedTuple):
    """The diagnostics that were stored as tables."""

    tables: dict[str, pd.DataFrame]
    findings: dict[str, pd.DataFrame]
    confidence: dict[str, list[Calibrated]] | None


def read_tables(stored: Mapping[str, pd.DataFrame]) -> Read:
    """Return the tables of attributes, the findings and the calibrations among stored tables."""
    findings = {
        name.removeprefix(_FINDING): table for name, table in stored.items() if name.startswith(_FINDING)
    }
    tables = {
        name: table for name, table in stored.items() if not name.startswith(_FINDING) and name != _CONFIDENCE
    }
    if GROUPS in tables:
        _check_groups(tables[GROUPS])
    return Read(tables, findings, _from_table(stored[_CONFIDENCE]) if _CONFIDENCE in stored else None)


def _check_groups(table: pd.DataFrame) -> None:
    """Refuse a table of labels of items that has other columns, or cells that are no text."""
    if tuple(table.columns) != LABELS or not all(isinstance(cell, str) for cell in table.to_numpy().ravel()):
        raise ModelFileError(f"its labels of items are not rows of text in the columns {', '.join(LABELS)}.")


def _to_table(state: Mapping[str, list[Calibrated]]) -> pd.DataFrame:
    """Return one row per number: segment, place of the calibration, part, value; parts row by row."""
    # knots is (2, n); its transpose has two columns however many knots there are, see _WIDTHS
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
        # contiguous, as a fit leaves them
        parts["knots"] = np.ascontiguousarray(parts["knots"].T)
        state.setdefault(str(segment), []).append(Calibrated(**parts))
    return state
