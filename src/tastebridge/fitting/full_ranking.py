r"""The item regression next to a blend, with a weight chosen by the ranking of the whole catalogue.

A blend learns from short lists with random negatives. There a route that tells few items apart, but these
well, has little to gain, though it decides the top of a complete ranking. So such a route is no part of these
lists. With the score s of the learned blend and :math:`r` of the item regression, warm users get

.. math:: s_{ui} + w\, r_{ui}, \qquad w = \rho\, \sigma(s) / \sigma(r)

with the mean standard deviations over a user's items. The share :math:`\rho` is an eighth, and is halved, at
last to 0, while warm users are significantly worse served with it: on their held-out rows, by NDCG@10 with
every item ranked.

A fold has fewer users than the model, and so fewer pairs with the least number of users. Its item regression
is weaker, and out of fold the gain is underestimated. On Amazon phone by sport an eighth gains 0.34 points
on ``valid``, and nothing out of fold. So no gain is asked for here, only that there is no loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastebridge.fitting.built import Built
from tastebridge.fitting.folds import Fold, spread_evenly, without
from tastebridge.fitting.later_figures import Halves, served_evidence, weights_of_halves
from tastebridge.metrics.intervals import paired_difference
from tastebridge.model import Array, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.model.evidence import Evidence
from tastebridge.routes import FittedRoute, ItemRegressionRoute, known_to

SHARES = (1 / 8, 1 / 16)
"""The shares of the spread of the blend's scores that are tried, the first one chosen on ``valid``.

Gains in NDCG@10 (points) of 1/16, 1/8, 1/4, 1/2 and 1 on Amazon phone by sport are 0.22, 0.34, 0.33, 0.29 and
0.22, and on sport by phone 0.27, 0.30, 0.13, 0.13 and 0.10.
"""
_FEWEST, _MOST = 300, 3000
"""Warm users held out below which nothing is tried, and those whose rankings are made, at most."""
_LINKED = 0.5
"""Share of the target's users with a history in a source, at least.

A user without one counts as having no item of the source, which is not known; and other users gain less.
"""
_PAIRS = 5e8
"""Pairs of events of one user that are counted, at most: some seconds for the model and for each fold."""
_STEP, _CUTOFF = 512, 10
_WARM = "warm"


class Joined(NamedTuple):
    """The routes, weights and evidence after the item regression joined the blend."""

    built: Built
    segments: Mapping[str, Segment]
    evidence: dict[str, Evidence]


def join_item_regression(
    built: Built, segments: Mapping[str, Segment], evidence: Mapping[str, Evidence]
) -> Joined | None:
    """Return the fit with the item regression for warm users; None where it is not tried or a loss.

    It reads the sources the blend of warm users reads. Half of the target's users have to have a history
    there.

    Parameters
    ----------
    built : Built
    segments : mapping of segment to Segment
        The weights of the routes of ``built``.
    evidence : mapping of segment to Evidence
    """
    warm = [fold for fold in built.folds if fold.held.segment == _WARM]
    proof = evidence.get(_WARM)
    if proof is None or proof.halves is None or sum(len(fold.held.people) for fold in warm) < _FEWEST:
        return None
    sources = _read(built, segments[_WARM])
    if not sources or _linked(built, sources) < _LINKED or _pairs(built, sources) > _PAIRS:
        return None
    kind = ItemRegressionRoute(sources=sources)
    made = kind.build(built.context)
    if not made:
        return None
    folds = _with_route(built, kind, made[0])
    warm = [fold for fold in folds if fold.held.segment == _WARM]
    first, pair = proof.halves
    weight = _chosen(warm, _halves(pair, segments[_WARM].kept), first)
    if weight is None:
        return None
    built = built._replace(
        routes=[*built.routes, kind],
        fitted=[*built.fitted, made[0]],
        folds=folds,
        made=[*built.made, [made[0].name]] if built.made else (),
    )
    weights = {name: weight * (name == _WARM) for name in segments}
    joined = {name: _extended(segment, weights[name]) for name, segment in segments.items()}
    proofs = {name: _with_weight(one, weights[name]) for name, one in evidence.items()}
    proofs[_WARM] = served_evidence(proofs[_WARM], warm, _halves(pair, joined[_WARM].kept, weight), first)
    return Joined(built, joined, proofs)


def _halves(
    pair: tuple[StackingBlend, StackingBlend], kept: NDArray[np.bool_], weight: float = 0.0
) -> Halves:
    """Return the blends of both halves, with the route where ``kept`` has one more entry than they have."""
    more = np.full(len(kept) - len(pair[0].scale_), weight)
    one, two = (Segment(blend.extended(more), kept) for blend in pair)
    return one, two


def _read(built: Built, segment: Segment) -> list[str]:
    """Return the sources that the kept routes of a segment read."""
    target = built.context.target
    kept = [route for route, is_kept in zip(built.fitted, segment.kept, strict=True) if is_kept]
    read = {name for route in kept for name in route.sources}
    return [name for name in built.context.histories if name in read and name != target]


def _linked(built: Built, sources: Sequence[str]) -> float:
    """Return the share of the target's users with a history in a source."""
    histories = built.context.histories
    users = known_to((built.context.target,), histories)
    return float(known_to(tuple(sources), histories)[users].mean())


