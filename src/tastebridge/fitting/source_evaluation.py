"""Evaluation of sources: out-of-fold blends with each source, against the best blend without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from tastebridge._numerics.dense import dense_top_k
from tastebridge.fitting.folds import Fold, dealt_anew
from tastebridge.fitting.training_lists import Lists, SegmentLists
from tastebridge.metrics import ndcg
from tastebridge.metrics.intervals import Interval, paired_difference
from tastebridge.model import GATES, Array, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.model.evidence import Evidence
from tastebridge.routes import FittedRoute, RouteKind

Mask = NDArray[np.bool_]
_CUTOFF = 10
_STEP = 512  # users whose scores of all items are held at once
_LEAST_GAIN = 0.01
"""The smallest gain that is evidence: a map's intercept is a form of popularity, which may gain a little."""
_JUDGED = 1200
"""The largest number of users of a segment whose whole rankings are judged."""


class Candidates(NamedTuple):
    """The routes to weigh, and the sources to judge."""

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
) -> tuple[Segment, Evidence]:
    """Fit the blend of one segment and judge every source.

    The users are dealt into two halves, and each half is judged by blends fitted on the other half. There are
    three kinds of blends: of all routes, of the routes within the target, and of these with one source. A
    source is judged by

    - its *gain*: the mean increase of the listwise objective of held-out items over the routes within the
      target;
    - its *lift*: the increase of NDCG@10 over the better of popularity and the routes within the target.

    A source is *informative* if its gain is significantly smaller with the histories of the source exchanged
    between users. An effect that is the same for all users may correct an artefact of the hold-out, but holds
    no information. A source is kept if it is informative and

    - the interval of its lift lies above zero, or
    - the interval of its gain lies above :data:`_LEAST_GAIN`, and the interval of its lift not below zero.

    The final blend is fitted on all users with the routes of the kept sources. Without any, it is fitted with
    the better of popularity and the routes within the target.

    The *marginal* contribution of a source is the lift of all routes over a blend without its routes. That
    blend is fitted on the same lists with empty histories in the source.

    ``prior`` holds coefficients, (1 + n_gates, n_routes) each, of blends for other targets:

    - "all": of all routes;
    - "base": of the routes within the target;
    - "with": of the latter with one source.
    """
    groups, lists, (routes, _, sources) = candidates.masks(), known.whole, candidates
    base = groups["popularity"] | groups["within"]
    everything = np.ones(len(routes), dtype=bool)
    halves = _halves(lists.users, rng)
    chosen = {f"with {name}": base | groups[f"from {name}"] for name in sources}
    elsewhere = prior or {}

    def pair(mask: Mask, kind: str, rows: Lists = lists) -> list[StackingBlend]:
        return [_fit(blend, rows, mask, ~half, elsewhere.get(kind)) for half in halves]

    fitted = {"all": pair(everything, "all"), "base": pair(base, "base")}
    for name, mask in chosen.items():
        fitted[name] = fitted["all"] if mask.all() else pair(mask, "with")  # a single source: fitted once
    found = _objectives(fitted, lists, halves, {"base": base, **chosen})
    gains = {
        name: paired_difference(found[f"with {name}"], found["base"], people=lists.users) for name in sources
    }
    personal = {
        name: _personal(fitted, known, candidates, halves, (name, mask), found[f"with {name}"])
        for name, mask in zip(sources, chosen.values(), strict=True)
    }
    for name in sources:
        rest = lists if len(sources) == 1 else known.without(name)
        fitted[f"less {name}"] = pair(everything & ~groups[f"from {name}"], "all", rest)
    values, users = _judge(fitted, known.folds, halves, lists.users, groups, sources)
    baseline = max(("popularity", "without transfer"), key=lambda name: np.nanmean(values[name]))
    table = pd.DataFrame(
        [_row(name, values, values[baseline], gains[name], personal[name]) for name in sources]
    )
    kept = groups["popularity"] if baseline == "popularity" else base
    if table["kept"].any():
        # joint routes read several sources at once and are judged with none; any kept source brings them
        used = [groups[f"from {name}"] for name in table.loc[table["kept"], "source"]]
        kept = np.any([base, groups["joint"], *used], axis=0)
    final = _fit(blend, lists, kept, np.ones(len(lists.users), dtype=bool), elsewhere.get("all"))
    only = {name: values[name] for name in ("popularity", "without transfer", "blend")}
    return Segment(final, kept), Evidence(table, users, only, baseline)


