"""A fitted recommender in the parts that are saved and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from tastebridge.data import Panel
from tastebridge.data.history_encoder import HistoryEncoder
from tastebridge.model import LinearModel
from tastebridge.model.scorers import RatingScorer
from tastebridge.online.state import FittedState, MultiTarget, Tables
from tastebridge.persist.diagnostic_tables import tables_of

_TABLES = (
    "transfer_",
    "routes_",
    "directions_",
    "errors_",
    "chosen_",
    "compression_",
    "drift_",
    "recency_",
    "twins_",
)
"""The order of the tables in a manifest."""


class Saved(NamedTuple):
    """A fitted recommender in parts.

    Attributes
    ----------
    kind : str
        The name of its class.
    parameters : mapping
        Those of the constructor.
    targets : mapping of target to FittedState
    joint : MultiTarget or None
        What several targets share.
    panel : Panel or None
        The users of the fit.
    """

    kind: str
    parameters: Mapping[str, Any]
    targets: Mapping[str, FittedState]
    joint: MultiTarget | None
    panel: Panel | None

    @property
    def single(self) -> FittedState | None:
        """The state of the one target; None where there are several."""
        return None if self.joint is not None else next(iter(self.targets.values()))

    @property
    def shared(self) -> FittedState | MultiTarget:
        """What holds for the whole recommender: the one state, or what several targets share."""
        return self.joint if self.joint is not None else next(iter(self.targets.values()))

    @property
    def encoder(self) -> HistoryEncoder:
        """The encoder over all categories."""
        return self.shared.encoder

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables of the whole recommender by the name they are stored under."""
        return stored_tables(self.single) if self.single is not None else in_order(self.shared.tables)

    @property
    def ratings(self) -> LinearModel | None:
        """What predicts ratings, where that is another model than what ranks."""
        scorer = None if self.single is None else self.single.scorer
        return scorer.ratings if isinstance(scorer, RatingScorer) and not scorer.by_rating else None


def stored_tables(state: FittedState) -> dict[str, pd.DataFrame]:
    """Return the tables of a state, its findings and calibrations among them, by the name they are stored."""
    return in_order(state.tables) | tables_of(state.findings, state.confidence)


def in_order(tables: Tables) -> dict[str, pd.DataFrame]:
    """Return tables in the order of a manifest."""
    return {name: tables[name] for name in _TABLES if name in tables}
