"""The statistics of links: the number of users who have both items of a pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.data.reindexing import Places
from tastebridge.routes.fitted import Encoder, Histories
from tastebridge.routes.links import LinearEncoder, at_least, decompose, shrunk, strongest
from tastebridge.routes.statistics import Moves, Parts, RouteStatistics, check_left, linked, plus_counts

SPACE = "neighbours"


class Pairs(NamedTuple):
    """Counts over the users with a history in a category and in the target.

    Attributes
    ----------
    both : csr_matrix of int32, shape (n_items, n_target_items)
        Users who have both.
    here, there : ndarray of int64, shape (n_items,), (n_target_items,)
        Users who have the item of the category, and the item of the target.
    """

    both: sparse.csr_matrix
    here: NDArray[np.int64]
    there: NDArray[np.int64]

    @classmethod
    def of(cls, histories: Histories, name: str, target: str) -> Pairs:
        """Count among the users who have both histories."""
        users = linked(histories, name, target)
        X, Y = (_ones(histories[part][users]) for part in (name, target))
        both = sparse.csr_matrix(X.T @ Y)
        both.sort_indices()
        return cls(both, *(np.bincount(part.indices, minlength=part.shape[1]) for part in (X, Y)))

    def plus(self, other: Pairs, sign: int) -> Pairs:
        """Return the counts with other counts added or subtracted."""
        here, there = self.here + sign * other.here, self.there + sign * other.there
        check_left(min(part.min(initial=0) for part in (here, there)))
        return Pairs(plus_counts(self.both, other.both, sign), here, there)

    def links(self, n_links: int, shrinkage: float, own: bool, min_users: int = 1) -> sparse.csr_matrix:
        """Return the strongest similarities of pairs that at least ``min_users`` users have.

        With ``own``, for the target with itself, the diagonal is left out.
        """
        S = shrunk(at_least(self.both, min_users), self.here, self.there, shrinkage)
        if own:
            S = S.copy()  # its indices are those of the counts
            S.setdiag(0.0)
            S.eliminate_zeros()
        return strongest(S, n_links)


@dataclass(frozen=True, eq=False)
class CooccurrenceStatistics(RouteStatistics):
    """The counts from which a :class:`NeighbourRoute` makes its links.

    Attributes
    ----------
    target : str
    n_links : int
    shrinkage : float
    routes : mapping of category to str
        Names of the fitted routes.
    pairs : mapping of category to Pairs
    min_users : int, default=1
        The number of users a link needs. All pairs are counted here: links come and go as counts cross it.
    """

    target: str
    n_links: int
    shrinkage: float
    routes: Mapping[str, str]
    pairs: Mapping[str, Pairs]
    min_users: int = 1

    @property
    def serves(self) -> frozenset[str]:
        """One route per category."""
        return frozenset(self.routes.values())

    def plus(self, histories: Histories, encoders: Mapping[str, Encoder], sign: int) -> Self:
        """Add or subtract the pairs of users."""
        changes = {name: Pairs.of(histories, name, self.target) for name in self.pairs}
        return replace(
            self, pairs={name: part.plus(changes[name], sign) for name, part in self.pairs.items()}
        )

    def widened(self, moves: Moves) -> Self:
        """Return the counts over more items."""
        return replace(
            self,
            pairs={
                name: _spread(part, moves.get(name), moves.get(self.target))
                for name, part in self.pairs.items()
            },
        )

    def solve(self, parts: Parts) -> None:
        """Put the links of the counts into the encoders of the routes and into their space."""
        kept = {name: route for name, route in self.routes.items() if route in parts.routes}
        if not kept:
            return
        encoders, V = self.solved(tuple(kept))
        parts.spaces[SPACE] = V.astype(np.float32)
        for name, route in kept.items():
            key = parts.routes[route].encoder
            parts.encoders[key] = Encoder((name,), LinearEncoder(encoders[name], self.min_users))

    def solved(self, names: tuple[str, ...]) -> tuple[dict[str, sparse.csr_matrix], sparse.csr_matrix]:
        """Return an encoder (n_items, k) for each of some categories, and the target's item vectors."""
        links = self._links(names)
        E, V = decompose(sparse.vstack(links, format="csr"))
        ends = np.cumsum([0, *(part.shape[0] for part in links)]).tolist()
        return {name: E[start:end] for name, (start, end) in zip(names, pairwise(ends), strict=True)}, V

    def spelled_out(self, names: tuple[str, ...]) -> tuple[dict[str, sparse.csr_matrix], sparse.csr_matrix]:
        """Return the same links as they are, one column per target item: wide, but not decomposed."""
        links = self._links(names)
        used = np.unique(np.concatenate([part.indices for part in links]))
        used = used if len(used) else np.zeros(1, dtype=np.int64)
        ones, columns = np.ones(len(used)), np.arange(len(used))
        V = sparse.csr_matrix((ones, (used, columns)), shape=(links[0].shape[1], len(used)))
        return {name: sparse.csr_matrix(part[:, used]) for name, part in zip(names, links, strict=True)}, V

    def _links(self, names: tuple[str, ...]) -> list[sparse.csr_matrix]:
        rule = (self.n_links, self.shrinkage)
        return [self.pairs[name].links(*rule, name == self.target, self.min_users) for name in names]


def _ones(X: sparse.csr_matrix) -> sparse.csr_matrix:
    return sparse.csr_matrix((np.ones(X.nnz, dtype=np.int32), X.indices, X.indptr), shape=X.shape)


def _spread(pairs: Pairs, source_places: Places | None, target_places: Places | None) -> Pairs:
    both, left_counts, right_counts = pairs
    if source_places is not None:
        both, left_counts = source_places.spread(both), source_places.spread(left_counts)
    if target_places is not None:
        both, right_counts = (
            sparse.csr_matrix(target_places.spread(sparse.csr_matrix(both.T)).T),
            target_places.spread(right_counts),
        )
        both.sort_indices()
    return Pairs(both, left_counts, right_counts)
