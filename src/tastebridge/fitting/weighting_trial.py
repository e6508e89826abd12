"""The out-of-fold accuracy of a weighting scheme, estimated with a few cheap routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastebridge.data import Interactions, Panel, Weighting
from tastebridge.data.weighting import Scheme
from tastebridge.factors import SVDFactors
from tastebridge.fitting.folds import (
    Fold,
    Held,
    fit_routes,
    folds_of,
    held_out,
    number_of_folds,
    spread_evenly,
    without,
)
from tastebridge.fitting.out_of_fold import OutOfFold
from tastebridge.fitting.settings import FitSettings
from tastebridge.fitting.training_lists import SegmentLists
from tastebridge.maps import RidgeMap
from tastebridge.model.blend import StackingBlend
from tastebridge.routes import FitContext, JointRoute, PopularityRoute, Route, TransferRoute

SEGMENTS = ("cold", "warm")
MOST_USERS = 20_000
"""Users of a trial, at most: its cost has a bound that no panel moves."""
_RANK = 32
_N_LISTS, _N_NEGATIVES = 1000, 50


class Candidate(NamedTuple):
    """A weighting of events: a scheme, and the name of the panel with its weights of event types."""

    scheme: Scheme
    worths: str = ""


class Judged(NamedTuple):
    """NDCG@10 of users, whether each is a cold user, and their ids."""

    ndcg: NDArray[np.float64]
    cold: NDArray[np.bool_]
    users: NDArray


class WeightingTrial:
    """Judges weighting schemes for one target, all on the same hidden rows.

    Parameters
    ----------
    panel : Panel
        Of more than 20,000 users as many are drawn, linked users first.
    target : str
    seed : int
        Of the folds and the lists.
    others : mapping of name to Panel, optional
        Panels of the same pairs with other weights.

    Attributes
    ----------
    n_folds : int
    """

    def __init__(
        self, panel: Panel, target: str, seed: int, others: Mapping[str, Panel] = MappingProxyType({})
    ) -> None:
        self._panel, self._target, self._seed = _sampled(panel, target), target, seed
        self._panels = {"": self._panel} | {name: _sampled(other, target) for name, other in others.items()}
        linked, rng = linked_users(self._panel, target), np.random.default_rng(seed)
        raw = self._panel[target].matrix
        self._held = list(held_out(raw, linked, number_of_folds(len(linked)), MOST_USERS, rng))
        self.n_folds = len(self._held)
        self._routes = self._few_routes(linked)
        self._contexts: dict[Candidate, FitContext] = {}
        self._folds: dict[tuple[Candidate, int], list[Fold]] = {}

    def judge(self, candidate: Candidate, n_folds: int) -> Judged:
        """Return the accuracy of a candidate on the first folds; the users depend on their number alone."""
        folds = [fold for at in range(n_folds) for fold in self._fold(candidate, at)]
        found = [self._segment(folds, name) for name in SEGMENTS]
        cold = np.repeat([True, False], [len(values) for values, _ in found])
        values, users = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return Judged(values, cold, self._panel.users.ids[users])

    def _fold(self, candidate: Candidate, at: int) -> list[Fold]:
        """Return one fold by a candidate, whose statistics see no hidden row either."""
        if (candidate, at) not in self._folds:
            held, panel = self._held[at], self._panels[candidate.worths]
            shown = Weighting(candidate.scheme).apply(_shown(panel[self._target], held))
            context = self._context(candidate).hiding(shown)
            fitted = fit_routes(self._routes, context)
            self._folds[candidate, at] = folds_of(context, held, fitted, list(fitted))
        return self._folds[candidate, at]

    def _context(self, candidate: Candidate) -> FitContext:
        """Return the context of all folds of a candidate, which share the factors of the source."""
        if candidate not in self._contexts:
            panel, weighting = self._panels[candidate.worths], Weighting(candidate.scheme)
            histories = {name: weighting.apply(_timeless(panel[name])) for name in panel.categories}
            self._contexts[candidate] = FitContext(histories, self._target, _RANK)
        return self._contexts[candidate]

    def _segment(self, folds: Sequence[Fold], segment: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return NDCG@10 of the judged users of a segment, blended out of fold, and their row numbers."""
        own = [fold for fold in folds if fold.held.segment == segment]
        if sum(len(fold.held.people) for fold in own) < 2:
            return np.zeros(0), np.zeros(0, dtype=np.int64)
        blend = StackingBlend()
        settings = FitSettings(blend, _N_LISTS, _N_NEGATIVES, None, self._seed, 1)
        lists = SegmentLists(own, settings, np.random.default_rng(self._seed))
        every = np.ones(len(own[0].vectors), dtype=bool)
        rng = np.random.default_rng(self._seed)
        judge = OutOfFold(blend, lists, [()] * len(every), self._target, rng)
        judge.fit("all", every, "all")
        return judge.lists("all"), judge.judged

    def _few_routes(self, linked: NDArray[np.int64]) -> list[Route]:
        """Return popularity, all categories as one, and the map from the largest source."""
        panel, target = self._panel, self._target
        sources = [name for name in panel.categories if name != target]
        shared = {name: len(np.intersect1d(panel[name].active_numbers, linked)) for name in sources}
        source = max(sources, key=lambda name: shared[name])
        hidden = max((len(held[0].people) for held in self._held), default=0)

        def svd(names: Sequence[str], beta: float) -> SVDFactors:
            users = np.unique(np.concatenate([panel[name].active_numbers for name in names]))
            n_items = sum(panel[name].matrix.shape[1] for name in names)
            k = max(1, min(_RANK, len(users) - hidden - 1, n_items - 1))
            return SVDFactors(k, filter="power" if beta else "ideal", beta=beta, random_state=self._seed)

        return [
            PopularityRoute(),
            JointRoute(svd(panel.categories, 1.0)),
            TransferRoute(svd([source], 0.0), svd([target], 1.0), RidgeMap(0.5), [source]),
        ]


def linked_users(panel: Panel, target: str) -> NDArray[np.int64]:
    """Return the row numbers of the users in the target and in a source."""
    others = [panel[name].active_numbers for name in panel.categories if name != target]
    known = np.unique(np.concatenate(others)) if others else np.zeros(0, dtype=np.int64)
    return np.intersect1d(panel[target].active_numbers, known)


def _sampled(panel: Panel, target: str) -> Panel:
    """Return the panel of at most 20,000 users, half of them linked where there are so many."""
    if len(panel) <= MOST_USERS:
        return panel
    linked = linked_users(panel, target)
    rest = np.setdiff1d(np.arange(len(panel)), linked)
    n_linked = min(len(linked), max(MOST_USERS // 2, MOST_USERS - len(rest)))
    n_rest = MOST_USERS - n_linked
    kept = [linked[spread_evenly(len(linked), n_linked)], rest[spread_evenly(len(rest), n_rest)]]
    return panel[np.sort(np.concatenate(kept))]


def _timeless(part: Interactions) -> Interactions:
    return part if part.times is None else replace(part, times=None)


def _shown(part: Interactions, held: list[Held]) -> Interactions:
    """Return a category without the hidden rows."""
    return replace(part, matrix=without(part.matrix, held), times=None)