def _pairs(built: Built, sources: Sequence[str]) -> float:
    """Return the number of pairs of events that are counted, of all users of the target."""
    histories, target = built.context.histories, built.context.target
    events = sum(np.diff(histories[name].indptr).astype(np.float64) for name in (*sources, target))
    return float(np.square(events * known_to((target,), histories)).sum())


def _with_route(built: Built, kind: ItemRegressionRoute, whole: FittedRoute) -> list[Fold]:
    """Return the folds with the route fitted without the rows each of them hides."""
    target, out, folds = built.context.histories[built.context.target], [], iter(built.folds)
    for parts in built.held:
        hiding = built.context.hiding(without(target, parts))
        own = kind.build(hiding)
        for part in parts:
            if not len(part.people):
                continue
            fold = next(folds)
            Z, V = np.zeros((len(part.people), 1), np.float32), np.zeros((target.shape[1], 1), np.float32)
            if own:
                histories = {name: rows[part.people] for name, rows in hiding.histories.items()}
                Z = hiding.encoders[own[0].encoder].encode(histories).astype(np.float32)
                V = hiding.spaces[own[0].space]
            out.append(
                replace(
                    fold,
                    vectors=[*fold.vectors, Z],
                    spaces=[*fold.spaces, whole.space],
                    items={**fold.items, whole.space: V},
                )
            )
    return out


def _chosen(folds: Sequence[Fold], halves: Halves, first: NDArray[np.int64]) -> float | None:
    """Return the weight of the last route of some folds; None if any weight is a loss."""
    most = -(-_MOST // len(folds))
    unit, parts = 0.0, []
    for fold in folds:
        weights = weights_of_halves(fold, halves, first)
        alone = np.zeros((1, weights.shape[1] + 1))
        alone[0, -1] = 1.0
        weights = np.column_stack([weights, np.zeros(len(weights))])
        rows = spread_evenly(len(weights), most)
        for some in (rows[start : start + _STEP] for start in range(0, len(rows), _STEP)):
            blend, own = fold.scores(some, weights[some]), fold.scores(some, np.repeat(alone, len(some), 0))
            # one unit for all users, from the first of them
            unit = unit or _ratio(blend, own)
            tried = [blend, *(blend + np.float32(part * unit) * own for part in SHARES)]
            parts.append(np.stack([_found(scores, fold, some) for scores in tried]))
    values = np.concatenate(parts, axis=1)
    for share, tried in zip(SHARES, values[1:], strict=True):
        if unit and paired_difference(tried, values[0]).high >= 0:
            return share * unit
    return None


def _ratio(blend: NDArray[np.float32], own: NDArray[np.float32]) -> float:
    """Return the mean spread of the blend's scores over that of the route; 0 where it has no spread."""
    spread = float(own.std(axis=1, dtype=np.float64).mean())
    return float(blend.std(axis=1, dtype=np.float64).mean()) / spread if spread else 0.0


def _found(scores: NDArray[np.float32], fold: Fold, rows: NDArray[np.int64]) -> Array:
    """Return NDCG@10 of users with one hidden item each, every other item they do not have ranked."""
    hidden = fold.held.hidden[rows].indices
    own = scores[np.arange(len(rows)), hidden][:, None]
    seen = fold.seen[rows].tocoo()
    ahead = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < hidden[:, None]))
    ahead[seen.row, seen.col] = False
    rank = ahead.sum(axis=1)
    return np.where(rank < _CUTOFF, 1.0 / np.log2(rank + 2.0), 0.0)


def _extended(segment: Segment, weight: float) -> Segment:
    """Return a segment with a weight of the route; 0 for no part of it."""
    return segment.extended(np.array([weight]), np.array([weight > 0]))


def _with_weight(proof: Evidence, weight: float) -> Evidence:
    """Return the evidence with the route in the blends of both halves."""
    if proof.halves is None:
        return proof
    first, pair = proof.halves
    one, two = (blend.extended(np.array([weight])) for blend in pair)
    return proof._replace(halves=(first, (one, two)))
