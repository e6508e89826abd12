r"""Cold items: the weights of the routes to new items, learned on items whose events were hidden.

In every fold a fifth of the described items lose all their events, and the routes to new items
(:mod:`tastebridge.routes.new_items`) are fitted without these events. The weights of these routes are learned
on the held-out users' rows of all items, while the score of items that are not hidden stays fixed. So new
items are ranked correctly among themselves and relative to all other items.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

import numpy as np
from sklearn.base import clone

from tastebridge._numerics.threads import together
from tastebridge.fitting.built import Built
from tastebridge.fitting.few_overlap import Weighed
from tastebridge.fitting.folds import Fold, Held, fit_routes, folds_of, without
from tastebridge.fitting.settings import FitSettings
from tastebridge.fitting.training_lists import Lists, lists_of, relative_to_first, scores_of
from tastebridge.model import Array, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.routes import (
    FitContext,
    FittedRoute,
    can_learn,
    is_described,
    new_items,
    reaches_new_items,
    routes_to_new_items,
)
from tastebridge.routes.new_items import without_items

MakeFolds = Callable[[FitContext, list[Held], Mapping[str, FittedRoute], list[str]], list[Fold]]

_SHARE = 5  # one described item in five is hidden in a fold
_FEWEST = 10
"""Held-out rows of hidden items below which nothing is learned."""


def learn_new_items(
    built: Built,
    known: Weighed,
    settings: FitSettings,
    rng: np.random.Generator,
    make_folds: MakeFolds = folds_of,
    ahead: bool = False,
) -> Weighed:
    """Return the routes to new items, and the segments with their weights after the other weights.

    Parameters
    ----------
    built : Built
        The routes fitted on all users. Without enough described items with events there are no routes to new
        items. Routes added later never lead to new items, as no fold measures their value there.
    known : Weighed
        All routes, the routes of ``built`` first, and their weights.
    settings : FitSettings
    rng : Generator
    make_folds : callable, default=folds_of
        Makes the folds of held-out users.
    ahead : bool, default=False
        Whether to return such routes even without any new item, for items that come later.
    """
    context, routes, segments = built.context, known.routes, known.segments
    new = new_items(context)
    if not can_learn(context) or not (ahead or len(new)):
        return Weighed([], dict(segments))
    found = routes_to_new_items(context, built.fitted, new)
    names = [route.name for route in routes] + [route.name for route in found]
    calls = [  # a generator for each fold: the draws do not depend on which thread comes first
        partial(_folds, built, names, part, draw, make_folds)
        for part, draw in zip(built.held, rng.spawn(len(built.held)), strict=True)
    ]
    folds = [fold for part in together(calls, settings.n_jobs) for fold in part]
    origin = np.array([at for at, route in enumerate(built.fitted) if reaches_new_items(route)])
    out = {}
    for name, segment in segments.items():
        own_folds = [fold for fold in folds if fold.held.segment == name]
        kept = segment.kept[origin]
        weights = segment.blend.weights()[origin]  # without rows, a route counts as much as its origin
        if own_folds:
            lists = lists_of(own_folds, settings.n_lists, settings.n_negatives, rng)
            weights = _learn(settings.blend, lists, segment, kept, weights)
        out[name] = segment.extended(weights, kept)
    return Weighed(found, out)


def _learn(blend: StackingBlend, lists: Lists, segment: Segment, kept: Array, default: Array) -> Array:
    """Return the weights of the routes to new items, while the other weights stay fixed."""
    X = np.column_stack([scores_of(lists, segment), lists.X[:, len(segment.kept) :] * kept])
    relevant = X[lists.y > 0, 1:].any(axis=1)  # only hidden items have scores by these routes
    if np.count_nonzero(relevant) < _FEWEST:
        return default
    return relative_to_first(clone(blend).fit(X, lists.y, lists.groups).weights(), X)


def _folds(
    built: Built,
    names: list[str],
    held: list[Held],
    rng: np.random.Generator,
    make_folds: MakeFolds,
) -> list[Fold]:
    """Return the folds of held-out users over the items with events, a fifth of these items hidden."""
    rest = without(built.context.histories[built.context.target], held)
    hiding = built.context.hiding(without_items(rest, _chosen(built.context, rng)))
    fitted = fit_routes(built.routes, hiding)
    fitted |= {
        route.name: route for route in routes_to_new_items(hiding, list(fitted.values()), new_items(hiding))
    }
    # true new items have no events by which a rank could be judged, so they are not in the lists
    judged = np.flatnonzero(built.context.popularity)
    return [
        replace(
            fold,
            held=fold.held._replace(hidden=fold.held.hidden[:, judged]),
            items={key: V[judged] for key, V in fold.items.items()},
            # without_items emptied the fold's rows of the hidden items; the user still has them
            seen=(rest[fold.held.people] + fold.seen).astype(bool).astype(np.float32)[:, judged],
        )
        for fold in make_folds(hiding, held, fitted, names)
    ]


def _chosen(context: FitContext, rng: np.random.Generator) -> np.ndarray:
    """Return a random fifth of the items that have events and are described."""
    known = np.flatnonzero((context.popularity > 0) & is_described(context))
    return np.sort(rng.permutation(known)[: -(-len(known) // _SHARE)])  # rounded up: never none
