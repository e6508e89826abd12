"""The joint route: joint factors of all categories."""

from __future__ import annotations

from tastebridge.factors.base import FactorModel
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import FittedRoute
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.route import Route
from tastebridge.routes.transfer import encoder_of, given, label, space_of


class JointRoute(Route):
    """Joint factors of all categories, decoded to the items of the target.

    With ALS factors it is collective matrix factorisation with shared users.

    Parameters
    ----------
    factors : factor model, default=SVDFactors()

    References
    ----------
    A. P. Singh and G. J. Gordon, "Relational learning via collective matrix factorization", KDD (2008).
    """

    def __init__(self, factors: FactorModel | None = None) -> None:
        self.factors = factors

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return the one route."""
        categories = tuple(context.histories)
        model = context.factors(categories, given("factors", self.factors))
        before = categories[: categories.index(context.target)]
        # only the target's block of the item factors is a space: no other item is ever scored
        start = sum(context.histories[name].shape[1] for name in before)
        width = context.histories[context.target].shape[1]
        encoder = encoder_of(context, categories, model)
        space = space_of(context, categories, model, slice(start, start + width))
        name = f"joint → {label(model)}"
        kind = RouteKind.JOINT
        return [FittedRoute(name, categories, encoder, None, None, space, kind=kind, recipe=name)]
