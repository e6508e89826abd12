"""The statistics of the item regression: the number of users who have both items of a pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.routes.fitted import Array, Encoder, Histories, known_to, side_by_side
from tastebridge.routes.links import LinearEncoder, at_least, shrunk
from tastebridge.routes.statistics import Moves, Parts, RouteStatistics, check_left

_SHRINKAGE = 2.0
"""Users that shrink the cosines by which partners are chosen, as for links."""
MOST_PARTNERS = 5000
"""Partners of an item, at most: a system of 200 MB."""
_BATCH = 2**20
"""Numbers of the systems that are solved at once: 8 MB."""

_DENSE = 4096
"""Items whose counts are read from a full matrix of at most 64 MB: in a tenth of the time of a search."""

Numbers = NDArray[np.int64]


class Rule(NamedTuple):
    """The settings of :class:`tastebridge.routes.ItemRegressionRoute`."""

    regularization: float
    n_partners: int
    n_targets: int
    min_users: int


def joint_counts(histories: Histories, categories: Iterable[str], target: str) -> sparse.csr_matrix:
    """Return the users with a history in the target who have both items, for all pairs of items."""
    X = side_by_side(histories, categories)[known_to((target,), histories)]
    X = sparse.csr_matrix((np.ones(X.nnz, dtype=np.int32), X.indices, X.indptr), shape=X.shape)
    both = sparse.csr_matrix(X.T @ X)
    both.sort_indices()
    return both


def regression(both: sparse.csr_matrix, block: slice, rule: Rule) -> sparse.csr_matrix:
    r"""Return the weights (n_items, n_target_items) of the ridge regressions on partners.

    Parameters
    ----------
    both : csr_matrix of shape (n_items, n_items)
        Users who have both items of a pair; on the diagonal, users of an item.
    block : slice
        The target's items.
    rule : Rule

    Examples
    --------
    >>> X = sparse.csr_matrix([[1, 1, 0], [1, 1, 0], [1, 0, 1]])
    >>> regression(sparse.csr_matrix(X.T @ X), slice(1, 3), Rule(1.0, 5, 5, 2)).toarray()
    array([[0.5, 0. ],
           [0. , 0. ],
           [0. , 0. ]])
    """
    columns, partners, values = _partners(both, block, rule)
    counts = np.bincount(columns, minlength=block.stop - block.start)
    first = np.cumsum(counts) - counts
    entries, at = _reader(both, partners)
    weights = np.zeros(len(partners))
    for k in np.unique(counts[counts > 0]).tolist():
        places = first[counts == k][:, None] + np.arange(k)
        # systems of one size are solved one by one in one call: no solution depends on the others
        for some in np.array_split(places, -(-len(places) * k * k // _BATCH)):
            N = at[some]
            G = entries(N[:, :, None], N[:, None, :]) + rule.regularization * np.eye(k)
            weights[some] = np.linalg.solve(G, values[some][:, :, None])[:, :, 0]
    return sparse.csr_matrix((weights, (partners, columns)), shape=(both.shape[0], len(counts)))


def _partners(both: sparse.csr_matrix, block: slice, rule: Rule) -> tuple[Numbers, Numbers, Array]:
    """Return target items, their partners and the users of both, by target item and by partner."""
    users = both.diagonal()
    C = at_least(sparse.csr_matrix(both[:, block]), rule.min_users)
    S = sparse.coo_matrix(shrunk(C, users, users[block], _SHRINKAGE))
    row, column = S.row.astype(np.int64), S.col.astype(np.int64)
    # the items with the most users; of equal ones, the first
    reached = np.flatnonzero(np.bincount(column[row != column + block.start], minlength=C.shape[1]))
    most = reached[np.argsort(-users[block][reached], kind="stable")[: rule.n_targets]]
    found = np.flatnonzero((row != column + block.start) & np.isin(column, most))
    order = found[np.lexsort((row[found], -S.data[found], column[found]))]
    counts = np.bincount(column[order], minlength=C.shape[1])
    rank = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = np.sort(order[rank < rule.n_partners])
    kept = kept[np.lexsort((row[kept], column[kept]))]
    return column[kept], row[kept], C.tocoo().data[kept].astype(np.float64)


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
        C = at_least(sparse.csr_matrix(self.both[:, self.block]), self.rule.min_users)
        # of the pairs of an item with itself, none is a partner
        counts = np.maximum(np.bincount(C.indices, minlength=C.shape[1]) - 1, 0)
        users = self.both.diagonal()[self.block]
        most = np.argsort(-users * (counts > 0), kind="stable")[: self.rule.n_targets]
        return float(counts[most].mean()) if len(most) else 0.0

    def plus(self, histories: Histories, encoders: Mapping[str, Encoder], sign: int) -> Self:
        """Add or subtract the pairs of users."""
        both = sparse.csr_matrix(self.both + sign * joint_counts(histories, self.sizes, self.target))
        check_left(both.data.min(initial=0))
        both.eliminate_zeros()  # a pair without users left must not be stored: it would disclose the last
        both.sort_indices()
        return replace(self, both=both)

    def widened(self, moves: Moves) -> Self:
        """Return the counts over more items."""
        sizes = {name: moves[name].size if name in moves else n for name, n in self.sizes.items()}
        if sizes == dict(self.sizes):
            return self
        starts = np.cumsum([0, *sizes.values()]).tolist()
        moved = np.concatenate(
            [
                start + (moves[name].moved if name in moves else np.arange(n))
                for start, (name, n) in zip(starts, self.sizes.items(), strict=False)
            ]
        )
        entries, n = sparse.coo_matrix(self.both), starts[-1]
        both = sparse.csr_matrix((entries.data, (moved[entries.row], moved[entries.col])), shape=(n, n))
        both.sort_indices()
        return replace(self, sizes=sizes, both=both)

    def solve(self, parts: Parts) -> None:
        """Put the weights of the counts into the encoder of the route and into its space."""
        if self.route in parts.routes:
            model, V = self.solved()
            parts.spaces[self.route] = V.astype(np.float32)
            parts.encoders[parts.routes[self.route].encoder] = Encoder(tuple(self.sizes), model)

    def solved(self) -> tuple[LinearEncoder, sparse.csr_matrix]:
        """Return the encoder of the weights, one column per target item with any, and its item vectors."""
        B = regression(self.both, self.block, self.rule)
        used = np.unique(B.indices)
        used = used if len(used) else np.zeros(1, dtype=np.int64)
        V = sparse.csr_matrix(
            (np.ones(len(used)), (used, np.arange(len(used)))), shape=(B.shape[1], len(used))
        )
        return LinearEncoder(sparse.csr_matrix(B[:, used]), self.rule.min_users), V
