"""Vectors of items made of their features: one whitened space for all categories with the same columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from tastebridge._numerics.scaling import deviations
from tastebridge._numerics.svd import truncated_svd
from tastebridge.data import ItemFeatures
from tastebridge.routes.fitted import Array
from tastebridge.routes.reader import Affine, Reader

ItemFeaturesByName = Mapping[str, Mapping[str, ItemFeatures]]
"""For every category its features by name."""

_LEAST = 1e-6
"""Directions with a variance below this share of the largest are rounding, or redundant columns."""


class Described(NamedTuple):
    """Item vectors of a category.

    Attributes
    ----------
    vectors : ndarray of shape (n_items, k)
        Whitened.
    spread : ndarray of shape (k,)
        The root of the share of each direction in the total variance: ``vectors * spread`` are the principal
        components of features with a mean square of 1.
    group : frozenset of str
        The categories of the same space.
    reader : Reader
        The map from the features of later items to such vectors.
    """

    vectors: Array
    spread: Array
    group: frozenset[str]
    reader: Reader


def described_by(features: ItemFeaturesByName, name: str | None, n_components: int) -> dict[str, Described]:
    r"""Return the item vectors of every category that has features of a name.

    The features of all categories of one space are stacked and centred; dense features are also standardised.
    They are whitened on their leading ``n_components`` principal directions,

    .. math:: t_i = \Lambda^{-1/2} W^\top (f_i - \bar f),

    so that the inner product of two items is their similarity in the Mahalanobis metric. Sparse features are
    first reduced to that rank by their SVD. An item without features has the vector 0.

    Parameters
    ----------
    features : mapping of category to mapping of name to ItemFeatures
    name : str or None
        None for the vectors of all names side by side, whitened once more with all directions kept.
    n_components : int
    """
    if name is None:
        return _all_together(features, n_components)
    kinds = {category: given[name] for category, given in features.items() if name in given}
    found: dict[str, Described] = {}
    for category, given in kinds.items():
        if category not in found:
            group = [other for other, part in kinds.items() if part.shares_space_with(given)]
            X, sizes, plain = _read([kinds[other] for other in group], n_components)
            apart, P = _described(group, X, sizes, n_components)
            reader = Reader({name: Affine(plain.M @ P, plain.c @ P)})
            found |= {other: Described(*part, reader) for other, part in apart.items()}
    return found


def _all_together(features: ItemFeaturesByName, n_components: int) -> dict[str, Described]:
    names = {name: None for given in features.values() for name in given}
    apart = {name: described_by(features, name, n_components) for name in names}
    found: dict[str, Described] = {}
    for category, given in features.items():
        if category not in found:
            # one space for all names together needs the same space in each, and the same set of names
            shared = frozenset.intersection(*(apart[name][category].group for name in given))
            group = sorted(other for other in shared if features[other].keys() == given.keys())
            parts = [
                np.concatenate([apart[name][other].vectors for name in given], axis=1) for other in group
            ]
            X = np.concatenate(parts)
            whole, P = _described(group, X, [len(part) for part in parts], X.shape[1])
            kinds = {name: apart[name][category].reader.kinds[name] for name in given}
            reader = Reader(kinds, P)
            found |= {other: Described(*part, reader) for other, part in whole.items()}
    return found


def _described(
    group: list[str], X: Array, sizes: list[int], n_components: int
) -> tuple[dict[str, tuple[Array, Array, frozenset[str]]], Array]:
    """Return the whitened rows ``X`` of some categories, and the whitening matrix.

    Rows of zeros are items without features.
    """
    # X is centred over described items, so that they alone make the covariance
    values, W = linalg.eigh(X.T @ X / max(int(X.any(axis=1).sum()), 1))
    # eigh ascends, and components are wanted from the largest down
    kept = np.flatnonzero(values > _LEAST * max(values.max(), np.finfo(np.float64).tiny))[::-1][:n_components]
    P = W[:, kept] / np.sqrt(values[kept])
    parts = np.split(X @ P, np.cumsum(sizes)[:-1])
    spread = np.sqrt(values[kept] / values.sum())
    return {name: (T, spread, frozenset(group)) for name, T in zip(group, parts, strict=True)}, P


def _read(parts: list[ItemFeatures], n_components: int) -> tuple[Array, list[int], Affine]:
    """Return the stacked, centred and, if dense, standardised features, and the numbers of rows of each part.

    The last value is the affine map from a row of features to such a row.
    """
    described = np.concatenate([part.described for part in parts])
    F, plain = _dense([part.matrix for part in parts], n_components)
    mean = F[described].mean(axis=0)
    X = F - mean
    if plain is None:
        deviation = np.where(deviations(F[described]) > 0, X[described].std(axis=0), 0.0)
        scale = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
        X *= scale
        plain, mean = sparse.diags(scale), mean * scale
    # after centring, an item without features would be minus the mean instead of 0
    return X * described[:, None], [len(part.items) for part in parts], Affine(plain, mean)


def _dense(
    matrices: list[NDArray[np.float32] | sparse.csr_matrix], n_components: int
) -> tuple[Array, Array | None]:
    """Return the stacked rows, for sparse features by their leading singular vectors, one more than wanted.

    The second value is the projection of sparse features to these vectors; None for dense features.
    """
    if not sparse.issparse(matrices[0]):
        return np.concatenate(matrices).astype(np.float64), None
    F = sparse.vstack(matrices, format="csr")
    # one more, as centring takes a direction away; by a fixed seed, so that categories and folds agree
    U, s, Vt = truncated_svd(F, min(n_components + 1, *F.shape), np.random.default_rng(0))
    return U * s, Vt.T
