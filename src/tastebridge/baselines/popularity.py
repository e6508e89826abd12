"""Popularity: the items with the most users."""

from __future__ import annotations

from tastebridge.baselines.base import Baseline, fixed
from tastebridge.data import Weighting
from tastebridge.model import LinearModel
from tastebridge.model.scorers import LinearScorer
from tastebridge.routes import FitContext, PopularityRoute


class Popularity(Baseline):
    r"""Recommend the items with the most users, except items the user already has.

    The score of an item is :math:`\log\,(n_i + c) / \overline{(n + c)}` with the number :math:`n_i` of its
    users.

    Parameters
    ----------
    target : str
        The category to recommend in.
    prior : float, default=0.5
        Number c of users added to each item, above 0.
    weighting : Weighting, optional
        As for :class:`tastebridge.InterestMapper`; it has no effect here.

    Attributes
    ----------
    model_ : LinearModel
        The single route; it holds no users.

    Raises
    ------
    UnknownCategoryError
        If the target is not in the panel.

    References
    ----------
    P. Cremonesi, Y. Koren and R. Turrin, "Performance of recommender algorithms on top-n recommendation
    tasks", RecSys (2010).

    Examples
    --------
    >>> import pandas as pd
    >>> from tastebridge.baselines import Popularity
    >>> rows = [("ada", "alien", "films"), ("eva", "alien", "films"), ("eva", "brazil", "films")]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
    >>> Popularity("films").fit(frame).recommend(["ada"], n=1)["item_id"].tolist()
    ['brazil']
    """

    def __init__(self, target: str, prior: float = 0.5, weighting: Weighting | None = None) -> None:
        self.target = target
        self.prior = prior
        self.weighting = weighting

    def _scorer(self, context: FitContext) -> LinearScorer:
        routes = PopularityRoute(self.prior).build(context)
        return LinearScorer(LinearModel.of(context, routes, fixed(cold=[True], warm=[True])))
