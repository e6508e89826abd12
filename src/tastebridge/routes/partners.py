"""The partners of the item regression: which items each target item is regressed on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.routes.fitted import Array
from tastebridge.routes.links import shrunk

_SHRINKAGE = 2.0
"""Users that shrink the cosines by which partners are chosen, as for links."""
_CELLS = 2**20
"""Cosines that are compared at once, one row per target item: 8 MB."""

Numbers = NDArray[np.int64]


class Rule(NamedTuple):
    """The settings of :class:`tastebridge.routes.ItemRegressionRoute`."""

    regularization: float
    n_partners: int
    n_targets: int
    min_users: int


class Partners(NamedTuple):
    """Pairs of a target item and a partner, by target item and by partner.

    Attributes
    ----------
    columns : ndarray of shape (n_pairs,)
        The target items, counted from the first item of the target.
    items : ndarray of shape (n_pairs,)
        Their partners, items of any category.
    users : ndarray of shape (n_pairs,)
        Users who have both.
    """

    columns: Numbers
    items: Numbers
    users: Array

    def where(self, kept: NDArray[np.bool_]) -> Partners:
        """Return some of the pairs."""
        return Partners(self.columns[kept], self.items[kept], self.users[kept])


def partners_of(both: sparse.csr_matrix, block: slice, rule: Rule) -> Partners:
    """Return the partners of each target item, of equal cosines the first items.

    Parameters
    ----------
    both : csr_matrix of shape (n_items, n_items)
        Users who have both items of a pair, symmetric, with sorted indices.
    block : slice
        The target's items.
    rule : Rule
    """
    C = possible(both, block, rule.min_users)
    lengths = np.diff(C.indptr)
    users = both.diagonal()
    # the items with the most users; of equal ones, the first
    reached = np.flatnonzero(lengths)
    most = np.sort(reached[np.argsort(-users[block][reached], kind="stable")[: rule.n_targets]])
    C = sparse.csr_matrix(C[most])
    S = shrunk(C, users[block][most], users, _SHRINKAGE)
    kept = _largest(S.data, np.diff(S.indptr), rule.n_partners)
    columns = np.repeat(most, np.diff(C.indptr))[kept]
    return Partners(columns, C.indices[kept].astype(np.int64), C.data[kept].astype(np.float64))


def possible(both: sparse.csr_matrix, block: slice, min_users: int) -> sparse.csr_matrix:
    """Return the users of the possible pairs, one row per target item; no item is its own partner."""
    start, stop = both.indptr[block.start], both.indptr[block.stop]
    values, items = both.data[start:stop], both.indices[start:stop]
    lengths = np.diff(both.indptr[block.start : block.stop + 1])
    enough = np.flatnonzero(values >= min_users)
    row = np.repeat(np.arange(len(lengths)), lengths)[enough]
    other = items[enough] != row + block.start
    enough, row = enough[other], row[other]
    indptr = np.append(0, np.cumsum(np.bincount(row, minlength=len(lengths))))
    return sparse.csr_matrix((values[enough], items[enough], indptr), shape=(len(lengths), both.shape[1]))


def _largest(values: Array, lengths: Numbers, k: int) -> Numbers:
    """Return the places of the ``k`` largest values of each row of some lengths, ties to the first.

    Examples
    --------
    >>> _largest(np.array([1.0, 3.0, 2.0, 2.0, 2.0, 5.0]), np.array([5, 1]), 2)
    array([1, 2, 5])
    """
    starts, row = np.cumsum(lengths) - lengths, np.repeat(np.arange(len(lengths)), lengths)
    least = np.full(len(lengths), -np.inf)
    for rows in _stacks(lengths, k):
        V = np.full((len(rows), lengths[rows].max()), np.inf)
        place = np.flatnonzero(np.isin(row, rows, kind="table"))
        V[np.searchsorted(rows, row[place]), place - starts[row[place]]] = -values[place]
        # a partition finds the smallest kept value of each row, in a fraction of the time of a sort
        least[rows] = -np.partition(V, k - 1, axis=1)[:, k - 1]
    keep = values >= least[row]
    counts = np.bincount(row[keep], minlength=len(lengths))
    for at in np.flatnonzero(counts > k):  # of values equal to the smallest, the first are kept
        own = slice(starts[at], starts[at] + lengths[at])
        equal = np.flatnonzero(values[own] == least[at])
        keep[starts[at] + equal[len(equal) - (counts[at] - k) :]] = False
    return np.flatnonzero(keep)


def _stacks(lengths: Numbers, k: int) -> Iterator[Numbers]:
    """Yield the rows of more than ``k`` values, some at a time."""
    rows = np.flatnonzero(lengths > k)
    if len(rows):
        step = max(1, _CELLS // int(lengths.max()))
        yield from (rows[start : start + step] for start in range(0, len(rows), step))
