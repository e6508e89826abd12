"""The routes of ratings: mean ratings of items, how mild a user is, and the user's taste."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tastebridge.factors import SVDFactors
from tastebridge.factors.rating import RatingFactors
from tastebridge.maps import RidgeMap
from tastebridge.maps.moments import Moments
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import Array, FittedRoute
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.popularity import Constant
from tastebridge.routes.route import Route
from tastebridge.routes.transfer import encoder_of

MEAN, ITEMS, SCALE = "mean", "items", "scale"
"""The routes that are the same for all users: mean rating, effects of the items, and the shift taken back."""
_rating = partial(FittedRoute, kind=RouteKind.RATING)
_ACROSS = ("effect", "taste", "what was rated → effect", "what was rated → taste")


class RatingRoute(Route):
    r"""Routes to ratings, from histories that are ratings.

    .. math:: \hat r_{ui} = \mu + b_i + b_u + z_u^\top v_i

    The mean and the effects of items are the same for all users. A user's effect and taste come from the
    ratings in the target and from three views of every source: the effect there, the taste there, and the
    choice of rated items, whatever their ratings. Each view has a ridge map, learned from linked users. A
    linked user with n ratings in the target has the weight n / (n + user shrinkage).

    Parameters
    ----------
    factors, source_factors : RatingFactors, default=RatingFactors()
        The factors of the target, and of every source.
    choice : SVDFactors, default=SVDFactors(32)
        The factors of the choice of rated items in a source.
    shift : float, default=0.0
        What was added to the ratings of the histories so that all are above 0; one more route takes it off.
    """

    def __init__(
        self, factors: Any = None, source_factors: Any = None, choice: Any = None, shift: float = 0.0
    ) -> None:
        self.factors = factors
        self.source_factors = source_factors
        self.choice = choice
        self.shift = shift

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the routes shared by all users, and those of the target and of linked sources."""
        factors, target = self.factors or RatingFactors(), (context.target,)
        there = context.factors(target, factors)
        context.space(ITEMS, there.offsets_ - there.mean_)
        context.space("ratings", there.item_factors_)
        constant = context.encoder(target, Constant(), "constant")
        own = context.encoder(target, there, f"{context.target}: ratings")
        taste = np.diag(1.0 * (np.arange(there.item_factors_.shape[1]) > 0))
        shifted = bool(self.shift)
        found = [
            _rating(MEAN, (), constant, np.array([[there.mean_]]), None, "ratings"),
            _rating(ITEMS, (), constant, None, None, ITEMS),
            *([_rating(SCALE, (), constant, np.array([[-self.shift]]), None, "ratings")] * shifted),
            _rating(f"{context.target} → effect", target, own, np.eye(1), None, "ratings"),
            _rating(f"{context.target} → taste", target, own, taste, None, "ratings"),
        ]
        for source in context.sources:
            if len(context.linked(source)):
                found += self._across(context, source, there)
        return found

    def names(self, context: FitContext) -> dict[str, str]:
        """Return the names of the routes that :meth:`build` returns, and the category each one reads."""
        linked = [source for source in context.sources if len(context.linked(source))]
        own = {f"{context.target} → {part}": context.target for part in ("effect", "taste")}
        across = {f"{source} → {part}": source for source in linked for part in _ACROSS}
        shared = dict.fromkeys([MEAN, ITEMS, SCALE][: 3 if self.shift else 2], "")
        return shared | own | across

    def _across(self, context: FitContext, source: str, there: RatingFactors) -> list[FittedRoute]:
        linked = context.linked(source)
        rows = context.histories[context.target][linked]
        counts = np.diff(rows.indptr)
        Y, weights = there.transform(rows), counts / (counts + there.user_shrinkage)
        here = context.factors((source,), self.source_factors or RatingFactors())
        choice = context.factors((source,), self.choice or SVDFactors(32))
        rated = context.encoder((source,), here, f"{source}: ratings")
        chosen = encoder_of(context, (source,), choice)
        X = here.transform(context.histories[source][linked])
        Z = choice.transform(context.histories[source][linked])
        effect = Y * (np.arange(Y.shape[1]) == 0)
        parts = [
            (rated, X[:, :1], Y[:, :1]),
            (rated, X, Y - effect),
            (chosen, Z, Y[:, :1]),
            (chosen, Z, Y - effect),
        ]
        return [
            _route(f"{source} → {name}", source, *part, weights)
            for name, part in zip(_ACROSS, parts, strict=True)
        ]


def _route(name: str, source: str, encoder: str, X: Array, Y: Array, weights: Array) -> FittedRoute:
    """Return a route by the ridge map from the leading factors of the encoder."""
    fitted = RidgeMap(0.5 if X.shape[1] > 1 else 0.0).fit_moments(Moments.from_arrays(X, Y, weights))
    return _rating(name, (source,), encoder, fitted.coef_, fitted.intercept_, "ratings")
