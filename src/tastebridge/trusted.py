"""What a mapper says of itself: its map, how sure a list is, and a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from tastebridge import findings
from tastebridge._threads import together
from tastebridge._validation import check_category, check_choice, check_count
from tastebridge.confidence import LENGTHS, State, confidence_of, learn_confidence
from tastebridge.data import Panel
from tastebridge.model import Segment
from tastebridge.recommender import Recommender
from tastebridge.relatedness import described, learn_directions, relatedness_of, taste
from tastebridge.report import write_report
from tastebridge.routes import Histories, Workshop
from tastebridge.stacking import Fold


class TrustedRecommender(Recommender):
    """Base of the mapper: what it found out about itself while it was fitted, kept without a person.

    Attributes
    ----------
    confidence_ : dict of {"cold", "warm"} to list of Calibrated
        What :meth:`confidence` needs, and its reliability: see :mod:`tastebridge.confidence`.
    directions_ : DataFrame
        What :meth:`explain_map` tells; items by number.
    findings_ : dict of name to DataFrame
        Tables for reports and model cards: see :mod:`tastebridge.findings`.
    """

    n_jobs: int | None
    evidence_: Mapping[str, Any]
    confidence_: State
    directions_: pd.DataFrame
    findings_: findings.Tables

    def explain_map(self, source: str | None = None) -> pd.DataFrame:
        """Tell which directions of taste carry over from a source to the target, by the items at both ends.

        "People who lean to these items there lean to those here": the canonical directions between the
        factors of the linked people, those whose correlation among people outside of the fit is above zero.

        Parameters
        ----------
        source : str, optional
            A category the mapper learned from; None for all.

        Returns
        -------
        DataFrame
            source, direction (from 1), correlation (out of fold) with its 95 % interval (low, high), end
            ("high" or "low"), category (the source or the target), rank, item_id, name (None without names)
            and loading, the correlation of having the item with the direction: a row an item, the eight that
            load most. Those who take the high items of the source take the high items of the target. No rows
            where nothing carries over.

        Raises
        ------
        UnknownCategoryError
            If the mapper did not learn from the source.

        References
        ----------
        H. Hotelling, "Relations between two sets of variates", Biometrika 28 (1936).
        """
        check_is_fitted(self, "model_")
        table = self.directions_
        if source is not None:
            check_category("source", source, [name for name in self.items_ if name != self._target()])
            table = table[table["source"] == source].reset_index(drop=True)
        told: pd.DataFrame = described(table, self.items_, self.item_names_)
        return told

    def confidence(self, user_ids: Any = None, n: int = 10, *, missing: str = "error") -> pd.DataFrame:
        """Say how likely the list of ``n`` recommendations to people of the fit holds at least one hit.

        The probability is calibrated out of fold. For people without a history in the target a hit is any of
        the items such people take there, for the others the one they take next: see
        :mod:`tastebridge.confidence`.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            For whom, each person once; None for everybody.
        n : int, default=10
            Length of the list, 1 to 50.
        missing : {"error", "skip", "popular"}, default="error"
            As in :meth:`recommend`.

        Returns
        -------
        DataFrame
            user_id, confidence (0 to 1; NaN where there was nobody to learn from), in the order of
            ``user_ids``.
        """
        check_choice("missing", missing, ("error", "skip", "popular"))
        people, ids = self._people(user_ids, missing)
        return self._confidence(ids, self._histories_of(people), n)

    def confidence_from(self, history: Any, n: int = 10, *, missing: str = "skip") -> pd.DataFrame:
        """Say how likely lists for histories given now hold a hit; see :meth:`confidence`.

        Parameters
        ----------
        history, missing
            As for :meth:`recommend_from`.
        n : int, default=10
            Length of the list, 1 to 50.
        """
        check_choice("missing", missing, ("error", "skip"))
        panel, histories = self._fold_in(history, missing)
        return self._confidence(panel.users.ids, histories, n)

    def report(self, path: str | Path, events: Any = None, people: int = 300) -> Path:
        """Write a report to one HTML file; see :func:`tastebridge.report.write_report` for parameters.

        With people in memory, as after a fit, some can be looked up in it; ``people=0`` leaves them out.
        """
        return write_report(self, path, events, people)

    def _confidence(self, ids: np.ndarray, histories: Histories, n: int) -> pd.DataFrame:
        n = check_count("n", n, 1, LENGTHS[-1])
        values = confidence_of(self.confidence_, self.model_, histories, n)
        return pd.DataFrame({"user_id": ids, "confidence": values})

    def _account(
        self, panel: Panel, shop: Workshop, folds: Sequence[Fold], segments: Mapping[str, Segment], seed: int
    ) -> None:
        """Keep what the fit found out; the model and its evidence are there."""
        calls: list[Callable[[], Any]] = [
            partial(learn_confidence, folds, segments, seed),
            partial(learn_directions, shop, seed),
            partial(findings.beyond_accuracy, self.model_, shop.histories, seed),
            lambda: relatedness_of(taste(shop), seed),
        ]
        self.confidence_, directions, beyond, relatedness = together(calls, self.n_jobs)
        self.directions_ = findings.typed(directions)
        tables = {
            "overview": findings.overview(panel),
            "cleaning": findings.cleaning(panel),
            "accuracy": findings.accuracy(self.evidence_),
            "by_history": findings.by_history(self.evidence_, panel, self.target),
            "beyond_accuracy": beyond,
            "relatedness": relatedness,
        }
        self.findings_ = {name: findings.typed(table) for name, table in tables.items()}
