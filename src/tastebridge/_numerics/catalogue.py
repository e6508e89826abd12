"""The items open to recommendation, arranged for the search; checks of its input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from tastebridge._numerics.cells import of_dense
from tastebridge._numerics.sketch import Sketch
from tastebridge.exceptions import InvalidDataError

TILE_ITEMS = 2048
_THIN = 1 / 32
"""A column with fewer entries than this share of the items is thin, where this share of columns is."""
Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Catalogue:
    """The items open to recommendation, longest vectors first, cut into blocks.

    Columns that are 0 for nearly all items, such as links between single items, are kept apart as a sparse
    matrix. So the dense product does not multiply zeros.

    Attributes
    ----------
    items : ndarray of shape (n_items, n_components)
        All items, in their own order.
    numbers, norms : ndarray of shape (n_open,)
        Numbers and lengths of the open items, longest first.
    position : ndarray of shape (n_items,)
        The place of each item among the open ones, -1 for closed items.
    thick, thin : ndarray of int
        The columns kept in full, and the others.
    vectors : ndarray of shape (n_open, n_thick)
    rare : ndarray of int
        Places of the items with entries in the thin columns, ascending.
    entries : csr_matrix of shape (n_rare, n_thin)
    sketch : Sketch
        The sketch of ``vectors``, for requests of one user.
    """

    items: Floats
    numbers: Numbers
    norms: NDArray[np.float64]
    position: Numbers
    thick: Numbers
    thin: Numbers
    vectors: Floats
    rare: Numbers
    entries: sparse.csr_matrix
    sketch: Sketch

    @classmethod
    def of(cls, items: Floats, numbers: Numbers, typical: Floats | None = None) -> Catalogue:
        """Sort the ``numbers`` of ``items`` by the length of their vectors.

        Vectors of ``typical`` users make requests of one user faster.
        """
        norms = lengths(items)
        numbers = numbers[np.argsort(-norms[numbers])]  # the order of equal lengths does not change a list
        position = np.full(len(items), -1)
        position[numbers] = np.arange(len(numbers))
        few = np.count_nonzero(items, axis=0) < _THIN * len(items)
        # for a few thin columns a second, sparse product would not pay
        if few.sum() < _THIN * len(few):
            few[:] = False
        thick, thin = np.flatnonzero(~few), np.flatnonzero(few)
        scarce = of_dense(items.take(thin, axis=1))[numbers]
        rare = np.flatnonzero(np.diff(scarce.indptr))
        whole = items[numbers] if not len(thin) else items.take(thick, axis=1).take(numbers, axis=0)
        norms = norms[numbers]
        sketch = Sketch.of(whole, norms, None if typical is None else typical[:, thick])
        return cls(items, numbers, norms, position, thick, thin, whole, rare, scarce[rare], sketch)

    def scarce_scores(self, users: Floats) -> Floats:
        """Return the scores by the thin columns alone, of the items with entries there, (n_users, n_rare)."""
        return np.ascontiguousarray((self.entries @ np.ascontiguousarray(users[:, self.thin].T)).T)

    def fold(self, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        """Stack the blocks of a users × items matrix: row ``block * n_users + user``, column in the block."""
        entries, n_blocks = matrix.tocoo(), -(-len(self.numbers) // TILE_ITEMS)
        place = self.position[entries.col]
        user, place = entries.row[place >= 0], place[place >= 0]
        where = ((place // TILE_ITEMS) * matrix.shape[0] + user, place % TILE_ITEMS)
        shape = (n_blocks * matrix.shape[0], TILE_ITEMS)
        return sparse.csr_matrix((np.ones(len(user), dtype=bool), where), shape=shape)


def lengths(vectors: Floats) -> NDArray[np.float64]:
    """Return the Euclidean length of each row."""
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))


def entries(matrix: sparse.csr_matrix, rows: Numbers) -> tuple[Numbers, Numbers]:
    """Return the (place in ``rows``, column) of every entry stored in ``rows`` of ``matrix``."""
    starts, counts = matrix.indptr[rows], matrix.indptr[rows + 1] - matrix.indptr[rows]
    shift = np.repeat(starts - np.cumsum(counts) + counts, counts)
    return np.repeat(np.arange(len(rows)), counts), matrix.indices[shift + np.arange(len(shift))]


def check_vectors(name: str, vectors: ArrayLike) -> Floats:
    """Return ``vectors`` as a C-contiguous float32 matrix of finite numbers below 1e18."""
    array = np.ascontiguousarray(vectors, dtype=np.float32)
    if array.ndim != 2:
        raise InvalidDataError(f"{name} must be a matrix, one vector per row; got shape {array.shape}.")
    # inner products of such vectors stay below the largest float32, 3.4e38
    if array.size and not np.abs(array).max() < 1e18:
        row = int(np.flatnonzero(~(np.abs(array) < 1e18).all(axis=1))[0])
        raise InvalidDataError(
            f"{name} must be finite and below 1e18 in size; row {row} is not. Check how the model was fitted."
        )
    return array


def open_items(n_items: int, allow: ArrayLike | None, deny: ArrayLike | None) -> Numbers:
    """Return the numbers of the items that are open to all users."""
    open_ = np.full(n_items, allow is None)
    if allow is not None:
        open_[_numbers("allow", allow, n_items)] = True
    if deny is not None:
        open_[_numbers("deny", deny, n_items)] = False
    return np.flatnonzero(open_)


def _numbers(name: str, numbers: ArrayLike, n_items: int) -> Numbers:
    """Return item ``numbers`` as integers in ``0..n_items-1``."""
    array = np.atleast_1d(np.asarray(numbers))
    if not array.size:
        return np.zeros(0, dtype=np.int64)
    if not np.issubdtype(array.dtype, np.integer) or array.min() < 0 or array.max() >= n_items:
        raise InvalidDataError(f"{name} must hold item numbers from 0 to {n_items - 1}; got {numbers!r}.")
    return array.astype(np.int64)


def check_per_user(
    name: str, matrix: sparse.csr_matrix | None, shape: tuple[int, int]
) -> sparse.csr_matrix | None:
    """Return ``matrix`` as csr if it has one row per user and one column per item."""
    if matrix is not None and (not sparse.issparse(matrix) or matrix.shape != shape):
        got = getattr(matrix, "shape", type(matrix).__name__)
        raise InvalidDataError(
            f"{name} must be a sparse matrix of {shape[0]} users × {shape[1]} items; got {got}."
        )
    return None if matrix is None else matrix.tocsr()
