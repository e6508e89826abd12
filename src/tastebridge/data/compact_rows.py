"""Sparse matrices with mostly empty rows: only nonempty rows have a pointer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.rows import assembled

_LEAST_ROWS = 1000
"""Pointers of fewer rows take less memory than the objects of a category."""
_ROWS_EACH = 4
"""Rows per filled row from which it is held compactly: whole pointers are at most so many per filled row."""


@dataclass(eq=False)
class CompactRows:
    """A canonical CSR matrix without the pointers of its empty rows.

    A panel has a matrix per category over all of its users, so whole pointers would take memory of categories
    times users. Those of compact rows take memory of the users who have events in the category.

    Parameters
    ----------
    filled : ndarray of int32
        The numbers of the rows with entries, ascending.
    indptr : ndarray, shape (len(filled) + 1,)
        The bounds of their entries.
    data, indices : ndarray, shape (nnz,)
        As of the matrix, which shares them.
    shape : tuple of int

    Examples
    --------
    >>> matrix = sparse.csr_matrix(([2.0, 3.0], ([1500, 1500], [0, 1])), shape=(4000, 2))
    >>> rows = CompactRows.of(matrix)
    >>> rows.filled.tolist(), rows.indptr.tolist(), (rows.whole() != matrix).nnz
    ([1500], [0, 2], 0)
    """

    filled: NDArray[np.int32]
    indptr: NDArray[Any]
    data: NDArray[Any]
    indices: NDArray[Any]
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        self._made: ref[sparse.csr_matrix] | None = None

    @classmethod
    def of(cls, matrix: sparse.csr_matrix) -> CompactRows | None:
        """Return the compact rows of a matrix; None if they save no memory or it is not canonical."""
        n_rows = matrix.shape[0]
        if n_rows < _LEAST_ROWS:
            return None
        filled = np.flatnonzero(matrix.indptr[1:] != matrix.indptr[:-1]).astype(np.int32)
        if n_rows < _ROWS_EACH * len(filled) or not matrix.has_canonical_format:
            return None
        indptr = np.append(matrix.indptr[filled], matrix.indptr[-1:])
        return cls(filled, indptr, matrix.data, matrix.indices, matrix.shape)

    @property
    def nnz(self) -> int:
        """The number of stored entries."""
        return len(self.data)

    def taken(self, rows: NDArray[np.integer]) -> tuple[sparse.csr_matrix, NDArray[np.bool_]]:
        """Return the matrix of some rows (numbers, ascending), and a mask of their entries."""
        wanted = np.zeros(self.shape[0], dtype=bool)
        wanted[rows] = True
        kept = wanted[self.filled]
        lengths = np.diff(self.indptr)
        entries = np.repeat(kept, lengths)
        filled = np.searchsorted(rows, self.filled[kept]).astype(np.int32)
        indptr = np.append(0, np.cumsum(lengths[kept]))
        shape = (len(rows), self.shape[1])
        part = CompactRows(filled, indptr, self.data[entries], self.indices[entries], shape)
        return part.whole(), entries

    def whole(self) -> sparse.csr_matrix:
        """Return the matrix with a pointer per row: the same object as before while it is in use."""
        made = None if self._made is None else self._made()
        if made is None:
            made = self._assembled()
            self._made = ref(made)
        return made

    def _assembled(self) -> sparse.csr_matrix:
        # the pointer stays the same up to the next filled row
        runs = np.diff(np.concatenate([[-1], self.filled, self.shape[:1]]))
        matrix = assembled(self.data, self.indices, np.repeat(self.indptr, runs), self.shape)
        matrix.has_sorted_indices = matrix.has_canonical_format = True
        return matrix

    def __reduce__(self) -> tuple[Any, ...]:
        # a reference that keeps nothing alive cannot be pickled
        return CompactRows, (self.filled, self.indptr, self.data, self.indices, self.shape)
