"""Where too few people are in both categories: people of the target stand in for those of a source.

A fifth of the target's people with some history are hidden from it, and half of the items of each are shown
as if they had been seen from a source: the shared ones under their id there, or by what they are like. The
other half is what a bridge of items or features has to find. So its weight is learned, and popularity is
what it has to beat. How well people of the source themselves are served this cannot say: that nobody knows
before some of them are in both.
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
"""Items of the target a stand-in has at least."""


def stand_ins(target: sparse.csr_matrix) -> NDArray[np.int64]:
    """Return the numbers of the people who can stand in."""
    return np.flatnonzero(np.diff(target.indptr) >= FEWEST_ITEMS)


def stand_in_folds(
    context: FitContext, held: list[Held], fitted: Mapping[str, FittedRoute], names: list[str]
) -> list[Fold]:
    """Return the folds as :func:`tastebridge.fitting.folds.folds_of`, half of the items of cold people shown."""  # noqa: E501
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
    nobody = sparse.csr_matrix(shown.shape, dtype=np.float32)
    elsewhere = {name: _moved(shown, context, name) for name in context.sources} | {target: nobody}
    here = {name: sparse.csr_matrix(rows.shape, dtype=np.float32) for name, rows in elsewhere.items()}
    here[target] = shown
    routes = [fitted.get(name) for name in names]
    by_items = [route for route in routes if route is not None and _reads_items(route)]
    alike = {
        route.name: _of_the_target(route, fitted, target)
        for route in routes
        if route is not None and route.kind is RouteKind.LIKENESS and route.sources != (target,)
    }
    vectors = vectors_of(by_items, context.encoders, elsewhere)
    by_features = vectors_of(alike.values(), context.encoders, here)
    vectors |= {name: by_features[other.name] for name, other in alike.items()}
    gates = gates_of(target, {target: nobody, "shown": shown}, {})
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
    """Return whether a route is the same for everybody, or reads items under their ids."""
    return not route.sources or route.kind is RouteKind.SHARED_ITEMS


def _of_the_target(route: FittedRoute, fitted: Mapping[str, FittedRoute], target: str) -> FittedRoute:
    """Return the route that reads the same features of the target's own items."""
    return next(
        other
        for other in fitted.values()
        if (other.kind, other.recipe, other.sources) == (route.kind, route.recipe, (target,))
    )


def _moved(rows: sparse.csr_matrix, context: FitContext, source: str) -> sparse.csr_matrix:
    """Return rows over the target's items as rows over the items of a source: those it shares."""
    n_source = context.histories[source].shape[1]
    if source not in context.same:
        return sparse.csr_matrix((rows.shape[0], n_source), dtype=np.float32)
    here, there = context.same[source]
    ones = np.ones(len(here), dtype=np.float32)
    moves = sparse.csr_matrix((ones, (there, here)), shape=(rows.shape[1], n_source))
    return sparse.csr_matrix(rows @ moves)


def _every_other(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return half of the entries of every row, drawn at random, the same at every call."""
    order = np.random.default_rng(0).random(rows.nnz)
    person = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    place = np.argsort(np.lexsort((order, person))) - rows.indptr[person]
    keep = place < np.diff(rows.indptr)[person] // 2
    indptr = np.append(0, np.cumsum(keep))[rows.indptr]
    return sparse.csr_matrix((rows.data[keep], rows.indices[keep], indptr), shape=rows.shape)
