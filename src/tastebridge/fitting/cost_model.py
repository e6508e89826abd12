r"""The time of a fit, estimated from sizes alone, and the routes that a budget allows.

The seconds are those of one core of the machine the constants were measured on (2026, AMD EPYC; matrices of
160 to 460 thousand interactions):

- truncated SVD takes :math:`k\,(8\cdot10^{-7}\min(n, m) + 5\cdot10^{-9} z)` for rank k of n users, m items
  and z interactions, within a third;
- a round of ALS takes :math:`k\,(1.8\cdot10^{-9} z + 7.7\cdot10^{-10} k\,(n + m))`, within a third;
- the blends take :math:`10^{-6}` for each route, list and item of the list;
- the complete rankings take :math:`10^{-10}` for each user judged, target item, component and selection of
  routes.

No clock is read here, so the same data and budget mean the same routes on any machine. A clock is only a
guard: see :mod:`tastebridge.fitting.deadline`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sklearn.base import BaseEstimator

from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.routes import (
    JointRoute,
    NeighbourRoute,
    Route,
    SharedItemsRoute,
    TargetRoute,
    TransferRoute,
)

# seconds per unit of rank, measured as described above
_SIDE, _ENTRY = 8e-7, 5e-9
_ALS_ENTRY, _ALS_SIDE = 1.8e-9, 7.7e-10
_CELL, _RANKED = 1e-6, 1e-10
_PAST, _LISTS_IN_TIME = 0.8, 8
"""Share of the events that the fold in time is fitted on, and rankings of each user judged in time."""
_SPARE = 0.75
"""Share of a budget for what is estimated: the rest is for errors of the estimates and for diagnostics."""
_LEAST = 1e-9


class Size(NamedTuple):
    """Users, items and interactions of a category."""

    users: int
    items: int
    entries: int


class Part(NamedTuple):
    """A factor model that a route needs: its key, its cost, and whether every fold fits it again."""

    key: tuple[Any, ...]
    seconds: float
    again: bool


def factor_seconds(model: BaseEstimator, size: Size) -> float:
    """Return the seconds to fit a factor model on a matrix of this size; 0 for unknown models."""
    k = getattr(model, "n_components", 0)
    if isinstance(model, SVDFactors | EASEFactors):
        # EASE of low rank is a truncated SVD and a formula
        return float(k * (_SIDE * min(size.users, size.items) + _ENTRY * size.entries))
    if isinstance(model, ALSFactors):
        sides = size.users + size.items
        return float(model.iterations * k * (_ALS_ENTRY * size.entries + _ALS_SIDE * k * sides))
    return 0.0


class Evaluation(NamedTuple):
    """The size of the evaluation of routes.

    Attributes
    ----------
    n_cells : int
        Lists the blend learns from, times the items of a list.
    n_judged : int
        Users whose complete ranking is judged, at most, of all segments.
    n_sources : int
        Sources with routes of their own.
    n_items : int
        Items of the target.
    n_in_time : int, default=0
        Users judged in time, at most; 0 without a fold in time.
    """

    n_cells: int
    n_judged: int
    n_sources: int
    n_items: int
    n_in_time: int = 0

    def seconds(self, routes: Sequence[Route]) -> float:
        """Return the time of the blends and rankings of some routes."""
        total = 0.0
        for route in routes:
            given = route.get_params(deep=False).items()
            factors = [part for name, part in given if name.endswith("factors")]
            rank = max((getattr(part, "n_components", 1) for part in factors), default=1)
            count = self.n_sources if isinstance(route, NeighbourRoute) else 1
            lists = self.n_judged * (4 + 2 * self.n_sources) + self.n_in_time * _LISTS_IN_TIME
            ranked = lists * self.n_items * rank
            total += count * (_CELL * self.n_cells + _RANKED * ranked)
        return total


def within_budget(
    routes: Sequence[Route],
    sizes: Mapping[str, Size],
    target: str,
    n_folds: int,
    budget: float,
    evaluation: Evaluation,
) -> list[Route]:
    """Return the routes whose factors and evaluation fit the budget for the whole fit, in their order.

    The evaluation of the routes chosen is taken off the budget, and routes are chosen again with the rest,
    until the choice stays the same. Parameters as for :func:`affordable`.
    """
    in_time = evaluation.n_in_time > 0
    chosen = affordable(routes, sizes, target, n_folds, _SPARE * budget, in_time)
    for _ in routes:
        left = max(_SPARE * budget - evaluation.seconds(chosen), _LEAST)
        fewer = affordable(chosen, sizes, target, n_folds, left, in_time)
        if len(fewer) == len(chosen):
            break
        chosen = fewer
    return chosen


def affordable(
    routes: Sequence[Route],
    sizes: Mapping[str, Size],
    target: str,
    n_folds: int,
    budget: float,
    in_time: bool = False,
) -> list[Route]:
    """Return the routes that fit the budget, in their order.

    Routes are taken in the order given. A route that would exceed the budget is skipped, and cheaper routes
    after it are still tried. Factors shared by several routes are counted once. Factors of the target, and of
    all categories together, count once more for every fold. Two kinds are always taken: routes without
    factors of their own, and the first map.

    Parameters
    ----------
    routes : list of Route
        The most useful first.
    sizes : mapping of category to Size
    target : str
    n_folds : int
    budget : float
        Seconds.
    in_time : bool, default=False
        Whether all factors are fitted once more, on the events before a moment.
    """
    paid: set[tuple[Any, ...]] = set()
    chosen: list[Route] = []
    spent, mapped = 0.0, False
    for route in routes:
        parts = [part for part in _parts(route, sizes, target) if part.key not in paid]
        extra = sum(part.seconds * (1 + n_folds * part.again + _PAST * in_time) for part in parts)
        first = isinstance(route, TransferRoute) and not mapped
        if spent + extra <= budget or not parts or first:
            chosen.append(route)
            paid |= {part.key for part in parts}
            spent, mapped = spent + extra, mapped or first
    return chosen


def _parts(route: Route, sizes: Mapping[str, Size], target: str) -> Iterator[Part]:
    """Yield the factor models a route needs."""
    sources = tuple(name for name in sizes if name != target)
    if isinstance(route, TransferRoute):
        for name in route.sources or sources:
            yield _part(route.source_factors, (name,), sizes[name], again=False)
        yield _part(route.target_factors, (target,), sizes[target], again=True)
    elif isinstance(route, TargetRoute):
        yield _part(route.factors, (target,), sizes[target], again=True)
    elif isinstance(route, SharedItemsRoute):
        for name in sources:
            both = Size(*(sizes[name][at] + sizes[target][at] for at in range(3)))
            yield _part(route.factors, (name, "=", target), both, again=True)
    elif isinstance(route, JointRoute):
        # at least as many users as the largest category has; sizes alone do not tell the union
        users = max(size.users for size in sizes.values())
        items, entries = (sum(size[at] for size in sizes.values()) for at in (1, 2))
        yield _part(route.factors, (*sources, target), Size(users, items, entries), again=True)


def _part(model: BaseEstimator | None, categories: tuple[str, ...], size: Size, again: bool) -> Part:
    given = model if model is not None else SVDFactors()
    cut = isinstance(given, SVDFactors) and len(categories) == 1  # lower ranks are cut from the highest
    key = (categories, type(given).__name__, *(() if cut else (repr(given),)))
    return Part(key, factor_seconds(given, size), again)
