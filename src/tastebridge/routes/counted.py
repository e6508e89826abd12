"""The statistics of popularity: the number of users of each target item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from tastebridge.routes.fitted import Array, Encoder, Histories, known_to
from tastebridge.routes.statistics import Moves, Parts, RouteStatistics, check_left


@dataclass(frozen=True, eq=False)
class CountStatistics(RouteStatistics):
    """The counts behind a :class:`PopularityRoute`.

    Attributes
    ----------
    route : str
        Name of the fitted route, and of its space.
    target : str
    among : tuple of str
        Only users with a history in at least one of these categories count; empty for all users.
    prior : float
        Added to each count.
    counts : ndarray of shape (n_items,)
        The number of users of each target item.
    """

    route: str
    target: str
    among: tuple[str, ...]
    prior: float
    counts: Array

    @property
    def serves(self) -> frozenset[str]:
        """The one route."""
        return frozenset([self.route])

    def plus(self, histories: Histories, encoders: Mapping[str, Encoder], sign: int) -> Self:
        """Add or subtract the items of users."""
        rows = histories[self.target][known_to(self.among, histories)]
        change = np.bincount(rows.indices, minlength=len(self.counts))
        counts = self.counts + sign * change
        check_left(counts.min(initial=0.0))
        return replace(self, counts=counts)

    def widened(self, moves: Moves) -> Self:
        """Return the counts over more items."""
        if self.target not in moves:
            return self
        return replace(self, counts=moves[self.target].spread(self.counts))

    def solve(self, parts: Parts) -> None:
        """Put the popularity of the counts into its space."""
        if self.route in parts.spaces:
            parts.spaces[self.route] = self.solved().astype(np.float32)

    @property
    def least(self) -> float:
        """The logarithm of the share of an item without users."""
        return float(np.log(self.prior / (self.counts + self.prior).mean()))

    def solved(self) -> Array:
        """Return the logarithms of the shares, (n_items, 1)."""
        counts = self.counts + self.prior  # so that the logarithm of 0 users is finite
        return np.asarray(np.log(counts / counts.mean())[:, None])
