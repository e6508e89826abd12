"""Folds: routes fitted without the target rows of some users, and their scores of these rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.cells import of_dense, union
from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors.base import FactorModel
from tastebridge.model import Array, gates_of, read_by_gates
from tastebridge.routes import FitContext, FittedRoute, Route, vectors_of
from tastebridge.routes.twins import rows_to_find
from tastebridge.splits import k_fold_users

Numbers = NDArray[np.int64]
_PARTS = 5
"""Linked users are dealt into five parts; a fold hides one of them."""
FEWEST_LINKED = 5
"""Below this many linked users nothing can be judged out of fold."""


class Held(NamedTuple):
    """Users whose rows in the target are hidden, whole ("cold") or in part ("warm")."""

    segment: str
    people: Numbers
    hidden: sparse.csr_matrix


@dataclass
class Fold:
    """The routes of one fold and the vectors of its held-out users.

    Attributes
    ----------
    held : Held
    gates : ndarray of shape (n_users, n_gates)
    vectors : list of ndarray of shape (n_users, k), one per route
    spaces : list of str, one per route
    items : mapping of space to ndarray or, where few entries are not 0, csr_matrix, of shape (n_items, k)
    seen : csr_matrix of shape (n_users, n_items)
        Their target rows without the hidden entries.
    lacking : mapping of source to Fold
        The same users with an empty history in the source; only for requested sources.
    twins : csr_matrix of shape (n_users, n_items), optional
        The twins of the users' items, found from the rows the fold sees; None for none.
    """

    held: Held
    gates: Array
    vectors: list[NDArray[np.float32]]
    spaces: list[str]
    items: Mapping[str, NDArray[np.float32] | sparse.csr_matrix]
    seen: sparse.csr_matrix
    lacking: Mapping[str, Fold] = field(default_factory=dict)
    twins: sparse.csr_matrix | None = None

    def without_twins(self) -> Fold:
        """Return the fold with nothing to find that is a twin, and with twins out of all lists."""
        if self.twins is None:
            return self
        hidden = rows_to_find(self.held.hidden, self.twins)
        return replace(
            self,
            held=self.held._replace(hidden=hidden),
            seen=union(self.seen, self.twins),
            twins=None,
        )

    def extended(
        self,
        vectors: Sequence[NDArray[np.float32]],
        spaces: Sequence[str],
        items: Mapping[str, NDArray[np.float32] | sparse.csr_matrix],
    ) -> Fold:
        """Return the fold with more routes, and the items of spaces it does not have yet."""
        return replace(
            self,
            vectors=[*self.vectors, *vectors],
            spaces=[*self.spaces, *spaces],
            items={**self.items, **items},
        )

    def scores(self, rows: Numbers, weights: Array) -> NDArray[np.float32]:
        """Return the scores of all items for the users ``rows``; ``weights`` are (n_rows, n_routes)."""
        total: NDArray[np.float32] | None = None
        for space, V in self.items.items():
            # vectors of one space are added up first: one product with the items instead of one per route
            Z = np.zeros((len(weights), V.shape[1]), dtype=np.float32)
            for column in np.flatnonzero(weights.any(axis=0)):
                if self.spaces[column] == space:
                    part = self.vectors[column][rows]
                    Z[:, : part.shape[1]] += part * weights[:, [column]].astype(np.float32)
            if Z.any():
                total = _add_scores(total, Z, V)
        return np.zeros((len(weights), self.seen.shape[1]), dtype=np.float32) if total is None else total


def number_of_folds(n_linked: int, enough: int = 1000) -> int:
    """Return the number of folds, at most five, needed to evaluate ``enough`` linked users."""
    return int(np.clip(-(-enough * _PARTS // max(n_linked, 1)), 1, _PARTS))


def held_out(
    target: sparse.csr_matrix, linked: Numbers, n_folds: int, cap: int, rng: np.random.Generator
) -> Iterator[list[Held]]:
    """Yield for every fold the users to hide.

    - A fifth of the linked users lose all of their target rows ("cold").
    - Other users with at least two target rows lose one each ("warm").

    No user is held out twice in the same way, nor in both ways in one fold. There are at most ``cap`` users
    of each kind.
    """
    counts = np.diff(target.indptr)
    seed = int(rng.integers(2**31))
    parts = k_fold_users(linked, min(_PARTS, len(linked)), seed, counts=counts[linked])
    return held_in(parts, target, linked, min(n_folds, len(parts)), cap, rng)


def held_in(
    parts: Sequence[Numbers],
    target: sparse.csr_matrix,
    linked: Numbers,
    n_folds: int,
    cap: int,
    rng: np.random.Generator,
) -> Iterator[list[Held]]:
    """Yield for every fold the users to hide, given the linked users split into parts."""
    counts = np.diff(target.indptr)
    others = rng.permutation(np.setdiff1d(np.flatnonzero(counts), linked))
    shares = np.array_split(others, n_folds)
    for fold in range(n_folds):
        cold = _at_most(parts[fold], cap, rng)
        # warm are also linked users: the cold part of the fold before (for the first fold, of the last),
        # so that no user is cold and warm in one fold, and the parts that are cold in no fold
        before = parts[fold - 1 : fold] if fold else parts[1:n_folds][-1:]
        warm = np.concatenate([shares[fold], *before, *parts[n_folds + fold :: n_folds]])
        warm = _at_most(np.sort(warm[counts[warm] >= 2]), cap, rng)
        yield [Held("cold", cold, target[cold]), Held("warm", warm, one_each(target[warm], rng))]


def fit_routes(
    routes: Sequence[Route], context: FitContext, made: list[list[str]] | None = None
) -> dict[str, FittedRoute]:
    """Return the routes fitted in a context by name; names must be unique.

    With ``made``, the names of the routes of each kind are added to this list.
    """
    found: dict[str, FittedRoute] = {}
    by_kind = [kind.build(context) for kind in routes]
    if made is not None:
        made += [[route.name for route in fitted] for fitted in by_kind]
    for route in (route for fitted in by_kind for route in fitted):
        if route.name in found:
            raise InvalidParameterError(
                f"two routes are {route.name!r}; names must differ. Leave one out of routes."
            )
        found[route.name] = route
    return found


def folds_of(
    context: FitContext,
    held: list[Held],
    fitted: Mapping[str, FittedRoute],
    names: list[str],
    lacking: Sequence[str] = (),
) -> list[Fold]:
    """Return the vectors of held-out users, whose rows the context lacks; routes in the order of ``names``.

    With ``lacking``, each fold also holds the same users without their histories in each of these sources.
    """
    routes = [fitted.get(name) for name in names]
    folds = [_fold(context, part, routes) for part in held if len(part.people)]
    return [
        replace(fold, lacking={name: _lacking(context, fold, routes, name) for name in lacking})
        for fold in folds
    ]


def build_fold(
    routes: Sequence[Route], context: FitContext, held: list[Held], names: list[str]
) -> list[Fold]:
    """Fit the routes in a context without the held-out rows, and return the vectors of the held-out users."""
    return folds_of(context, held, fit_routes(routes, context), names)


def spread_evenly(n: int, most: int) -> Numbers:
    """Return at most ``most`` of the numbers below ``n``, evenly spaced."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(np.int64)


