"""The fit of one target, one method per step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from tastebridge._numerics.threads import together
from tastebridge.fitting.built import Built
from tastebridge.fitting.cold_items import MakeFolds, learn_new_items
from tastebridge.fitting.deadline import Deadline
from tastebridge.fitting.few_overlap import Weighed, learn_few_overlap
from tastebridge.fitting.folds import (
    FEWEST_LINKED,
    Fold,
    Held,
    fit_routes,
    folds_of,
    held_out,
    number_of_folds,
    without,
)
from tastebridge.fitting.full_ranking import join_item_regression
from tastebridge.fitting.in_time import Later
from tastebridge.fitting.later_users import judge_later
from tastebridge.fitting.levels import Scaled, level_of_popularity, scaled
from tastebridge.fitting.plan import Plan
from tastebridge.fitting.pseudo_overlap import pseudo_overlap_folds, pseudo_overlapping
from tastebridge.fitting.settings import FitSettings
from tastebridge.fitting.source_evaluation import Candidates, popular_alone, weigh, with_own_routes
from tastebridge.fitting.training_lists import Lists, SegmentLists
from tastebridge.model import Array, LinearModel, Segment
from tastebridge.model.evidence import Evidence, InTime
from tastebridge.routes import (
    NEW_ITEMS,
    FitContext,
    FittedRoute,
    NeighbourRoute,
    PopularityRoute,
    Route,
    new_items,
)
from tastebridge.routes.direction import DirectionRoute

_FEWEST_LISTS = 10
"""Held-out rows of a segment below which no weights are learned."""


def build(
    context: FitContext, routes: Sequence[Route], sources: Sequence[str], plan: Plan, settings: FitSettings,
    rng: np.random.Generator,
) -> Built:  # fmt: skip
    """Fit the routes on all users and, in parallel, without the held users of each fold."""
    target = context.histories[context.target]
    held = _held(context, plan.standing, settings, rng)
    routes = in_time(routes, context, settings.deadline, len(held) + settings.dated)
    contexts = [context.hiding(without(target, part)) for part in held]
    made: list[list[str]] = []
    calls = [
        partial(fit_routes, routes, context, made),
        *(partial(fit_routes, routes, own) for own in contexts),
    ]
    whole, *apart = together(calls, settings.n_jobs)
    fitted, names = list(whole.values()), list(whole)
    make_folds = judging(plan, with_own_routes(fitted, sources) if len(sources) > 1 else ())
    folds = [
        fold
        for own, part, found in zip(contexts, held, apart, strict=True)
        for fold in make_folds(own, part, found, names)
    ]
    return Built(context, routes, held, fitted, folds, made)


def in_time(
    routes: Sequence[Route], context: FitContext, deadline: Deadline, n_folds: int
) -> Sequence[Route]:
    """Return the routes there is time for by the clock, with their factors fitted; without an end, all.

    The fits so far are expected to take as long again in each fold, and all of them half of the budget.
    Popularity, the links between items and the first route after these are always taken.
    """
    if deadline.seconds is None:
        return routes
    kept: list[Route] = []
    optional = 0
    for route in routes:
        always = isinstance(route, DirectionRoute | PopularityRoute | NeighbourRoute)
        first = always or not optional
        expected = deadline.spent * n_folds + 0.5 * deadline.seconds
        if first or deadline.allows("routes", expected):
            route.build(context)
            kept.append(route)
            optional += not always
    return kept


def judging(plan: Plan, lacking: Sequence[str] = ()) -> MakeFolds:
    """Return the function that builds folds of held-out users, also without some of the sources."""
    return pseudo_overlap_folds if plan.standing else partial(folds_of, lacking=lacking)


class TargetFit:
    """The weights, the evidence and the model of one target, learned from its routes.

    Parameters
    ----------
    built : Built
    sources : list of str
    plan : Plan
    settings : FitSettings
    rng : Generator

    Attributes
    ----------
    learned : mapping of segment to Segment
        The weights of the routes that were built; set by :meth:`blend`.
    evidence : dict of segment to Evidence
        Of users drawn at random; set by :meth:`blend`.
    in_time : dict of segment to InTime
        Of users judged on what they did later; empty without times. Set by :meth:`judge_later`.
    personal : dict of segment to float
        The personal share of the blend, where users were judged on what they did later.
    drawn, late : list of Fold
        The folds of users drawn at random, and those in time.
    levels : dict of segment to float
        The constant added to the scores of its users, relative to ``"cold"``; set by :meth:`blend`.
    known : Weighed
        The routes so far and their weights; :meth:`few_overlap` adds the routes over few shared users.
    whole : Weighed
        All routes and their weights, including the routes to new items; set by :meth:`new_items`.
    """

    learned: Mapping[str, Segment]
    evidence: dict[str, Evidence]
    in_time: dict[str, InTime]
    personal: dict[str, float]
    drawn: list[Fold]
    late: list[Fold]
    levels: dict[str, float]
    known: Weighed
    whole: Weighed

    def __init__(
        self,
        built: Built,
        sources: Sequence[str],
        plan: Plan,
        settings: FitSettings,
        rng: np.random.Generator,
    ) -> None:
        self.built, self.sources, self.plan, self.settings, self._rng = built, sources, plan, settings, rng
        self._recent: Array | None = None

    @property
    def context(self) -> FitContext:
        """The histories and the parts fitted on them."""
        return self.built.context

    @property
    def target(self) -> str:
        """The category that is recommended in."""
        return self.built.context.target

    @property
    def drifts(self) -> bool:
        """Whether recent popularity joined the blend."""
        return self._recent is not None

    def folds(self, segment: str) -> list[Fold]:
        """Return the folds of one segment."""
        return [fold for fold in self.built.folds if fold.held.segment == segment]

    def blend(self) -> None:
        """Learn the weights of each segment, and test every source."""
        segments = ("cold", "warm")
        calls = [
            partial(self._segment, self.folds(name), self.built.priors.get(name), draw)
            for name, draw in zip(segments, self._rng.spawn(len(segments)), strict=True)
        ]
        found = dict(zip(segments, together(calls, self.settings.n_jobs), strict=True))
        parts = {name: self._scaled(segment, lists) for name, (segment, _, lists) in found.items()}
        self.learned = {name: part.segment for name, part in parts.items()}
        popular = level_of_popularity(self.context.histories[self.target].shape[1])
        # only differences between segments matter, so the level of cold users is set to 0
        base = parts["cold"].level
        levels = {name: part.level - base for name, part in parts.items()} | {"empty": popular - base}
        self.levels = {} if self.settings.one_space else levels  # they would be one more component
        self.evidence = {
            # on the scale of the final weights
            name: proof.scaled(float(segment.blend.scale_[0] / self.learned[name].blend.scale_[0]))
            for name, (segment, proof, _) in found.items()
            if proof is not None
        }
        self._join_item_regression()
        self.known = Weighed(self.built.fitted, self.learned)
        self.drawn, self.late, self.in_time, self.personal = self.built.folds, [], {}, {}

    def _join_item_regression(self) -> None:
        """Add the item regression where it improves the complete rankings of warm users."""
        clock, pairs = self.settings.deadline, self.settings.regression_pairs
        if not pairs or self.plan.standing or not clock.allows("item regression", clock.spent / 10):
            return
        if joined := join_item_regression(self.built, self.learned, self.evidence, pairs):
            self.built, self.learned, self.evidence, rise = joined
            if self.levels:
                self.levels["warm"] -= rise

    def judge_later(self, later: Later) -> None:
        """Evaluate the blend on later users, and add recent popularity if popularity drifts."""
        found = judge_later(self.built, self.known, self.evidence, later)
        self.known, self.evidence, self.in_time = found.known, found.evidence, found.in_time
        self.learned = found.known.segments
        # popularity for current users has no weight where popularity itself is all there is
        self._recent = None if later.weights is None else np.append(later.weights, 0.0)
        self.drawn, self.late, self.personal = found.drawn, found.late, found.personal

    def few_overlap(self, over_users: Sequence[Route]) -> None:
        """Learn the weight of the routes over users from a few shared users."""
        few = learn_few_overlap(self.built, over_users, self.learned, self.settings, self._rng.spawn(1)[0])
        self.known = Weighed([*self.built.fitted, *few.routes], few.segments)

    def new_items(self, ahead: bool) -> None:
        """Learn the weights of the routes to items without events; with ``ahead`` even if there are none."""
        empty = popular_alone(self.built.fitted, self.target, self.sources)
        n_more = len(self.known.routes) - len(self.built.fitted)
        # users without any event are current; of other routes added later they have no vector
        more = np.zeros(n_more) if self._recent is None else self._recent
        empty = empty.extended(more, more > 0)
        known = self.known._replace(segments={**self.known.segments, "empty": empty})
        if self.settings.one_space:
            self.whole = known
            return
        rng = self._rng.spawn(1)[0]
        newer = learn_new_items(self.built, known, self.settings, rng, judging(self.plan), ahead)
        self.whole = Weighed([*self.known.routes, *newer.routes], newer.segments)

    def models(self) -> tuple[LinearModel, LinearModel]:
        """Return the model to use, and the model with routes to new items even if there are none."""
        ready = LinearModel.of(self.context, self.whole.routes, self.whole.segments, self.levels)
        waits = NEW_ITEMS in ready.spaces and not len(new_items(self.context))
        return (ready.without(NEW_ITEMS) if waits else ready), ready

    def _segment(
        self, folds: list[Fold], prior: Mapping[str, Array] | None, rng: np.random.Generator
    ) -> tuple[Segment, Evidence | None, Lists | None]:
        """Return the blend of one segment, its evidence, and the lists it was learned from.

        With too few rows to learn from, the blend is popularity alone.
        """
        routes: Sequence[FittedRoute] = self.built.fitted
        if sum(fold.held.hidden.nnz for fold in folds) < _FEWEST_LISTS:
            return popular_alone(routes, self.target, self.sources), None, None
        lists = SegmentLists(folds, self.settings, rng)
        candidates = Candidates(routes, self.target, self.sources)
        found = weigh(self.settings.blend, lists, candidates, rng, prior, self.settings.deadline)
        return *found, lists.whole

    def _scaled(self, segment: Segment, lists: Lists | None) -> Scaled:
        """Return a segment and its level; without lists it is popularity."""
        n_items = self.context.histories[self.target].shape[1]
        if lists is None:
            return Scaled(segment, level_of_popularity(n_items))
        return scaled(segment, lists, n_items)


def _held(
    context: FitContext, standing: bool, settings: FitSettings, rng: np.random.Generator
) -> list[list[Held]]:
    """Return the users that each fold hides; empty if there are too few for an evaluation."""
    target = context.histories[context.target]
    judged = pseudo_overlapping(target) if standing else context.linked_to_any()
    if len(judged) < FEWEST_LINKED:
        return []
    n_folds = settings.n_folds or number_of_folds(len(judged))
    return list(held_out(target, judged, n_folds, settings.n_lists, rng))
