"""The fitted state of a recommender, for one target and for several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.data import Vocabulary
from tastebridge.data.history_encoder import HistoryEncoder
from tastebridge.data.item_groups import COLUMNS as LABELS
from tastebridge.data.item_groups import ItemGroups
from tastebridge.exceptions import InvalidDataError
from tastebridge.metrics.calibration import Calibrated
from tastebridge.model import Array
from tastebridge.model.category_model import CategoryModel
from tastebridge.model.evidence import Evidence
from tastebridge.model.item_tree import ItemTree
from tastebridge.model.related import ItemRelations
from tastebridge.model.scorers import LinearScorer, Scorer
from tastebridge.model.source_items import source_model
from tastebridge.model.taste import TastePrior
from tastebridge.online.statistics import ModelStatistics
from tastebridge.routes import Histories
from tastebridge.routes.twins import LEAVE_OUT, Twins

Tables = Mapping[str, pd.DataFrame]
Interests = Mapping[str, Mapping[str, Array]]
"""For each category the arrays of its interest model: see :mod:`tastebridge.diagnostics.interests`."""
Confidence = Mapping[str, list[Calibrated]]
"""For each segment one calibration per length: see :mod:`tastebridge.diagnostics.confidence`."""

GROUPS = "item_groups_"
"""The name of the table of labels of items."""
NOT_AN_INTEREST_MAPPER = (
    "this recommender keeps no sufficient statistics, so it can neither be updated nor forget users. Use "
    "InterestMapper, or fit again."
)
SAVED_WITHOUT = (
    "this model was saved without its sufficient statistics, so it can neither be updated nor forget users. "
    "Save it with save(path, updatable=True) or with_users=True."
)
COMPRESSED = (
    "this model was compressed, and its sufficient statistics belong to the uncompressed model, so it can "
    "neither be updated nor forget users. Update the uncompressed model, and compress it again."
)
ONE_OF_SEVERAL = (
    "a mapper of several targets can neither be updated nor forget users, as its targets share one fit. Fit "
    "it again with the new events, or without the users to forget."
)


@dataclass(frozen=True, eq=False)
class FittedState:
    """The result of a fit for one target, which :mod:`tastebridge.persist` writes and reads.

    Attributes
    ----------
    scorer : Scorer
        Ranks items for users, and users for items.
    encoder : HistoryEncoder
        The items of every category, and the statistics that weight a history.
    item_names : mapping of category to Series, or None
    tables : mapping of attribute to DataFrame
        The tables that are attributes of a recommender, such as ``transfer_``.
    findings : mapping of name to DataFrame
        The tables of reports and model cards: see :mod:`tastebridge.diagnostics.summary`.
    interests, confidence : mapping, or None
        The models behind :meth:`~tastebridge.InterestMapper.interests` and ``confidence``.
    statistics : ModelStatistics or None
        The sums that updates change.
    no_statistics : str
        The error message where there are no statistics.
    evidence : mapping of segment to Evidence
        Scores by user; never saved.
    """

    scorer: Scorer
    encoder: HistoryEncoder
    item_names: Mapping[str, pd.Series] | None = None
    tables: Tables = field(default_factory=dict)
    findings: Tables = field(default_factory=dict)
    interests: Interests | None = None
    confidence: Confidence | None = None
    statistics: ModelStatistics | None = None
    no_statistics: str = NOT_AN_INTEREST_MAPPER
    evidence: Mapping[str, Evidence] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The category whose items are scored."""
        return self.scorer.target

    @property
    def items(self) -> Vocabulary:
        """The items of the target."""
        return self.encoder.items[self.target]

    @cached_property
    def twins(self) -> Twins:
        """The twins of the target's items in each source; none in a model without a table of them."""
        if "twins_" not in self.tables:
            return Twins()
        sizes = {name: len(items) for name, items in self.encoder.items.items()}
        return Twins.of_table(self.tables["twins_"], sizes, self.target)

    @cached_property
    def item_groups(self) -> ItemGroups:
        """The labels of items by column: see :meth:`tastebridge.recommenders.Recommender.set_item_groups`."""
        return ItemGroups(self.tables.get(GROUPS, pd.DataFrame(columns=LABELS)), self.encoder.items)

    @cached_property
    def relations(self) -> ItemRelations:
        """The items related to single items; of a model with vectors."""
        return ItemRelations(self.scorer.model, self.alone)

    def within(self, source: str) -> FittedState:
        """Return the state whose target is a source, for the items related within it; made once.

        See :func:`tastebridge.model.source_items.source_model` for the error.
        """
        if source not in self._sources:
            model = source_model(self.scorer.model, source, len(self.encoder.items[source]), self.alone)
            # twins and routes are of the target
            self._sources[source] = replace(self, scorer=LinearScorer(model), tables={})
        return self._sources[source]

    @cached_property
    def _sources(self) -> dict[str, FittedState]:
        return {}

    def alone(self, category: str, items: NDArray[np.int64]) -> Histories:
        """Return the histories of users who have one item of a category each, and nothing else."""
        return self.encoder.rows_of_items(category, items)

    @cached_property
    def taste(self) -> TastePrior:
        """The components of item vectors that answers move; an error in a model without factors."""
        return TastePrior.of(self.scorer.model)

    @cached_property
    def item_tree(self) -> ItemTree:
        """The groups of items that users are asked about; an error in a model without factors."""
        rarity = self.encoder.statistics[self.target].idf
        return ItemTree(self.taste, np.exp(-rarity))

    def left_out(self, histories: Histories, twins: str = LEAVE_OUT) -> sparse.csr_matrix | None:
        """Return the twins (n_users, n_items) that lists of these users leave out; None for none."""
        return self.twins.left_out(histories) if twins == LEAVE_OUT and self.twins.met(histories) else None

    def updatable(self) -> ModelStatistics:
        """Return the sums that updates change.

        Raises
        ------
        InvalidDataError
            If there are none, with the reason.
        """
        if self.statistics is None:
            raise InvalidDataError(self.no_statistics)
        return self.statistics


@dataclass(frozen=True, eq=False)
class MultiTarget:
    """The parts that all targets of one mapper share.

    Attributes
    ----------
    encoder : HistoryEncoder
        Over all categories that any target reads, in the order of the category model.
    item_names : mapping of category to Series, or None
    interests : mapping
    category_model : CategoryModel
        The model of the category of a user's next event.
    temperatures : mapping of target to mapping of {"cold", "warm"} to float
        The inverse temperature of the softmax over the items of each target. ``"cold popularity"`` and
        ``"warm popularity"`` are the powers of popularity, for targets where it has a part.
    tables : mapping of attribute to DataFrame
        Tables over all targets.
    """

    encoder: HistoryEncoder
    item_names: Mapping[str, pd.Series] | None
    interests: Interests
    category_model: CategoryModel
    temperatures: Mapping[str, Mapping[str, float]]
    tables: Tables = field(default_factory=dict)