def without(target: sparse.csr_matrix, held: list[Held]) -> sparse.csr_matrix:
    """Return the target's matrix without all held-out entries."""
    keep = np.ones(target.nnz, dtype=bool)
    for part in held:
        rows = np.repeat(part.people, np.diff(part.hidden.indptr))
        keep[_positions(target, rows, part.hidden.indices)] = False
    indptr = np.append(0, np.cumsum(keep))[target.indptr]
    return sparse.csr_matrix((target.data[keep], target.indices[keep], indptr), shape=target.shape)


def _fold(context: FitContext, held: Held, routes: list[FittedRoute | None]) -> Fold:
    histories = {name: rows[held.people] for name, rows in context.histories.items()}
    known = [route for route in routes if route is not None]
    encoders = {key: context.encoders[key] for key in {route.encoder for route in known}}
    encoded = {
        key: context.encoded(*encoder, held.people)
        for key, encoder in encoders.items()
        if isinstance(encoder.model, FactorModel)  # a context keeps the factors of these models only
    }
    parts = vectors_of(known, encoders, histories, encoded)
    # a route that this fold could not fit keeps its column, with the score 0 in any space
    nothing = np.zeros((len(held.people), 1), dtype=np.float32)
    spaces = [next(iter(context.spaces)) if route is None else route.space for route in routes]
    return Fold(
        held,
        gates_of(context.target, histories, _read_by_gates(known, parts)),
        [nothing if route is None else parts[route.name].astype(np.float32) for route in routes],
        spaces,
        {key: _thin(context.spaces[key]) for key in dict.fromkeys(spaces)},
        histories[context.target],
        twins=context.twins.left_out(histories) if context.twins else None,
    )


