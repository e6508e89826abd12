"""The routes of ratings: item means, user effects, and tastes."""

from __future__ import annotations

from functools import partial

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
    r"""The routes to ratings, from histories of ratings.

    .. math:: \hat r_{ui} = \mu + b_i + b_u + z_u^\top v_i

    The mean and the effects of items are the same for all users. A user's effect and taste come from the
    ratings in the target and from three views of every source. These are the effect there, the taste there,
    and the choice of rated items: SVD factors of the ratings as they are, not centred, in which an item that
    is rated low counts less, but never against. Each view has a ridge map, learned from linked users. A
    linked user with n ratings in the target has the weight n / (n + user shrinkage).

    Parameters
    ----------
    factors, source_factors : RatingFactors, default=RatingFactors()
        The factors of the target, and of every source.
    choice : SVDFactors, default=SVDFactors(32)
        The factors of the choice of rated items in a source.
    shift : float, default=0.0
        The shift added to the ratings so that all are above 0; one more route subtracts it.
    """

    def __init__(
        self,
        factors: RatingFactors | None = None,
        source_factors: RatingFactors | None = None,
        choice: SVDFactors | None = None,
        shift: float = 0.0,
    ) -> None:
        self.factors = factors
        self.source_factors = source_factors
        self.choice = choice
        self.shift = shift

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the routes shared by all users, and the routes of the target and of linked sources."""
        factors, target = self.factors or RatingFactors(), (context.target,)
        fitted = context.factors(target, factors)
        context.space(ITEMS, fitted.offsets_ - fitted.mean_)
        context.space("ratings", fitted.item_factors_)
        constant = context.encoder(target, Constant(), "constant")
        target_encoder = context.encoder(target, fitted, f"{context.target}: ratings")
        # the first factor is the user's effect, whose item factor is 1; the rest is taste
        taste = np.diag(1.0 * (np.arange(fitted.item_factors_.shape[1]) > 0))
        shifted = bool(self.shift)
        found = [
            _rating(MEAN, (), constant, np.array([[fitted.mean_]]), None, "ratings"),
            _rating(ITEMS, (), constant, None, None, ITEMS),
            *([_rating(SCALE, (), constant, np.array([[-self.shift]]), None, "ratings")] * shifted),
            _rating(f"{context.target} → effect", target, target_encoder, np.eye(1), None, "ratings"),
            _rating(f"{context.target} → taste", target, target_encoder, taste, None, "ratings"),
        ]
        for source in context.sources:
            if len(context.linked(source)):
                found += self._across(context, source, fitted)
        return found

    def names(self, context: FitContext) -> dict[str, str]:
        """Return the names of the routes that :meth:`build` returns, and the category each one reads."""
        linked = [source for source in context.sources if len(context.linked(source))]
        target_encoder = {f"{context.target} → {part}": context.target for part in ("effect", "taste")}
        across = {f"{source} → {part}": source for source in linked for part in _ACROSS}
        shared = dict.fromkeys([MEAN, ITEMS, SCALE][: 3 if self.shift else 2], "")
        return shared | target_encoder | across

    def _across(self, context: FitContext, source: str, target_factors: RatingFactors) -> list[FittedRoute]:
        linked = context.linked(source)
        rows = context.histories[context.target][linked]
        counts = np.diff(rows.indptr)
        Y, weights = target_factors.transform(rows), counts / (counts + target_factors.user_shrinkage)
        source_factors = context.factors((source,), self.source_factors or RatingFactors())
        choice = context.factors((source,), self.choice or SVDFactors(32))
        rated = context.encoder((source,), source_factors, f"{source}: ratings")
        chosen = encoder_of(context, (source,), choice)
        X = source_factors.transform(context.histories[source][linked])
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
    # one effect to another is a regression of one coefficient, which needs no penalty
    fitted = RidgeMap(0.5 if X.shape[1] > 1 else 0.0).fit_moments(Moments.from_arrays(X, Y, weights))
    return _rating(name, (source,), encoder, fitted.coef_, fitted.intercept_, "ratings")
