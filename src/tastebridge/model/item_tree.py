r"""A binary tree of the target's items by taste, for questions about groups of items.

The root, group 1, holds all items, and group g is split into the groups 2g and 2g + 1. With the popularity
:math:`n_i` of an item and its direction :math:`w_i` (:mod:`tastebridge.model.taste`), a group is split along
the direction :math:`v` of the largest spread,

.. math:: v = \arg\max_{\lVert v \rVert = 1} \sum_i n_i \big((w_i - \bar w)^\top v\big)^2,

into two halves of about equal popularity, down to groups of one item. The groups on a screen together contain
all items, or all items of the groups the user liked before. The group with the largest chance is split until
there are enough groups. This makes the groups about equally likely, so that answers are informative.

References
----------
D. Boley, "Principal direction divisive partitioning", Data Mining and Knowledge Discovery 2 (1998).
N. Golbandi, Y. Koren and R. Lempel, "Adaptive bootstrapping of recommender systems using decision trees",
WSDM (2011), for questions along a tree.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from tastebridge.model.linear import Array
from tastebridge.model.taste import TastePrior

Numbers = NDArray[np.int64]

ROOT = 1
"""The group of all items."""
_SAMPLE, _STEPS, _ROWS = 2048, 20, 4096
"""Items a direction is found on, at most; steps of the power method; items projected at once."""


class ItemTree:
    """The tree of a model's items; groups are built on request and cached.

    Parameters
    ----------
    prior : TastePrior
    popularity : ndarray of shape (n_items,)
        Above 0.
    """

    def __init__(self, prior: TastePrior, popularity: Array) -> None:
        self._prior, self._popularity = prior, popularity
        self._directions: dict[int, Array] = {}
        self._groups: dict[int, Numbers] = {ROOT: np.arange(len(popularity))}

    def items(self, group: int) -> Numbers:
        """Return the items of a group.

        Raises
        ------
        KeyError
            If there is no such group.
        """
        if group not in self._groups:
            if group < ROOT:
                raise KeyError(group)
            self.halves(group // 2)
        return self._groups[group]

    def halves(self, group: int) -> list[int]:
        """Return the two groups that a group is split into; none for a group of one item."""
        items = self.items(group)
        if len(items) < 2:
            return []
        if 2 * group not in self._groups:
            lower, upper = self._split(items)
            # the lower half last: another thread that finds it finds both
            self._groups[2 * group + 1] = upper
            self._groups[2 * group] = lower
        return [2 * group, 2 * group + 1]

    def examples(self, group: int, n: int) -> Numbers:
        """Return the ``n`` most popular items of a group, or all it has."""
        items = self.items(group)
        return items[np.argsort(-self._popularity[items], kind="stable")[:n]]

    def direction(self, group: int) -> Array:
        """Return the mean direction (k,) of a group's items by popularity, of length at most 1."""
        if group not in self._directions:
            items = self.items(group)
            shares = self._popularity[items] / self._popularity[items].sum()
            self._directions[group] = self._prior.mean_direction(items, shares)
        return self._directions[group]

    def screen(self, roots: Sequence[int], passed: Collection[int], mass: Array, n: int) -> list[int]:
        """Return up to ``n`` groups of the items of ``roots``, those of the largest mass split first.

        Of more than ``n`` roots those of the largest mass are shown whole.

        Parameters
        ----------
        roots : sequence of int
            Groups that have no item in common.
        passed : collection of int
            Groups that are not shown, nor any part of them.
        mass : ndarray of shape (n_items,)
            The chance of every item; groups without any are not shown.
        n : int
        """
        shares = {group: self._mass(group, mass) for group in roots if group not in passed}
        shares = {group: share for group, share in shares.items() if share > 0}
        single = set[int]()
        while len(shares) < n and (parts := [group for group in shares if group not in single]):
            widest = max(parts, key=lambda group: shares[group])
            halves = self.halves(widest)
            if not halves:
                single.add(widest)
                continue
            del shares[widest]
            for half in halves:
                if half not in passed and (share := self._mass(half, mass)) > 0:
                    shares[half] = share
        return sorted(shares, key=lambda group: (-shares[group], group))[:n]

    def deepest(self, groups: Collection[int], items: Numbers) -> list[int]:
        """Return the groups that hold none of the other groups, and none of some items."""
        above = {group >> shift for group in groups for shift in range(1, group.bit_length())}
        return [
            group
            for group in sorted(groups)
            if group not in above and not np.isin(self.items(group), items).any()
        ]

    def _mass(self, group: int, mass: Array) -> float:
        return float(mass[self.items(group)].sum())

    def _split(self, items: Numbers) -> tuple[Numbers, Numbers]:
        """Return the two halves of some items, each with one item at least."""
        some = np.unique(np.linspace(0, len(items) - 1, min(_SAMPLE, len(items))).astype(np.int64))
        v = _direction(self._prior.directions(items[some]), self._popularity[items[some]])
        starts = range(0, len(items), _ROWS)
        # summed row by row: the bits depend on no other item
        parts = [(self._prior.directions(items[at : at + _ROWS]) * v).sum(axis=1) for at in starts]
        order = items[np.argsort(np.concatenate(parts), kind="stable")]
        total = np.cumsum(self._popularity[order])
        place = int(np.clip(np.searchsorted(total, total[-1] / 2), 1, len(items) - 1))
        return order[:place], order[place:]


def _direction(X: Array, weights: Array) -> Array:
    """Return the direction of the largest weighted spread of the rows of X, by the power method."""
    X = X - (X * weights[:, None]).sum(axis=0) / weights.sum()
    sizes = (X * X).sum(axis=1) * weights
    v: Array = X[int(np.argmax(sizes))]
    for _ in range(_STEPS):
        v = (X * ((X * v).sum(axis=1) * weights)[:, None]).sum(axis=0)
        size = float(np.sqrt((v * v).sum()))
        if size == 0:
            break
        v = v / size
    return v
