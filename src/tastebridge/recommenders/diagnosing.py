"""What a mapper says of itself: its map, how sure a list is, and a report."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from tastebridge import compression
from tastebridge._foundation.validation import check_category, check_choice, check_count
from tastebridge._numerics.threads import together
from tastebridge.data import Panel
from tastebridge.diagnostics import summary as findings
from tastebridge.diagnostics.confidence import LENGTHS, State, confidence_of, learn_confidence
from tastebridge.diagnostics.relatedness import described, learn_directions, relatedness_of, taste
from tastebridge.exceptions import InvalidDataError
from tastebridge.fitting.folds import Fold
from tastebridge.model import Segment
from tastebridge.recommenders import Recommender
from tastebridge.report import write_report
from tastebridge.routes import FitContext, Histories


class TrustedRecommender(Recommender):
    """Base of the mapper: what it found out about itself while it was fitted, kept without a person.

    Attributes
    ----------
    confidence_ : dict of {"cold", "warm"} to list of Calibrated
        What :meth:`confidence` needs, and its reliability: see :mod:`tastebridge.diagnostics.confidence`.
    directions_ : DataFrame
        What :meth:`explain_map` tells; items by number.
    findings_ : dict of name to DataFrame
        Tables for reports and model cards: see :mod:`tastebridge.diagnostics.summary`.
    compression_ : DataFrame
        Only of what :meth:`compress` returned: what it cost.
    """

    n_jobs: int | None
    evidence_: Mapping[str, Any]
    confidence_: State
    directions_: pd.DataFrame
    findings_: findings.Tables
    compression_: pd.DataFrame

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
        :mod:`tastebridge.diagnostics.confidence`.

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

    def compress(
        self,
        n_components: int | None = None,
        dtype: str = "float16",
        *,
        events: Any = None,
        random_state: int = 0,
    ) -> Self:
        """Return a smaller mapper that ranks nearly as this one, and say what is lost; this one stays.

        Vectors become ``n_components`` wide by a singular value decomposition of the item matrix in the
        metric of *people's scores*, so that what is lost is what people's scores show least of. Spaces of
        single links, whose spectrum is flat, get half of the components, in which every link has a direction
        of its own, nearly orthogonal to all others. The projection goes into the maps of the routes: a
        history is folded in to the narrow vector at once, scores are inner products as before, and
        contributions of :meth:`explain` sum to the scores of the smaller model. See
        ``tastebridge/compression``.

        Both models are judged on the same people. Those of the fit, some of whose rows in the target are
        hidden from their histories now, though they were not hidden from the fit: the level is too high, and
        what counts is the loss. With ``events`` both are held-out figures.

        Parameters
        ----------
        n_components : int, optional
            Width of the vectors, at least 2 and below the present one; None to keep it.
        dtype : {"float16", "int8", "float32"}, default="float16"
            What a saved model holds its matrices in: float16 and int8 with a scale for every row. They are
            computed with in float32.
        events : Panel or frame, optional
            Held-out events, as :meth:`score` takes them. They are needed where the mapper was loaded without
            people; half of the people then show what is to be kept, and the other half what is lost.
        random_state : int, default=0

        Returns
        -------
        InterestMapper
            With ``compression_``, a frame of a row a kind of people (segment): people, ndcg_before and ndcg
            (@10), loss with its 95 % interval (loss_low, loss_high), overlap (the share of the ten items of a
            list that stay), judged_on, components_before, components, dtype, bytes_before, bytes (of the
            model's arrays in a file). All else it knows of itself is of the mapper before. It cannot be
            updated: update the mapper before and compress it again.

        Raises
        ------
        InvalidParameterError
            If a parameter is out of range.
        InvalidDataError
            If there is nobody to judge on.

        Examples
        --------
        >>> from tastebridge import InterestMapper
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=400, n_items=60, random_state=0)
        >>> small = InterestMapper(target="films").fit(panel).compress(16, "int8")
        >>> small.item_vectors().vectors.shape[1]
        16
        >>> bool((small.compression_["bytes"] < small.compression_["bytes_before"] / 2).all())
        True
        """
        check_is_fitted(self, "model_")
        if n_components is not None:
            check_count("n_components", n_components, 2, self.model_.item_vectors().shape[1] - 1)
        check_choice("dtype", dtype, tuple(compression.DTYPES))
        rng = np.random.default_rng(check_count("random_state", random_state, 0))
        ground = self._ground(events, rng)
        if not ground.lists:
            raise InvalidDataError(
                "nobody is left to judge the compressed model on. Pass events= with rows in the target."
            )
        small = copy.copy(self)
        if hasattr(small, "ledger_"):
            del small.ledger_  # its sums are of the model before
        small.model_, small.compression_ = compression.compressed(
            self.model_, n_components, dtype, ground, rng
        )
        return small

    def _ground(self, events: Any, rng: np.random.Generator) -> compression.Ground:
        """Return people to compress by, and others to judge the result on."""
        target = self._target()
        if events is None:
            histories = self._histories_of(np.arange(len(self._known())))
            learned, judged = np.array_split(rng.permutation(len(self._known())), 2)
            lists = compression.hidden_lists(histories, target, np.sort(judged), rng)
            return compression.Ground(histories, learned, lists, "people of the fit")
        truth, given = self._held_out(events)
        judged = np.arange(truth.shape[0])
        if self.panel_ is not None:
            histories = self._histories_of(np.arange(len(self.panel_)))
            learned = np.arange(len(self.panel_))
        else:
            histories = given
            learned, judged = np.array_split(rng.permutation(truth.shape[0]), 2)
        held = compression.Lists({name: rows[judged] for name, rows in given.items()}, truth[judged])
        lists = compression.kinds_of(held, target)
        return compression.Ground(histories, learned, lists, "held-out events")

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
        self,
        panel: Panel,
        context: FitContext,
        folds: Sequence[Fold],
        segments: Mapping[str, Segment],
        seed: int,
    ) -> None:
        """Keep what the fit found out; the model and its evidence are there."""
        calls: list[Callable[[], Any]] = [
            partial(learn_confidence, folds, segments, seed),
            partial(learn_directions, context, seed),
            partial(findings.beyond_accuracy, self.model_, context.histories, seed),
            lambda: context.shared("relatedness", lambda: relatedness_of(taste(context), seed)),
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
