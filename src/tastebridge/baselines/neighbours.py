"""Item neighbours across categories: a target item is near all items that its users have."""

from __future__ import annotations

from tastebridge._foundation.validation import check_count, check_number
from tastebridge.baselines.base import Baseline
from tastebridge.data import Panel, Weighting
from tastebridge.fitting.checks import check_sources
from tastebridge.model.scorers import SimilarityScorer
from tastebridge.model.similarity import nearest_items
from tastebridge.routes import FitContext


class ItemNeighbours(Baseline):
    r"""Score a target item by its similarity to the user's items in all categories.

    .. math:: \hat r_{uj} = d_u^{-1/2} \sum_{i \in u,\, i \in N(j)} s_{ij} + \varepsilon\,\frac{n_j}{\max n},
              \qquad s_{ij} = \frac{n_{ij}}{\sqrt{n_i n_j} + h}

    with the numbers of users who have i, j and both, the nearest items N(j) of j, and the length
    :math:`d_u` of the history. The last term, :math:`\varepsilon = 10^{-6}`, ranks items without a
    neighbour by popularity. Similarities are exact and sparse. There are no vectors, because they would be as
    wide as the catalogue.

    A similarity may be based on a single user. A reader of the model who knows one of the user's items then
    learns the other, as the card of a saved model says. :class:`tastebridge.routes.NeighbourRoute` requires a
    minimum number of users.

    Parameters
    ----------
    target : str
        The category to recommend in.
    sources : list of str, optional
        The other categories to learn from; None for all.
    shrinkage : float, default=5.0
        The number h of users, at least 0: it reduces similarities based on few users.
    n_neighbours : int, optional
        The size of N(j); None for every item with a user in common.
    weighting : Weighting, optional
        As for :class:`tastebridge.InterestMapper`; only the presence of an event counts here.

    Attributes
    ----------
    model_ : ItemSimilarity
        The similarities of all items to the target items; it holds no users.

    Raises
    ------
    UnknownCategoryError, NoLinkedUsersError
        If a category is not in the panel, or no user is both in a source and in the target.
    InvalidParameterError
        If a parameter is out of range.

    References
    ----------
    B. Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW (2001).

    Examples
    --------
    >>> import pandas as pd
    >>> from tastebridge.baselines import ItemNeighbours
    >>> rows = [("ada", "dune", "books"), ("ada", "alien", "films"), ("bob", "emma", "books")]
    >>> rows += [("bob", "clueless", "films"), ("eva", "emma", "books")]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
    >>> ItemNeighbours("films").fit(frame).recommend(["eva"], n=1)["item_id"].tolist()
    ['clueless']
    """

    def __init__(
        self,
        target: str,
        sources: list[str] | None = None,
        shrinkage: float = 5.0,
        n_neighbours: int | None = None,
        weighting: Weighting | None = None,
    ) -> None:
        self.target = target
        self.sources = sources
        self.shrinkage = shrinkage
        self.n_neighbours = n_neighbours
        self.weighting = weighting

    def _check(self) -> None:
        check_number("shrinkage", self.shrinkage, 0.0)
        if self.n_neighbours is not None:
            check_count("n_neighbours", self.n_neighbours)

    def _sources(self, panel: Panel) -> list[str]:
        return check_sources("ItemNeighbours", self.target, self.sources, panel)

    def _scorer(self, context: FitContext) -> SimilarityScorer:
        return SimilarityScorer(
            nearest_items(context.histories, self.target, self.shrinkage, self.n_neighbours)
        )
