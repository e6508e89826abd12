"""The routes that are the same for all users: the popularity of items."""

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
"""The names of the two routes. Saved models hold them, so the words stay."""


class PopularityRoute(Route):
    r"""The logarithm of an item's share of the users, :math:`\log\,(n_i + c) / \overline{(n + c)}`.

    Linked users, who also have a history in a source, may prefer other items than all users. Every map from a
    source contains their popularity, as its intercept. A source is informative only if it adds to that.

    Parameters
    ----------
    prior : float, default=0.5
        The number c of users added to each item, above 0, so that an item without users has a finite score.
    linked : bool, default=False
        Whether only linked users count.
    """

    def __init__(self, prior: float = 0.5, linked: bool = False) -> None:
        self.prior = prior
        self.linked = linked

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the one route; none with ``linked`` if all or none of the users are linked."""
        check_number("prior", self.prior, 0.0, open_minimum=True)
        rows = context.histories[context.target]
        # with all users linked it would be the plain popularity once more
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
    """The encoder that returns 1 for every user."""

    def transform(self, X: sparse.csr_matrix) -> Array:
        """Return a column of ones."""
        return np.ones((X.shape[0], 1))
