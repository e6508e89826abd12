"""Twins in a split: held-out rows whose product the user has in training, under another id."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.cells import stored_in
from tastebridge.data import Panel
from tastebridge.routes.twins import Twins, twins_in
from tastebridge.splits import Split

Numbers = NDArray[np.int64]
_SEED = 0
"""Of the permutations by which chance pairs are told from twins: a property of the data, not of a run."""


class SplitTwins:
    """The twins of a split, found from its training rows alone: see :mod:`tastebridge.routes.twins`.

    Parameters
    ----------
    split : Split

    Attributes
    ----------
    pairs : Twins
    reached : csr_matrix of shape (n_users, n_items), or None
        The twins of the items each user of the training panel has; None where there are none.
    """

    def __init__(self, split: Split) -> None:
        panel: Panel = split.train
        histories = {name: part.matrix for name, part in panel.interactions.items()}
        sizes = {name: X.shape[1] for name, X in histories.items()}
        table = twins_in(histories, split.target, _SEED)
        self.pairs = Twins.of_table(table, sizes, split.target)
        self.reached = self.pairs.left_out(histories) if self.pairs else None
        self._split = split

    @cached_property
    def rows(self) -> NDArray[np.bool_]:
        """Which held-out rows are twins of an item that their user has."""
        return self.among(self._split.truth)

    @property
    def most(self) -> int:
        """The largest number of twins that lists of one user leave out."""
        if self.reached is None:
            return 0
        users = self._users(self._split.user_ids)
        return int(np.diff(self.reached.indptr)[users[users >= 0]].max(initial=0))

    def among(self, pairs: pd.DataFrame) -> NDArray[np.bool_]:
        """Return which rows of user_id and item_id are twins of an item that the user has."""
        items = self._split.train[self._split.target].items
        numbers = items.numbers(pairs["item_id"].to_numpy(), missing="negative")
        return self.closed(self._users(pairs["user_id"].to_numpy()), numbers)

    def closed(self, users: Numbers, items: Numbers) -> NDArray[np.bool_]:
        """Return which pairs of numbers (-1 if unknown) are a user and a twin of one of the user's items."""
        out = np.zeros(len(users), dtype=bool)
        known = np.flatnonzero((users >= 0) & (items >= 0))
        if self.reached is None or not len(known):
            return out
        # a matrix cannot hold a pair twice, so each has a row of its own
        rows = sparse.csr_matrix(
            (np.ones(len(known)), items[known], np.arange(len(known) + 1)),
            shape=(len(known), self.reached.shape[1]),
        )
        out[known] = stored_in(rows, self.reached[users[known]])
        return out

    def _users(self, ids: NDArray) -> Numbers:
        return np.asarray(self._split.train.users.numbers(ids, missing="negative"), dtype=np.int64)
