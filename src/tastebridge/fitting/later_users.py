r"""Evaluation on later users, and recent popularity if popularity drifts.

The routes of a fit are fitted once more on the events before a moment (:mod:`tastebridge.fitting.in_time`),
and their blend is evaluated on the later rows of users. The blend is learned on users drawn at random, and
each user is evaluated with the blend of the half without that user.

If popularity drifts (:mod:`tastebridge.fitting.popularity_drift`), routes of recent popularity are added
to the blend, on the scale of popularity in the blend, and its other routes may count less:
:mod:`tastebridge.fitting.personal_share`. The weights of recent popularity are halved, and finally set to 0,
as long as users drawn at random are significantly worse served with them. If later users are significantly
worse served by the blend than by popularity, popularity replaces it (:func:`replaced`). Users whose last
event is old keep the blend.

If popularity drifts, users whose last event is a little older need a separate rule. Users drawn at random
were active at that time, and the blend often serves them better. Later users are active now. So a user
counts as current up to a quarter of the time span. The limit is an eighth if users drawn at random are then
significantly better served, and later users not significantly worse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.fitting.built import Built
from tastebridge.fitting.few_overlap import Weighed
from tastebridge.fitting.folds import Fold, fit_routes, folds_of, without
from tastebridge.fitting.in_time import Later
from tastebridge.fitting.later_figures import figures_in_time, served_evidence
from tastebridge.fitting.personal_share import PERSONAL, TIES, Choice, mixed, slope_of_popularity
from tastebridge.fitting.sources_in_time import Serve, lifts_in_time, told
from tastebridge.metrics.intervals import Interval, paired_difference
from tastebridge.model import GATES, Array, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.model.evidence import MODEL, POPULARITY, RECENT, Evidence, Halves, InTime
from tastebridge.routes import (
    FitContext,
    FittedRoute,
    PopularityRoute,
    RecentPopularityRoute,
    Route,
    RouteKind,
)
from tastebridge.routes.recent import (
    CURRENT_AGES,
    SHARES,
    Current,
    CurrentPopularityRoute,
    change_of_share,
    counts_of,
    for_current,
)

_LEAST = 0.02
"""Share of the largest weight below which a route is left out of the fold in time."""
_ENOUGH = 100
"""Later users whose loss decides alone. On MovieLens 13 of them took 0.13 of 0.30 NDCG@10 from 500 others."""
_PARTS = (1.0, 0.5, 0.25, 0.0)
"""Shares of the weights of recent popularity; the largest that users drawn at random bear is taken."""


class Judged(NamedTuple):
    """The result of the evaluation on later users.

    Attributes
    ----------
    known : Weighed
        All routes, those of recent popularity last, and their weights.
    drawn, late : list of Fold
        The folds of users drawn at random, and those in time, of all these routes.
    evidence : dict of segment to Evidence
    in_time : dict of segment to InTime
    personal : dict of segment to float
        The personal share of the blend (:mod:`tastebridge.fitting.personal_share`); 0 for popularity alone.
    serve : dict of segment to callable
        Returns the lists that a pair of blends serves.
    borne : bool
        Whether users drawn at random bear recent popularity with its whole weight.
    """

    known: Weighed
    drawn: list[Fold]
    late: list[Fold]
    evidence: dict[str, Evidence]
    in_time: dict[str, InTime]
    personal: dict[str, float]
    serve: dict[str, Serve]
    borne: bool = True


def judge_later(built: Built, known: Weighed, evidence: Mapping[str, Evidence], later: Later) -> Judged:
    """Evaluate the blend on later users, and add recent popularity if popularity drifts.

    Parameters
    ----------
    built : Built
        The routes, and folds of users drawn at random.
    known : Weighed
        The same routes and their weights.
    evidence : mapping of segment to Evidence
        Of users drawn at random.
    later : Later
    """
    context = later.context(built.context)
    fitted = fit_routes(_of_weight(built, known.segments), context)
    ages = CURRENT_AGES if later.weights is not None else CURRENT_AGES[:1]
    recents = [] if later.weights is None else recent_routes()
    then, now = (list(fit_routes(recents, one).values()) for one in (context, built.context))
    past = _Past(later, context, fitted, then)
    wide, *narrow = (_judged(built, known, evidence, past, now, age) for age in ages)
    chosen = narrow[0] if narrow and _fits_better(narrow[0], wide) else wide
    return _with_lifts(
        chosen, evidence.get("cold"), np.array([route.name in fitted for route in known.routes])
    )


def _with_lifts(judged: Judged, before: Evidence | None, again: NDArray[np.bool_]) -> Judged:
    """Return the same with the lift of each source for users new to the target, who came later."""
    in_time = judged.in_time.get("cold")
    if in_time is None or before is None or before.by_source is None or before.halves is None:
        return judged
    [fold] = [one for one in judged.late if one.held.segment == "cold"]
    popular, serve = in_time.values[in_time.baseline], judged.serve["cold"]
    lifts = lifts_in_time(fold, before.halves[0], before.by_source, serve, popular, again)
    own = judged.evidence["cold"]
    own = own._replace(sources=told(own.sources, lifts))
    return judged._replace(evidence={**judged.evidence, "cold": own})


class _Past(NamedTuple):
    """The fold in time, and the routes fitted on the events before it, those of recent popularity apart."""

    later: Later
    context: FitContext
    fitted: Mapping[str, FittedRoute]
    recent: list[FittedRoute]


def _judged(
    built: Built,
    known: Weighed,
    evidence: Mapping[str, Evidence],
    past: _Past,
    recent: list[FittedRoute],
    age: float,
) -> Judged:
    """Evaluate the blend if users count as current up to an age of their last event."""
    later = past.later
    then = for_current(past.recent, past.context, age)
    added = for_current(recent, built.context, age)
    routes = [*known.routes, *added]
    fitted = {**past.fitted, **{route.name: route for route in then}}
    late = folds_of(past.context, later.held, fitted, [route.name for route in routes])
    drawn = _with_recent(built, added, age) if added else built.folds
    segments, proofs, borne = dict(known.segments), dict(evidence), True
    in_time, personal, serve = dict[str, InTime](), dict[str, float](), dict[str, Serve]()
    for name, segment in known.segments.items():
        step = _Segment(routes, segment, evidence.get(name), later)
        own = [[fold for fold in folds if fold.held.segment == name] for folds in (drawn, late)]
        found = step.judge(*own)
        segments[name], personal[name], serve[name] = found.segment, found.personal, found.serve
        if found.evidence is not None:
            proofs[name] = found.evidence
        if found.in_time is not None:
            in_time[name] = found.in_time
        borne = borne and found.part == 1
    return Judged(Weighed(routes, segments), drawn, late, proofs, in_time, personal, serve, borne)


def _fits_better(narrow: Judged, wide: Judged) -> bool:
    """Return whether fewer users are to count as current.

    That is, if users drawn at random are significantly better served so, or else do not bear the whole weight
    of recent popularity, and later users are not significantly worse served.
    """
    late = [
        (one.people, one.values[MODEL], narrow.in_time[name].values[MODEL])
        for name, one in wide.in_time.items()
    ]
    if late and _difference(late).low > 0:
        return False
    drawn = [(one.people, narrow.evidence[name].served, one.served) for name, one in wide.evidence.items()]
    return not wide.borne or (bool(drawn) and _difference(drawn).low > 0)


def _difference(parts: Sequence[tuple[NDArray[np.int64], Array, Array]]) -> Interval:
    """Return the difference of two lists for users of all segments; a user in two of them is one."""
    people, a, b = (np.concatenate(column) for column in zip(*parts, strict=True))
    return paired_difference(a, b, people=people)


def _of_weight(built: Built, segments: Mapping[str, Segment]) -> list[Route]:
    """Return the kinds of routes with more than a fiftieth of the largest weight in a segment.

    The others are not worth a second fit of their factors, and have no part in the lists that are judged.
    """
    if not built.made:
        return list(built.routes)
    wanted = np.zeros(len(built.fitted), dtype=bool)
    for segment in segments.values():
        # per standard deviation, at mean gates
        weights = segment.blend.weights() * segment.blend.scale_ * segment.kept
        wanted |= weights[: len(wanted)] > _LEAST * weights.max()
    names = {route.name for route, one in zip(built.fitted, wanted, strict=True) if one}
    return [
        kind
        for kind, own in zip(built.routes, built.made, strict=True)
        if isinstance(kind, PopularityRoute) or names & set(own)
    ]


def recent_routes() -> list[Route]:
    """Return the routes of recent popularity, and of popularity for current users."""
    return [*(RecentPopularityRoute(share) for share in SHARES), CurrentPopularityRoute()]


def _both(pair: Halves, slopes: Sequence[float], share: float, recent: Array) -> Halves:
    """Return a pair of blends with a personal share and recent popularity."""
    first, second = (mixed(half, share, slope, recent) for half, slope in zip(pair, slopes, strict=True))
    return first, second


def _as_it_is(pair: Halves) -> list[Halves]:
    return [pair]


class _Found(NamedTuple):
    segment: Segment
    evidence: Evidence | None
    in_time: InTime | None
    part: float = 1.0
    personal: float = 1.0
    serve: Serve = _as_it_is


class _Segment:
    """The weights of recent popularity for one kind of users, and how well they were served later."""

    def __init__(
        self,
        routes: Sequence[FittedRoute],
        segment: Segment,
        evidence: Evidence | None,
        later: Later,
    ) -> None:
        self.routes, self.segment, self.evidence = routes, segment, evidence
        self.later = later
        self.first, self.halves = self._halves()

    def judge(self, drawn: list[Fold], late: list[Fold]) -> _Found:
        """Return the weights, the evidence of users drawn at random, and that in time."""
        if self.later.weights is None:
            in_time = figures_in_time(late, self.later.changes, [self.halves], self.first)
            found = _Found(self.segment, self.evidence, in_time)
        else:
            # blends of the halves have scales of their own
            slopes = [slope_of_popularity(late or drawn, one) for one in (*self.halves, self.segment)]
            found = self._with_recent(drawn, late, slopes, self.later.weights)
        if found.evidence is None or found.in_time is None or not replaced(found.in_time, found.evidence):
            return found
        # where popularity drifts, for current users alone: later users say nothing of the others
        if self.later.weights is not None and drawn:
            popular = self._popular_now(found.in_time, found.evidence, drawn, late, slopes)
        else:
            popular = self._popular(found.in_time, found.evidence)
        return popular._replace(serve=found.serve)

    def _mixed(self, slopes: Sequence[float], share: float, recent: Array) -> Halves:
        """Return the blends of the halves with a personal share and recent popularity."""
        return _both(self.halves, slopes[:2], share, recent)

    def _with_recent(
        self, drawn: list[Fold], late: list[Fold], slopes: Sequence[float], weights: Array
    ) -> _Found:
        """Return the blend with recent popularity, its evidence, and the figures in time."""
        # users in time are judged by weights from before the moment
        then = np.zeros(len(weights)) if self.later.weights_then is None else self.later.weights_then
        halves = partial(self._mixed, slopes)
        share, turns, evidence, part = 1.0, [1.0], self.evidence, _PARTS[0]
        if evidence is not None and drawn:
            options = {one: (halves(one, weights), halves(one, then)) for one in PERSONAL}
            choice = Choice(drawn, late, self.first, options)
            share = choice.share()
            # every other user is judged by the share that suits the users in between
            turns = [choice.share([1]), choice.share([0])]
            # recent popularity is to be borne at this share, whatever the share itself costs them
            without = evidence
            if share < 1:
                without = served_evidence(evidence, drawn, halves(share, 0.0 * weights), self.first)
            part, evidence = self._borne(without, drawn, lambda less: halves(share, less * weights))
        judged = [halves(one, part * then) for one in turns]
        in_time = figures_in_time(late, self.later.changes, judged, self.first)
        segment = mixed(self.segment, share, slopes[2], part * weights)

        def serve(pair: Halves) -> list[Halves]:
            own = [slope_of_popularity(late or drawn, one) for one in pair]
            return [_both(pair, own, one, part * then) for one in turns]

        return _Found(segment, evidence, in_time, part, share, serve)

    def _borne(
        self, without: Evidence, drawn: list[Fold], served: Callable[[float], Halves]
    ) -> tuple[float, Evidence]:
        """Return the largest part of recent popularity that users drawn at random bear, and the evidence."""
        for part in _PARTS[:-1]:
            found = served_evidence(without, drawn, served(part), self.first)
            if paired_difference(found.served, without.served).high >= 0:
                return part, found
        return 0.0, without

    def _halves(self) -> tuple[NDArray[np.int64], Halves]:
        """Return the users of the first half, and the blend for each half, learned on the other."""
        if self.evidence is None or self.evidence.halves is None:
            return np.zeros(0, dtype=np.int64), (self.segment, self.segment)
        first, blends = self.evidence.halves
        own = self.segment.kept
        return first, (Segment(blends[0], own), Segment(blends[1], own))

    def _popular(self, in_time: InTime, evidence: Evidence) -> _Found:
        """Return popularity in place of a blend that is significantly worse in time."""
        kept = np.array([route.kind is RouteKind.POPULARITY for route in self.routes])
        segment = Segment(StackingBlend.equal(len(kept), len(GATES)), kept)
        proof = _without_sources(evidence)
        values = {key: part for key, part in proof.values.items() if key != "served"}
        proof = proof._replace(values=values, baseline="popularity")
        return _Found(segment, proof, in_time.as_served(POPULARITY), personal=0.0)

    def _popular_now(
        self,
        in_time: InTime,
        evidence: Evidence,
        drawn: list[Fold],
        late: list[Fold],
        slopes: Sequence[float],
    ) -> _Found:
        """Return the blend with the better popularity in its place for current users."""
        recent = np.zeros(len(SHARES))
        if in_time.baseline == RECENT:
            recent[in_time.half_life] = 1.0

        def halves(part: float) -> Halves:
            return self._mixed(slopes, TIES, part * recent)

        without = served_evidence(evidence, drawn, halves(0.0), self.first)
        part, proof = self._borne(without, drawn, halves)
        segment = mixed(self.segment, TIES, slopes[2], part * recent)
        told = figures_in_time(late, self.later.changes, [halves(part)], self.first)
        return _Found(segment, proof, told, part, TIES)


def replaced(in_time: InTime, evidence: Evidence) -> bool:
    """Return whether later users are so much worse served that popularity replaces the blend.

    They are significantly worse served than by popularity. With fewer than 100 of them, their loss also
    exceeds the gain of users drawn at random: a few users can all be alike by chance.
    """
    if not in_time.worse:
        return False
    loss = in_time.values[in_time.baseline].mean() - in_time.values[MODEL].mean()
    gain = evidence.served.mean() - evidence.values[POPULARITY].mean()
    return len(in_time.people) >= _ENOUGH or bool(loss > gain)


def _without_sources(evidence: Evidence) -> Evidence:
    """Return the evidence without any source, if later users are better served without sources."""
    table = evidence.sources.assign(kept=False)
    table["verdict"] = table["verdict"].where(~table["verdict"].str.startswith("helps"), "no evidence")
    return evidence._replace(sources=table)


def _with_recent(built: Built, added: Sequence[FittedRoute], age: float) -> list[Fold]:
    """Return the folds of users drawn at random with the routes of recent popularity."""
    target, out, folds = built.context.histories[built.context.target], [], iter(built.folds)
    for parts in built.held:
        rows = without(target, parts)
        items = {
            route.space: change_of_share(*counts_of(rows, share))[:, None].astype(np.float32)
            for route, share in zip(added[: len(SHARES)], SHARES, strict=True)
        }
        out += [_extended_fold(next(folds), built, added, items, age) for part in parts if len(part.people)]
    return out


def _extended_fold(
    fold: Fold,
    built: Built,
    added: Sequence[FittedRoute],
    items: Mapping[str, NDArray[np.float32]],
    age: float,
) -> Fold:
    """Return a fold with more routes, all read from how current its users are."""
    target, people = built.context.target, fold.held.people
    known = {name: rows[people] for name, rows in built.context.histories.items()} | {target: fold.seen}
    events = sparse.hstack(list(known.values()), format="csr")
    current = Current(age).transform(events).astype(np.float32)
    return fold.extended([current] * len(added), [route.space for route in added], items)
