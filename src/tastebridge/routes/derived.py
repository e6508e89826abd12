"""The statistics of a route to new items: they follow the route it was derived from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from tastebridge.routes.fitted import Array, Encoder, FittedRoute, Histories, width_of
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.statistics import Moves, Parts, RouteStatistics


@dataclass(frozen=True, eq=False)
class DerivedStatistics(RouteStatistics):
    """The matrix from the vectors of a route to the vectors of its route to new items.

    Attributes
    ----------
    route, origin : str
        The names of the route to new items and of the route it follows.
    W : ndarray of shape (k, K + 1)
        Maps the space of the origin to the space of new items.
    """

    route: str
    origin: str
    W: Array

    @property
    def serves(self) -> frozenset[str]:
        """The one route."""
        return frozenset([self.route])

    def plus(self, histories: Histories, encoders: Mapping[str, Encoder], sign: int) -> Self:
        """Return the same: the sums over users are in the statistics of the origin."""
        return self

    def widened(self, moves: Moves) -> Self:
        """Return the same: new items do not change the map."""
        return self

    def solve(self, parts: Parts) -> None:
        """Derive the route again from its origin, which was solved before."""
        if self.route in parts.routes:
            origin = parts.routes[self.origin]
            made = self.carried(origin, width_of(parts.encoders[origin.encoder].model))
            parts.routes[self.route] = replace(
                parts.routes[self.route], coef=made.coef, intercept=made.intercept
            )

    def carried(self, origin: FittedRoute, width: int, space: str = "") -> FittedRoute:
        """Return the route to new items of an origin whose encoder has ``width`` factors."""
        # a space may be wider than this route's vectors: these are its first columns
        coef = self.W[:width] if origin.coef is None else origin.coef @ self.W[: origin.coef.shape[1]]
        b = origin.intercept
        return replace(
            origin,
            name=self.route,
            coef=coef,
            intercept=None if b is None else b @ self.W[: len(b)],
            space=space,
            kind=RouteKind.NEW_ITEMS,
        )
