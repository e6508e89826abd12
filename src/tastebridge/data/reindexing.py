"""The new numbers of the ids of a vocabulary after ids were added."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


class Places(NamedTuple):
    """The new numbers of ids after other ids were added.

    Attributes
    ----------
    moved : ndarray of shape (n_old,)
        The new number of each old id, ascending.
    size : int
        How many ids there are now.
    """

    moved: NDArray[np.int64]
    size: int

    @property
    def new(self) -> NDArray[np.int64]:
        """The numbers of the new ids."""
        return np.setdiff1d(np.arange(self.size), self.moved, assume_unique=True)

    def spread(self, rows: NDArray[Any] | sparse.csr_matrix) -> NDArray[Any] | sparse.csr_matrix:
        """Return rows of the old ids, dense or sparse, at their new places; rows of new ids are 0."""
        if sparse.issparse(rows):
            entries = sparse.coo_matrix(rows)
            where = self.moved[entries.row], entries.col
            return sparse.csr_matrix((entries.data, where), shape=(self.size, rows.shape[1]))
        out = np.zeros((self.size, *rows.shape[1:]), dtype=rows.dtype)
        out[self.moved] = rows
        return out
