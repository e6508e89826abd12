r"""Features of items that come later, read as those of the fit were: one linear map a kind.

What :mod:`tastebridge.routes.description` makes of the features of a fit is linear in each row: centred,
scaled, projected. Collapsed, a row f of one kind becomes

.. math:: t = f M - c,

the kinds stand side by side, and may be projected once more together. Of an item a kind does not describe,
that kind has the part 0.
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

        An item's is the same, bit by bit, whatever items come beside it.
        """
        F = features.matrix
        T = F @ self.M if sparse.issparse(F) else row_products(F, self.M)
        return np.asarray((T - self.c) * features.described[:, None])

    def scaled(self, by: Array) -> Affine:
        """Return the map to vectors whose components are multiplied by ``by`` (k,)."""
        return Affine(self.M * by, self.c * by)


@dataclass(frozen=True, eq=False)
class Reader:
    """What makes vectors of the features of an item.

    Attributes
    ----------
    kinds : mapping of name to Affine
        In the order in which their vectors stand side by side.
    together : ndarray of shape (sum of k, K) or None
        What these are multiplied by; None for nothing.
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
        """Return the vectors (n_items, width) of items; kinds that are not given describe none of them."""
        parts = [
            part.read(features[name]) if name in features else np.zeros((n_items, len(part.c)))
            for name, part in self.kinds.items()
        ]
        T = np.concatenate([np.zeros((n_items, 0)), *parts], axis=1)
        return T if self.together is None else row_products(T, self.together)


class Reading(NamedTuple):
    """How the rows of an encoder or of a space are made of the features of a category.

    Attributes
    ----------
    category : str
    reader : Reader
    usual : ndarray of shape (width,) or None
        Taken off the vectors of described items.
    """

    category: str
    reader: Reader
    usual: NDArray[np.float64] | None = None

    def rows(self, features: Mapping[str, ItemFeatures], n_items: int) -> Array:
        """Return the rows (n_items, width) of items, 0 for those nothing is known of."""
        T = self.reader.read(features, n_items)
        return T if self.usual is None else less(T, self.usual)

    def covered(self, features: Mapping[str, ItemFeatures], n_items: int) -> NDArray[np.bool_]:
        """Return which items (n_items,) all of its kinds describe."""
        described = [
            features[name].described if name in features else np.zeros(n_items, dtype=bool)
            for name in self.reader.kinds
        ]
        return np.asarray(np.all(described, axis=0))


def less(T: Array, usual: NDArray[np.float64]) -> Array:
    """Return the vectors without what is usual; those of items nothing is known of stay 0."""
    return np.asarray((T - usual) * T.any(axis=1, keepdims=True))