def gain_of(blend: StackingBlend, lists: Lists, base: Mask, more: Mask, rng: np.random.Generator) -> Interval:
    """Return the gain of some columns of lists over others, judged on users held out from their weights."""
    halves = _halves(lists.users, rng)
    selections = {"base": base, "more": more}
    fitted = {
        name: [_fit(blend, lists, mask, ~half, None) for half in halves] for name, mask in selections.items()
    }
    found = _objectives(fitted, lists, halves, selections)
    return paired_difference(found["more"], found["base"], people=lists.users)


def masks(routes: Sequence[FittedRoute], target: str, sources: Sequence[str]) -> dict[str, Mask]:
    """Return masks of the routes: popularity, within the target, from each source, and from several.

    Popularity among linked users counts as within the target. With a single source, joint routes belong to
    that source.
    """
    of = [frozenset(route.sources) - {target} for route in routes]
    out = {"popularity": np.array([route.kind is RouteKind.POPULARITY for route in routes])}
    out["within"] = np.array([not others for others in of]) & ~out["popularity"]
    for name in sources:
        out[f"from {name}"] = np.array([others == {name} for others in of])
    out["joint"] = np.array([len(others) > 1 for others in of])
    return out


def popular_alone(routes: Sequence[FittedRoute], target: str, sources: Sequence[str]) -> Segment:
    """Return the blend for users without any history: the shares of popularity."""
    only = masks(routes, target, sources)["popularity"]
    return Segment(StackingBlend.equal(len(routes), len(GATES)), only)


