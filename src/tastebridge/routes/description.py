"""Vectors of items made of their features: one whitened space for all whose columns mean the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from tastebridge._svd import truncated_svd
from tastebridge.data import ItemFeatures
from tastebridge.routes.fitted import Array

ItemFeaturesByName = Mapping[str, Mapping[str, ItemFeatures]]
"""For every category its features by name."""

_LEAST = 1e-6
"""Directions whose variance is below this share of the largest are rounding, or the sum of the others."""


class Described(NamedTuple):
    """Item vectors of a category.

    Attributes
    ----------
    vectors : ndarray of shape (n_items, k)
        White.
    spread : ndarray of shape (k,)
        The share of each direction in the spread of the features, as a root: ``vectors * spread`` are the
        principal components of features whose mean square is 1.
    group : frozenset of str
        The categories of the same space.
    """

    vectors: Array
    spread: Array
    group: frozenset[str]


def described_by(features: ItemFeaturesByName, name: str | None, n_components: int) -> dict[str, Described]:
    r"""Return the item vectors of every category that has features of a name.

    The features of all categories of one space, one below the other, are centred, dense ones standardised,
    and whitened on their leading ``n_components`` principal directions,

    .. math:: t_i = \Lambda^{-1/2} W^\top (f_i - \bar f),

    so that the inner product of two items is their likeness in the metric of Mahalanobis. Sparse features are
    brought to that rank by their SVD first. An item of which nothing is known has the vector 0.

    Parameters
    ----------
    features : mapping of category to mapping of name to ItemFeatures
    name : str or None
        None for the vectors of all names side by side, whitened once more, all of them kept.
    n_components : int
    """
    if name is None:
        return _all_together(features, n_components)
    kinds = {category: given[name] for category, given in features.items() if name in given}
    found: dict[str, Described] = {}
    for category, given in kinds.items():
        if category not in found:
            group = [other for other, part in kinds.items() if part.shares_space_with(given)]
            found |= _described(group, *_read([kinds[other] for other in group], n_components), n_components)
    return found


def _all_together(features: ItemFeaturesByName, n_components: int) -> dict[str, Described]:
    names = {name: None for given in features.values() for name in given}
    apart = {name: described_by(features, name, n_components) for name in names}
    found: dict[str, Described] = {}
    for category, given in features.items():
        if category not in found:
            shared = frozenset.intersection(*(apart[name][category].group for name in given))
            group = sorted(other for other in shared if features[other].keys() == given.keys())
            parts = [
                np.concatenate([apart[name][other].vectors for name in given], axis=1) for other in group
            ]
            X = np.concatenate(parts)
            found |= _described(group, X, [len(part) for part in parts], X.shape[1])
    return found


def _described(group: list[str], X: Array, sizes: list[int], n_components: int) -> dict[str, Described]:
    """Return the whitened rows ``X`` of some categories; rows of zeros are items nothing is known of."""
    values, W = linalg.eigh(X.T @ X / max(int(X.any(axis=1).sum()), 1))
    kept = np.flatnonzero(values > _LEAST * max(values.max(), np.finfo(np.float64).tiny))[::-1][:n_components]
    parts = np.split(X @ (W[:, kept] / np.sqrt(values[kept])), np.cumsum(sizes)[:-1])
    spread = np.sqrt(values[kept] / values.sum())
    return {name: Described(T, spread, frozenset(group)) for name, T in zip(group, parts, strict=True)}


def _read(parts: list[ItemFeatures], n_components: int) -> tuple[Array, list[int]]:
    """Return centred and, if dense, standardised features one below the other, and how many rows each has."""
    described = np.concatenate([part.described for part in parts])
    F = _dense([part.matrix for part in parts], n_components)
    X = F - F[described].mean(axis=0)
    if not sparse.issparse(parts[0].matrix):
        deviation = X[described].std(axis=0)
        X *= np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    return X * described[:, None], [len(part.items) for part in parts]


def _dense(matrices: list[NDArray[np.float32] | sparse.csr_matrix], n_components: int) -> Array:
    """Return the rows of all, of sparse ones the leading singular vectors, one more than are wanted."""
    if not sparse.issparse(matrices[0]):
        return np.concatenate(matrices).astype(np.float64)
    F = sparse.vstack(matrices, format="csr")
    U, s, _ = truncated_svd(F, min(n_components + 1, *F.shape), np.random.default_rng(0))
    return U * s
