"""Interactions: which user interacted with which item of one category, and how strongly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy import sparse

from tastebridge._numerics.rows import assembled
from tastebridge.data.compact_rows import CompactRows
from tastebridge.data.vocabulary import Vocabulary
from tastebridge.exceptions import InvalidDataError


class FirstEvents(NamedTuple):
    """The first event of each pair of a category in which some pairs met several times.

    Attributes
    ----------
    times : ndarray of float64
        Seconds since 1970, aligned with the data of the matrix.
    weights : ndarray of float32
        The weight of a pair if this event were its only one; of several at once, they are merged.
    """

    times: np.ndarray
    weights: np.ndarray

    def take(self, pairs: np.ndarray | slice) -> FirstEvents:
        """Return the first events of some pairs: a mask, or a slice."""
        # a view would keep the arrays of all pairs in memory
        return FirstEvents(self.times[pairs].copy(), self.weights[pairs].copy())


class _Matrix:
    """The matrix of a category: stored as compact rows if most are empty, and built on access."""

    def __get__(self, part: object, owner: type | None = None) -> sparse.csr_matrix:
        if part is None:
            raise AttributeError("matrix")  # so that the field has no default
        held = vars(part)["matrix"]
        return held.whole() if isinstance(held, CompactRows) else held

    def __set__(self, part: object, matrix: sparse.csr_matrix) -> None:
        vars(part)["matrix"] = CompactRows.of(matrix) or matrix


@dataclass(frozen=True, eq=False)
class Interactions:
    """One category of a panel: a sparse matrix of users by items.

    Parameters
    ----------
    category : str
        Its name.
    users : Vocabulary
        The users of the whole panel; those absent from this category have an empty row.
    items : Vocabulary
        The items of this category.
    matrix : csr_matrix of float32, shape (n_users, n_items)
        The weight of each pair; canonical (indices sorted, no pair twice). Treat it as read-only. If most
        rows are empty, only the others are stored, and the matrix is built on access.
    times : ndarray of float64 or None, shape (matrix.nnz,)
        Seconds since 1970 of the last event of each pair, aligned with ``matrix.data``.
    first : FirstEvents, optional
        The first event of each pair, by which splits in time tell what was known at a moment. None if no pair
        met at several times, or they are not known, as in the panel of a saved model.

    Examples
    --------
    >>> from tastebridge.data import Panel
    >>> import pandas as pd
    >>> rows = [("ada", "dune", "books"), ("ada", "emma", "books"), ("eva", "alien", "films")]
    >>> books = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))["books"]
    >>> books
    <Interactions 'books': 1 of 2 users, 2 items, 2 pairs>
    >>> books.active.tolist(), books.active_numbers.tolist()
    (['ada'], [0])
    """

    category: str
    users: Vocabulary
    items: Vocabulary
    matrix: sparse.csr_matrix = _Matrix()
    times: np.ndarray | None = None
    first: FirstEvents | None = None

    def __post_init__(self) -> None:
        expected, held = (len(self.users), len(self.items)), self._held
        if held.shape != expected:
            raise InvalidDataError(
                f"Interactions {self.category!r} needs a matrix of {expected} (users, items);"
                f" got {held.shape}."
            )
        if self.times is not None and len(self.times) != held.nnz:
            raise InvalidDataError(
                f"Interactions {self.category!r} needs a time for each of {held.nnz} pairs;"
                f" got {len(self.times)}."
            )

    @property
    def _held(self) -> sparse.csr_matrix | CompactRows:
        return vars(self)["matrix"]

    @cached_property
    def active_numbers(self) -> np.ndarray:
        """The row numbers of the users with at least one pair here, ascending."""
        held = self._held
        if isinstance(held, CompactRows):
            return held.filled.astype(np.int64)
        return np.flatnonzero(np.diff(held.indptr))

    @property
    def active(self) -> np.ndarray:
        """The ids of the users with at least one pair here, ascending."""
        return self.users.ids[self.active_numbers]

    @property
    def rows(self) -> np.ndarray:
        """The user number of each stored pair, aligned with ``matrix.data``."""
        held = self._held
        numbers = self.active_numbers if isinstance(held, CompactRows) else np.arange(held.shape[0])
        return np.repeat(numbers, np.diff(held.indptr))

    def of(self, people: np.ndarray, users: Vocabulary) -> Interactions:
        """Return the rows of some users (numbers, ascending), whose vocabulary is ``users``."""
        if isinstance(held := self._held, CompactRows):
            matrix, chosen = held.taken(people)
            times = None if self.times is None else self.times[chosen]
            first = None if self.first is None else self.first.take(chosen)
            return Interactions(self.category, users, self.items, matrix, times, first)
        times = first = None
        if self.times is not None:
            wanted = np.zeros(len(self.users), dtype=bool)
            wanted[people] = True
            times = self.times[wanted[self.rows]]
            first = None if self.first is None else self.first.take(wanted[self.rows])
        return Interactions(self.category, users, self.items, held[people], times, first)

    def keep(self, pairs: np.ndarray) -> Interactions:
        """Return the same users and items with only some stored pairs (a mask over ``matrix.data``)."""
        held = self._held
        counts = np.bincount(self.rows[pairs], minlength=held.shape[0])
        indptr = np.concatenate([[0], np.cumsum(counts)])
        parts = (held.data[pairs], held.indices[pairs], indptr)
        times = None if self.times is None else self.times[pairs]
        first = None if self.first is None else self.first.take(pairs)
        return Interactions(self.category, self.users, self.items, canonical(parts, held.shape), times, first)

    def __repr__(self) -> str:
        return (
            f"<Interactions {self.category!r}: {len(self.active_numbers):,} of {len(self.users):,} users,"
            f" {len(self.items):,} items, {self._held.nnz:,} pairs>"
        )


def canonical(parts: tuple[np.ndarray, np.ndarray, np.ndarray], shape: tuple[int, int]) -> sparse.csr_matrix:
    """Return the CSR matrix of (data, indices, indptr) known to be sorted and without repetitions."""
    matrix = assembled(*parts, shape)
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix
