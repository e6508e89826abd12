"""The part of a fitted mapper that a report reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.data import Panel, Vocabulary
from tastebridge.data.weighting import WeightingStatistics
from tastebridge.metrics.calibration import Calibrated
from tastebridge.online.state import FittedState, MultiTarget


class Vectors(Protocol):
    """Ids and vectors of items."""

    @property
    def vectors(self) -> NDArray[np.float32]:
        """One row per item."""


class ReportedMapper(Protocol):
    """A fitted :class:`tastebridge.InterestMapper` with a single target.

    A protocol, because the mapper itself lies above this wing and calls it.
    """

    target: Any
    joint_: MultiTarget | None
    transfer_: pd.DataFrame
    routes_: pd.DataFrame
    directions_: pd.DataFrame
    findings_: Mapping[str, pd.DataFrame]
    confidence_: Mapping[str, list[Calibrated]]
    interests_: Mapping[str, Mapping[str, NDArray[np.float64]]]
    items_: Mapping[str, Vocabulary]
    item_names_: Mapping[str, pd.Series] | None
    statistics_: Mapping[str, WeightingStatistics]
    panel_: Panel | None

    @property
    def targets_(self) -> Mapping[str, FittedState]:
        """The state of each target."""

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters."""

    def item_vectors(self) -> Vectors:
        """Return the vectors of the target's items."""

    def explain_map(self) -> pd.DataFrame:
        """Return the directions of taste, by the items at both ends."""
