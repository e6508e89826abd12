r"""The cost model: seconds to fit a route, estimated from sizes alone, and the routes within a budget.

For rank k, n users, m items and z interactions, truncated SVD takes :math:`k\,(8\cdot10^{-7}\min(n, m) +
5\cdot10^{-9} z)` seconds. A round of ALS takes :math:`k\,(1.8\cdot10^{-9} z + 7.7\cdot10^{-10} k\,(n + m))`.
The constants were measured on one core of an AMD EPYC in 2026, on matrices of 160 to 460 thousand
interactions. There the estimates were within a third of the measured times. Because no clock is read, the
same data and budget give the same routes on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sklearn.base import BaseEstimator

from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.routes import JointRoute, Route, SharedItemsRoute, TargetRoute, TransferRoute

# seconds per unit of rank, measured as described above
_SIDE, _ENTRY = 8e-7, 5e-9
_ALS_ENTRY, _ALS_SIDE = 1.8e-9, 7.7e-10


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


def affordable(
    routes: Sequence[Route], sizes: Mapping[str, Size], target: str, n_folds: int, budget: float
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
    """
    paid: set[tuple[Any, ...]] = set()
    chosen: list[Route] = []
    spent, mapped = 0.0, False
    for route in routes:
        parts = [part for part in _parts(route, sizes, target) if part.key not in paid]
        extra = sum(part.seconds * (1 + n_folds * part.again) for part in parts)
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
