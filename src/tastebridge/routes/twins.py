r"""Twins: one product under two ids, in a source and in the target.

A source item i and a target item j are twins if they have nearly the same users,

.. math:: \frac{n_{ij}}{n_i + n_j - n_{ij}} \ge 0.8, \qquad n_{ij} \ge s,

counted over the users with a history in both categories. The minimum number s of common users is 3, or more
if chance alone produces such pairs. To find s, the users of the target are permuted: s is the smallest
number at which permuted data show at most a twentieth of the pairs in the data.

Two target items that share a twin are twins of each other: the lists of a user with one leave the other out.
One minus the Jaccard similarity is a distance. So, by the triangle inequality, their similarity is at least
0.6, and the rule stops there: over two shared items it would be 0.2. On Amazon clothing 10 pairs of target
items share a twin, and on sports 1, next to 800 twins in each. With permuted users there is none.

For a shop, recommending a twin is a mistake, because the user already owns the product. So lists leave twins
out unless they are requested, and every figure is given with and without twins. *Without twins* always means
the same: held-out rows that are twins of an item in the user's history do not count (:func:`rows_to_find`),
and lists leave twins out. Out of fold, twins are detected in the training rows of the fold.

Twins also obscure the tastes of users, because a map spends its rank on pairs of ids. So factors and maps are
learned from target rows without twins; links between items and popularity, from all rows. On Amazon clothing
and sports, new users are then better served, both with and without twins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.catalogue import entries
from tastebridge._numerics.cells import only, stored_in
from tastebridge._numerics.rows import assembled
from tastebridge.routes.fitted import Histories, known_to

MIN_SIMILARITY, MIN_USERS = 0.8, 3
_PERMUTATIONS, _CHANCE = 3, 0.05
_MANY = 60
"""Pairs from which few permutations are enough."""

COLUMNS = ["source", "source_item", "item", "users", "jaccard"]
LEAVE_OUT, TWINS = "leave out", ("leave out", "keep")
"""What lists do with twins of items a user has: the default, and the choices."""
WITHOUT = "_without_twins"
"""What the names of columns and tables end in that hold figures without twins."""


@dataclass(frozen=True, eq=False)
class Twins:
    """The twins of the target's items in each source.

    Attributes
    ----------
    pairs : mapping of source to csr_matrix of shape (n_source_items, n_target_items)
        An entry where two items are twins; sources without any are left out.
    siblings : mapping of the target to csr_matrix of shape (n_target_items, n_target_items)
        An entry where two target items have a twin in common; empty without such items.
    """

    pairs: Mapping[str, sparse.csr_matrix] = field(default_factory=dict)
    siblings: Mapping[str, sparse.csr_matrix] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.pairs)

    @classmethod
    def of_table(cls, table: pd.DataFrame, sizes: Mapping[str, int], target: str) -> Twins:
        """Return the twins of a table; ``sizes`` are the numbers of items by category."""
        pairs, n_items = {}, sizes[target]
        for name, rows in table.groupby("source", sort=False):
            where = (rows["source_item"].to_numpy(np.int64), rows["item"].to_numpy(np.int64))
            ones = np.ones(len(rows), dtype=np.float32)
            pairs[str(name)] = sparse.csr_matrix((ones, where), shape=(sizes[str(name)], n_items))
        siblings = _siblings(list(pairs.values()), n_items)
        return cls(pairs, {} if siblings is None else {target: siblings})

    @property
    def _every(self) -> dict[str, sparse.csr_matrix]:
        """The pairs of items of all categories, the target among them."""
        return {**self.pairs, **self.siblings}

    def reached(self, histories: Histories) -> sparse.csr_matrix | None:
        """Return the twins (n_users, n_items) of users' items in sources, each with 1; None without any.

        A map is learned without these rows. Two target items that share a twin are not among them: without
        both, nothing would be learned of the product.
        """
        return self._gathered(self.pairs, histories)

    def left_out(self, histories: Histories) -> sparse.csr_matrix | None:
        """Return the twins (n_users, n_items) of users' items in all categories; None without any twins.

        Lists leave them out, and they are not to be found without twins.
        """
        return self._gathered(self._every, histories)

    def _gathered(
        self, every: Mapping[str, sparse.csr_matrix], histories: Histories
    ) -> sparse.csr_matrix | None:
        if not every:
            return None
        n_items = next(iter(every.values())).shape[1]
        n_users = next(iter(histories.values())).shape[0]
        # gathered by hand: for one user a product of sparse matrices costs many times the lookup
        found = [_met(histories[name], pairs) for name, pairs in every.items() if name in histories]
        places = [users * n_items + items for users, items in found]
        cells = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *places]))
        indptr = np.searchsorted(cells, np.arange(n_users + 1) * n_items)
        ones = np.ones(len(cells), dtype=np.float32)
        return assembled(ones, cells % n_items, indptr, (n_users, n_items))

    def met(self, histories: Histories) -> bool:
        """Return whether any user has an item with a twin; most have none, which is seen at once."""
        for name, pairs in self._every.items():
            if name not in histories:
                continue
            items = histories[name].indices
            if (pairs.indptr[items + 1] > pairs.indptr[items]).any():
                return True
        return False

    def of_item(self, item: int) -> set[tuple[str, int]]:
        """Return the category and the number of every twin of a target item."""
        return {
            (name, int(at))
            for name, pairs in self._every.items()
            for at in np.flatnonzero(pairs[:, [item]].toarray())
        }


def _met(rows: sparse.csr_matrix, pairs: sparse.csr_matrix) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the users and the target items of all twins of the stored entries of rows."""
    places, items = entries(pairs, rows.indices)
    return np.searchsorted(rows.indptr, places, side="right") - 1, items.astype(np.int64)


