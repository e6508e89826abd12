"""The routes a mapper takes when it is not told which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sklearn.base import clone

from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.maps import RidgeMap
from tastebridge.routes import (
    ContentRoute,
    JointRoute,
    LikenessRoute,
    NeighbourRoute,
    PopularityRoute,
    Route,
    SharedItemsRoute,
    TargetRoute,
    TransferRoute,
)

RANK = 128
"""The largest rank by default."""
_RANKS = ((128, 128), (128, 32))
"""Ranks of source and target factors, side by side."""


def default_routes(limits: Mapping[str, int], target: str, rank: int, random_state: int) -> list[Route]:
    """Return the surest links, two ranks side by side, and all categories as one; the most useful first.

    Parameters
    ----------
    limits : mapping of category to int
        The highest rank the histories of each category allow; ranks above it are lowered.
    target : str
    rank : int
        The largest rank wanted.
    random_state : int
    """
    here = {name: limit for name, limit in limits.items() if name != target}
    there = limits[target]

    def svd(wanted: int, limit: int, beta: float = 0.0) -> SVDFactors:
        name = "power" if beta else "ideal"
        return SVDFactors(min(wanted, rank, limit), filter=name, beta=beta, random_state=random_state)

    def als(limit: int, alpha: float, penalty: float) -> ALSFactors:
        k = min(64, rank, limit)
        return ALSFactors(k, penalty, alpha, random_state=random_state)

    def clipped(ranks: tuple[int, int], limit: int) -> tuple[int, int]:
        return min(ranks[0], rank, limit), min(ranks[1], rank, there)

    def spectral(source: str, ranks: tuple[int, int]) -> Route:
        a, b = clipped(ranks, here[source])
        return TransferRoute(svd(a, here[source]), svd(b, there, 1.0), RidgeMap(0.5), [source])

    def weighted(source: str) -> Route:
        return TransferRoute(als(here[source], 5.0, 0.1), als(there, 5.0, 0.1), RidgeMap(0.5), [source])

    wide, narrow = _RANKS
    smaller = [source for source, limit in here.items() if clipped(narrow, limit) != clipped(wide, limit)]
    return [
        PopularityRoute(),
        PopularityRoute(linked=True),
        NeighbourRoute(),
        *(spectral(source, wide) for source in here),
        *(spectral(source, narrow) for source in smaller),
        TargetRoute(svd(64, there)),
        JointRoute(EASEFactors(min(rank, there), random_state=random_state)),
        JointRoute(als(there, 20.0, 1.0)),
        *(weighted(source) for source in here),
        TargetRoute(als(there, 5.0, 0.1)),
        JointRoute(svd(64, there, 1.0)),
    ]


def content_routes(
    names: Iterable[str], limits: Mapping[str, int], target: str, rank: int, random_state: int
) -> list[Route]:
    """Return the routes over features of the target's items, two for each name, and those over all together.

    Parameters
    ----------
    names : iterable of str
        The names of the features that describe the target's items.
    limits, target, rank, random_state
        As of :func:`default_routes`.
    """
    apart = [route for name in names for route in (ContentRoute(name), LikenessRoute(name))]
    if not apart:
        return []
    here = {name: min(_RANKS[0][0], rank, limit) for name, limit in limits.items() if name != target}
    shared = [
        ContentRoute(profile=SVDFactors(k, random_state=random_state), sources=[name])
        for name, k in here.items()
    ]
    together = [ContentRoute(), LikenessRoute()] if len(apart) > 2 else []
    return [*apart, *together, *shared]


def routes_over(over: str, routes: Sequence[Route]) -> list[Route]:
    """Return the routes that need nothing but the target, and those across that are wanted.

    Parameters
    ----------
    over : {"users", "items", "features", "other", "all"}
        As of :class:`tastebridge.fitting.plan.Plan`.
    routes : list of Route
    """
    if over == "all":
        return list(routes)
    across = over in ("features", "other")
    return [
        clone(route).set_params(across=across) if isinstance(route, LikenessRoute) else route
        for route in routes
        if _wanted(over, route)
    ]


def over_people(routes: Sequence[Route]) -> list[Route]:
    """Return the routes that learn from people in both: those left out where other bridges are taken."""
    return [route for route in routes if not _wanted("other", route)]


def _wanted(over: str, route: Route) -> bool:
    if isinstance(route, SharedItemsRoute):
        return over in ("items", "other")
    if isinstance(route, PopularityRoute):
        return over == "users" or not route.linked
    return over == "users" or isinstance(route, TargetRoute | LikenessRoute)


def item_routes(rank: int, random_state: int) -> list[Route]:
    """Return the routes over items that are in a source and in the target."""
    return [
        SharedItemsRoute(SVDFactors(min(64, rank), random_state=random_state)),
        SharedItemsRoute(EASEFactors(min(128, rank), random_state=random_state)),
    ]


def largest_rank(routes: Sequence[Route]) -> int:
    """Return the largest rank any route asks of SVD factors."""
    given = [item for route in routes for item in route.get_params(deep=False).items()]
    factors = [SVDFactors() if value is None and name.endswith("factors") else value for name, value in given]
    return max((part.n_components for part in factors if isinstance(part, SVDFactors)), default=0)
