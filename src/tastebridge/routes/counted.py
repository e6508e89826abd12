"""The account of popularity: how many people took each item of the target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from tastebridge.routes.account import Account, Moves, Parts, check_left
from tastebridge.routes.fitted import Array, Encoder, Histories

SPACE = "popularity"
"""Name of the route and of its space."""


@dataclass(frozen=True, eq=False)
class CountAccount(Account):
    """The counts a :class:`PopularityRoute` takes the logarithm of.

    Attributes
    ----------
    target : str
    prior : float
        Added to each count.
    counts : ndarray of shape (n_items,)
        People of each target item.
    """

    target: str
    prior: float
    counts: Array

    @property
    def serves(self) -> frozenset[str]:
        """The one route."""
        return frozenset([SPACE])

    def plus(self, histories: Histories, encoders: Mapping[str, Encoder], sign: int) -> Self:
        """Add or take out who took what."""
        change = np.bincount(histories[self.target].indices, minlength=len(self.counts))
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
        if SPACE in parts.spaces:
            parts.spaces[SPACE] = self.solved().astype(np.float32)

    def solved(self) -> Array:
        """Return the logarithms of the shares, (n_items, 1)."""
        counts = self.counts + self.prior
        return np.asarray(np.log(counts / counts.mean())[:, None])