def _siblings(pairs: Sequence[sparse.csr_matrix], n_items: int) -> sparse.csr_matrix | None:
    """Return the pairs of target items with a twin in common, each with 1; None without any."""
    cells = [np.empty(0, dtype=np.int64)]
    for some in pairs:
        several = some[np.diff(some.indptr) > 1]  # most have one twin, and the rest is soon multiplied
        both = sparse.coo_matrix(several.T @ several)
        other = both.row != both.col
        cells.append(both.row[other].astype(np.int64) * n_items + both.col[other])
    found = np.unique(np.concatenate(cells))
    ones = np.ones(len(found), dtype=np.float32)
    return sparse.csr_matrix((ones, np.divmod(found, n_items)), (n_items, n_items)) if len(found) else None


NO_TWINS = Twins()
"""Of a model without any."""


def rows_to_find(truth: sparse.csr_matrix, reached: sparse.csr_matrix | None) -> sparse.csr_matrix:
    """Return held-out rows without those that are twins of an item in the user's history.

    Parameters
    ----------
    truth : csr_matrix of shape (n_users, n_target_items)
        Held-out rows; any stored entry counts.
    reached : csr_matrix of the same shape, or None
        The twins of the users' items, as :meth:`Twins.reached` gives them; None for no twins.

    Examples
    --------
    >>> truth = sparse.csr_matrix([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    >>> rows_to_find(truth, sparse.csr_matrix([[0.0, 1.0, 1.0], [0.0, 0.0, 0.0]])).toarray().tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if reached is None:
        return truth
    return only(truth, ~stored_in(truth, reached))


def twins_in(
    histories: Histories, target: str, seed: int, rows: Mapping[str, NDArray[np.int64]] | None = None
) -> pd.DataFrame:
    """Return the twins between each source and the target, counted over the users of both.

    Parameters
    ----------
    histories : mapping of category to csr_matrix
    target : str
    seed : int
        Seed of the permutations.
    rows : mapping of category to ndarray of shape (n_users,), optional
        The number of rows of each user before some were hidden. Of two twins a user with hidden rows may
        show one. So these users are left out; or, where they are most, the similarity that twins need is
        lowered to its expected value: :func:`shown_similarity`.
    """
    parts = []
    for name in histories:
        if name != target:
            both = known_to((name,), histories) & known_to((target,), histories)
            users, least = both, MIN_SIMILARITY
            if rows is not None:
                shown = {part: np.diff(histories[part].indptr) for part in (name, target)}
                whole = both & np.all([count == rows[part] for part, count in shown.items()], axis=0)
                if 2 * whole.sum() < both.sum():
                    shares = [count[both].sum() / rows[part][both].sum() for part, count in shown.items()]
                    least *= shown_similarity(*shares)
                else:
                    users = whole
            parts.append(twin_table(histories[name][users], histories[target][users], name, seed, least))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def shown_similarity(a: float, b: float) -> float:
    r"""Return the expected Jaccard similarity of one item under two ids, of whose rows shares are shown.

    With independent shares a and b it is :math:`ab / (a + b - ab)`.

    Examples
    --------
    >>> shown_similarity(1.0, 0.8), round(shown_similarity(0.8, 0.8), 3)
    (0.8, 0.667)
    """
    return a * b / (a + b - a * b)


def twin_table(
    X: sparse.csr_matrix,
    Y: sparse.csr_matrix,
    source: str,
    seed: int,
    similarity: float = MIN_SIMILARITY,
) -> pd.DataFrame:
    """Return the twins between a source and the target.

    Parameters
    ----------
    X, Y : csr_matrix of shape (n_users, n_source_items), (n_users, n_target_items)
        The items of the users with a history in both; any stored entry counts.
    source : str
    seed : int
        Of the permutations.

    similarity : float, default=0.8
        The least Jaccard similarity of twins.

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
    found = _similar(X, Y, similarity)
    least = _least_users(X, Y, found, seed, similarity) if len(found.users) else MIN_USERS
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
    """Pairs of items with nearly the same users."""

    source_items: NDArray[np.int64]
    items: NDArray[np.int64]
    users: NDArray[np.int64]
    jaccard: NDArray[np.float64]


def _similar(X: sparse.csr_matrix, Y: sparse.csr_matrix, similarity: float) -> _Similar:
    both = sparse.coo_matrix(X.T @ Y)
    n_source, n_target = (np.bincount(part.indices, minlength=part.shape[1]) for part in (X, Y))
    jaccard = both.data / (n_source[both.row] + n_target[both.col] - both.data)
    keep = (jaccard >= similarity) & (both.data >= MIN_USERS)
    return _Similar(both.row[keep], both.col[keep], both.data[keep], jaccard[keep])


def _least_users(
    X: sparse.csr_matrix, Y: sparse.csr_matrix, found: _Similar, seed: int, similarity: float
) -> int:
    """Return the least number of common users at which chance makes few of the pairs."""
    rng = np.random.default_rng(seed)
    # with the rows of one side permuted, items keep their popularity and lose only their common users
    # few pairs take more: 1 / (n + 1) is the least that n permutations show
    n = _PERMUTATIONS if len(found.users) >= _MANY else int(np.ceil(1.0 / _CHANCE)) - 1
    chance = np.concatenate([_similar(X, Y[rng.permutation(Y.shape[0])], similarity).users for _ in range(n)])
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
