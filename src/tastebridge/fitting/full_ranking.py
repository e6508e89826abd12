r"""The item regression next to a blend, with a weight chosen by the ranking of the whole catalogue.

A blend learns from short lists with random negatives. A route that distinguishes only few items, but these
well, gains little on such lists, although it determines the top of a complete ranking. So this route is not
part of the lists. With the score s of the learned blend and :math:`r` of the item regression, warm users get

.. math:: s_{ui} + w\, r_{ui}, \qquad w = \rho\, \sigma(s) / \sigma(r)

with the mean standard deviations over a user's items. The share :math:`\rho` is chosen by NDCG@10 of warm
users on their held-out rows, with every item ranked: :mod:`tastebridge.fitting.regression_choice`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastebridge.fitting.built import Built
from tastebridge.fitting.folds import Fold, spread_evenly, without
from tastebridge.fitting.later_figures import served_evidence
from tastebridge.fitting.regression_choice import choose
from tastebridge.model import Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.model.evidence import Evidence, Halves
from tastebridge.routes import FitContext, FittedRoute, Histories, ItemRegressionRoute, known_to
from tastebridge.routes.item_regression import NAME

_FEWEST = 300
"""Warm users with a row to find that is no twin, below which nothing is tried."""
_MANY, _PARTNERS = 2000, 50.0
"""Warm users, and mean possible partners of an item, above which the regression on more partners is tried.

Fewer users do not tell the two apart. With its best share it gains 0.35 points more on Action by Comedy of
MovieLens 1M, and on average no more on MovieLens of 671 users.
"""
_LINKED = 0.5
"""Share of the target's users with a history in a source, at least.

