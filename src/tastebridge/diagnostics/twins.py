"""The effect of twins on the figures of a fit: see :mod:`tastebridge.routes.twins`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tastebridge.data import Panel
from tastebridge.diagnostics import summary
from tastebridge.diagnostics.confidence import LENGTHS, State
from tastebridge.fitting.folds import Fold
from tastebridge.metrics.calibration import Calibrated
from tastebridge.model.evidence import Evidence
from tastebridge.routes.twins import WITHOUT

_LIST = 10


def twin_findings(
    evidence: Mapping[str, Evidence], folds: Sequence[Fold], confidence: State, panel: Panel, target: str
) -> dict[str, pd.DataFrame]:
    """Return the tables of reports and model cards without twins; empty if no fold has twins.

    Returns
    -------
    dict of name to DataFrame
        accuracy and by_history without twins, and ``twins``: one row per segment with the number of rows to
        find and of twins among them, and the share of lists of ten that hold a hit, with and without twins.
    """
    if not any(found.without_twins for found in evidence.values()):
        return {}
    # the folds of one kind of users may have twins, and of the other none
    apart = {name: found.without_twins or found for name, found in evidence.items()}
    return {
        f"accuracy{WITHOUT}": summary.accuracy(apart),
        f"by_history{WITHOUT}": summary.by_history(apart, panel, target),
        "twins": _twins(folds, confidence),
    }


def _twins(folds: Sequence[Fold], confidence: State) -> pd.DataFrame:
    rows = []
    for segment in dict.fromkeys(fold.held.segment for fold in folds):
        here = [fold for fold in folds if fold.held.segment == segment]
        whole = sum(fold.held.hidden.nnz for fold in here)
        left = sum(fold.without_twins().held.hidden.nnz for fold in here)
        hits = (hits_in_ten(confidence.get(f"{segment}{end}")) for end in ("", WITHOUT))
        rows.append((segment, whole, whole - left, *hits))
    return pd.DataFrame(rows, columns=["segment", "rows", "twins", "hits", f"hits{WITHOUT}"])


def hits_in_ten(calibrations: Sequence[Calibrated] | None) -> float:
    """Return the share of held-out users' lists of ten that hold a hit; NaN where it is not known."""
    if calibrations is None:
        return np.nan
    return share_of_hits(calibrations[LENGTHS.index(_LIST)])


def share_of_hits(calibrated: Calibrated) -> float:
    """Return the share of the lists of one length that hold a hit; NaN where it is not known."""
    points = calibrated.reliability
    return float((points[:, 1] * points[:, 2]).sum() / points[:, 2].sum()) if len(points) else np.nan