def _halves(users: NDArray[np.int64], rng: np.random.Generator) -> list[Mask]:
    """Return two masks of rows that split the users."""
    all_users = np.unique(users)  # by user: all lists of one user are in the same half
    first = np.isin(users, rng.permutation(all_users)[: len(all_users) // 2])
    return [first, ~first]


def _fit(blend: StackingBlend, lists: Lists, routes: Mask, users: Mask, prior: Array | None) -> StackingBlend:
    """Return the blend of some routes, fitted on some users' lists; the weights of other routes are void."""
    width = len(lists.y) // len(lists.users)
    # with a single user one half is empty, and the other has to teach its blend
    rows = np.repeat(users if users.any() else ~users, width)
    X, y, groups, gates = lists.X[rows][:, routes], lists.y[rows], lists.groups[rows], lists.gates[rows]
    known = None if prior is None else prior[:, routes]
    return clone(blend).fit(X, y, groups, gates, known).among(routes)


def _personal(
    fitted: Mapping[str, Sequence[StackingBlend]],
    known: SegmentLists,
    candidates: Candidates,
    halves: Sequence[Mask],
    chosen: tuple[str, Mask],
    objective: Array,
) -> Interval:
    """Return the part of a source's gain that depends on the single user's history.

    It is the listwise objective of the lists less the objective with the histories of the source exchanged
    between users (:func:`tastebridge.fitting.folds.dealt_anew`). A source that is the same for all users, or
    is unrelated to the target, is worth as much with another user's history.
    """
    source, mask = chosen
    reads = [route.sources for route in candidates.routes]
    dealt = known.of([dealt_anew(fold, reads, source, candidates.target) for fold in known.folds])
    name = f"with {source}"
    others = _objectives({name: fitted[name]}, dealt, halves, {name: mask})[name]
    return paired_difference(objective, others, people=known.whole.users)


def _objectives(
    fitted: Mapping[str, Sequence[StackingBlend]],
    lists: Lists,
    halves: Sequence[Mask],
    selections: Mapping[str, Mask],
) -> dict[str, Array]:
    """Return the listwise objective of every list by the other half's blend, for each selection of routes."""
    width = len(lists.y) // len(lists.users)
    found = {name: np.zeros(len(lists.users)) for name in selections}
    for at, half in enumerate(halves):
        rows = np.repeat(half, width)
        X, gates = lists.X[rows], lists.gates[rows][::width]
        for name, mask in selections.items():
            weights = fitted[name][at].weights(gates)[:, mask]
            scores = X[:, mask].reshape(len(gates), width, -1) @ weights[:, :, None]
            found[name][half] = _objective(scores, width, fitted[name][at].focus)
    return found


def _objective(scores: Array, width: int, focus: float) -> Array:
    """Return the objective ``(p ** q - 1) / q`` of the first entry of every list, as in the listwise loss."""
    S = scores.reshape(-1, width)
    S = S - S.max(axis=1, keepdims=True)  # exp cannot overflow then
    likelihood = np.asarray(S[:, 0] - np.log(np.exp(S).sum(axis=1)))
    return np.expm1(focus * likelihood) / focus if focus else likelihood


def _judge(
    fitted: Mapping[str, Sequence[StackingBlend]],
    folds: Sequence[Fold],
    halves: Sequence[Mask],
    users: NDArray[np.int64],
    groups: Mapping[str, Mask],
    sources: Sequence[str],
) -> tuple[dict[str, Array], NDArray[np.int64]]:
    """Return NDCG@10 of every held-out user for every selection of routes, by the other half's blend."""
    first = np.unique(users[halves[0]])
    every = frozenset(groups)
    within = frozenset({"popularity", "within"})
    selections = {"popularity": ("base", frozenset({"popularity"})), "without transfer": ("base", within)}
    selections["blend"] = ("all", every)
    for name in sources:
        selections[f"with {name}"] = (f"with {name}", within | {f"from {name}"})
        selections[f"less {name}"] = (f"less {name}", every - {f"from {name}"})
    missing = {f"less {name}": name for name in sources}
    parts: dict[str, list[Array]] = {name: [] for name in selections}
    judged = []
    for fold in folds:
        half = np.isin(fold.held.people, first)
        views = {kind: fold.lacking.get(missing.get(kind, ""), fold) for kind in fitted}
        weights = {
            kind: np.where(half[:, None], *(blend.weights(views[kind].gates) for blend in pair))
            for kind, pair in fitted.items()
        }
        # evenly spaced: the judged users take no draw from the random state
        chosen_users = _spread(len(half), -(-_JUDGED // len(folds)))
        judged.append(fold.held.people[chosen_users])
        for start in range(0, len(chosen_users), _STEP):
            rows = chosen_users[start : start + _STEP]
            known: dict[tuple[int, bytes], Array] = {}  # with a single source some selections are the same
            for name, (kind, chosen) in selections.items():
                mask = np.any([groups[group] for group in chosen], axis=0)
                key = id(fitted[kind]), mask.tobytes()
                if key not in known:
                    scores = views[kind].scores(rows, weights[kind][rows] * mask)
                    known[key] = _ndcg(scores, fold, rows)
                parts[name].append(known[key])
    return {name: np.concatenate(value) for name, value in parts.items()}, np.concatenate(judged)


def _spread(n: int, most: int) -> NDArray[np.int64]:
    """Return at most ``most`` of the numbers below ``n``, evenly spaced."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.int64)


def _ndcg(scores: NDArray[np.float32], fold: Fold, rows: NDArray[np.int64]) -> Array:
    """Return NDCG@10 of some users, with every item ranked that they do not have."""
    seen = fold.seen[rows].tocoo()
    scores[seen.row, seen.col] = -np.inf
    return ndcg(dense_top_k(scores, _CUTOFF)[0], fold.held.hidden[rows], _CUTOFF)


def _row(
    source: str, values: Mapping[str, Array], baseline: Array, gain: Interval, personal: Interval
) -> dict[str, object]:
    lift = paired_difference(values[f"with {source}"], baseline)
    marginal = paired_difference(values["blend"], values[f"less {source}"])
    tells = personal.low > 0
    # "hurts" needs no further test: a significant loss is a loss, whatever its cause
    verdict = "helps" if tells and lift.low > 0 else "hurts" if lift.high < 0 else "no evidence"
    return {
        "source": source,
        "lift": lift.mean,
        "lift_low": lift.low,
        "lift_high": lift.high,
        "marginal": marginal.mean,
        "marginal_low": marginal.low,
        "marginal_high": marginal.high,
        "gain": gain.mean,
        "gain_low": gain.low,
        "gain_high": gain.high,
        "verdict": verdict,
        "kept": bool(tells and (lift.low > 0 or (gain.low > _LEAST_GAIN and lift.high >= 0))),
    }
