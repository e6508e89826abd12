"""The blend of one segment, and the evidence for its sources: all together first, then one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from tastebridge.fitting.deadline import Deadline
from tastebridge.fitting.out_of_fold import Mask, OutOfFold, fit_blend, halves_of, objectives
from tastebridge.fitting.settings import NO_END
from tastebridge.fitting.source_verdicts import LEVEL, Effect, Outcomes, Verdicts, differences, judge
from tastebridge.fitting.training_lists import Lists, SegmentLists
from tastebridge.metrics.intervals import Interval, paired_difference
from tastebridge.model import GATES, Array, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.model.evidence import TOGETHER, BySource, Evidence
from tastebridge.routes import FittedRoute, RouteKind
from tastebridge.routes.twins import WITHOUT

_LIFT = ("lift", "lift_low", "lift_high")


class Candidates(NamedTuple):
    """The routes to weight, and the sources to test."""

    routes: Sequence[FittedRoute]
    target: str
    sources: Sequence[str]

    def masks(self) -> dict[str, Mask]:
        """Return the groups of routes: see :func:`masks`."""
        return masks(self.routes, self.target, self.sources)


def weigh(
    blend: StackingBlend,
    known: SegmentLists,
    candidates: Candidates,
    rng: np.random.Generator,
    prior: Mapping[str, Array] | None = None,
    deadline: Deadline = NO_END,
) -> tuple[Segment, Evidence]:
    """Fit the blend of one segment and test its sources, first jointly and then individually.

    The users are dealt into two halves. Each half is judged by blends fitted on the other half: with all
    routes, with the routes without sources, and with the latter and the routes of one source. The *gain* is
    the increase of the listwise objective over the blend without sources. The *lift* is the increase of
    NDCG@10 over the better of popularity and the blend without sources.

    A source is *informative* if its gain is significantly smaller where users have each other's histories in
    it. A blend may also profit from a source that is the same for all users, as it can correct an artefact of
    the hold-out. That is no information. Sources pass, all together or one alone, if they are informative and

    - the interval of the lift lies above zero, or
    - the interval of the gain lies above :data:`~tastebridge.fitting.source_verdicts.LEAST_GAIN` (or
      ``LEAST_TOGETHER``), and the interval of the lift does not lie below zero.

    The order of the tests and their error rate are explained in
    :func:`tastebridge.fitting.source_verdicts.judge`. The final blend has

    - if all together pass, the routes of several sources, and those of the single sources that pass, or that
      are informative in the blend of all, alone or as a group;
    - if only single sources pass, their routes and those of several sources;
    - else the better of popularity and the routes within the target.

    The *marginal* contribution of a source is the loss of NDCG@10 without it: the blend of all routes against
    one without the routes of the source, on users without a history there.

    Parameters
    ----------
    blend : StackingBlend
    known : SegmentLists
    candidates : Candidates
    rng : Generator
    prior : mapping of {"all", "base", "with"} to ndarray of shape (1 + n_gates, n_routes), optional
        The coefficients of blends for other targets: of all routes, of those without sources, and of these
        and the routes of one source.
    deadline : Deadline, optional
        Its clock may leave out the marginal contributions.
    """
    groups, sources = candidates.masks(), candidates.sources
    reads = [route.sources for route in candidates.routes]
    out = OutOfFold(blend, known, reads, candidates.target, rng, prior)
    # routes without sources are the baseline: a source has to add something to them
    base, everything = groups["popularity"] | groups["within"], np.ones(len(reads), dtype=bool)
    single = [name for name in sources if groups[f"from {name}"].any()]
    out.fit("all", everything, "all")
    out.fit("base", base, "base")
    for name in single:
        out.fit(f"with {name}", base | groups[f"from {name}"], "with")
    outcomes = _outcomes(out, groups, single, sources)
    verdicts = judge(outcomes, single, lambda some: out.dealt(some, "all")[0], several=len(sources) > 1)
    used = verdicts.useful if verdicts.any_passes else None
    if used is None:
        kept = groups["popularity"] if outcomes.baseline == "popularity" else base
    else:
        kept = _selection(groups, used)
        out.fit("served", kept, "all")
    served = "all" if used is None or kept.all() else "served"
    marginal = {
        name: _marginal(out, outcomes, groups, name, len(sources))
        for name in single
        if deadline.allows("marginal contributions")
    }
    table = pd.DataFrame(_rows(verdicts, marginal, sources, used, outcomes))
    if out.has_twins:
        table = table.assign(**_lifts_without_twins(out, groups, table["source"], outcomes.baseline))
    else:
        table = table.assign(**{f"{name}{WITHOUT}": table[name] for name in _LIFT})
    evidence = _evidence(out, groups, table, served, outcomes.baseline)
    halves = out.halves_of("base" if used is None else served)
    alone = {name: out.segments_of(f"with {name}") for name in single}
    by_source = BySource(out.segments_of("base"), alone, out.segments_of("all"))
    return Segment(out.final(kept), kept), evidence._replace(halves=halves, by_source=by_source)


def _evidence(
    out: OutOfFold, groups: Mapping[str, Mask], table: pd.DataFrame, served: str, baseline: str
) -> Evidence:
    """Return the evidence of a segment, with and without twins; ``served`` is the selection of the blend."""
    lists = {**_baselines(groups), "blend": (served, None)}
    values = {name: out.lists(*selection) for name, selection in lists.items()}
    if not out.has_twins:
        return Evidence(table, out.judged, values, baseline)
    apart = {name: out.lists_without_twins(*selection) for name, selection in lists.items()}
    left = ~np.isnan(apart[baseline])
    others = {name: value[left] for name, value in apart.items()}
    return Evidence(table, out.judged, values, baseline, Evidence(table, out.judged[left], others, baseline))


def _lifts_without_twins(
    out: OutOfFold, groups: Mapping[str, Mask], names: Sequence[str], baseline: str
) -> dict[str, Array]:
    """Return the columns of the lifts without twins; NaN for sources without separate routes."""
    base = out.lists_without_twins(*_baselines(groups)[baseline])
    left = ~np.isnan(base)
    single = [name for name in names if out.has(f"with {name}")]
    values = [out.lists_without_twins(f"with {name}")[left] for name in single]
    found = dict(zip(single, differences(values, base[left], LEVEL) if single else [], strict=True))
    if TOGETHER in list(names):
        found[TOGETHER] = paired_difference(out.lists_without_twins("all")[left], base[left])
    unknown = Interval(np.nan, np.nan, np.nan)
    rows = np.array([(own.mean, own.low, own.high) for own in (found.get(name, unknown) for name in names)])
    return {f"{name}{WITHOUT}": rows[:, at] for at, name in enumerate(_LIFT)}


def _baselines(groups: Mapping[str, Mask]) -> dict[str, tuple[str, Mask | None]]:
    """Return the lists without sources: the selection of each, and the part of its routes if not all."""
    return {"popularity": ("base", groups["popularity"]), "without transfer": ("base", None)}


def gain_of(blend: StackingBlend, lists: Lists, base: Mask, more: Mask, rng: np.random.Generator) -> Interval:
    """Return the gain of columns of lists over others, for users that their weights were not learned from."""
    halves = halves_of(lists.users, rng)
    found, before = (
        objectives([fit_blend(blend, lists, mask, ~half) for half in halves], lists, halves, mask)
        for mask in (more, base)
    )
    return paired_difference(found, before, people=lists.users)


def masks(routes: Sequence[FittedRoute], target: str, sources: Sequence[str]) -> dict[str, Mask]:
    """Return which routes are popularity, within the target, from each source, and of several at once.

    Popularity among linked users counts as within the target. With a single source the joint route belongs to
    that source.
    """
    of = [frozenset(route.sources) - {target} for route in routes]
    out = {"popularity": np.array([route.kind is RouteKind.POPULARITY for route in routes])}
    out["within"] = np.array([not others for others in of]) & ~out["popularity"]
    for name in sources:
        out[f"from {name}"] = np.array([others == {name} for others in of])
    out["joint"] = np.array([len(others) > 1 for others in of])
    return out


def with_own_routes(routes: Sequence[FittedRoute], sources: Sequence[str]) -> list[str]:
    """Return the sources that a route reads alone, or with the target only."""
    alone = [set(route.sources) & set(sources) for route in routes]
    return [name for name in sources if {name} in alone]


def popular_alone(routes: Sequence[FittedRoute], target: str, sources: Sequence[str]) -> Segment:
    """Return the blend for users without any history: the shares of popularity."""
    only = masks(routes, target, sources)["popularity"]
    return Segment(StackingBlend.equal(len(routes), len(GATES)), only)


def _outcomes(
    out: OutOfFold, groups: Mapping[str, Mask], single: Sequence[str], sources: Sequence[str]
) -> Outcomes:
    """Return the values of popularity, of the blends without sources and of all, and with each source."""
    alone = [f"with {name}" for name in single]
    lists = {"popularity": out.lists("base", groups["popularity"]), "without transfer": out.lists("base")}
    lists |= {name: out.lists(name) for name in ("all", *alone)}
    dealt = {"all": out.dealt(sources, "all")[0]}
    dealt |= {key: out.dealt([name], key, "all")[0] for key, name in zip(alone, single, strict=True)}
    baseline = max(("popularity", "without transfer"), key=lambda name: np.nanmean(lists[name]))
    reached = {name: out.objectives(name) for name in ("all", "base", *alone)}
    return Outcomes(lists, reached, dealt, out.users, baseline)


def _selection(groups: Mapping[str, Mask], sources: Sequence[str]) -> Mask:
    """Return the routes without sources, of several sources, and of some single sources."""
    parts = [groups[f"from {name}"] for name in sources]
    return np.any([groups["popularity"], groups["within"], groups["joint"], *parts], axis=0)


def _marginal(
    out: OutOfFold, outcomes: Outcomes, groups: Mapping[str, Mask], source: str, n_sources: int
) -> Interval:
    """Return the loss of NDCG@10 without a source."""
    rest = ~groups[f"from {source}"]
    if n_sources == 1:
        out.fit("less", rest, "all")
        return paired_difference(outcomes.lists["all"], out.lists("less"))
    name = out.fit_without(source, rest)
    return paired_difference(outcomes.lists["all"], out.lists(name, without=source))


def _rows(
    verdicts: Verdicts,
    marginal: Mapping[str, Interval],
    sources: Sequence[str],
    used: Sequence[str] | None,
    outcomes: Outcomes,
) -> list[dict[str, object]]:
    """Return one row per source and, of several, one of all together; sources without routes have no lift."""
    unknown = Interval(np.nan, np.nan, np.nan)
    nothing = Effect(unknown, unknown, unknown)
    rows = [
        _row(name, verdicts.single.get(name, nothing), marginal.get(name, unknown), verdicts.verdict(name))
        | {"kept": used is not None and (name in used or name not in verdicts.single)}
        for name in sources
    ]
    if len(sources) > 1:
        lost = paired_difference(outcomes.lists["all"], outcomes.lists["without transfer"])
        row = _row(TOGETHER, verdicts.together, lost, verdicts.verdict())
        rows.append(row | {"kept": used is not None})
    return rows


def _row(source: str, effect: Effect, marginal: Interval, verdict: str) -> dict[str, object]:
    """Return one row of the table of sources, without the last column."""
    row: dict[str, object] = {"source": source}
    for name, found in (("lift", effect.lift), ("marginal", marginal), ("gain", effect.gain)):
        row |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
    return row | {"verdict": verdict}
