"""The transfer route: factors of a source, a learned map, factors of the target."""

from __future__ import annotations

from inspect import signature

import numpy as np
from sklearn.base import BaseEstimator, clone

from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors import PretrainedFactors, SVDFactors
from tastebridge.factors.base import FactorModel, check_factor_model
from tastebridge.maps import RidgeMap
from tastebridge.maps.base import LinearMap, check_linear_map
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import FittedRoute
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.mapped import MapStatistics
from tastebridge.routes.route import Route, sources_of

_UNNAMED = ("beta", "n_components", "alpha", "random_state", "n_jobs")
"""Parameters left out of a name or, for the rank and the penalty, shown in their own way."""


class TransferRoute(Route):
    r"""Source factors, mapped to target factors and decoded to target items; the map is learned.

    For a user with history :math:`x` in source s, :math:`z = \phi_s(x) B + b`, and the score of item i is
    :math:`z^\top v_i`. The map :math:`B, b` is learned from the linked users' pairs
    :math:`(\phi_s(x), \phi_t(y))`. Fitted once for every source.

    Parameters
    ----------
    source_factors, target_factors : factor model
        :math:`\phi_s` and :math:`\phi_t`.
    map : linear map, default=RidgeMap()
    sources : list of str, optional
        The sources; None for all.

    References
    ----------
    T. Man et al., "Cross-domain recommendation: an embedding and mapping approach", IJCAI (2017).
    """

    def __init__(
        self,
        source_factors: FactorModel | None = None,
        target_factors: FactorModel | None = None,
        map: LinearMap | None = None,
        sources: list[str] | None = None,
    ) -> None:
        self.source_factors = source_factors
        self.target_factors = target_factors
        self.map = map
        self.sources = sources

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return a fitted route for every source with linked users."""
        wanted = sources_of(self, self.sources, context)
        return [self._one(context, source) for source in wanted if len(context.linked(source))]

    def _one(self, context: FitContext, source: str) -> FittedRoute:
        target = context.target
        phi = context.factors((source,), given("source_factors", self.source_factors))
        psi = context.factors((target,), given("target_factors", self.target_factors))
        rule = RidgeMap() if self.map is None else self.map
        check_linear_map("map", rule)
        recipe = f"{label(phi)} → {label(rule)} → {label(psi)}"
        name = f"{source} → {recipe}"
        encoder, decoder = encoder_of(context, (source,), phi), encoder_of(context, (target,), psi)
        moments = context.moments(source, phi, psi)
        account = MapStatistics(name, source, target, encoder, decoder, clone(rule), moments)
        context.keep(name, account)
        space, kind = space_of(context, (target,), psi), RouteKind.MAPPED
        return FittedRoute(name, (source,), encoder, *account.solved(), space, kind=kind, recipe=recipe)


def given(name: str, model: FactorModel | None) -> FactorModel:
    """Return the factor model of a parameter, SVD factors by default; refuse anything else."""
    if model is None:
        return SVDFactors()
    check_factor_model(name, model)
    if isinstance(model, PretrainedFactors) and model.items is not None:
        raise InvalidParameterError(  # taken as they stand, vectors could belong to other items
            f"{name} has vectors by id, and a route sees no ids. Give them to InterestMapper as "
            "source_models= or target_model=, or without items= in the order of the panel's items."
        )
    return model


def encoder_of(context: FitContext, categories: tuple[str, ...], model: BaseEstimator) -> str:
    """Keep the encoder of a factor model and return its key."""
    return context.encoder(categories, model, f"{' + '.join(categories)}: {model!r}")


def space_of(
    context: FitContext, categories: tuple[str, ...], model: FactorModel, block: slice = slice(None)
) -> str:
    """Keep the item factors of a model as a space, shared by SVD factors of any rank and filter."""
    shared = model
    # item factors of a lower rank are columns of a higher one, and filters act on the encoder only
    if isinstance(model, SVDFactors):
        shared = clone(model).set_params(n_components=1, filter="ideal", beta=0.0)
    decoder = encoder_of(context, categories, model)
    return context.space(f"{block.start}: {shared!r}", np.asarray(model.item_factors_)[block], decoder)


def label(estimator: BaseEstimator) -> str:
    """Return a short name such as ``SVD 64`` or ``Ridge 0.5``, with all parameters that are no default."""
    name = type(estimator).__name__.removesuffix("Factors").removesuffix("Map")
    if isinstance(estimator, PretrainedFactors):
        return f"{name} {estimator.n_components}"
    given = estimator.get_params(deep=False)
    usual = {key: part.default for key, part in signature(type(estimator)).parameters.items()}
    shown = [f"{given.pop(key):g}" for key in ("n_components", "alpha") if given.get(key)]
    spectrum = given.pop("filter", "ideal")
    if spectrum == "power":
        shown.append(f"σ^{given['beta']:g}")
    elif spectrum == "heat":
        shown.append(f"heat {given['beta']:g}")
    unusual = [
        f"{key}={value}"
        for key, value in given.items()
        if key not in _UNNAMED and repr(value) != repr(usual[key])  # by repr: it may be an array
    ]
    return " ".join([name, *shown, *unusual])
