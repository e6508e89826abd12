"""The contract of a route."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone

from tastebridge._foundation.validation import check_type
from tastebridge.routes import FitContext, FittedRoute, Histories, Route, vectors_of, width_of
from tastebridge.testing.estimator import require, require_parameters

_SOURCE, _TARGET = "books", "films"
_HIDDEN = 15


def shop(n: int = 90, seed: int = 0) -> dict[str, sparse.csr_matrix]:
    """Return histories of users in books and films whose tastes in both go together; some are in one only."""
    rng = np.random.default_rng(seed)
    taste = np.arange(n) % 2
    found = {}
    for name, m in ((_SOURCE, 24), (_TARGET, 18)):
        liked = np.where(taste[:, None] == (np.arange(m) % 2)[None, :], 0.35, 0.05)
        X = (rng.random((n, m)) < liked) * (rng.random((n, 1)) < 0.85)
        found[name] = sparse.csr_matrix(X.astype(np.float32))
    return found


def check_route(route: Route) -> None:
    """Check a route from ``"books"`` to ``"films"`` against :class:`tastebridge.routes.Route`.

    - The constructor stores its parameters.
    - ``build`` returns fitted routes with unique names and consistent encoders, maps and spaces.
    - Vectors are finite. A user without a history in the route's categories has the vector 0, and the vector
      of a user does not depend on the batch, bit for bit.
    - Rows that a fold hides have no influence: a route built without them equals the route of a panel that
      never had them.

    Parameters
    ----------
    route : Route
        It must work on 90 users, 24 books and 18 films, without item features.

    Raises
    ------
    InvalidParameterError
        If it is not a route.
    AssertionError
        If a guarantee is broken; the message names the first.

    Examples
    --------
    >>> from tastebridge.factors import SVDFactors
    >>> from tastebridge.routes import TargetRoute
    >>> check_route(TargetRoute(SVDFactors(4)))
    """
    check_type("route", route, Route, "a class derived from tastebridge.routes.Route")
    require_parameters(route)
    rows = shop()
    context = FitContext(rows, _TARGET)
    built = route.build(context)
    listed = isinstance(built, list) and all(isinstance(one, FittedRoute) for one in built)
    require(listed and len(built) > 0, "build must return a list of fitted routes, at least one here")
    names = [one.name for one in built]
    require(len(set(names)) == len(names), f"each fitted route must have a name of its own; got {names}")
    for one in built:
        _check_parts(one, context)
    vectors = vectors_of(built, context.encoders, rows)
    for one in built:
        _check_vectors(one, vectors[one.name], context, rows)
    _check_hidden(route, rows)


def _check_parts(route: FittedRoute, context: FitContext) -> None:
    require(
        route.encoder in context.encoders, f"{route.name!r} names an encoder that the context does not keep"
    )
    require(route.space in context.spaces, f"{route.name!r} names a space that the context does not keep")
    V = context.spaces[route.space]
    n_items = context.histories[context.target].shape[1]
    require(V.shape[0] == n_items, f"the space of {route.name!r} must have one row per target item")
    width = width_of(context.encoders[route.encoder].model)
    p, k = (width, width) if route.coef is None else route.coef.shape
    fits = p <= width and k <= V.shape[1]
    require(
        fits,
        f"{route.name!r} does not fit together: {width} factors, a map of {p} to {k}, {V.shape[1]} columns",
    )


def _check_vectors(route: FittedRoute, Z: NDArray[np.float64], context: FitContext, rows: Histories) -> None:
    require(np.isfinite(Z).all(), f"the vectors of {route.name!r} must be finite")
    apart = [
        vectors_of([route], context.encoders, {name: X[[user]] for name, X in rows.items()})[route.name]
        for user in range(len(Z))
    ]
    same = np.array_equal(np.vstack(apart), Z)
    require(same, f"{route.name!r} must give a user the same vector, bit by bit, in any batch")
    if route.sources:
        nothing = {name: sparse.csr_matrix((1, X.shape[1]), dtype=np.float32) for name, X in rows.items()}
        empty = vectors_of([route], context.encoders, nothing)[route.name]
        require(not empty.any(), f"{route.name!r} must give the vector 0 to a user without a history")


def _check_hidden(route: Route, rows: dict[str, sparse.csr_matrix]) -> None:
    """Require that hidden rows of the target leave no trace."""
    # new arrays, since a context tells equal histories by identity
    there = rows[_TARGET].toarray()
    there[:_HIDDEN] = 0.0
    left = sparse.csr_matrix(there)
    whole = FitContext(rows, _TARGET)
    route.build(whole)  # parts of the whole fit are kept, and must not be taken over
    fold, never = whole.hiding(left), FitContext({**rows, _TARGET: left}, _TARGET)
    found = {one.name: _scores(one, fold, rows) for one in route.build(fold)}
    expected = {one.name: _scores(one, never, rows) for one in clone(route).build(never)}
    require(found.keys() == expected.keys(), "a fold must build the same routes as a panel without the rows")
    for name, scores in expected.items():
        same = np.allclose(found[name], scores, rtol=1e-5, atol=1e-6)
        require(same, f"hidden rows reach {name!r}: learn from context.histories and context.factors alone")


def _scores(route: FittedRoute, context: FitContext, rows: Histories) -> NDArray[np.float64]:
    Z = vectors_of([route], context.encoders, rows)[route.name]
    V = context.spaces[route.space]
    V = V if isinstance(V, np.ndarray) else V.toarray()
    return np.asarray(Z @ V[:, : Z.shape[1]].T)
