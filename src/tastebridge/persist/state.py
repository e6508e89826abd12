"""What a fitted recommender is made of: all that is saved, and all that is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import pandas as pd

from tastebridge.data import Panel, Vocabulary, Weighting
from tastebridge.data.weighting import WeightingStatistics
from tastebridge.online.statistics import ModelStatistics
from tastebridge.persist.diagnostic_tables import attributes_of, tables_of

_TABLES = ("transfer_", "routes_", "directions_", "errors_", "chosen_", "compression_", "drift_", "recency_")


class Target(NamedTuple):
    """What one target of several adds to what all share: interests only where they are not those of all."""

    model: Any
    categories: list[str]
    tables: dict[str, pd.DataFrame]
    interests: dict[str, Any] | None


class Several(NamedTuple):
    """What a mapper of several targets has besides: see :class:`tastebridge.recommenders.multi_target.SeveralTargets`."""  # noqa: E501

    targets: dict[str, Target]
    sharpness: dict[str, dict[str, float]]
    choice: dict[str, Any]

    @classmethod
    def of(cls, known: Mapping[str, Any]) -> Several:
        """Take the attributes of a mapper apart."""
        shared = known["interests_"]
        targets = {}
        for name, mapper in known["mappers_"].items():
            own = vars(mapper)
            interests = None if own["interests_"] is shared else own["interests_"]
            targets[name] = Target(own["model_"], list(own["items_"]), _tables(own), interests)
        return cls(targets, known["sharpness_"], known["choice_"]._asdict())


@dataclass(frozen=True)
class State:
    """A fitted recommender taken apart.

    Attributes
    ----------
    kind : str
        The name of its class.
    parameters : dict
        Those of the constructor.
    model : LinearModel, or the fields of a model of item neighbours that was read
    weighting : Weighting
    items : dict of category to Vocabulary
    statistics : dict of category to WeightingStatistics
    item_names : dict of category to Series, or None
    tables : dict of attribute to DataFrame
        Those of ``transfer_``, ``routes_`` and ``directions_`` the recommender has, and what it found out.
    interests : dict of category to arrays, or None
        Its ``interests_``, if it has them.
    panel : Panel or None
        Its people.
    ratings : LinearModel or None
        Its ``ratings_``, if it predicts ratings by another model than it ranks by.
    ledger : ModelStatistics or None
        Its ``ledger_``, if it can be updated.
    several : Several or None
        Its targets, if it has several; then ``model`` is None.
    """

    kind: str
    parameters: dict[str, Any]
    model: Any
    weighting: Weighting
    items: dict[str, Vocabulary]
    statistics: dict[str, WeightingStatistics]
    item_names: dict[str, pd.Series] | None
    tables: dict[str, pd.DataFrame]
    interests: dict[str, Any] | None
    panel: Panel | None
    ratings: Any = None
    ledger: ModelStatistics | None = None
    several: Several | None = None

    @classmethod
    def of(cls, recommender: Any) -> State:
        """Take a fitted recommender apart."""
        known = vars(recommender)
        names = known["item_names_"]
        return cls(
            kind=type(recommender).__name__,
            parameters=recommender.get_params(deep=False),
            model=None if "mappers_" in known else known["model_"],
            weighting=known["weighting_"],
            items=known["items_"],
            statistics=known["statistics_"],
            item_names=None if names is None else dict(names),
            tables=_tables(known),
            interests=known.get("interests_"),
            panel=known["panel_"],
            ratings=known.get("ratings_"),
            ledger=known.get("ledger_"),
            several=Several.of(known) if "mappers_" in known else None,
        )

    @property
    def attributes(self) -> dict[str, Any]:
        """The learned attributes of a recommender of this state."""
        interests = {} if self.interests is None else {"interests_": self.interests}
        ratings = {} if self.ratings is None else {"ratings_": self.ratings}
        ledger = {} if self.ledger is None else {"ledger_": self.ledger}
        return {
            "model_": self.model,
            "weighting_": self.weighting,
            "items_": self.items,
            "statistics_": self.statistics,
            "item_names_": self.item_names,
            "panel_": self.panel,
            **attributes_of(self.tables),
            **interests,
            **ratings,
            **ledger,
        }


def _tables(known: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    return {name: known[name] for name in _TABLES if name in known} | tables_of(known)
