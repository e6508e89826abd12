"""The routes that are the same for everybody: how many people took an item."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tastebridge._validation import check_number
from tastebridge.routes.counted import CountAccount
from tastebridge.routes.fitted import Array, FittedRoute
from tastebridge.routes.route import Route
from tastebridge.routes.workshop import Workshop

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

    def build(self, workshop: Workshop) -> list[FittedRoute]:
        """Return the one route; none if only linked people count, and all or none are."""
        check_number("prior", self.prior, 0.0, open_minimum=True)
        rows = workshop.histories[workshop.target]
        if self.linked and len(workshop.linked_to_any()) in (0, np.count_nonzero(np.diff(rows.indptr))):
            return []
        name, among = (AMONG_LINKED, workshop.sources) if self.linked else (POPULARITY, ())
        account = CountAccount(name, workshop.target, among, self.prior, workshop.counts(among))
        workshop.keep(name, account)
        space = workshop.space(name, account.solved())
        encoder = workshop.encoder((workshop.target,), Constant(), "constant")
        return [FittedRoute(name, (), encoder, None, None, space)]


class Constant:
    """The encoder that says 1 of everybody."""

    def transform(self, X: sparse.csr_matrix) -> Array:
        """Return a column of ones."""
        return np.ones((X.shape[0], 1))
