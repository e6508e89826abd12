"""The routes of a mapper that is given models trained elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sklearn.base import clone

from tastebridge.factors import ALSFactors, PretrainedFactors, SVDFactors
from tastebridge.factors.base import FactorModel
from tastebridge.maps import RidgeMap
from tastebridge.routes import Route, TargetRoute, TransferRoute
from tastebridge.routes.direction import DirectionRoute

_RANK_OF_ALS = 64
_MAP_PENALTY = 0.5


def with_source_models(routes: Sequence[Route], models: Mapping[str, PretrainedFactors]) -> list[Route]:
    """Return the routes with the given factors of a source in the place of factors fitted on it.

    Two routes of a source to the same target factors become one. Links between items and the factors of all
    categories as one read the histories themselves, and stay.

    Parameters
    ----------
    routes : list of Route
        Maps read one source each.
    models : mapping of source to PretrainedFactors
    """
    out: dict[str, Route] = {}
    for route in routes:
        if isinstance(route, TransferRoute) and route.sources and route.sources[0] in models:
            route = clone(route).set_params(source_factors=models[route.sources[0]])
            out.setdefault(f"{route.sources} {route.target_factors!r} {route.map!r}", route)
        else:
            out[f"{len(out)}"] = route
    return list(out.values())


def routes_into(
    space: PretrainedFactors,
    models: Mapping[str, PretrainedFactors],
    limits: Mapping[str, int],
    rank: int,
    random_state: int,
) -> list[Route]:
    """Return the routes that end in one given space of target items: maps, the target itself, popularity.

    Parameters
    ----------
    space : PretrainedFactors
        The target model.
    models : mapping of source to PretrainedFactors
        The source models given; other sources get SVD and ALS factors.
    limits : mapping of source to int
        The highest rank the histories of each source allow.
    rank : int
        The largest rank wanted.
    random_state : int
    """
    out: list[Route] = [DirectionRoute(space)]
    for source, limit in limits.items():
        given = models.get(source)
        own: list[FactorModel] = [given] if given is not None else _own(min(rank, limit), random_state)
        out += [TransferRoute(phi, space, RidgeMap(_MAP_PENALTY), [source]) for phi in own]
    return [*out, TargetRoute(space)]


def _own(rank: int, random_state: int) -> list[FactorModel]:
    """Return the factors of a source without a model, as in the default routes."""
    return [
        SVDFactors(rank, random_state=random_state),
        ALSFactors(min(_RANK_OF_ALS, rank), 0.1, 5.0, random_state=random_state),
    ]
