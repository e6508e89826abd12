"""A factorisation of all categories jointly."""

from __future__ import annotations

from tastebridge.baselines.base import Baseline, default_factors, fixed
from tastebridge.data import Panel, Weighting
from tastebridge.factors.base import FactorModel
from tastebridge.fitting.checks import check_sources
from tastebridge.model import LinearModel
from tastebridge.model.scorers import LinearScorer
from tastebridge.routes import FitContext, JointRoute, PopularityRoute


class JointALS(Baseline):
    """Factorise the matrix of all categories, and rank the items of the target.

    This is the simplest collective matrix factorisation: a user has one vector for all categories. Users
    without any history get popular items.

    Parameters
    ----------
    target : str
        The category to recommend in.
    sources : list of str, optional
        The other categories to learn from; None for all.
    factors : factor model, optional
        None for :class:`tastebridge.factors.ALSFactors` of rank 64, or less for small data.
    weighting : Weighting, optional
        The weights of events; None for binary.
    random_state : int, default=0
        Seed of the default factors.

    Attributes
    ----------
    model_ : LinearModel
        The two routes; it holds no users.

    Raises
    ------
    UnknownCategoryError, NoLinkedUsersError
        If a category is not in the panel, or no user is both in a source and in the target.
    InvalidParameterError
        If the factors have more components than the data allow.

    References
    ----------
    A. P. Singh and G. J. Gordon, "Relational learning via collective matrix factorization", KDD (2008).

    Examples
    --------
    >>> from tastebridge.baselines import JointALS
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> JointALS("films").fit(panel).recommend(panel.users.ids[:2], n=3)["rank"].tolist()
    [1, 2, 3, 1, 2, 3]
    """

    def __init__(
        self,
        target: str,
        sources: list[str] | None = None,
        factors: FactorModel | None = None,
        weighting: Weighting | None = None,
        random_state: int = 0,
    ) -> None:
        self.target = target
        self.sources = sources
        self.factors = factors
        self.weighting = weighting
        self.random_state = random_state

    def _sources(self, panel: Panel) -> list[str]:
        return check_sources("JointALS", self.target, self.sources, panel)

    def _scorer(self, context: FitContext) -> LinearScorer:
        factors = self.factors or default_factors(context, self.random_state)
        routes = PopularityRoute().build(context) + JointRoute(factors).build(context)
        # A user without any history has no joint factors but zeros, and gets popularity alone.
        joint = [False, True]
        return LinearScorer(
            LinearModel.of(context, routes, fixed(cold=joint, warm=joint, empty=[True, False]))
        )
