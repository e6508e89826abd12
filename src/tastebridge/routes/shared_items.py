"""The route over shared items: factors of both categories at once, with an item that is in both as one."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone

from tastebridge.factors import SVDFactors
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import FittedRoute
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.links import binary
from tastebridge.routes.route import Route
from tastebridge.routes.transfer import encoder_of, label


class SharedItemsRoute(Route):
    r"""Factors of source and target as one matrix, whose columns are the items of either, shared ones once.

    It is the transpose of what shared people allow: there the rows of two matrices are the same people, here
    columns are the same items. With the histories :math:`S, T` and the matrices :math:`P_s, P_t` that put
    their items in the columns of the whole,

    .. math:: S P_s + T P_t \approx U \Sigma V^\top, \qquad z = d^{-1/2} (s P_s + t P_t) E, \qquad
              \hat r = z\, (P_t V)^\top,

    so that people of the source, who need not be in the target, teach what is taken together, and are
    recommended the target's items by their history in the source. Items are the same if they have the same
    id in both categories.

    Parameters
    ----------
    factors : SVDFactors or EASEFactors, default=SVDFactors()
        Their rank is lowered where the data do not allow it.

    References
    ----------
    A. P. Singh and G. J. Gordon, "Relational learning via collective matrix factorization", KDD (2008).
    """

    def __init__(self, factors: Any = None) -> None:
        self.factors = factors

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return a fitted route for every source that shares items with the target."""
        return [self._one(context, source) for source in context.sources if source in context.same]

    def _one(self, context: FitContext, source: str) -> FittedRoute:
        S, T = (context.histories[name] for name in (source, context.target))
        columns = _columns(context, source)
        moved = sparse.csr_matrix((S.data, columns[S.indices], S.indptr), (S.shape[0], columns.max() + 1))
        whole = binary(sparse.csr_matrix(_widened(moved, T) + _widened(T, moved)))
        whole = whole[np.diff(whole.indptr) > 0]
        factors = clone(self.factors or SVDFactors())
        factors.set_params(n_components=min(factors.n_components, *whole.shape))
        model = factors.fit(whole)
        rows = np.concatenate([columns, np.arange(T.shape[1])])
        categories = (source, context.target)
        encoder = encoder_of(context, categories, _of_items(model, rows))
        space = context.space(f"{source} = items: {factors!r}", model.item_factors_[: T.shape[1]])
        recipe = f"items → {label(factors)}"
        return FittedRoute(
            f"{source} = {recipe}",
            categories,
            encoder,
            None,
            None,
            space,
            bridge="items",
            kind=RouteKind.SHARED_ITEMS,
            recipe=recipe,
        )


def _columns(context: FitContext, source: str) -> NDArray[np.int64]:
    """Return the column in the whole of each of the source's items: the target's come first."""
    here, there = context.same[source]
    n_source, n_target = (context.histories[name].shape[1] for name in (source, context.target))
    columns = np.full(n_source, -1)
    columns[here] = there
    rest = columns < 0
    columns[rest] = n_target + np.arange(rest.sum())
    return columns


def _widened(rows: sparse.csr_matrix, other: sparse.csr_matrix) -> sparse.csr_matrix:
    width = max(rows.shape[1], other.shape[1])
    return sparse.csr_matrix((rows.data, rows.indices, rows.indptr), (rows.shape[0], width))


def _of_items(model: Any, rows: NDArray[np.int64]) -> Any:
    """Return a fitted model whose histories are over these items, some of which may come twice."""
    chosen = copy(model)
    chosen.encoder_, chosen.item_factors_ = model.encoder_[rows], model.item_factors_[rows]
    chosen.item_degrees_ = model.item_degrees_[rows]
    chosen.n_features_in_ = len(rows)
    return chosen
