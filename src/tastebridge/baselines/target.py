"""The recommender of one category, to which the other categories do not exist."""

from __future__ import annotations

from tastebridge.baselines.base import Baseline, default_factors, fixed
from tastebridge.data import Weighting
from tastebridge.factors.base import FactorModel
from tastebridge.model import LinearModel
from tastebridge.model.scorers import LinearScorer
from tastebridge.routes import FitContext, PopularityRoute, TargetRoute


class TargetOnly(Baseline):
    """Use factors of the target alone for users with a history there, and popularity for the others.

    Parameters
    ----------
    target : str
        The category to recommend in.
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
    UnknownCategoryError
        If the target is not in the panel.
    InvalidParameterError
        If the factors have more components than the data allow.

    References
    ----------
    Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM (2008).

    Examples
    --------
    >>> from tastebridge.baselines import TargetOnly
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> viewers = panel.users.ids_of(panel["films"].active_numbers[:2])
    >>> len(TargetOnly("films").fit(panel).recommend(viewers, n=3))
    6
    """

    def __init__(
        self,
        target: str,
        factors: FactorModel | None = None,
        weighting: Weighting | None = None,
        random_state: int = 0,
    ) -> None:
        self.target = target
        self.factors = factors
        self.weighting = weighting
        self.random_state = random_state

    def _scorer(self, context: FitContext) -> LinearScorer:
        factors = self.factors or default_factors(context, self.random_state)
        routes = PopularityRoute().build(context) + TargetRoute(factors).build(context)
        # Cold users have no factors in the target; warm ones are ranked by their factors alone.
        return LinearScorer(LinearModel.of(context, routes, fixed(cold=[True, False], warm=[False, True])))
