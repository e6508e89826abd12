r"""Routes to items that nobody has touched yet: what leads to the others, carried over by their features.

In a space of item vectors :math:`v_i` the items with events teach a ridge regression on the principal
components :math:`t_i` of all kinds of features side by side, each kind with a mean square of 1,
:math:`\hat v_i = W^\top t_i + c`. A route with the vector z of a person so has the score
:math:`z^\top \hat v_i = (W z)^\top t_i + z^\top c` for a new item: an inner product in one space of all
routes, with the item vectors :math:`(t_i, 1)` for new items and 0 for the others. What all new items have in
the space of popularity already, the least there is, is taken off c.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.maps import RidgeMap
from tastebridge.maps.moments import Moments
from tastebridge.routes.context import FitContext
from tastebridge.routes.counted import CountStatistics
from tastebridge.routes.derived import DerivedStatistics
from tastebridge.routes.fitted import Array, FittedRoute, width_of
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.popularity import AMONG_LINKED, POPULARITY
from tastebridge.routes.reader import Reader, Reading

SUFFIX = " ⇢ new items"
"""What the names of these routes end in."""
NEW_ITEMS = "new items"
"""The key of their space; an item's last component is 1 as long as nobody took it, and then all are 0."""
_DIRECTIONS = 64
_ALPHA, _FEWEST = 1.0, 10
"""The ridge penalty, and the fewest items to learn from."""


def is_described(context: FitContext) -> NDArray[np.bool_]:
    """Return which of the target's items any features describe."""
    return np.asarray(_vectors(context).any(axis=1))


def can_learn(context: FitContext) -> bool:
    """Return whether enough of the target's items are described and have events."""
    return bool(np.count_nonzero(is_described(context) & (context.popularity > 0)) >= _FEWEST)


def new_items(context: FitContext) -> NDArray[np.int64]:
    """Return the numbers of the target's items that are described and have no events."""
    return np.flatnonzero(is_described(context) & ~(context.popularity > 0))


def reaches_new_items(route: FittedRoute) -> bool:
    """Return whether features can carry a route over: links between single items lead to no other."""
    return route.kind is not RouteKind.NEIGHBOURS


def routes_to_new_items(
    context: FitContext, routes: Sequence[FittedRoute], new: NDArray[np.int64]
) -> list[FittedRoute]:
    """Return for each route that features can carry over the one that leads to new items.

    There may be no new item yet: then the routes are for those that come later.
    """
    T = _vectors(context)
    V = np.zeros((len(T), T.shape[1] + 1))
    V[new] = with_one(T[new])
    space = context.space(NEW_ITEMS, V)
    context.readings[space] = _reading(context)
    learned: dict[str, Array] = {}
    found = []
    for route in filter(reaches_new_items, routes):
        if route.space not in learned:
            learned[route.space] = _prediction(context, T, route.space, new)
        account = DerivedStatistics(f"{route.name}{SUFFIX}", route.name, learned[route.space])
        context.keep(account.route, account)
        found.append(account.carried(route, width_of(context.encoders[route.encoder].model), space))
    return found


def without_items(rows: sparse.csr_matrix, items: NDArray[np.int64]) -> sparse.csr_matrix:
    """Return histories without some items, whose columns stay."""
    keep = np.ones(rows.shape[1], dtype=np.float32)
    keep[items] = 0.0
    rest = sparse.csr_matrix(rows @ sparse.diags(keep))
    rest.eliminate_zeros()
    return rest


def with_one(T: Array) -> Array:
    """Return rows of the space of new items, (n, K + 1): features and 1; 0 for those not described."""
    return np.column_stack([T, T.any(axis=1)])


def _prediction(context: FitContext, T: Array, space: str, new: NDArray[np.int64]) -> Array:
    """Return ``W`` and ``c`` side by side, (k, K + 1), less what new items have in the space already."""
    known, V = T.any(axis=1) & (context.popularity > 0), context.spaces[space]
    fitted = RidgeMap(_ALPHA).fit_moments(Moments.from_arrays(T[known], V[known]))
    return np.column_stack([fitted.coef_.T, fitted.intercept_ - _had(context, space, new)])


def _had(context: FitContext, space: str, new: NDArray[np.int64]) -> Any:
    """Return what an item nobody took has in a space: of popularity the least, and elsewhere nothing."""
    if space not in (POPULARITY, AMONG_LINKED):
        return 0.0
    account = context.accounts.get(space)
    return account.least if isinstance(account, CountStatistics) else context.spaces[space][new[0]]


def _vectors(context: FitContext) -> Array:
    """Return the principal components of the features of the target's items, all kinds side by side."""
    names = context.features.get(context.target, {})
    parts = [context.described(name, _DIRECTIONS)[context.target] for name in names]
    n_items = context.histories[context.target].shape[1]
    return np.concatenate([np.zeros((n_items, 0)), *(T * spread for T, spread, *_ in parts)], axis=1)


def _reading(context: FitContext) -> Reading:
    """Return how such components are made of features, those of all kinds side by side."""
    names = context.features.get(context.target, {})
    found = {name: context.described(name, _DIRECTIONS)[context.target] for name in names}
    kinds = {name: part.reader.kinds[name].scaled(part.spread) for name, part in found.items()}
    return Reading(context.target, Reader(kinds))
