"""The statistics of a learned map: the moments of the linked users' factors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from itertools import chain
from operator import add
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import clone

from tastebridge.routes.exact import ExactMoments, Grid
from tastebridge.routes.fitted import Array, Encoder, Histories
from tastebridge.routes.statistics import Moves, Parts, RouteStatistics, check_left, linked

Side = tuple[Callable[[Any], Array], Any]
"""A function from users to factors, and these users: their histories, one row each, or their numbers."""

_SHARD = 50_000
"""The number of users whose factors are held at once, before they are summed."""


def paired_moments(
    source_side: Side, target_side: Side, grid: Grid | None = None, shard: int = _SHARD
) -> ExactMoments:
    """Return the moments of the factors of both sides of the same users, computed shard by shard.

    Without a ``grid``, the grid is chosen by the factors of the first shard.
    """
    (phi, X), (psi, Y) = source_side, target_side
    cuts = (slice(at, at + shard) for at in range(0, max(X.shape[0], 1), shard))
    factors = ((phi(X[cut]), psi(Y[cut])) for cut in cuts)
    # the grid needs only the length of the factors; sums on it are exact in any order of shards
    first = next(factors)
    grid = grid or Grid.of(*first, X.shape[0])
    return reduce(add, (ExactMoments.of(*pair, grid) for pair in chain([first], factors)))


@dataclass(frozen=True, eq=False)
class MapStatistics(RouteStatistics):
    """The moments from which a :class:`TransferRoute` solves its map.

    Attributes
    ----------
    route : str
        Name of the fitted route.
    source, target : str
    encoder, decoder : str
        The keys of the encoders of the two sides.
    map : linear map, not fitted
    moments : ExactMoments
        The moments of the factors of users with a history in both categories.
    """

    route: str
    source: str
    target: str
    encoder: str
    decoder: str
    map: Any
    moments: ExactMoments

    of_taught_rows: ClassVar[bool] = True

    @property
    def serves(self) -> frozenset[str]:
        """The one route."""
        return frozenset([self.route])

    @property
    def reads(self) -> frozenset[str]:
        """The encoders of both sides."""
        return frozenset([self.encoder, self.decoder])

    def plus(self, histories: Histories, encoders: Mapping[str, Encoder], sign: int) -> Self:
        """Add or subtract the moments of users with both histories."""
        users = linked(histories, self.source, self.target)
        if not users.any():
            return self
        rows = {name: histories[name][users] for name in (self.source, self.target)}
        phi, psi = (encoders[key].model.transform for key in (self.encoder, self.decoder))
        # on the grid of the fit: sums on two grids could not be subtracted exactly
        change = paired_moments((phi, rows[self.source]), (psi, rows[self.target]), self.moments.grid)
        moments = self.moments + change if sign > 0 else self.moments - change
        check_left(moments.least)
        return replace(self, moments=moments)

    def widened(self, moves: Moves) -> Self:
        """Return the same moments: a new item changes no user's factors before it has an event."""
        return self

    def solve(self, parts: Parts) -> None:
        """Put the map of the moments into the route."""
        if self.route in parts.routes:
            coef, intercept = self.solved()
            parts.routes[self.route] = replace(parts.routes[self.route], coef=coef, intercept=intercept)

    def solved(self) -> tuple[Array, Array]:
        """Return the coefficients and the intercept of the map; zeros without any linked user left."""
        if self.moments.n < 1:
            p, q = self.moments.shape
            return np.zeros((p, q)), np.zeros(q)
        fitted = clone(self.map).fit_moments(self.moments.rounded())
        return fitted.coef_, fitted.intercept_
