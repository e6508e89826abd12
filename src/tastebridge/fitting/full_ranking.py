r"""The item regression next to a blend, with a weight chosen by the ranking of the whole catalogue.

A blend learns from short lists with random negatives. There a route that tells few items apart, but these
well, has little to gain, though it decides the top of a complete ranking. So such a route is no part of these
lists. With the score s of the learned blend and :math:`r` of the item regression, warm users get

.. math:: s_{ui} + w\, r_{ui}, \qquad w = \rho\, \sigma(s) / \sigma(r)

with the mean standard deviations over a user's items. For a few shares :math:`\rho` the gain in NDCG@10 over
the blend alone is measured on held-out rows of warm users, every item ranked. The share with the largest lower
bound of the gain (one-sided, 95 %) is taken, and the route is left out if no bound is above zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastebridge.fitting.built import Built
from tastebridge.fitting.folds import Fold, spread_evenly, without
from tastebridge.fitting.later_figures import Halves, served_evidence
from tastebridge.model import Array, Segment
from tastebridge.model.evidence import Evidence
from tastebridge.routes import FittedRoute, ItemRegressionRoute, known_to

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""The shares of the spread of the blend's scores that are tried."""
_FEWEST, _MOST = 300, 3000
"""Warm users held out below which nothing is tried, and those whose rankings are made, at most."""
_LINKED = 0.5
"""Share of the target's users with a history in a source, at least.

A user without one counts as having no item of the source, which is not known; and other users gain less.
"""
_BOUND = 1.645
"""Standard errors from a gain to its lower bound."""
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
    """Return the fit with the item regression for warm users; None where it is not tried or not better.

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
    if not sources or _linked(built, sources) < _LINKED:
        return None
    kind = ItemRegressionRoute(sources=sources)
    made = kind.build(built.context)
    if not made:
        return None
    folds = _with_route(built, kind, made[0])
    warm = [fold for fold in folds if fold.held.segment == _WARM]
    first, pair = proof.halves
    kept = segments[_WARM].kept
    weight = _chosen(warm, (Segment(pair[0], kept), Segment(pair[1], kept)), first)
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
    own = joined[_WARM].kept
    assert proofs[_WARM].halves is not None
    first, pair = proofs[_WARM].halves
    proofs[_WARM] = served_evidence(proofs[_WARM], warm, (Segment(pair[0], own), Segment(pair[1], own)), first)
    return Joined(built, joined, proofs)


def _read(built: Built, segment: Segment) -> list[str]:
    """Return the sources that the kept routes of a segment read."""
    target = built.context.target
    read = {name for route, kept in zip(built.fitted, segment.kept, strict=True) if kept for name in route.sources}
    return [name for name in built.context.histories if name in read and name != target]


def _linked(built: Built, sources: Sequence[str]) -> float:
    """Return the share of the target's users with a history in a source."""
    histories = built.context.histories
    users = known_to((built.context.target,), histories)
    return float(known_to(tuple(sources), histories)[users].mean())


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
    """Return the weight of the last route of some folds; None if no weight is better than 0."""
    share = -(-_MOST // len(folds))
    unit, parts = 0.0, []
    for fold in folds:
        inside = np.isin(fold.held.people, first)[:, None]
        weights = np.where(inside, *(half.blend.weights(fold.gates) * half.kept for half in halves))
        alone = np.zeros((1, weights.shape[1] + 1))
        alone[0, -1] = 1.0
        weights = np.column_stack([weights, np.zeros(len(weights))])
        rows = spread_evenly(len(weights), share)
        for some in (rows[start : start + _STEP] for start in range(0, len(rows), _STEP)):
            blend, own = fold.scores(some, weights[some]), fold.scores(some, np.repeat(alone, len(some), 0))
            # one unit for all, from the first users: spread_evenly makes them the same at any size of a batch
            unit = unit or _ratio(blend, own)
            tried = [blend, *(blend + np.float32(part * unit) * own for part in SHARES)]
            parts.append(np.stack([_found(scores, fold, some) for scores in tried]))
    values = np.concatenate(parts, axis=1)
    gain = values[1:] - values[0]
    low = gain.mean(axis=1) - _BOUND * gain.std(axis=1) / np.sqrt(gain.shape[1])
    best = int(np.argmax(low))
    return float(SHARES[best] * unit) if low[best] > 0 else None


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
