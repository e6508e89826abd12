"""Removal and insertion of rows of a sparse matrix, as fast as copying the other rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.data.interactions import Interactions, canonical
from tastebridge.data.reindexing import Places
from tastebridge.data.vocabulary import Vocabulary


@dataclass(frozen=True)
class Splice:
    """Which rows go, and where others come.

    Attributes
    ----------
    at : ndarray of int64
        Old row numbers, ascending: at each of them something changes.
    gone : ndarray of bool, of the same length
        Whether the old row at that place is cut out.
    filled : bool
        Whether a new row is put in before each place, or nowhere any.
    """

    at: NDArray[np.int64]
    gone: NDArray[np.bool_]
    filled: bool

    def ids(self, old: NDArray, new: NDArray) -> NDArray:
        """Return old values, one a row, with the rows spliced."""
        return self._pieces(old, np.arange(len(old) + 1), new, np.arange(len(self.at) + 1))

    def interactions(
        self,
        part: Interactions,
        rows: Interactions | None,
        users: Vocabulary,
        items: Vocabulary,
        moved: Places,
    ) -> Interactions:
        """Return a category with spliced rows; ``rows`` are the inserted rows, over ``items``."""
        old, columns = part.matrix, part.matrix.indices
        if moved.size != len(moved.moved):
            columns = moved.moved.astype(columns.dtype)[columns]
        new = sparse.csr_matrix((0, len(items)), dtype=np.float32) if rows is None else rows.matrix
        lengths = self.ids(np.diff(old.indptr), np.diff(new.indptr))
        indptr = np.concatenate([[0], np.cumsum(lengths)])
        data, columns = (
            self._pieces(mine, old.indptr, theirs, new.indptr)
            for mine, theirs in ((old.data, new.data), (columns, new.indices.astype(columns.dtype)))
        )
        times = part.times
        if times is not None:
            fresh = np.zeros(0) if rows is None or rows.times is None else rows.times
            times = self._pieces(times, old.indptr, fresh, new.indptr)
        matrix = canonical((data, columns, indptr), (len(users), len(items)))
        return Interactions(part.category, users, items, matrix, times)

    def _pieces(self, old: NDArray, ends: NDArray, new: NDArray, new_ends: NDArray) -> NDArray:
        """Return the runs of rows that stay, with the new rows between them."""
        # A row that goes is passed over: the next run starts one row later.
        starts = ends[np.append(0, self.at + self.gone)]
        stops = ends[np.append(self.at, len(ends) - 1)]
        pieces = [old[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        if self.filled:
            added = np.split(new, new_ends[1:-1])
            # There is one run of old rows more than there are new rows; nothing follows the last.
            pieces = [part for pair in zip(pieces, [*added, new[:0]], strict=True) for part in pair]
        return np.concatenate(pieces)
