"""The parameters of an InterestMapper, checked against a panel and turned into routes and settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from tastebridge._foundation.validation import check_choice, check_count, check_number, check_type
from tastebridge.data import Panel, Weighting
from tastebridge.data.ages import dated_weighting
from tastebridge.exceptions import InvalidParameterError
from tastebridge.fitting.checks import check_sources, check_target
from tastebridge.fitting.cost_model import Evaluation, Size, within_budget
from tastebridge.fitting.deadline import Deadline
from tastebridge.fitting.default_routes import RANK, content_routes, default_routes, item_routes
from tastebridge.fitting.folds import number_of_folds
from tastebridge.fitting.full_ranking import PAIRS
from tastebridge.fitting.given_routes import routes_into, with_source_models
from tastebridge.fitting.out_of_fold import JUDGED
from tastebridge.fitting.plan import BRIDGES, Plan, looked_at
from tastebridge.fitting.settings import FitSettings
from tastebridge.model.blend import StackingBlend
from tastebridge.recommenders.given_checks import check_given, check_sources_given, spaces_of
from tastebridge.recommenders.given_models import GivenModels
from tastebridge.routes import Histories, PopularityRoute, Route, known_to

if TYPE_CHECKING:
    from tastebridge.recommenders.interest_mapper import InterestMapper


def check_parameters(mapper: InterestMapper, panel: Panel, targets: Sequence[str]) -> dict[str, list[str]]:
    """Check the parameters against the panel and return the sources of each target."""
    for target in targets:
        check_target(target, panel)
    check_count("n_lists", mapper.n_lists, 10)
    check_count("n_negatives", mapper.n_negatives, 1)
    check_count("random_state", mapper.random_state, 0, 2**32 - 1)
    check_choice("verbose", mapper.verbose, (True, False))
    if mapper.time_budget is not None:
        check_number("time_budget", mapper.time_budget, 0.0, open_minimum=True)
        if mapper.routes is not None:
            raise InvalidParameterError(
                "time_budget chooses among the default routes, and routes are given. Leave one of them None."
            )
    if mapper.n_jobs not in (None, -1):
        check_count("n_jobs", mapper.n_jobs)
    if mapper.blend is not None:
        mapper.blend.check()
    if mapper.n_folds is not None:
        check_count("n_folds", mapper.n_folds, 1, 5)
    check_choice("bridge", mapper.bridge, ("auto", *BRIDGES))
    check_given(mapper, targets)
    spaces = spaces_of(mapper, targets)
    sources = {
        name: check_sources(
            "InterestMapper", name, mapper.sources, panel, mapper.bridge == "users" or name in spaces
        )
        for name in targets
    }
    check_sources_given(mapper, panel, sources)
    return sources


def settings_of(mapper: InterestMapper) -> FitSettings:
    """Return the settings that all steps of a fit share."""
    return FitSettings(
        StackingBlend() if mapper.blend is None else mapper.blend,
        mapper.n_lists,
        mapper.n_negatives,
        mapper.n_folds,
        mapper.random_state,
        mapper.n_jobs,
        Deadline(mapper.time_budget),
        # given routes are blended as they are
        regression_pairs=PAIRS if mapper.routes is None else 0.0,
    )


def check_routes(routes: object) -> None:
    """Refuse anything but a list of routes."""
    given = routes if isinstance(routes, list | tuple) else [routes]
    for route in given:
        check_type("each of routes", route, Route, "routes=[MapRoute(…), NeighbourRoute()]")
    if given is not routes:
        raise InvalidParameterError("routes must be a list of routes; got a single one. Write routes=[…].")


def _with_popularity(routes: list[Route], n_components: int | None) -> list[Route]:
    """Return given routes, and both routes of popularity."""
    check_routes(routes)
    if n_components is not None:
        raise InvalidParameterError(
            f"InterestMapper(n_components={n_components}) is the rank of the default routes, and routes were "
            "given. Set the ranks of their factors, or leave one of the two out."
        )
    # without popularity there would be no baseline to fall back on
    popular = {route.linked for route in routes if isinstance(route, PopularityRoute)}
    return [*(PopularityRoute(linked=kind) for kind in (False, True) if kind not in popular), *routes]


def routes_asked_for(
    mapper: InterestMapper,
    target: str,
    histories: Histories,
    panel: Panel,
    plan: Plan,
    given: GivenModels = GivenModels(),  # noqa: B008 - immutable
) -> list[Route]:
    """Return the routes to a target: those given, with popularity, or the affordable default ones."""
    if mapper.routes is not None:
        return _with_popularity(mapper.routes, mapper.n_components)
    limits = {name: _limit(rows) for name, rows in histories.items()}
    wanted = _rank(mapper, target, limits)
    near = looked_at(histories, target)
    # of many sources, those with a given model are looked at too
    sources = [name for name in histories if name in near or name in given.sources]
    if given.target is not None:
        own = {name: limits[name] for name in sources}
        return routes_into(given.target, given.sources, own, wanted, mapper.random_state)
    alone = None if len(sources) == len(histories) - 1 else sources
    routes = default_routes(limits, target, wanted, mapper.random_state, alone)
    routes = with_source_models(routes, given.sources)
    if plan.matches:
        routes += item_routes(wanted, mapper.random_state)
    described = panel.item_features.get(target, {})
    ranks = {name: limits[name] for name in (*sources, target)}
    routes += content_routes(described, ranks, target, wanted, mapper.random_state)
    if mapper.time_budget is None:
        return routes
    sizes = {name: _size(rows) for name, rows in histories.items()}
    others = tuple(name for name in histories if name != target)
    linked = int((known_to(others, histories) & known_to((target,), histories)).sum())
    cells = mapper.n_lists * (1 + mapper.n_negatives) * 2
    late = JUDGED * 2 if not plan.standing and ages_of_events(mapper, panel) is not None else 0
    evaluation = Evaluation(cells, JUDGED * 2, len(sources), sizes[target].items, late)
    n_folds = mapper.n_folds or number_of_folds(linked)
    return within_budget(routes, sizes, target, n_folds, mapper.time_budget, evaluation)


def ages_of_events(mapper: InterestMapper, panel: Panel) -> Weighting | None:
    """Return the weighting that encodes ages; None without times, or if routes or weights are given.

    With it, a fit has a fold in time.
    """
    asked = mapper.routes, mapper.weighting, mapper.recency
    return dated_weighting(panel) if all(one is None for one in asked) else None


def _rank(mapper: InterestMapper, target: str, limits: dict[str, int]) -> int:
    """Return the largest rank of the default routes."""
    if mapper.n_components is None:
        return RANK
    wanted = check_count("n_components", mapper.n_components)
    # one source of this size is enough; smaller ones get smaller ranks
    largest = max(limit for name, limit in limits.items() if name != target)
    if wanted > (most := min(largest, limits[target])):
        raise InvalidParameterError(
            f"InterestMapper(n_components={wanted}) needs at least {wanted} users and items in the "
            f"target and in a source; the data allow {most}. Lower n_components, or leave it None."
        )
    return wanted


def _size(rows: sparse.csr_matrix) -> Size:
    """Return the numbers of users, items and interactions; users and items without any are not counted."""
    users, items = (int((rows.getnnz(axis=axis) > 0).sum()) for axis in (1, 0))
    return Size(users, items, rows.nnz)


def _limit(rows: sparse.csr_matrix) -> int:
    """Return the highest rank the histories allow with a fifth of the users hidden."""
    users = int((np.diff(rows.indptr) > 0).sum())
    items = int((np.bincount(rows.indices, minlength=rows.shape[1]) > 0).sum())
    # a fold hides a fifth of the linked users; 3/5 leaves a margin for folds of unequal size
    return max(1, min(users * 3 // 5, items))
