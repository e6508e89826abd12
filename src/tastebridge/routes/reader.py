r"""Features of later items, read in the same way as in the fit: one affine map per kind.

The steps of :mod:`tastebridge.routes.description` (centring, scaling, projection) are linear in each row of
features. Collapsed to one step, a row f of one kind becomes

.. math:: t = f M - c.

The kinds stand side by side, and may be projected once more together. A kind that does not describe an item
has the part 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.linalg import row_products
from tastebridge.data import ItemFeatures
from tastebridge.routes.fitted import Array


class Affine(NamedTuple):
    """The map of one kind of features: ``M`` (n_features, k) and ``c`` (k,)."""

    M: Array
    c: Array

    def read(self, features: ItemFeatures) -> Array:
        """Return the vectors (n_items, k), 0 for items that are not described.

        The vector of an item is the same, bit by bit, whatever other items there are.
        """
        F = features.matrix
        # scipy's sparse product sums each row by itself; BLAS does not
        T = F @ self.M if sparse.issparse(F) else row_products(F, self.M)
        return np.asarray((T - self.c) * features.described[:, None])

    def scaled(self, by: Array) -> Affine:
        """Return the map to vectors whose components are multiplied by ``by`` (k,)."""
        return Affine(self.M * by, self.c * by)


@dataclass(frozen=True, eq=False)
class Reader:
    """The map from the features of an item to its vector.

    Attributes
    ----------
    kinds : mapping of name to Affine
        In the order of their vectors side by side.
    together : ndarray of shape (sum of k, K) or None
        The projection of these vectors; None for the identity.
    """

    kinds: Mapping[str, Affine]
    together: Array | None = None

    @property
    def width(self) -> int:
        """The number of components of a vector."""
        if self.together is not None:
            return int(self.together.shape[1])
        return sum(len(part.c) for part in self.kinds.values())

    def read(self, features: Mapping[str, ItemFeatures], n_items: int) -> Array:
        """Return the vectors (n_items, width) of items; kinds that are not given have the part 0."""
        parts = [
            part.read(features[name]) if name in features else np.zeros((n_items, len(part.c)))
            for name, part in self.kinds.items()
        ]
        T = np.concatenate([np.zeros((n_items, 0)), *parts], axis=1)
        return T if self.together is None else row_products(T, self.together)


class Reading(NamedTuple):
    """The map from the features of a category to the rows of an encoder or of a space.

    Attributes
    ----------
    category : str
    reader : Reader
    usual : ndarray of shape (width,) or None
        Subtracted from the vectors of described items.
    """

    category: str
    reader: Reader
    usual: NDArray[np.float64] | None = None

    def rows(self, features: Mapping[str, ItemFeatures], n_items: int) -> Array:
        """Return the rows (n_items, width) of items, 0 for items without features."""
        T = self.reader.read(features, n_items)
        return T if self.usual is None else less(T, self.usual)

    def covered(self, features: Mapping[str, ItemFeatures], n_items: int) -> NDArray[np.bool_]:
        """Return a mask (n_items,) of the items that all kinds describe."""
        described = [
            features[name].described if name in features else np.zeros(n_items, dtype=bool)
            for name in self.reader.kinds
        ]
        return np.asarray(np.all(described, axis=0))


def less(T: Array, usual: NDArray[np.float64]) -> Array:
    """Return the vectors less ``usual``; the vectors of items without features stay 0."""
    return np.asarray((T - usual) * T.any(axis=1, keepdims=True))
