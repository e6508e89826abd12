r"""Routes to items without events: the other routes, extended to new items by features.

In a space of item vectors :math:`v_i`, a ridge regression over the items with events predicts the vectors
from features, :math:`\hat v_i = W^\top t_i + c`. Here :math:`t_i` are the principal components of all kinds
of features side by side, each kind with a mean square of 1. For a route with the user vector z, a new item
has the score :math:`z^\top \hat v_i = (W z)^\top t_i + z^\top c`. This is an inner product in one space for
all routes, with the item vectors :math:`(t_i, 1)` for new items and 0 for the others. In the space of
popularity all new items already have the smallest value, which is therefore subtracted from c.
"""

from __future__ import annotations

from collections.abc import Sequence

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
"""The end of the names of these routes."""
NEW_ITEMS = "new items"
"""The key of their space. An item's last component is 1 while it is ranked by features; later all are 0."""
_DIRECTIONS = 64  # as many as a ContentRoute uses by default, so that both share one decomposition
_ALPHA, _FEWEST = 1.0, 10
"""The ridge penalty, and the fewest items to learn from."""
_OF_KNOWN_ITEMS = (RouteKind.NEIGHBOURS, RouteKind.ITEM_REGRESSION, RouteKind.RECENT_POPULARITY)
"""The routes that features cannot extend to new items."""


def is_described(context: FitContext) -> NDArray[np.bool_]:
    """Return a mask of the target's items with any features."""
    return np.asarray(_vectors(context).any(axis=1))


def can_learn(context: FitContext) -> bool:
    """Return whether enough of the target's items have both features and events."""
    return bool(np.count_nonzero(is_described(context) & (context.popularity > 0)) >= _FEWEST)


def new_items(context: FitContext) -> NDArray[np.int64]:
    """Return the numbers of the target's items that are described and have no events."""
    return np.flatnonzero(is_described(context) & ~(context.popularity > 0))


def reaches_new_items(route: FittedRoute) -> bool:
    """Return whether features can extend a route to new items.

    Links and weights of single items cannot be extended, and an item without events is as recent as can be.
    """
    return route.kind not in _OF_KNOWN_ITEMS


def routes_to_new_items(
    context: FitContext, routes: Sequence[FittedRoute], new: NDArray[np.int64]
) -> list[FittedRoute]:
    """Return for each route the route to new items, unless features cannot extend it.

    Without any new item yet, these routes are for items that come later.
    """
    T = _vectors(context)
    V = np.zeros((len(T), T.shape[1] + 1))
    V[new] = with_one(T[new])
    space = context.space(NEW_ITEMS, V)
    context.readings[space] = _reading(context)
    learned: dict[str, Array] = {}  # by space: many routes share one regression
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
    """Return ``W`` and ``c`` side by side, (k, K + 1), less the vector that new items have already."""
    known, V = T.any(axis=1) & (context.popularity > 0), context.spaces[space]
    fitted = RidgeMap(_ALPHA).fit_moments(Moments.from_arrays(T[known], V[known]))
    return np.column_stack([fitted.coef_.T, fitted.intercept_ - _had(context, space, new)])


def _had(context: FitContext, space: str, new: NDArray[np.int64]) -> float | NDArray[np.float32]:
    """Return the vector of an item without events: the smallest popularity, and 0 in other spaces."""
    if space not in (POPULARITY, AMONG_LINKED):
        return 0.0
    account = context.accounts.get(space)
    # a fold keeps no account, but always hides some items, and all items without events are alike
    return account.least if isinstance(account, CountStatistics) else context.spaces[space][new[0]]


def _vectors(context: FitContext) -> Array:
    """Return the principal components of the features of the target's items, all kinds side by side."""
    names = context.features.get(context.target, {})
    parts = [context.described(name, _DIRECTIONS)[context.target] for name in names]
    n_items = context.histories[context.target].shape[1]
    return np.concatenate([np.zeros((n_items, 0)), *(T * spread for T, spread, *_ in parts)], axis=1)


def _reading(context: FitContext) -> Reading:
    """Return the map from features to these components."""
    names = context.features.get(context.target, {})
    found = {name: context.described(name, _DIRECTIONS)[context.target] for name in names}
    kinds = {name: part.reader.kinds[name].scaled(part.spread) for name, part in found.items()}
    return Reading(context.target, Reader(kinds))
