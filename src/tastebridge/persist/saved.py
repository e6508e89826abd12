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
    "weightings_",
    "twins_",
    "item_groups_",
)
"""The order of the tables in a manifest."""


class Saved(NamedTuple):
    """A fitted recommender in parts.

    Attributes
    ----------
    kind : str
        The name of its class.
    parameters : mapping
        The parameters of the constructor.
    targets : mapping of target to FittedState
    joint : MultiTarget or None
        The state that several targets share; None with a single target.
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
        """The state of the only target; None if there are several."""
        return None if self.joint is not None else next(iter(self.targets.values()))

    @property
    def shared(self) -> FittedState | MultiTarget:
        """The state of the whole recommender: of the only target, or shared by several."""
        return self.joint if self.joint is not None else next(iter(self.targets.values()))

    @property
    def encoder(self) -> HistoryEncoder:
        """The encoder over all categories."""
        return self.shared.encoder

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """All tables of the whole recommender, by their stored names."""
        return stored_tables(self.single) if self.single is not None else in_order(self.shared.tables)

    @property
    def ratings(self) -> LinearModel | None:
        """The model that predicts ratings, if it differs from the one that ranks."""
        scorer = None if self.single is None else self.single.scorer
        return scorer.ratings if isinstance(scorer, RatingScorer) and not scorer.by_rating else None


def stored_tables(state: FittedState) -> dict[str, pd.DataFrame]:
    """Return the tables of a state, with its findings and calibrations, by their stored names."""
    return in_order(state.tables) | tables_of(state.findings, state.confidence)


def in_order(tables: Tables) -> dict[str, pd.DataFrame]:
    """Return tables in the order of a manifest."""
    return {name: tables[name] for name in _TABLES if name in tables}