def _lacking(context: FitContext, fold: Fold, routes: list[FittedRoute | None], source: str) -> Fold:
    """Return the fold of the same users with an empty history in a source."""
    histories = {name: rows[fold.held.people] for name, rows in context.histories.items()}
    histories[source] = sparse.csr_matrix(histories[source].shape, dtype=histories[source].dtype)
    # other routes keep the very arrays of the fold, which training lists recognise by identity
    reading = [route for route in routes if route is not None and source in route.sources]
    changed = vectors_of(reading, context.encoders, histories)
    there = {route.name: Z for route, Z in zip(routes, fold.vectors, strict=True) if route is not None}
    parts: dict[str, Any] = {**there, **{name: Z.astype(np.float32) for name, Z in changed.items()}}
    vectors = [
        Z if route is None else parts[route.name] for route, Z in zip(routes, fold.vectors, strict=True)
    ]
    known = [route for route in routes if route is not None]
    gates = gates_of(context.target, histories, _read_by_gates(known, parts))
    return replace(fold, gates=gates, vectors=vectors)


def _read_by_gates(routes: Sequence[FittedRoute], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the vectors that the meta-features read, by route name."""
    return {route.name: parts[route.name] for route in routes if read_by_gates(route)}


def dealt_anew(
    fold: Fold, reads: Sequence[tuple[str, ...]], sources: str | Collection[str], target: str
) -> Fold:
    """Return the fold with the histories of its users in one or several sources permuted.

    Every user with a history there gets the vectors of another user, at random and the same at every call.
    Information common to all users stays; information on single users is lost. The meta-features do not
    change. For warm users, neither do routes that also read the target.

    Parameters
    ----------
    fold : Fold
    reads : list of tuple of str
        The categories read by each route.
    sources : str or collection of str
        One source, or several: each user then gets the histories of one other user in all of them.
    target : str
    """
    dealt = {sources} if isinstance(sources, str) else set(sources)
    warm = fold.held.segment == "warm"
    places = [
        at
        for at, categories in enumerate(reads)
        if (others := set(categories) - {target}) and others <= dealt and not (warm and target in categories)
    ]
    known = np.zeros(len(fold.held.people), dtype=bool)
    for at in places:
        known |= fold.vectors[at].any(axis=1)
    order = np.random.default_rng(0).permutation(np.flatnonzero(known))
    donor = np.arange(len(known))
    donor[order] = np.roll(order, 1)  # one cycle: no user keeps the own history, unless alone
    vectors = list(fold.vectors)
    for at in places:
        vectors[at] = vectors[at][donor]
    return replace(fold, vectors=vectors)


def _thin(V: NDArray[np.float32] | sparse.csr_matrix) -> NDArray[np.float32] | sparse.csr_matrix:
    """Return ``V`` as a sparse matrix if fewer than one in twenty of its entries are not 0."""
    if sparse.issparse(V):
        return V
    return of_dense(V) if np.count_nonzero(V) < V.size // 20 else V


def _add_scores(
    total: NDArray[np.float32] | None, Z: NDArray[np.float32], V: NDArray[np.float32] | sparse.csr_matrix
) -> NDArray[np.float32]:
    """Return ``total`` plus ``Z V'``, in place, by a sparse product if ``V`` is sparse; None is 0."""
    if isinstance(V, np.ndarray):
        scores: NDArray[np.float32] = Z @ V.T
        if total is not None:
            scores += total
        return scores
    if total is None:
        total = np.zeros((len(Z), V.shape[0]), dtype=np.float32)
    # links are few on both sides: most histories reach none of them
    found = (of_dense(Z) @ V.T).tocoo()
    total[found.row, found.col] += found.data
    return total


def one_each(matrix: sparse.csr_matrix, rng: np.random.Generator) -> sparse.csr_matrix:
    """Return one random entry of every row; no row may be empty."""
    counts = np.diff(matrix.indptr)
    kept = matrix.indptr[:-1] + (rng.random(len(counts)) * counts).astype(np.int64)
    return sparse.csr_matrix(
        (matrix.data[kept], matrix.indices[kept], np.arange(len(counts) + 1)), shape=matrix.shape
    )


def _positions(matrix: sparse.csr_matrix, rows: Numbers, columns: Numbers) -> Numbers:
    """Return the places of the entries in ``matrix.data``, for a matrix with sorted indices."""
    n = matrix.shape[1]
    # (row, column) as one number ascends with the storage order, so a binary search finds it
    stored = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)) * n + matrix.indices
    return np.searchsorted(stored, rows * n + columns)


def _at_most(users: Numbers, cap: int, rng: np.random.Generator) -> Numbers:
    return users if len(users) <= cap else np.sort(rng.choice(users, cap, replace=False))
