"""The route within the target: from a user's history there to the next item there."""

from __future__ import annotations

from tastebridge.factors.base import FactorModel
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import FittedRoute
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.route import Route
from tastebridge.routes.transfer import encoder_of, given, label, space_of


class TargetRoute(Route):
    """Factors of the target, encoded and decoded, as in a recommender of one category.

    Parameters
    ----------
    factors : factor model, default=SVDFactors()
    """

    def __init__(self, factors: FactorModel | None = None) -> None:
        self.factors = factors

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the one route."""
        target = (context.target,)
        model = context.factors(target, given("factors", self.factors))
        encoder, space = encoder_of(context, target, model), space_of(context, target, model)
        recipe, kind = label(model), RouteKind.WITHIN
        name = f"{context.target} → {recipe}"
        return [FittedRoute(name, target, encoder, None, None, space, kind=kind, recipe=recipe)]
