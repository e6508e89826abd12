"""The item regression route: each target item regressed on its few strongest partners of all categories."""

from __future__ import annotations

from scipy import sparse

from tastebridge._foundation.validation import check_count, check_number
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import FittedRoute
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.partners import Rule
from tastebridge.routes.regressed import MOST_PARTNERS, RegressionStatistics, joint_counts
from tastebridge.routes.route import Route, sources_of

NAME = "item regression"


class ItemRegressionRoute(Route):
    r"""EASE restricted to pairs of items that several users have, solved exactly for each target item.

    For a target item j, the partners :math:`N_j` are the ``n_partners`` items of any category with the
    largest shrunk cosine to j, among items that at least ``min_users`` users have together with j. With the
    numbers of users :math:`n_{ab}` who have both items,

    .. math:: b_j = (G_{N_j N_j} + \lambda I)^{-1} G_{N_j j}, \quad G = (n_{ab}), \qquad
              \hat r_{uj} = d_u^{-1/2} \sum_{i \in u \cap N_j} b_{ij}

    This minimizes :math:`\lVert x_j - X_{N_j} b \rVert^2 + \lambda \lVert b \rVert^2`, the objective of EASE
    with all other weights held at zero. Users of a fit are those with a history in the target. Only the
    ``n_targets`` items with the most users get weights, so the route has at most as many components.

    In contrast to factors of low rank, it distinguishes single pairs, and in contrast to links, it does not
    count the evidence of correlated partners twice. On warm users of Amazon phone with the source sport, its
    full ranking is better than exact EASE over all pairs, because most pairs have a single user.

    Parameters
    ----------
    regularization : float, default=50.0
        The penalty :math:`\lambda` in users, above 0.
    n_partners : int, default=50
        Maximum number of partners of a target item; 5,000 or less.
    n_targets : int, default=1000
        Maximum number of target items with weights.
    min_users : int, default=3
        Minimum number of users of a pair; see :class:`NeighbourRoute` for the disclosure by pairs.
    sources : list of str, optional
        The sources whose items are partners; None for all.

    References
    ----------
    H. Steck, "Embarrassingly shallow autoencoders for sparse data", WWW (2019). X. Ning and G. Karypis,
    "SLIM: sparse linear methods for top-N recommender systems", ICDM (2011).

    Examples
    --------
    >>> from tastebridge.datasets import make_panel
    >>> from tastebridge.routes import FitContext, ItemRegressionRoute
    >>> panel, _ = make_panel(n_users=200, n_items=30)
    >>> context = FitContext({name: panel[name].matrix for name in panel.categories}, "films")
    >>> [route] = ItemRegressionRoute().build(context)
    >>> context.spaces[route.space].shape[0] == len(panel["films"].items)
    True
    """

    def __init__(
        self,
        regularization: float = 50.0,
        n_partners: int = 50,
        n_targets: int = 1000,
        min_users: int = 3,
        sources: list[str] | None = None,
    ) -> None:
        self.regularization = regularization
        self.n_partners = n_partners
        self.n_targets = n_targets
        self.min_users = min_users
        self.sources = sources

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the one route; none where no pair has enough users."""
        account = self.statistics(context)
        model, V = account.solved()
        if not sparse.csr_matrix(model.encoder_).nnz:
            return []
        context.keep(NAME, account)
        categories = tuple(account.sizes)
        encoder, space = context.encoder(categories, model, f"{NAME}: {self!r}"), context.space(NAME, V)
        kind = RouteKind.ITEM_REGRESSION
        return [FittedRoute(NAME, categories, encoder, None, None, space, kind=kind, recipe=NAME)]

    def statistics(self, context: FitContext) -> RegressionStatistics:
        """Return the counts of pairs, made once for a context, and the rule by which they are solved."""
        check_number("regularization", self.regularization, 0.0, open_minimum=True)
        check_count("n_partners", self.n_partners, 1, MOST_PARTNERS)
        check_count("n_targets", self.n_targets)
        check_count("min_users", self.min_users)
        wanted = sources_of(self, self.sources, context)
        categories = (*wanted, context.target)
        return RegressionStatistics(
            NAME,
            context.target,
            {name: context.histories[name].shape[1] for name in categories},
            Rule(float(self.regularization), self.n_partners, self.n_targets, self.min_users),
            context.once(
                f"pairs of {categories}", lambda: joint_counts(context.histories, categories, context.target)
            ),
        )
