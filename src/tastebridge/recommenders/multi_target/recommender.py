"""A mapper of one target or of several: fitted in one pass, and asked for one category or for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone

from tastebridge._foundation.progress import Step, steps
from tastebridge._foundation.validation import check_choice, check_fitted
from tastebridge._numerics.threads import together
from tastebridge.data import Panel, Weighting
from tastebridge.diagnostics.interests import State, learn_interests
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.fitting.default_routes import largest_rank, routes_over
from tastebridge.fitting.plan import Plan
from tastebridge.fitting.pooled_prior import pooled_priors
from tastebridge.fitting.shared_fit import Aim, Built, build_all
from tastebridge.persist.diagnostic_tables import attributes_of
from tastebridge.recommenders.frames import chunks
from tastebridge.recommenders.multi_target.category_model import Choice, learn_choice
from tastebridge.recommenders.multi_target.lists import (
    Models,
    Order,
    pairs_of,
    predict_mixed,
    recommend_mixed,
)
from tastebridge.recommenders.multi_target.one_target import OneOfSeveral
from tastebridge.recommenders.multi_target.targets import check_targets
from tastebridge.recommenders.multi_target.temperature import learn_sharpness
from tastebridge.recommenders.time_decay import choose_half_life, half_lives_of
from tastebridge.routes import FitContext, Histories

_LISTS_SHARED = 4
"""A target of several learns from the fourth part of the lists of one by itself."""


class SeveralTargets(OneOfSeveral):
    """Base of the mapper: what it does for a list of targets.

    With a single target all is as in :class:`~tastebridge.recommenders.Recommender`. With several, lists mix
    categories and scores are chances: see :mod:`tastebridge.recommenders.multi_target.temperature`.

    Attributes
    ----------
    mappers_ : dict of target to mapper
        With several targets, a fitted mapper of each.
    choice_ : Choice
        With several targets, in which category a person's next event falls: see
        :mod:`tastebridge.recommenders.multi_target.category_model`.
    sharpness_ : dict of target to dict of {"cold", "warm"} to float
        With several targets, how sharp the softmax of each is.
    """

    mappers_: dict[str, Any]
    sharpness_: dict[str, dict[str, float]]
    choice_: Choice
    recency: str | list[float] | None
    recency_: pd.DataFrame
    n_folds: int | None
    n_lists: int
    n_negatives: int
    random_state: int
    verbose: bool
    interests_: State

    def _fit_many(self, panel: Panel, targets: Sequence[str]) -> None:
        """Fit a mapper for every target in one pass, and what makes their scores comparable."""
        mappers = self._mappers(targets)
        sources = {name: mapper._check(panel) for name, mapper in mappers.items()}
        wanted = {*targets, *(name for names in sources.values() for name in names)}
        panel = panel.select([name for name in panel.categories if name in wanted])
        histories = self._recall(panel, targets)
        for name, mapper in mappers.items():
            mapper._share(self, [*sources[name], name])
        aims = {name: self._aim(mapper, sources[name], histories) for name, mapper in mappers.items()}
        rng = np.random.default_rng(self.random_state)
        rank = max(largest_rank(aim.routes) for aim in aims.values())
        hub = FitContext(histories, targets[0], rank, features=panel.item_features)
        with steps("Fitting", 4 + len(targets), self.verbose) as step:
            step("factors")
            built = build_all(hub, aims, self.n_folds, self.n_lists, rng, self.n_jobs)
            step("weights of others")
            priors = pooled_priors(built, sources, self._blend(), self.n_negatives, rng, self.n_jobs)
            built = {name: one._replace(priors=priors[name]) for name, one in built.items()}
            step("interests")
            self.interests_ = learn_interests(hub, self.random_state)
            calls = [
                partial(self._learn_one, mapper, aims[name], built[name], own, step)
                for (name, mapper), own in zip(mappers.items(), rng.spawn(len(targets)), strict=True)
            ]
            self.sharpness_ = dict(zip(targets, together(calls, self.n_jobs), strict=True))
            step("choice")
            self.choice_ = learn_choice(histories, self.random_state)
        self._keep(mappers)

    def _recall(self, panel: Panel, targets: Sequence[str]) -> dict[str, sparse.csr_matrix]:
        """Remember the panel, older events weighing less where that was asked for and is of use."""
        if self.recency is None:
            return self._remember(panel)
        usual = Weighting("binary") if self.weighting is None else self.weighting
        if usual.half_life is not None:
            raise InvalidParameterError(
                f"recency chooses the half-life, and the weighting has one, {usual.half_life:g}. Leave one "
                "of them None."
            )

        def aged(half_life: float | None) -> Weighting:
            return clone(usual).set_params(half_life=half_life)

        def make(half_life: float | None) -> Any:
            light = {"n_folds": 1, "recency": None, "verbose": False}
            return clone(self).set_params(weighting=aged(half_life), **light)

        found, table = choose_half_life(make, panel, targets, half_lives_of(self.recency, panel))
        histories = self._remember(panel, aged(found))
        self.recency_ = table
        return histories

    def _aim(self, mapper: Any, sources: list[str], histories: Histories) -> Aim:
        """Return how one target is reached."""
        plan = Plan.of(mapper.bridge, mapper.panel_, mapper.target, sources)
        if plan.standing:
            raise InvalidDataError(
                f"too few people are both in {mapper.target!r} and in another category, so it cannot be one "
                "of several targets. Fit it by itself, or leave it out of target."
            )
        own = {name: histories[name] for name in mapper.items_}
        return Aim(sources, plan, routes_over(plan.over, mapper._routes(own, mapper.panel_, plan)))

    def _restore(self, several: Any) -> None:
        """Take what a saved mapper of several targets holds of them, a ``persist.Several``."""
        mappers = self._mappers(several.targets)
        for mapper, part in zip(mappers.values(), several.targets.values(), strict=True):
            mapper._share(self, part.categories)
            mapper.model_ = part.model
            mapper.interests_ = self.interests_ if part.interests is None else part.interests
            vars(mapper).update(attributes_of(part.tables))
        self.sharpness_, self.choice_ = several.sharpness, Choice(**several.choice)
        self._keep(mappers)

    def _mappers(self, targets: Iterable[str]) -> dict[str, Any]:
        """Return a mapper for every target; it needs fewer lists, for those of others teach it too."""
        own = {"n_jobs": 1, "verbose": False, "n_lists": max(10, self.n_lists // _LISTS_SHARED)}
        return {name: clone(self).set_params(target=name, **own) for name in targets}

    def _keep(self, mappers: dict[str, Any]) -> None:
        """Keep the mappers of all targets, and their tables as one."""
        self.mappers_ = mappers
        self.model_ = {name: mapper.model_ for name, mapper in mappers.items()}
        for name in ("transfer_", "routes_"):
            parts = [getattr(mapper, name) for mapper in mappers.values()]
            targets = np.repeat(list(mappers), [len(part) for part in parts]).astype(object)
            table = pd.concat(parts, ignore_index=True)
            table.insert(0, "target", targets)
            setattr(self, name, table)

    def _learn_one(
        self, mapper: Any, aim: Aim, built: Built, rng: np.random.Generator, step: Step
    ) -> dict[str, float]:
        """Let the mapper of one target learn from what was built; return how sharp its scores should be."""
        step(mapper.target)
        known = self.interests_ if len(mapper.items_) == len(self.items_) else None
        segments = mapper._learn(
            mapper.panel_, aim.sources, aim.plan, built, rng, lambda message: None, known
        )
        del mapper.ledger_  # one target cannot be updated while the others stay
        return learn_sharpness(built.folds, segments)

    def recommend(
        self,
        user_ids: Any = None,
        n: int = 10,
        *,
        categories: str | Sequence[str] | None = None,
        by: str = "score",
        n_categories: int | None = None,
        allow: Any = None,
        deny: Any = None,
        missing: str = "error",
    ) -> pd.DataFrame:
        """Recommend items of the target, or of several targets, to people of the fit.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            For whom, each person once; None for everybody.
        n : int, default=10
            Items a person gets, at most; with ``by="category"`` in each category. Where fewer are left they
            get fewer, and a warning says so.
        categories : category or list of them, optional
            Among which of the targets; None for all.
        by : {"score", "category"}, default="score"
            What comes first in the list of a mapper of several targets: the likeliest items of all, or those
            of the category that most likely comes next for the person, then those of the second, and so on.
        n_categories : int, optional
            With ``by="category"``, only each person's likeliest categories, so many.
        allow, deny : list of item ids, or frame of user_id and item_id, optional
            Only these items, or all but these: for everybody, or (a frame) for the person of the row. With
            ``allow`` as a frame a person without a row in it gets nothing.
        missing : {"error", "skip", "popular"}, default="error"
            What to do with people the model does not know: refuse, leave them out of the answer, or
            recommend what is popular. With ``"error"`` unknown items in ``allow`` or ``deny`` are refused
            too, otherwise passed over.

        Returns
        -------
        DataFrame
            user_id, item_id, score, rank (from 1), in the order of ``user_ids``, best first; of equal scores
            the item that comes first in :meth:`item_vectors`. Never an item the person already has. With
            several targets there is a column category, and the score is the chance (0 to 1) that the item is
            the person's next event, which can be compared between categories and people.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if a person or item is not known.
        UnknownCategoryError
            If a category is not a target.
        InvalidDataError
            If a person is asked for twice, or the model holds no people.
        """
        check_choice("missing", missing, ("error", "skip", "popular"))
        order = self._order(categories, n, by, n_categories)
        people, ids = self._people(user_ids, missing)
        return self._answer(order, self._histories_of(people), ids, allow, deny, missing)

    def recommend_from(
        self,
        history: Any,
        n: int = 10,
        *,
        categories: str | Sequence[str] | None = None,
        by: str = "score",
        n_categories: int | None = None,
        allow: Any = None,
        deny: Any = None,
        missing: str = "skip",
    ) -> pd.DataFrame:
        """Recommend to people by a history given now, whether the model has seen them or not; no refit.

        Parameters
        ----------
        history : Panel or frame
            Their events, as for :meth:`tastebridge.Panel.from_frame`, in sources, target or both.
        n, categories, by, n_categories, allow, deny
            As in :meth:`recommend`.
        missing : {"skip", "error"}, default="skip"
            What to do with events of items or categories the model does not know: pass over with a warning,
            or refuse. A person of whom nothing known is left gets what is popular.

        Returns
        -------
        DataFrame
            As of :meth:`recommend`, people in ascending order of their ids.
        """
        check_choice("missing", missing, ("error", "skip"))
        order = self._order(categories, n, by, n_categories)
        panel, histories = self._fold_in(history, missing)
        return self._answer(order, histories, panel.users.ids, allow, deny, missing)

    def predict(self, pairs: Any, *, missing: str = "error") -> NDArray[np.float32]:
        """Return the score of every pair of a person of the fit and a target item.

        Scores can be compared within a person and between people; higher is better. They are those of
        :meth:`recommend`, bit by bit; with several targets, chances. That of an item the person has is what
        it would be beside those they do not have.

        Parameters
        ----------
        pairs : frame
            Columns user_id and item_id; with several targets also category, where an id is an item of two.
        missing : {"error", "nan"}, default="error"
            What to do with pairs of an unknown person or item.

        Returns
        -------
        ndarray of shape (n_pairs,)
        """
        if self._models() is None:
            return super().predict(pairs, missing=missing)
        return self._predict_mixed(pairs, missing)

    def _predict_mixed(self, pairs: Any, missing: str) -> NDArray[np.float32]:
        models = cast(Models, self._models())
        check_choice("missing", missing, ("error", "nan"))
        users, where, items = pairs_of(pairs, models.models, models.items, missing)
        policy: Any = "error" if missing == "error" else "negative"
        numbers = self._known().users.numbers(users, missing=policy)
        scores = np.full(len(users), np.nan, dtype=np.float32)
        for place, name in enumerate(models.models):
            rows = np.flatnonzero((where == place) & (items >= 0) & (numbers >= 0))
            people, person = np.unique(numbers[rows], return_inverse=True)
            for part, histories in chunks(self._histories_of(people), len(people)):
                here = (person >= part.start) & (person < part.stop)
                at = rows[here]
                scores[at] = predict_mixed(models, histories, person[here] - part.start, name, items[at])
        return scores

    def _order(self, categories: Any, n: int, by: str, n_categories: int | None) -> Order:
        """Return how lists shall be made."""
        check_fitted(self, "model_")
        targets = list(self.model_) if isinstance(self.model_, dict) else [self.model_.target]
        return Order(check_targets("categories", categories, targets), n, by, n_categories).check()

    def _answer(
        self, order: Order, histories: Histories, ids: np.ndarray, allow: Any, deny: Any, missing: str
    ) -> pd.DataFrame:
        models = self._models()
        if models is None:
            return self._recommend(histories, ids, order.n, allow, deny, missing)
        return recommend_mixed(models, order, histories, ids, allow, deny, missing)

    def _models(self) -> Models | None:
        """Return what scores people in several categories; None for a mapper of one target."""
        check_fitted(self, "model_")
        if not isinstance(self.model_, dict):
            return None
        read = {name: list(mapper.items_) for name, mapper in self.mappers_.items()}
        return Models(self.model_, read, self.items_, self.sharpness_, self.choice_)
