"""What is asked of one category, where a mapper has several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tastebridge._foundation.validation import check_category
from tastebridge.data import Vocabulary
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.online.statistics import ModelStatistics
from tastebridge.recommenders import Vectors
from tastebridge.recommenders.multi_target.lookup import categories_of
from tastebridge.recommenders.updating import LiveRecommender


class OneOfSeveral(LiveRecommender):
    """Base of :class:`SeveralTargets`: questions about one target, each with the ``category`` that is meant.

    With a single target ``category`` may be left out. Otherwise they are what the mapper of that category,
    ``mappers_[category]``, answers, and scores are those within the category.
    """

    target: Any
    model_: Any
    mappers_: dict[str, Any]
    items_: dict[str, Vocabulary]

    def audience(
        self, items: Any, n: int = 100, *, user_ids: Any = None, missing: str = "error", category: Any = None
    ) -> pd.DataFrame:
        """Return the people most likely to want items: see :meth:`tastebridge.TargetOnly.audience`."""
        mapper = self._one("audience", category)
        return LiveRecommender.audience(mapper, items, n, user_ids=user_ids, missing=missing)

    def audience_from(
        self, history: Any, items: Any, n: int = 100, *, missing: str = "skip", category: Any = None
    ) -> pd.DataFrame:
        """Return those of people with a history who are most likely to want items."""
        mapper = self._one("audience_from", category)
        return LiveRecommender.audience_from(mapper, history, items, n, missing=missing)

    def user_vectors(self, user_ids: Any = None, *, missing: str = "error", category: Any = None) -> Vectors:
        """Return ids and vectors of people of the fit: see :meth:`tastebridge.TargetOnly.user_vectors`."""
        mapper = self._one("user_vectors", category)
        return LiveRecommender.user_vectors(mapper, user_ids, missing=missing)

    def item_vectors(self, category: Any = None) -> Vectors:
        """Return ids and vectors of the items of a target, in ascending order of the ids."""
        return LiveRecommender.item_vectors(self._one("item_vectors", category))

    def explain(self, user_id: Any, item_id: Any, *, category: Any = None) -> pd.DataFrame:
        """Say of what the score of a person and an item is made: see :meth:`tastebridge.TargetOnly.explain`.

        With several targets contributions sum to the score within the item's category, and the category need
        only be said of an item of two.
        """
        mapper = self._one("explain", self._category_of(item_id, category))
        return LiveRecommender.explain(mapper, user_id, item_id)

    def explain_from(
        self, history: Any, item_id: Any, *, missing: str = "skip", category: Any = None
    ) -> pd.DataFrame:
        """Say of what the score of an item is made for one person with this history."""
        mapper = self._one("explain_from", self._category_of(item_id, category))
        return LiveRecommender.explain_from(mapper, history, item_id, missing=missing)

    def explain_map(self, source: str | None = None, *, category: Any = None) -> pd.DataFrame:
        """Tell which directions of taste carry over: see :meth:`LiveRecommender.explain_map`."""
        return LiveRecommender.explain_map(self._one("explain_map", category), source)

    def confidence(
        self, user_ids: Any = None, n: int = 10, *, missing: str = "error", category: Any = None
    ) -> pd.DataFrame:
        """Say how likely lists within a target hold a hit: see :meth:`LiveRecommender.confidence`."""
        return LiveRecommender.confidence(self._one("confidence", category), user_ids, n, missing=missing)

    def confidence_from(
        self, history: Any, n: int = 10, *, missing: str = "skip", category: Any = None
    ) -> pd.DataFrame:
        """Say how likely lists within a target hold a hit, for histories given now."""
        mapper = self._one("confidence_from", category)
        return LiveRecommender.confidence_from(mapper, history, n, missing=missing)

    def report(
        self, path: str | Path, events: Any = None, people: int = 300, *, category: Any = None
    ) -> Path:
        """Write a report on one target: see :func:`tastebridge.report.write_report`."""
        return LiveRecommender.report(self._one("report", category), path, events, people)

    def score(self, panel: Any, y: None = None) -> float:
        """Return the mean NDCG@10 over people, and over targets where there are several.

        As of :meth:`tastebridge.TargetOnly.score`, each category ranked by itself.
        """
        if not isinstance(self.model_, dict):
            return super().score(panel)
        values = [LiveRecommender.score(mapper, panel) for mapper in self.mappers_.values()]
        return float(np.nanmean(values))

    def drift(self) -> pd.DataFrame:
        """Say how far events have drifted: see :meth:`LiveRecommender.drift`; for a single target."""
        if isinstance(getattr(self, "model_", None), dict):
            self._ledger()
        return super().drift()

    def _ledger(self) -> ModelStatistics:
        if isinstance(getattr(self, "model_", None), dict):
            raise InvalidDataError(
                "a mapper of several targets cannot be updated, and forgets nobody but by a new fit. Fit it "
                "again with the new events, or without those to forget."
            )
        return super()._ledger()

    def _one(self, asked: str, category: Any) -> Any:
        """Return the mapper of a category."""
        model = getattr(self, "model_", None)
        if isinstance(model, dict):
            if category is None:
                raise InvalidParameterError(
                    f"{asked} is about one category, and this mapper recommends in "
                    f"{', '.join(map(repr, model))}. Say which: category={next(iter(model))!r}."
                )
            return self.mappers_[check_category("category", category, model)]
        if category is not None and model is not None:
            check_category("category", category, [model.target])
        return self

    def _category_of(self, item_id: Any, category: Any) -> Any:
        """Return the category of an item, where a mapper of several targets is not told."""
        model = getattr(self, "model_", None)
        if category is not None or not isinstance(model, dict):
            return category
        known = {name: self.items_[name] for name in model}
        return list(known)[int(categories_of([item_id], known, "error")[0])]
