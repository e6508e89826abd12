"""The routes that are the same for everybody: how many people took an item."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tastebridge._foundation.validation import check_number
from tastebridge.routes.context import FitContext
from tastebridge.routes.counted import CountStatistics
from tastebridge.routes.fitted import Array, FittedRoute
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.route import Route

POPULARITY, AMONG_LINKED = "popularity", "popularity among linked people"
"""The names of the two."""


class PopularityRoute(Route):
    r"""The logarithm of an item's share of the people, :math:`\log\,(n_i + c) / \overline{(n + c)}`.

    Among the linked people, those with a history in any source too, other items may be popular than among
    all. Every map from a source knows it, as the mean it adds its differences to; a source has something to
    say only if it says more.

    Parameters
    ----------
    prior : float, default=0.5
        People c added to each item, above 0, so that an item nobody took has a finite score.
    linked : bool, default=False
        Whether only linked people count.
    """

    def __init__(self, prior: float = 0.5, linked: bool = False) -> None:
        self.prior = prior
        self.linked = linked

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the one route; none if only linked people count, and all or none are."""
        check_number("prior", self.prior, 0.0, open_minimum=True)
        rows = context.histories[context.target]
        if self.linked and len(context.linked_to_any()) in (0, np.count_nonzero(np.diff(rows.indptr))):
            return []
        name, among = (AMONG_LINKED, context.sources) if self.linked else (POPULARITY, ())
        account = CountStatistics(name, context.target, among, self.prior, context.counts(among))
        context.keep(name, account)
        space = context.space(name, account.solved())
        encoder = context.encoder((context.target,), Constant(), "constant")
        kind = RouteKind.LINKED_POPULARITY if self.linked else RouteKind.POPULARITY
        return [FittedRoute(name, (), encoder, None, None, space, kind=kind, recipe=name)]


class Constant:
    """The encoder that says 1 of everybody."""

    def transform(self, X: sparse.csr_matrix) -> Array:
        """Return a column of ones."""
        return np.ones((X.shape[0], 1))
