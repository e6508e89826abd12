"""The neighbour route: items taken by the same people, across categories and within the target."""

from __future__ import annotations

from tastebridge._foundation.validation import check_count, check_number
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import FittedRoute
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.links import LinearEncoder
from tastebridge.routes.paired import SPACE, CooccurrenceStatistics
from tastebridge.routes.route import Route


class NeighbourRoute(Route):
    r"""The surest links between items: pairs that nearly the same people took.

    .. math:: s_{ij} = \frac{n_{ij}}{\sqrt{n_i n_j} + h}, \qquad
              \hat r_{uj} = d_u^{-1/2} \sum_{i \in u} s_{ij}

    with the numbers of people who took i, j and both, counted among those who stand in both categories, and h
    to shrink what few people show. Only the ``n_links`` strongest are kept. A graph of so few links falls
    into small connected parts, so that its singular value decomposition, which gives this route vectors like
    any other, is exact and cheap at any size of the catalogue.

    It sees what factors of low rank cannot: single pairs of items that belong together, such as a product
    filed under two categories, and is silent where the history has none.

    Parameters
    ----------
    n_links : int, default=1000
        Links kept for each category.
    shrinkage : float, default=2.0
        The number h of people, at least 0.
    within : bool, default=True
        Whether the target's own items are linked too, for people with a history there.

    References
    ----------
    B. Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW (2001).
    """

    def __init__(self, n_links: int = 1000, shrinkage: float = 2.0, within: bool = True) -> None:
        self.n_links = n_links
        self.shrinkage = shrinkage
        self.within = within

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return a route for every category that has links to the target, all in one space."""
        check_count("n_links", self.n_links)
        check_number("shrinkage", self.shrinkage, 0.0)
        categories = (*context.sources, context.target) if self.within else context.sources
        account = CooccurrenceStatistics(
            context.target,
            self.n_links,
            self.shrinkage,
            {name: f"{name} → neighbours" for name in categories},
            {name: context.pairs(name) for name in categories},
        )
        context.keep(SPACE, account)
        encoders, V = account.solved(categories) if context.lasting else account.spelled_out(categories)
        space = context.space(SPACE, V)
        keys = {
            name: context.encoder((name,), LinearEncoder(rows), f"{name}: {self!r}")
            for name, rows in encoders.items()
            if rows.nnz
        }
        kind = RouteKind.NEIGHBOURS
        return [
            FittedRoute(account.routes[name], (name,), key, None, None, space, kind=kind, recipe="neighbours")
            for name, key in keys.items()
        ]