A user without one counts as having no item of the source, which is not known; and other users gain less.
"""
PAIRS = 5e8
"""Pairs of events of one user that are counted, at most: some seconds for the model and for each fold."""
_WARM = "warm"
_JUDGED = 500
"""Users whose scores are looked at for the rise, at most."""


class Joined(NamedTuple):
    """The routes, weights and evidence after the item regression joined the blend.

    With it the scores of warm users are higher by ``rise``: see :func:`rise_of`.
    """

    built: Built
    segments: Mapping[str, Segment]
    evidence: dict[str, Evidence]
    rise: float


def join_item_regression(
    built: Built, segments: Mapping[str, Segment], evidence: Mapping[str, Evidence], pairs: float
) -> Joined | None:
    """Return the fit with the item regression for warm users; None if it is not tried or does not help.

    It reads the sources the blend of warm users reads. Half of the target's users have to have a history
    there. Where the blend reads no source, neither does the regression: then it is of the target alone.

    Parameters
    ----------
    built : Built
    segments : mapping of segment to Segment
        The weights of the routes of ``built``.
    evidence : mapping of segment to Evidence
    pairs : float
        Pairs of events that may be counted, at most.
    """
    warm = _warm(built.folds)
    proof = evidence.get(_WARM)
    if proof is None or proof.halves is None or (n_warm := _to_find(warm)) < _FEWEST:
        return None
    sources = _read(built, segments[_WARM])
    if (sources and _linked(built, sources) < _LINKED) or _pairs(built, sources) > pairs:
        return None
    kinds = _kinds(built, sources, n_warm)
    tried = _with_routes(built, kinds)
    # the halves of the blend are used again, so that no user is evaluated with weights learned on that user
    first, pair = proof.halves
    chosen = choose([_warm(folds) for folds in tried], _halves(pair, segments[_WARM].kept), first)
    if chosen is None:
        return None
    kind, folds, weight = kinds[chosen.rule], tried[chosen.rule], chosen.weight
    made = kind.build(built.context)
    built = built._replace(
        routes=[*built.routes, kind],
        fitted=[*built.fitted, made[0]],
        folds=folds,
        made=[*built.made, [made[0].name]] if built.made else (),
    )
    # other segments carry the route with weight 0, because all segments share one list of routes
    weights = {name: weight * (name == _WARM) for name in segments}
    joined = {name: _extended(segment, weights[name]) for name, segment in segments.items()}
    proofs = {name: _with_weight(one, weights[name]) for name, one in evidence.items()}
    proofs[_WARM] = served_evidence(
        proofs[_WARM], _warm(folds), _halves(pair, joined[_WARM].kept, weight), first
    )
    return Joined(built, joined, proofs, rise_of(_warm(folds), segments[_WARM], weight))


def rise_of(folds: Sequence[Fold], segment: Segment, weight: float) -> float:
    r"""Return how much higher the scores of users are with the last route of the folds.

    It is the mean over users of :math:`\log \sum_i e^{s_i + w r_i} - \log \sum_i e^{s_i}`, over the items
    they do not have. The scores are logarithms of probabilities, up to the level of the segment. With a level
    lower by the rise the probabilities of a user's items sum to the same.
    """
    found = [np.zeros(0)]
    for fold in folds:
        rows = spread_evenly(len(fold.held.people), -(-_JUDGED // len(folds)))
        # a user who has every item has no score that could rise
        rows = rows[np.diff(fold.seen.indptr)[rows] < fold.seen.shape[1]]
        w = segment.blend.weights(fold.gates[rows]) * segment.kept
        seen = fold.seen[rows].tocoo()
        before = fold.scores(rows, np.column_stack([w, np.zeros(len(rows))]))
        more = fold.scores(rows, np.column_stack([np.zeros_like(w), np.full(len(rows), weight)]))
        sums = []
        for some in (before, before + more):
            scores = some.astype(np.float64)
            scores[seen.row, seen.col] = -np.inf
            best = scores.max(axis=1)
            sums.append(best + np.log(np.exp(scores - best[:, None]).sum(axis=1)))
        found.append(sums[1] - sums[0])
    rises = np.concatenate(found)
    return float(rises.mean()) if len(rises) else 0.0


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


def _kinds(built: Built, sources: list[str], n_warm: int) -> list[ItemRegressionRoute]:
    """Return the candidate regressions; empty if no pair has enough users."""
    usual = ItemRegressionRoute(sources=sources)
    partners = usual.statistics(built.context).partners
    if not partners:
        return []
    dense = n_warm >= _MANY and partners > _PARTNERS
    return [usual, ItemRegressionRoute(100.0, 200, sources=sources)] if dense else [usual]


def _to_find(folds: Sequence[Fold]) -> int:
    """Return the number of users with a row to find that is no twin."""
    return sum(int(np.count_nonzero(np.diff(fold.without_twins().held.hidden.indptr))) for fold in folds)


def _warm(folds: Sequence[Fold]) -> list[Fold]:
    """Return the folds of warm users."""
    return [fold for fold in folds if fold.held.segment == _WARM]


def _with_routes(built: Built, kinds: Sequence[ItemRegressionRoute]) -> list[list[Fold]]:
    """Return for each kind the folds with its route, fitted without the rows each of them hides."""
    target, folds = built.context.histories[built.context.target], iter(built.folds)
    out: list[list[Fold]] = [[] for _ in kinds]
    for parts in built.held:
        hiding = built.context.hiding(without(target, parts))
        made = [kind.build(hiding) for kind in kinds]
        for fold in (next(folds) for part in parts if len(part.people)):
            histories = {name: rows[fold.held.people] for name, rows in hiding.histories.items()}
            for own, found in zip(made, out, strict=True):
                found.append(_with_route(fold, own, hiding, histories))
    return out


def _with_route(fold: Fold, made: list[FittedRoute], hiding: FitContext, histories: Histories) -> Fold:
    """Return a fold with the route; with the score 0 where it could not be fitted."""
    Z, V = np.zeros((len(fold.held.people), 1), np.float32), np.zeros((fold.seen.shape[1], 1), np.float32)
    if made:
        Z = hiding.encoders[made[0].encoder].encode(histories).astype(np.float32)
        V = hiding.spaces[made[0].space]
    return fold.extended([Z], [NAME], {NAME: V})


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
