"""The items that caps leave open while a list grows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Capped = tuple[tuple[NDArray[np.int64], int], ...]
"""The codes (n_items, n_labels) of the labels in each column, -1 for none, and the cap of the column."""


class OpenPlaces:
    """Items that can still be added to a list: not yet in it, and within the caps of their labels.

    Parameters
    ----------
    n_items : int
    capped : tuple of (ndarray of int of shape (n_items, n_labels), int)

    Attributes
    ----------
    open : ndarray of bool, shape (n_items,)

    Examples
    --------
    >>> brand = np.array([[0], [0], [1]])
    >>> places = OpenPlaces(3, ((brand, 1),))
    >>> places.take(0)
    >>> places.open.tolist()
    [False, False, True]
    """

    def __init__(self, n_items: int, capped: Capped = ()) -> None:
        self.open = np.ones(n_items, dtype=bool)
        self._capped = capped
        self._counts = [np.zeros(codes.shape, dtype=np.int64) for codes, _ in capped]

    def take(self, item: int) -> None:
        """Close an item, and the items that need a label it has filled."""
        self.open[item] = False
        for (codes, cap), count in zip(self._capped, self._counts, strict=True):
            own = codes[item][codes[item] >= 0]
            count += (codes[:, :, None] == own).any(axis=2)
            self.open &= (count < cap).all(axis=1)

    def reach(self, wanted: NDArray[np.bool_], n: int) -> int:
        """Return how many of the ``wanted`` items still fit in together, up to ``n``, taken from the top.

        With one label per item and caps in one column no other choice fits in more.
        """
        if not self._capped:
            return min(n, int((self.open & wanted).sum()))
        trial, found = self._copy(), 0
        while found < n and (left := trial.open & wanted).any():
            trial.take(int(left.argmax()))
            found += 1
        return found

    def leaves(self, item: int, wanted: NDArray[np.bool_], n: int) -> bool:
        """Return whether ``n`` of the ``wanted`` items still fit in once an item is taken."""
        trial = self._copy()
        trial.take(item)
        return trial.reach(wanted, n) >= n

    def _copy(self) -> OpenPlaces:
        trial = OpenPlaces(len(self.open), self._capped)
        trial.open = self.open.copy()
        trial._counts = [count.copy() for count in self._counts]
        return trial
