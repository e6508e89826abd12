"""A pooled prior for the blend of a target: weights of routes of the same kind, learned on other targets.

A blend has some hundred parameters, too many for a target with a few hundred users. But routes of one kind
have similar weights whatever their target. So the lists of several targets are pooled, and the routes of a
kind are summed over their sources. The weights of these few columns are the prior of a target's blend, which
starts there and stays near (:meth:`tastebridge.model.blend.StackingBlend.fit`). The targets are split into
two groups, and each group learns from the other, so the rows that evaluate a target do not influence its
prior.

References
----------
R. Caruana, "Multitask learning", Machine Learning 28 (1997). T. Evgeniou and M. Pontil, "Regularized
multi-task learning", KDD (2004).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tastebridge._numerics.scaling import deviations, seen_range, varies
from tastebridge._numerics.threads import together
from tastebridge.fitting.built import Built
from tastebridge.fitting.settings import FitSettings
from tastebridge.fitting.source_evaluation import masks
from tastebridge.fitting.training_lists import Lists, lists_of
from tastebridge.model.blend import StackingBlend
from tastebridge.model.losses import Problem
from tastebridge.routes import FittedRoute

Array = NDArray[np.float64]
Priors = dict[str, dict[str, Array]]
Kind = tuple[str, str]
"""A recipe and the value of a :class:`~tastebridge.routes.RouteKind`."""

_LISTS, _FEWEST = 500, 10
"""The largest number of lists that a target adds to the pool, and the smallest."""
_SELECTIONS = ("all", "base", "with")


class Case:
    """One target in one segment: its training lists, and the kinds of its routes."""

    def __init__(
        self, lists: Lists, routes: Sequence[FittedRoute], target: str, sources: Sequence[str]
    ) -> None:
        self.width = lists.width
        self.X = lists.X / _or_one(deviations(lists.X))  # as StackingBlend scales them, so that coefs agree
        gates = lists.gates[:: self.width]
        gates = np.clip(gates, *seen_range(gates))
        spread = deviations(gates)
        self.gates = (gates - gates.mean(axis=0)) / _or_one(spread) * (spread > 0)
        self.kinds = [kind_of(route, target) for route in routes]
        self.groups, self.sources = masks(routes, target, sources), sources

    def columns(self, selection: str, kinds: Sequence[Kind]) -> Array:
        """Return the standardised scores (n_rows, n_kinds) of some routes, summed by kind."""
        base = self.groups["popularity"] | self.groups["within"]
        out = np.zeros((len(self.X), len(kinds)))
        if selection == "with":  # the routes of one source at a time, each in its share of the lists
            turn = np.arange(len(self.gates)) % max(len(self.sources), 1)
            for place, name in enumerate(self.sources):
                rows = np.repeat(turn == place, self.width)
                self._add(out, kinds, base | self.groups[f"from {name}"], rows)
        else:
            everything = np.ones(len(base), dtype=bool)
            self._add(out, kinds, base if selection == "base" else everything, slice(None))
        return out

    def _add(self, out: Array, kinds: Sequence[Kind], mask: NDArray[np.bool_], rows: object) -> None:
        for column in np.flatnonzero(mask):
            out[rows, kinds.index(self.kinds[column])] += self.X[rows, column]  # type: ignore[index]


def pooled_priors(
    built: Mapping[str, Built],
    sources: Mapping[str, Sequence[str]],
    settings: FitSettings,
    rng: np.random.Generator,
) -> dict[str, Priors]:
    """Return the coefficients learned on other targets, by target, segment and selection of routes.

    For the selections see :func:`tastebridge.fitting.source_evaluation.weigh`. There are no coefficients if
    no other target has enough lists.
    """
    out: dict[str, Priors] = {name: {} for name in built}
    for segment in ("cold", "warm"):
        cases = {
            name: case
            for name, one in built.items()
            if (case := _case(one, sources[name], segment, settings.n_negatives, rng)) is not None
        }
        groups = [list(built)[::2], list(built)[1::2]]  # each learns from the other
        calls: list[Callable[[], Array]] = []
        wanted = []
        for learners, others in (groups, groups[::-1]):
            # a target never learns from itself: its own lists are used later, for its own weights
            teachers = [cases[name] for name in others if name in cases]
            kinds = sorted({kind for case in teachers for kind in case.kinds})
            for selection in _SELECTIONS if teachers else ():
                calls.append(partial(_pooled, teachers, selection, kinds, settings.blend))
                wanted.append((learners, selection, kinds))
        for (learners, selection, kinds), coef in zip(wanted, together(calls, settings.n_jobs), strict=True):
            for name in learners:
                if name in cases:
                    out[name].setdefault(segment, {})[selection] = _spread(coef, kinds, cases[name].kinds)
    return out


def kind_of(route: FittedRoute, target: str) -> Kind:
    """Return the part of a route that routes of other targets and sources share.

    It is the recipe, the kind, and whether the route leads from one source or stays within the target.
    """
    outside = any(name != target for name in route.sources)
    where = ("from a source: " if outside else "within: ") if len(route.sources) == 1 else ""
    return where + route.recipe, route.kind.value


def _case(
    built: Built, sources: Sequence[str], segment: str, n_negatives: int, rng: np.random.Generator
) -> Case | None:
    folds = [fold for fold in built.folds if fold.held.segment == segment]
    if sum(fold.held.hidden.nnz for fold in folds) < _FEWEST:
        return None
    return Case(lists_of(folds, _LISTS, n_negatives, rng), built.fitted, built.context.target, sources)


def _pooled(cases: Sequence[Case], selection: str, kinds: Sequence[Kind], blend: StackingBlend) -> Array:
    """Return the coefficients (1 + n_gates, n_kinds) learned on the lists of all cases."""
    X = np.concatenate([case.columns(selection, kinds) for case in cases])
    width = cases[0].width
    starts = np.arange(0, len(X), width)
    features = np.column_stack([np.ones(len(starts)), np.concatenate([case.gates for case in cases])])
    y = np.zeros(len(X))
    y[starts] = 1.0  # the held-out item is the first of every list
    problem = Problem(X, y, starts, features, blend.loss, blend.gate_penalty, blend.focus)
    return problem.solve(blend.max_iter)[0]


def _spread(coef: Array, kinds: Sequence[Kind], wanted: Sequence[Kind]) -> Array:
    """Return the coefficients of routes by their kinds; the mean of all for a kind no other target has."""
    place = {kind: at for at, kind in enumerate(kinds)}
    usual = coef.mean(axis=1)
    return np.column_stack([coef[:, place[kind]] if kind in place else usual for kind in wanted])


def _or_one(spread: Array) -> Array:
    """Return deviations to divide by: 1 for a column that is constant, or rounding next to the others."""
    return np.where(varies(spread), spread, 1.0)
