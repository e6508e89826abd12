"""Sufficient statistics of routes: sums over users, to which users are added and subtracted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.few_rows import few, plus_rows
from tastebridge.data.reindexing import Places
from tastebridge.exceptions import InvalidDataError
from tastebridge.routes.fitted import Encoder, FittedRoute, Histories, known_to

Moves = Mapping[str, Places]
"""The categories with new items."""


@dataclass
class Parts:
    """The parts of a model during an update; routes by name."""

    encoders: dict[str, Encoder]
    routes: dict[str, FittedRoute]
    spaces: dict[str, Any]


class RouteStatistics(ABC):
    """The sums some routes are made of. It is immutable: every change returns another object."""

    of_taught_rows: ClassVar[bool] = False
    """Whether they are of :attr:`tastebridge.routes.FitContext.taught` rows only."""

    @property
    @abstractmethod
    def serves(self) -> frozenset[str]:
        """The names of the fitted routes made of these sums."""

    @property
    def reads(self) -> frozenset[str]:
        """The keys of the encoders these sums need."""
        return frozenset()

    @abstractmethod
    def plus(self, histories: Histories, encoders: Mapping[str, Encoder], sign: int) -> Self:
        """Return the sums with users added (``sign=1``) or subtracted (-1), by their whole histories.

        Raises
        ------
        InvalidDataError
            If the subtracted users cannot have been in the sums.
        """

    def changed(self, before: Histories, after: Histories, encoders: Mapping[str, Encoder]) -> Self:
        """Return the sums after the histories of some users changed, the same as by two :meth:`plus`."""
        return self.plus(before, encoders, -1).plus(after, encoders, 1)

    @abstractmethod
    def widened(self, moves: Moves) -> Self:
        """Return the sums over more items, of which the new ones have no users yet."""

    @abstractmethod
    def solve(self, parts: Parts) -> None:
        """Solve the routes from the sums and put them into the parts, for routes the model has."""

    def resolve(self, parts: Parts, before: Self, moves: Moves) -> None:
        """Do the same for parts that were solved from the sums ``before``, over the items there were.

        The result is the same to the last bit. Some routes are cheaper to solve where little changed.
        """
        self.solve(parts)


def linked(histories: Histories, source: str, target: str) -> NDArray[np.bool_]:
    """Return a mask of the users with a history in both."""
    return known_to((source,), histories) & known_to((target,), histories)


def check_left(least: float) -> None:
    """Refuse sums below zero, from which more was subtracted than was there."""
    if least < 0:
        raise InvalidDataError(
            "the events to subtract are not all among the events the model learned from. Give each user "
            "once, with exactly the events the model learned from."
        )


def plus_counts(both: sparse.csr_matrix, change: sparse.csr_matrix, sign: int) -> sparse.csr_matrix:
    """Return counts of pairs with other counts added or subtracted; a count of 0 is not stored.

    Raises
    ------
    InvalidDataError
        If a count would be below zero.
    """
    rows = np.flatnonzero(np.diff(change.indptr))
    if few(rows, both.shape[0]):
        total = plus_rows(both, rows, sign * change[rows])
    else:
        total = sparse.csr_matrix(both + sign * change)
        total.eliminate_zeros()  # a pair without users left must not be stored: it would disclose the last
        total.sort_indices()
    check_left(total.data.min(initial=0))
    return total
