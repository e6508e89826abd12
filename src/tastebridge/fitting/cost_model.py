r"""What routes cost to fit, judged by sizes alone, and which of them a budget allows.

The seconds are those of one core of the machine the constants were measured on (2026, AMD EPYC; matrices of
160 to 460 thousand interactions): truncated SVD takes :math:`k\,(8\cdot10^{-7}\min(n, m) + 5\cdot10^{-9} z)`
for rank k of n people, m items and z interactions, a round of ALS :math:`k\,(1.8\cdot10^{-9} z +
7.7\cdot10^{-10} k\,(n + m))`. They were within a third of what was measured. Because no clock is read, the
same data and budget mean the same routes on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sklearn.base import BaseEstimator

from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.routes import JointRoute, Route, SharedItemsRoute, TargetRoute, TransferRoute

_SIDE, _ENTRY = 8e-7, 5e-9
_ALS_ENTRY, _ALS_SIDE = 1.8e-9, 7.7e-10


class Size(NamedTuple):
    """People, items and interactions of a category."""

    people: int
    items: int
    entries: int


class Part(NamedTuple):
    """A factor model some route needs: what it is, what it costs, and whether every fold fits it again."""

    key: tuple[Any, ...]
    seconds: float
    again: bool


def factor_seconds(model: BaseEstimator, size: Size) -> float:
    """Return what fitting a factor model on a matrix of this size takes; 0 for models not known here."""
    k = getattr(model, "n_components", 0)
    if isinstance(model, SVDFactors | EASEFactors):
        return float(k * (_SIDE * min(size.people, size.items) + _ENTRY * size.entries))
    if isinstance(model, ALSFactors):
        sides = size.people + size.items
        return float(model.iterations * k * (_ALS_ENTRY * size.entries + _ALS_SIDE * k * sides))
    return 0.0


def affordable(
    routes: Sequence[Route], sizes: Mapping[str, Size], target: str, n_folds: int, budget: float
) -> list[Route]:
    """Return the routes that fit the budget, in their order.

    Routes are taken in the order given as long as what is spent stays below the budget; one that is too dear
    is passed over for cheaper ones after it. What routes share is paid once; factors of the target, and of
    all categories, once more for every fold. Routes without factors of their own, and the first map, are
    always taken.

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
        people = max(size.people for size in sizes.values())
        items, entries = (sum(size[at] for size in sizes.values()) for at in (1, 2))
        yield _part(route.factors, (*sources, target), Size(people, items, entries), again=True)


def _part(model: BaseEstimator | None, categories: tuple[str, ...], size: Size, again: bool) -> Part:
    given = model if model is not None else SVDFactors()
    cut = isinstance(given, SVDFactors) and len(categories) == 1  # lower ranks are cut from the highest
    key = (categories, type(given).__name__, *(() if cut else (repr(given),)))
    return Part(key, factor_seconds(given, size), again)
