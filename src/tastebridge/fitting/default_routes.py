"""The default routes of a mapper."""

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
"""Pairs of source and target rank; each pair is a route of its own."""


def default_routes(
    limits: Mapping[str, int],
    target: str,
    rank: int,
    random_state: int,
    sources: Sequence[str] | None = None,
) -> list[Route]:
    """Return the default routes, the most useful first: popularity, links, maps of two ranks, joint factors.

    Where only some sources have routes of their own, the cheapest route of all categories comes before these.

    Parameters
    ----------
    limits : mapping of category to int
        The highest rank the histories of each category allow; ranks above it are lowered.
    target : str
    rank : int
        The largest rank wanted.
    random_state : int
    sources : list of str, optional
        The sources with routes of their own; None for all. Routes of all categories as one read every source.
    """
    source_limits = {name: limits[name] for name in sources or limits if name != target}
    target_limit = limits[target]

    def svd(wanted: int, limit: int, beta: float = 0.0) -> SVDFactors:
        name = "power" if beta else "ideal"
        return SVDFactors(min(wanted, rank, limit), filter=name, beta=beta, random_state=random_state)

    def als(limit: int, alpha: float, penalty: float) -> ALSFactors:
        k = min(64, rank, limit)
        return ALSFactors(k, penalty, alpha, random_state=random_state)

    def clipped(ranks: tuple[int, int], limit: int) -> tuple[int, int]:
        return min(ranks[0], rank, limit), min(ranks[1], rank, target_limit)

    def spectral(source: str, ranks: tuple[int, int]) -> Route:
        a, b = clipped(ranks, source_limits[source])
        return TransferRoute(
            svd(a, source_limits[source]), svd(b, target_limit, 1.0), RidgeMap(0.5), [source]
        )

    def weighted(source: str) -> Route:
        return TransferRoute(
            als(source_limits[source], 5.0, 0.1), als(target_limit, 5.0, 0.1), RidgeMap(0.5), [source]
        )

    wide, narrow = _RANKS
    # on a small catalogue both pairs are cut to the same ranks, and the route would be there twice
    smaller = [
        source for source, limit in source_limits.items() if clipped(narrow, limit) != clipped(wide, limit)
    ]
    joint = [JointRoute(svd(64, target_limit, 1.0))]
    return [
        PopularityRoute(),
        PopularityRoute(linked=True),
        *(joint if sources else []),
        NeighbourRoute(sources=None if sources is None else list(sources)),
        *(spectral(source, wide) for source in source_limits),
        *(spectral(source, narrow) for source in smaller),
        TargetRoute(svd(64, target_limit)),
        JointRoute(EASEFactors(min(rank, target_limit), random_state=random_state)),
        JointRoute(als(target_limit, 20.0, 1.0)),
        *(weighted(source) for source in source_limits),
        TargetRoute(als(target_limit, 5.0, 0.1)),
        *([] if sources else joint),
    ]


def content_routes(
    names: Iterable[str], limits: Mapping[str, int], target: str, rank: int, random_state: int
) -> list[Route]:
    """Return the routes over features of the target's items: two for each name, and two for all together.

    Parameters
    ----------
    names : iterable of str
        The names of the features that describe the target's items.
    limits, target, rank, random_state
        As in :func:`default_routes`.
    """
    apart = [route for name in names for route in (ContentRoute(name), LikenessRoute(name))]
    if not apart:
        return []
    source_limits = {name: min(_RANKS[0][0], rank, limit) for name, limit in limits.items() if name != target}
    shared = [
        ContentRoute(profile=SVDFactors(k, random_state=random_state), sources=[name])
        for name, k in source_limits.items()
    ]
    # of a single name (two routes) all features together would be the same features again
    together = [ContentRoute(), LikenessRoute()] if len(apart) > 2 else []
    return [*apart, *together, *shared]


def routes_over(over: str, routes: Sequence[Route]) -> list[Route]:
    """Return the routes within the target, and the routes from sources that a plan wants.

    Parameters
    ----------
    over : {"users", "items", "features", "other", "all"}
        As in :class:`tastebridge.fitting.plan.Plan`.
    routes : list of Route
    """
    if over == "all":
        return list(routes)
    across = over in ("features", "other")  # else a likeness route stays within the target
    return [
        clone(route).set_params(across=across) if isinstance(route, LikenessRoute) else route
        for route in routes
        if _wanted(over, route)
    ]


def routes_over_users(routes: Sequence[Route]) -> list[Route]:
    """Return the routes that learn from shared users, which plans with other bridges leave out."""
    return [route for route in routes if not _wanted("other", route)]


def _wanted(over: str, route: Route) -> bool:
    if isinstance(route, SharedItemsRoute):
        return over in ("items", "other")
    if isinstance(route, PopularityRoute):
        return over == "users" or not route.linked
    return over == "users" or isinstance(route, TargetRoute | LikenessRoute)


def item_routes(rank: int, random_state: int) -> list[Route]:
    """Return the routes over items shared by a source and the target."""
    return [
        SharedItemsRoute(SVDFactors(min(64, rank), random_state=random_state)),
        SharedItemsRoute(EASEFactors(min(128, rank), random_state=random_state)),
    ]


def largest_rank(routes: Sequence[Route]) -> int:
    """Return the largest rank that any route asks of SVD factors."""
    given = [item for route in routes for item in route.get_params(deep=False).items()]
    # None stands for SVDFactors() in the routes
    factors = [SVDFactors() if value is None and name.endswith("factors") else value for name, value in given]
    return max((part.n_components for part in factors if isinstance(part, SVDFactors)), default=0)
