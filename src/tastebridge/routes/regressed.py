"""The statistics of the item regression: the number of users who have both items of a pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy import sparse

from tastebridge.routes.fitted import Array, Encoder, Histories, known_to, side_by_side
from tastebridge.routes.links import LinearEncoder
from tastebridge.routes.partners import Numbers, Partners, Rule, partners_of, possible
from tastebridge.routes.resolving import Before, earlier, reached
from tastebridge.routes.statistics import Moves, Parts, RouteStatistics, check_left, plus_counts

MOST_PARTNERS = 5000
"""Partners of an item, at most: a system of 200 MB."""
_BATCH = 2**20
"""Numbers of the systems that are solved at once: 8 MB."""

_DENSE = 4096
"""Items whose counts are read from a full matrix of at most 64 MB: in a tenth of the time of a search."""


def joint_counts(histories: Histories, categories: Iterable[str], target: str) -> sparse.csr_matrix:
    """Return the users with a history in the target who have both items, for all pairs of items."""
    X = side_by_side(histories, categories)[known_to((target,), histories)]
    X = sparse.csr_matrix((np.ones(X.nnz, dtype=np.int32), X.indices, X.indptr), shape=X.shape)
    both = sparse.csr_matrix(X.T @ X)
    both.sort_indices()
    return both


def regression(
    both: sparse.csr_matrix, block: slice, rule: Rule, before: Before | None = None
) -> sparse.csr_matrix:
    r"""Return the weights (n_items, n_target_items) of the ridge regressions on partners.

    Parameters
    ----------
    both : csr_matrix of shape (n_items, n_items)
        Users who have both items of a pair; on the diagonal, users of an item.
    block : slice
        The target's items.
    rule : Rule
    before : Before, optional
        Other counts and their weights. Weights that no changed count enters are taken from there; a system
        has the same solution bit by bit, whatever other systems are solved.

    Examples
    --------
    >>> X = sparse.csr_matrix([[1, 1, 0], [1, 1, 0], [1, 0, 1]])
    >>> regression(sparse.csr_matrix(X.T @ X), slice(1, 3), Rule(1.0, 5, 5, 2)).toarray()
    array([[0.5, 0. ],
           [0. , 0. ],
           [0. , 0. ]])
    """
    found = partners_of(both, block, rule)
    weights, solve = np.zeros(len(found.items)), np.ones(len(found.items), dtype=bool)
    if before is not None:
        columns = reached(before, both, found, block)
        solve = columns[found.columns]
        weights[~solve] = before.of(~columns)
    weights[solve] = _solved(both, found.where(solve), rule.regularization)
    shape = both.shape[0], block.stop - block.start
    return sparse.csr_matrix((weights, (found.items, found.columns)), shape=shape)


def _solved(both: sparse.csr_matrix, found: Partners, regularization: float) -> Array:
    """Return the weight of each partner."""
    counts = np.bincount(found.columns)
    first = np.cumsum(counts) - counts
    entries, at = _reader(both, found.items)
    weights = np.zeros(len(found.items))
    for k in np.unique(counts[counts > 0]).tolist():
        places = first[counts == k][:, None] + np.arange(k)
        # systems of one size are solved one by one in one call: no solution depends on the others
        for some in np.array_split(places, -(-len(places) * k * k // _BATCH)):
            N = at[some]
            G = entries(N[:, :, None], N[:, None, :])
            G[:, np.arange(k), np.arange(k)] += regularization
            weights[some] = np.linalg.solve(G, found.users[some][:, :, None])[:, :, 0]
    return weights


def _reader(both: sparse.csr_matrix, items: Numbers) -> tuple[Callable[[Numbers, Numbers], Array], Numbers]:
    """Return a function of rows and columns that reads ``both`` among some items, and their numbers there."""
    used, at = np.unique(items, return_inverse=True)
    among = sparse.csr_matrix(both[used][:, used])
    if len(used) <= _DENSE:
        dense = among.toarray().ravel()
        return lambda row, column: dense[row * len(used) + column].astype(np.float64), at
    keys = np.repeat(np.arange(len(used)), np.diff(among.indptr)) * len(used) + among.indices

    def search(row: Numbers, column: Numbers) -> Array:
        wanted = row * len(used) + column
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, among.data[place], 0).astype(np.float64)

    return search, at


@dataclass(frozen=True, eq=False)
class RegressionStatistics(RouteStatistics):
    """The counts from which an :class:`tastebridge.routes.ItemRegressionRoute` is solved.

    Attributes
    ----------
    route : str
        Name of the fitted route, and of its space.
    target : str
    sizes : mapping of category to int
        The number of items of each category it reads, in the order of its items.
    rule : Rule
    both : csr_matrix of int32, shape (n_items, n_items)
        Users with a history in the target who have both items of a pair. Pairs of single users are counted
        too: weights come and go as counts cross the minimum.
    """

    route: str
    target: str
    sizes: Mapping[str, int]
    rule: Rule
    both: sparse.csr_matrix

    @property
    def serves(self) -> frozenset[str]:
        """The one route."""
        return frozenset([self.route])

    @property
    def block(self) -> slice:
        """The target's items."""
        names = list(self.sizes)
        start = sum(self.sizes[name] for name in names[: names.index(self.target)])
        return slice(start, start + self.sizes[self.target])

    @property
    def partners(self) -> float:
        """The mean number of possible partners of the target items that get weights."""
        counts = np.diff(possible(self.both, self.block, self.rule.min_users).indptr)
        users = self.both.diagonal()[self.block]
        most = np.argsort(-users * (counts > 0), kind="stable")[: self.rule.n_targets]
        return float(counts[most].mean()) if len(most) else 0.0

    def plus(self, histories: Histories, encoders: Mapping[str, Encoder], sign: int) -> Self:
        """Add or subtract the pairs of users."""
        pairs = joint_counts(histories, self.sizes, self.target)
        if not pairs.nnz:  # as of new users before, and of forgotten users after
            return self
        return replace(self, both=plus_counts(self.both, pairs, sign))

    def changed(self, before: Histories, after: Histories, encoders: Mapping[str, Encoder]) -> Self:
        """Subtract and add the pairs of users at once: most pairs of a user stay."""
        gone, came = (joint_counts(rows, self.sizes, self.target) for rows in (before, after))
        rows = np.flatnonzero(np.diff(gone.indptr))
        check_left((self.both[rows] - gone[rows]).data.min(initial=0))
        change = sparse.csr_matrix(came - gone)
        change.eliminate_zeros()
        return replace(self, both=plus_counts(self.both, change, 1)) if change.nnz else self

    def widened(self, moves: Moves) -> Self:
        """Return the counts over more items."""
        sizes = {name: moves[name].size if name in moves else n for name, n in self.sizes.items()}
        if sizes == dict(self.sizes):
            return self
        moved, n = self._moved(moves), sum(sizes.values())
        entries = sparse.coo_matrix(self.both)
        both = sparse.csr_matrix((entries.data, (moved[entries.row], moved[entries.col])), shape=(n, n))
        both.sort_indices()
        return replace(self, sizes=sizes, both=both)

    def _moved(self, moves: Moves) -> Numbers:
        """Return the new number of each item."""
        sizes = [moves[name].size if name in moves else n for name, n in self.sizes.items()]
        starts = np.cumsum([0, *sizes[:-1]]).tolist()
        parts = [
            start + (moves[name].moved if name in moves else np.arange(n))
            for start, (name, n) in zip(starts, self.sizes.items(), strict=True)
        ]
        return np.concatenate(parts)

    def solve(self, parts: Parts) -> None:
        """Put the weights of the counts into the encoder of the route and into its space."""
        self._put(parts, None)

    def resolve(self, parts: Parts, before: Self, moves: Moves) -> None:
        """Do the same, but solve only the target items with a changed count among their partners."""
        route = parts.routes.get(self.route)
        if route is not None:
            E, V = parts.encoders[route.encoder].model.encoder_, parts.spaces[self.route]
            E, V = sparse.csr_matrix(E), sparse.csr_matrix(V)
            self._put(parts, earlier(before.widened(moves).both, E, V, before._moved(moves)))

    def _put(self, parts: Parts, before: Before | None) -> None:
        if self.route in parts.routes:
            model, V = self.solved(before)
            parts.spaces[self.route] = V.astype(np.float32)
            parts.encoders[parts.routes[self.route].encoder] = Encoder(tuple(self.sizes), model)

    def solved(self, before: Before | None = None) -> tuple[LinearEncoder, sparse.csr_matrix]:
        """Return the encoder of the weights, one column per target item with any, and its item vectors."""
        B = regression(self.both, self.block, self.rule, before)
        used = np.unique(B.indices)
        used = used if len(used) else np.zeros(1, dtype=np.int64)
        V = sparse.csr_matrix(
            (np.ones(len(used)), (used, np.arange(len(used)))), shape=(B.shape[1], len(used))
        )
        return LinearEncoder(sparse.csr_matrix(B[:, used]), self.rule.min_users), V
