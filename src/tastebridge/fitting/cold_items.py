r"""New items: what each route is worth for them, learned on items whose events were hidden from everybody.

In every fold a fifth of the items that are described lose all their events, and the routes to new items
(:mod:`tastebridge.routes.new_items`) are fitted without them. The rows of the held people, of hidden items
and of the others alike, then teach the weights of these routes beside the score of the other items as it is:
so that new items stand in their right order, and at their right place among the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from sklearn.base import clone

from tastebridge._numerics.threads import together
from tastebridge.fitting.folds import Fold, Held, Lists, fit_routes, folds_of, lists_of, scores_of, without
from tastebridge.model import Array, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.routes import (
    FitContext,
    FittedRoute,
    Route,
    can_learn,
    is_described,
    new_items,
    reaches_new_items,
    routes_to_new_items,
)
from tastebridge.routes.new_items import without_items

MakeFolds = Callable[[FitContext, list[Held], Mapping[str, FittedRoute], list[str]], list[Fold]]

_SHARE = 5
_FEWEST = 10
"""Held-out rows of hidden items below which nothing is learned."""


def learn_new_items(
    context: FitContext,
    kinds: Sequence[Route],
    routes: Sequence[FittedRoute],
    held: Sequence[list[Held]],
    segments: Mapping[str, Segment],
    blend: StackingBlend,
    n_lists: int,
    n_negatives: int,
    rng: np.random.Generator,
    n_jobs: int | None,
    make_folds: MakeFolds = folds_of,
    ahead: bool = False,
    carried: Sequence[FittedRoute] | None = None,
) -> tuple[list[FittedRoute], dict[str, Segment]]:
    """Return the routes to new items, and the segments whose weights cover them after the others.

    Parameters
    ----------
    context : FitContext
        Of everybody; where too few items have features and events there are no such routes.
    kinds : list of Route
    routes : list of FittedRoute
        What the kinds built in the context.
    held : list of list of Held
        Whom each fold hides.
    segments : mapping of name to Segment
        The weights of ``routes``.
    blend : StackingBlend
        How weights are learned.
    n_lists, n_negatives : int
        As of :class:`tastebridge.InterestMapper`.
    rng : Generator
    n_jobs : int or None
    make_folds : callable, default=folds_of
        What makes the folds of held people.
    ahead : bool, default=False
        Whether there are such routes without any new item, for those that come later.
    carried : list of FittedRoute, optional
        The leading ``routes``, if the others are not to lead to new items: no fold says what they are worth
        there.
    """
    new = new_items(context)
    if not can_learn(context) or not (ahead or len(new)):
        return [], dict(segments)
    carried = routes if carried is None else carried
    found = routes_to_new_items(context, carried, new)
    names = [route.name for route in routes] + [route.name for route in found]
    calls = [
        partial(_folds, context, kinds, names, part, draw, make_folds)
        for part, draw in zip(held, rng.spawn(len(held)), strict=True)
    ]
    folds = [fold for part in together(calls, n_jobs) for fold in part]
    origin = np.array([at for at, route in enumerate(carried) if reaches_new_items(route)])
    out = {}
    for name, segment in segments.items():
        own = [fold for fold in folds if fold.held.segment == name]
        kept = segment.kept[origin]
        weights = segment.blend.weights()[origin]
        if own:
            lists = lists_of(own, n_lists, n_negatives, rng)
            weights = _learn(blend, lists, segment, kept, weights)
        out[name] = segment.extended(weights, kept)
    return found, out


def _learn(blend: StackingBlend, lists: Lists, segment: Segment, kept: Array, usual: Array) -> Array:
    """Return the weights of the routes to new items, those of the others being as they are."""
    X = np.column_stack([scores_of(lists, segment), lists.X[:, len(segment.kept) :] * kept])
    relevant = X[lists.y > 0, 1:].any(axis=1)
    if np.count_nonzero(relevant) < _FEWEST:
        return usual
    weights = clone(blend).fit(X, lists.y, lists.groups).weights()
    return np.asarray(weights[1:] / weights[0])


def _folds(
    context: FitContext,
    kinds: Sequence[Route],
    names: list[str],
    held: list[Held],
    rng: np.random.Generator,
    make_folds: MakeFolds,
) -> list[Fold]:
    """Return the folds of held people over the items that have events, a fifth of them hidden from all."""
    rest = without(context.histories[context.target], held)
    without_chosen = context.hiding(without_items(rest, _chosen(context, rng)))
    fitted = fit_routes(kinds, without_chosen)
    fitted |= {
        route.name: route
        for route in routes_to_new_items(without_chosen, list(fitted.values()), new_items(without_chosen))
    }
    judged = np.flatnonzero(context.popularity)
    return [
        replace(
            fold,
            held=fold.held._replace(hidden=fold.held.hidden[:, judged]),
            items={key: V[judged] for key, V in fold.items.items()},
            seen=(rest[fold.held.people] + fold.seen).astype(bool).astype(np.float32)[:, judged],
        )
        for fold in make_folds(without_chosen, held, fitted, names)
    ]


def _chosen(context: FitContext, rng: np.random.Generator) -> np.ndarray:
    """Return a fifth, at random, of the items that have events and are described."""
    known = np.flatnonzero((context.popularity > 0) & is_described(context))
    return np.sort(rng.permutation(known)[: -(-len(known) // _SHARE)])
