"""The direction of popularity in a space of item vectors that is given and cannot be widened."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tastebridge._numerics.threads import one_blas_thread
from tastebridge.factors import PretrainedFactors
from tastebridge.maps import RidgeMap
from tastebridge.routes.context import FitContext
from tastebridge.routes.counted import CountStatistics
from tastebridge.routes.fitted import Array, FittedRoute
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.popularity import POPULARITY, Constant
from tastebridge.routes.route import Route
from tastebridge.routes.statistics import Moves, Parts
from tastebridge.routes.transfer import space_of

_PENALTY = 0.01
"""The penalty of the direction in units of the mean eigenvalue: little, as there are more items than
components."""


class DirectionRoute(Route):
    r"""Popularity as one vector of a given space, the same for all users.

    .. math:: p = \arg\min_p \sum_i \Big(\log \frac{n_i + c}{\overline{n + c}} - a - v_i^\top p\Big)^2
              + \lambda \lVert p \rVert^2

    It takes the place of :class:`PopularityRoute` where the item vectors :math:`v` are those of a model in
    production. It is popularity only as far as these vectors tell it.

    Parameters
    ----------
    factors : PretrainedFactors
        The target model, over the items of the target.
    prior : float, default=0.5
        The number c of users added to each item.
    """

    def __init__(self, factors: PretrainedFactors, prior: float = 0.5) -> None:
        self.factors = factors
        self.prior = prior

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the one route."""
        target = (context.target,)
        model = context.factors(target, self.factors)
        space = space_of(context, target, model)
        counts = context.counts(())
        account = DirectionStatistics(POPULARITY, context.target, (), self.prior, counts, space)
        context.keep(POPULARITY, account)
        encoder = context.encoder(target, Constant(), "constant")
        coef = account.direction(model.item_factors_)
        kind = RouteKind.POPULARITY
        return [FittedRoute(POPULARITY, (), encoder, coef, None, space, kind=kind, recipe=POPULARITY)]


@dataclass(frozen=True, eq=False)
class DirectionStatistics(CountStatistics):
    """The counts behind a :class:`DirectionRoute`.

    Attributes
    ----------
    space : str
        The key of the item vectors.
    """

    space: str

    def widened(self, moves: Moves) -> DirectionStatistics:
        """Return the counts over more items."""
        if self.target not in moves:
            return self
        return replace(self, counts=np.asarray(moves[self.target].spread(self.counts)))

    def solve(self, parts: Parts) -> None:
        """Put the direction of the counts into its route."""
        if self.route in parts.routes:
            coef = self.direction(np.asarray(parts.spaces[self.space], dtype=np.float64))
            parts.routes[self.route] = replace(parts.routes[self.route], coef=coef)

    def direction(self, item_vectors: NDArray[np.floating]) -> Array:
        """Return the direction (1, k) of popularity among item vectors (n_items, k)."""
        # as the space holds them, so that a fit and an update solve the same
        vectors = np.asarray(item_vectors, np.float32).astype(np.float64)
        with one_blas_thread():  # its bits depend on their number
            return RidgeMap(_PENALTY).fit(vectors, self.solved()).coef_.T
