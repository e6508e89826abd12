"""The route that is the same for everybody: how many people took an item."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from tastebridge._validation import check_number
from tastebridge.routes.counted import SPACE, CountAccount
from tastebridge.routes.fitted import Array, FittedRoute
from tastebridge.routes.route import Route
from tastebridge.routes.workshop import Workshop


class PopularityRoute(Route):
    r"""The logarithm of an item's share of the people, :math:`\log\,(n_i + c) / \overline{(n + c)}`.

    Parameters
    ----------
    prior : float, default=0.5
        People c added to each item, above 0, so that an item nobody took has a finite score.
    """

    def __init__(self, prior: float = 0.5) -> None:
        self.prior = prior

    def build(self, workshop: Workshop) -> list[FittedRoute]:
        """Return the one route."""
        check_number("prior", self.prior, 0.0, open_minimum=True)
        account = CountAccount(workshop.target, self.prior, workshop.popularity)
        workshop.keep(SPACE, account)
        space = workshop.space(SPACE, account.solved())
        encoder = workshop.encoder((workshop.target,), Constant(), "constant")
        return [FittedRoute(SPACE, (), encoder, None, None, space)]


class Constant:
    """The encoder that says 1 of everybody."""

    def transform(self, X: sparse.csr_matrix) -> Array:
        """Return a column of ones."""
        return np.ones((X.shape[0], 1))
