"""Pseudo-overlap: users of the target treated as users of a source, where too few users are in both.

A fifth of the target's users with some history are hidden from the fit. Half of the items of each are shown
as a history in a source: shared items by their id, other items by their features. A bridge over items or
features must find the other half. This gives the weight of the bridge, and shows whether it beats popularity.
It does not show how well users of the source are served, which cannot be known without shared users.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.fitting.folds import Fold, Held, folds_of, without
from tastebridge.model import gates_of
from tastebridge.routes import FitContext, FittedRoute, RouteKind, vectors_of

FEWEST_ITEMS = 4
"""The fewest items of a pseudo-overlapping user in the target: two to show and two to find."""


def pseudo_overlapping(target: sparse.csr_matrix) -> NDArray[np.int64]:
    """Return the numbers of the users that can be pseudo-overlapping."""
    return np.flatnonzero(np.diff(target.indptr) >= FEWEST_ITEMS)


def pseudo_overlap_folds(
    context: FitContext, held: list[Held], fitted: Mapping[str, FittedRoute], names: list[str]
) -> list[Fold]:
    """Return folds as :func:`tastebridge.fitting.folds.folds_of`; cold users show half of their items."""
    found = []
    for part in held:
        if part.segment == "cold" and len(part.people):
            found.append(_fold(context, part, fitted, names))
        else:
            found += folds_of(context, [part], fitted, names)
    return found


def _fold(context: FitContext, held: Held, fitted: Mapping[str, FittedRoute], names: list[str]) -> Fold:
    shown = _every_other(held.hidden)
    hidden = without(held.hidden, [Held("cold", np.arange(len(held.people)), shown)])
    target = context.target
    nothing_there = sparse.csr_matrix(shown.shape, dtype=np.float32)
    source_histories = {name: _moved(shown, context, name) for name in context.sources} | {
        target: nothing_there
    }
    target_histories = {
        name: sparse.csr_matrix(rows.shape, dtype=np.float32) for name, rows in source_histories.items()
    }
    target_histories[target] = shown
    routes = [fitted.get(name) for name in names]
    by_items = [route for route in routes if route is not None and _reads_items(route)]
    alike = {
        route.name: _of_the_target(route, fitted, target)
        for route in routes
        if route is not None and route.kind is RouteKind.LIKENESS and route.sources != (target,)
    }
    vectors = vectors_of(by_items, context.encoders, source_histories)
    by_features = vectors_of(alike.values(), context.encoders, target_histories)
    vectors |= {name: by_features[other.name] for name, other in alike.items()}
    # for the meta-features the shown items count once, in however many sources they are
    gates = gates_of(target, {target: nothing_there, "shown": shown}, {})
    # routes over users have the score 0: pseudo-overlap says nothing about them
    nothing = np.zeros((len(held.people), 1), dtype=np.float32)
    spaces = [next(iter(context.spaces)) if route is None else route.space for route in routes]
    return Fold(
        held._replace(hidden=hidden),
        gates,
        [vectors.get(name, nothing).astype(np.float32) for name in names],
        spaces,
        {key: context.spaces[key] for key in dict.fromkeys(spaces)},
        shown,
    )


def _reads_items(route: FittedRoute) -> bool:
    """Return whether a route is the same for all users, or reads shared items by their ids."""
    return not route.sources or route.kind is RouteKind.SHARED_ITEMS


def _of_the_target(route: FittedRoute, fitted: Mapping[str, FittedRoute], target: str) -> FittedRoute:
    """Return the route that reads the same features of the target's own items."""
    return next(
        other
        for other in fitted.values()
        if (other.kind, other.recipe, other.sources) == (route.kind, route.recipe, (target,))
    )


def _moved(rows: sparse.csr_matrix, context: FitContext, source: str) -> sparse.csr_matrix:
    """Return rows over the target's items as rows over a source's items; items not shared are dropped."""
    n_source = context.histories[source].shape[1]
    if source not in context.same:
        return sparse.csr_matrix((rows.shape[0], n_source), dtype=np.float32)
    target_histories, target_items = context.same[source]
    ones = np.ones(len(target_histories), dtype=np.float32)
    moves = sparse.csr_matrix((ones, (target_items, target_histories)), shape=(rows.shape[1], n_source))
    return sparse.csr_matrix(rows @ moves)


def _every_other(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return half of the entries of every row, drawn at random but equal at every call."""
    order = np.random.default_rng(0).random(rows.nnz)
    user = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    # argsort of a sort order is the rank of every entry; less the row's start, its rank in the row
    place = np.argsort(np.lexsort((order, user))) - rows.indptr[user]
    keep = place < np.diff(rows.indptr)[user] // 2
    indptr = np.append(0, np.cumsum(keep))[rows.indptr]
    return sparse.csr_matrix((rows.data[keep], rows.indices[keep], indptr), shape=rows.shape)
