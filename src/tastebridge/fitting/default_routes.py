"""The default routes of a mapper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class _Parts:
    """Makes the factors and maps of default routes; ranks above a limit are lowered."""

    rank: int
    limit: int
    random_state: int

    def svd(self, wanted: int, limit: int, beta: float = 0.0) -> SVDFactors:
        name = "power" if beta else "ideal"
        k = min(wanted, self.rank, limit)
        return SVDFactors(k, filter=name, beta=beta, random_state=self.random_state)

    def als(self, limit: int, alpha: float, penalty: float) -> ALSFactors:
        return ALSFactors(min(64, self.rank, limit), penalty, alpha, random_state=self.random_state)

    def clipped(self, ranks: tuple[int, int], limit: int) -> tuple[int, int]:
        """Return a pair of ranks that a source of this limit and the target allow."""
        return min(ranks[0], self.rank, limit), min(ranks[1], self.rank, self.limit)

    def spectral(self, source: str, limit: int, ranks: tuple[int, int]) -> Route:
        """Return a route between SVD factors of a source and of the target."""
        a, b = self.clipped(ranks, limit)
        return TransferRoute(self.svd(a, limit), self.svd(b, self.limit, 1.0), RidgeMap(0.5), [source])

    def weighted(self, source: str, limit: int) -> Route:
        """Return a route between ALS factors of a source and of the target."""
        return TransferRoute(
            self.als(limit, 5.0, 0.1), self.als(self.limit, 5.0, 0.1), RidgeMap(0.5), [source]
        )


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
    parts = _Parts(rank, limits[target], random_state)
    wide, narrow = _RANKS
    # on a small catalogue both pairs are cut to the same ranks, and the route would be there twice
    smaller = [
        source
        for source, limit in source_limits.items()
        if parts.clipped(narrow, limit) != parts.clipped(wide, limit)
    ]
    joint = [JointRoute(parts.svd(64, parts.limit, 1.0))]
    return [
        PopularityRoute(),
        PopularityRoute(linked=True),
        *(joint if sources else []),
        NeighbourRoute(sources=None if sources is None else list(sources)),
        *(parts.spectral(source, limit, wide) for source, limit in source_limits.items()),
        *(parts.spectral(source, source_limits[source], narrow) for source in smaller),
        TargetRoute(parts.svd(64, parts.limit)),
        JointRoute(EASEFactors(min(rank, parts.limit), random_state=random_state)),
        JointRoute(parts.als(parts.limit, 20.0, 1.0)),
        *(parts.weighted(source, limit) for source, limit in source_limits.items()),
        TargetRoute(parts.als(parts.limit, 5.0, 0.1)),
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
