"""The route over shared items: factors of both categories at once, with shared items as one column."""

from __future__ import annotations

from copy import copy

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone

from tastebridge.factors import EASEFactors, SVDFactors
from tastebridge.routes.context import FitContext
from tastebridge.routes.fitted import FittedRoute
from tastebridge.routes.kinds import RouteKind
from tastebridge.routes.links import binary
from tastebridge.routes.route import Route
from tastebridge.routes.transfer import encoder_of, label


class SharedItemsRoute(Route):
    r"""Factors of source and target as one matrix over the union of their items.

    Shared users give two matrices the same rows; here shared items give them the same columns. With the
    histories :math:`S, T` and the matrices :math:`P_s, P_t` that map their items to the joint columns,

    .. math:: [S P_s + T P_t > 0] \approx U \Sigma V^\top, \qquad z = d^{-1/2} (s P_s + t P_t) E, \qquad
              \hat r = z\, (P_t V)^\top,

    so that users of the source, who need not be in the target, contribute co-occurrences of items. They get
    recommendations in the target from their history in the source. Items are shared if they have the same id
    in both categories. All entries of the decomposed matrix are 1: a shared item that a user has in both
    categories counts once there, and twice in an encoded history, of length d. The encoder E and the item
    vectors V belong to the factors.

    Parameters
    ----------
    factors : SVDFactors or EASEFactors, default=SVDFactors()
        The rank is lowered if the data do not allow it.

    References
    ----------
    A. P. Singh and G. J. Gordon, "Relational learning via collective matrix factorization", KDD (2008).
    """

    def __init__(self, factors: SVDFactors | EASEFactors | None = None) -> None:
        self.factors = factors

    def build(self, context: FitContext) -> list[FittedRoute]:
        """Return a fitted route for every source that shares items with the target."""
        return [self._one(context, source) for source in context.sources if source in context.same]

    def _one(self, context: FitContext, source: str) -> FittedRoute:
        S, T = (context.histories[name] for name in (source, context.target))
        columns = _columns(context, source)
        moved = sparse.csr_matrix((S.data, columns[S.indices], S.indptr), (S.shape[0], columns.max() + 1))
        # a user may have an item in both categories: once is enough
        whole = binary(sparse.csr_matrix(_widened(moved, T) + _widened(T, moved)))
        whole = whole[np.diff(whole.indptr) > 0]
        factors = clone(self.factors or SVDFactors())
        factors.set_params(n_components=min(factors.n_components, *whole.shape))
        model = factors.fit(whole)
        # the encoder reads source and target side by side, so a shared item has two rows there
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
    """Return the column of each source item in the joint matrix, where target items come first."""
    source_items, target_items = context.same[source]
    n_source, n_target = (context.histories[name].shape[1] for name in (source, context.target))
    columns = np.full(n_source, -1)
    columns[source_items] = target_items
    rest = columns < 0
    columns[rest] = n_target + np.arange(rest.sum())
    return columns


def _widened(rows: sparse.csr_matrix, other: sparse.csr_matrix) -> sparse.csr_matrix:
    width = max(rows.shape[1], other.shape[1])
    return sparse.csr_matrix((rows.data, rows.indices, rows.indptr), (rows.shape[0], width))


def _of_items(model: SVDFactors | EASEFactors, rows: NDArray[np.int64]) -> SVDFactors | EASEFactors:
    """Return a fitted model over histories of these items, some of which may occur twice."""
    chosen = copy(model)
    chosen.encoder_, chosen.item_factors_ = model.encoder_[rows], model.item_factors_[rows]
    chosen.item_degrees_ = model.item_degrees_[rows]
    chosen.n_features_in_ = len(rows)
    return chosen
