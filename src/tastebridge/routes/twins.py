r"""Twins: one product filed under two ids, in a source and in the target.

A source item i and a target item j are twins if nearly the same users took both,

.. math:: \frac{n_{ij}}{n_i + n_j - n_{ij}} \ge 0.8, \qquad n_{ij} \ge s,

counted over the users with a history in both categories. The least number s of common users is 3, or more if
chance alone makes such pairs. To find it, the users of the target are permuted. Then s is the smallest number
from which permuted data show at most a twentieth of the pairs in the data.

A recommendation of a twin is an error for a shop: the user owns the product already. So lists leave twins
out unless they are requested, and the diagnostics of a mapper are given with and without them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.routes.fitted import Histories

MIN_SIMILARITY, MIN_USERS = 0.8, 3
_PERMUTATIONS, _CHANCE = 3, 0.05

COLUMNS = ["source", "source_item", "item", "users", "jaccard"]


@dataclass(frozen=True, eq=False)
class Twins:
    """The twins of the target's items in each source.

    Attributes
    ----------
    pairs : mapping of source to csr_matrix of shape (n_source_items, n_target_items)
        An entry where two items are twins; sources without any are left out.
    """

    pairs: Mapping[str, sparse.csr_matrix] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    @classmethod
    def of_table(cls, table: pd.DataFrame, sizes: Mapping[str, int], n_items: int) -> Twins:
        """Return the twins of a table; ``sizes`` are the numbers of items by category."""
        pairs = {}
        for name, rows in table.groupby("source", sort=False):
            where = (rows["source_item"].to_numpy(np.int64), rows["item"].to_numpy(np.int64))
            ones = np.ones(len(rows), dtype=np.float32)
            pairs[str(name)] = sparse.csr_matrix((ones, where), shape=(sizes[str(name)], n_items))
        return cls(pairs)

    def reached(self, histories: Histories) -> sparse.csr_matrix | None:
        """Return the twins (n_users, n_items) of users' items; None without any twins."""
        found = None
        for name, pairs in self.pairs.items():
            if name in histories:
                rows = histories[name].astype(bool).astype(np.float32) @ pairs
                found = rows if found is None else found + rows
        return None if found is None else sparse.csr_matrix(found)


def twin_table(X: sparse.csr_matrix, Y: sparse.csr_matrix, source: str, seed: int) -> pd.DataFrame:
    """Return the twins between a source and the target.

    Parameters
    ----------
    X, Y : csr_matrix of shape (n_users, n_source_items), (n_users, n_target_items)
        The items of the users with a history in both; any stored entry counts.
    source : str
    seed : int
        Of the permutations.

    Returns
    -------
    DataFrame
        source, source_item and item (numbers), users (in common), jaccard; most users first.

    Examples
    --------
    >>> X = sparse.csr_matrix(np.random.RandomState(0).rand(60, 5) < 0.2)
    >>> twin_table(X, X[:, :2], "books", seed=0)[["source_item", "item", "users"]].to_numpy().tolist()
    [[1, 1, 11], [0, 0, 10]]
    """
    X, Y = (_binary(part) for part in (X, Y))
    found = _similar(X, Y)
    least = _least_users(X, Y, found, seed) if len(found.users) else MIN_USERS
    keep = np.flatnonzero(found.users >= least)
    order = keep[np.lexsort((found.items[keep], found.source_items[keep], -found.users[keep]))]
    columns = {
        "source": np.full(len(order), source, dtype=object),
        "source_item": found.source_items[order].astype(np.int64),
        "item": found.items[order].astype(np.int64),
        "users": found.users[order].astype(np.int64),
        "jaccard": found.jaccard[order],
    }
    return pd.DataFrame(columns, columns=COLUMNS)


@dataclass(frozen=True)
class _Similar:
    """Pairs of items that nearly the same users took."""

    source_items: NDArray[np.int64]
    items: NDArray[np.int64]
    users: NDArray[np.int64]
    jaccard: NDArray[np.float64]


def _similar(X: sparse.csr_matrix, Y: sparse.csr_matrix) -> _Similar:
    both = sparse.coo_matrix(X.T @ Y)
    n_source, n_target = (np.bincount(part.indices, minlength=part.shape[1]) for part in (X, Y))
    jaccard = both.data / (n_source[both.row] + n_target[both.col] - both.data)
    keep = (jaccard >= MIN_SIMILARITY) & (both.data >= MIN_USERS)
    return _Similar(both.row[keep], both.col[keep], both.data[keep], jaccard[keep])


def _least_users(X: sparse.csr_matrix, Y: sparse.csr_matrix, found: _Similar, seed: int) -> int:
    """Return the least number of common users at which chance makes few of the pairs."""
    rng = np.random.default_rng(seed)
    # with the rows of one side permuted, items keep their popularity and lose only their common users
    # few pairs take more permutations: 1 / (n + 1) is the least share that n permutations can show
    n = max(_PERMUTATIONS, int(np.ceil(1.0 / (_CHANCE * len(found.users)))) - 1)
    chance = np.concatenate([_similar(X, Y[rng.permutation(Y.shape[0])]).users for _ in range(n)])
    for least in np.unique(np.append(found.users, MIN_USERS)):
        # one more than counted, as the data are one of the permutations: a few of them are no proof of none
        expected = (np.count_nonzero(chance >= least) + 1) / (n + 1)
        if expected <= _CHANCE * np.count_nonzero(found.users >= least):
            return int(least)
    return int(found.users.max()) + 1  # items that nearly all users have are alike by chance


def _binary(X: sparse.csr_matrix) -> sparse.csr_matrix:
    X = sparse.csr_matrix(X)
    ones = np.ones(X.nnz, dtype=np.int32)
    return sparse.csr_matrix((ones, X.indices, X.indptr), shape=X.shape)
