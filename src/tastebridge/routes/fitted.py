"""A fitted route: an encoder of histories, a linear map, and a space of item vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.linalg import row_lengths, row_products, with_data
from tastebridge._numerics.rows import assembled
from tastebridge.factors.base import FactorModel
from tastebridge.routes.kinds import RouteKind

Array = NDArray[np.float64]
Histories = Mapping[str, sparse.csr_matrix]
"""For every category the weighted rows of the same users, (n_users, n_items of the category)."""


class Encoder(NamedTuple):
    """A fitted factor model, and the categories whose histories it reads side by side."""

    categories: tuple[str, ...]
    model: Any

    def encode(self, histories: Histories) -> Array:
        """Return the factors (n_users, p) of some users."""
        return self.encode_rows(sound(side_by_side(histories, self.categories)))

    def encode_rows(self, rows: sparse.csr_matrix) -> Array:
        """Return the factors of users by their :func:`sound` rows, in the order of ``categories``."""
        # the rows are valid already: fold_in skips scikit-learn's checks, which are slow for one user
        fold_in = self.model.fold_in if isinstance(self.model, FactorModel) else self.model.transform
        return np.asarray(fold_in(rows), dtype=np.float64)

    def columns_of(
        self, items: Mapping[str, NDArray[np.int64]], histories: Histories
    ) -> list[NDArray[np.int64]]:
        """Return for each category the columns of some items in the histories side by side."""
        widths = [histories[name].shape[1] for name in self.categories]
        starts = np.cumsum([0, *widths[:-1]])
        nothing = np.zeros(0, dtype=np.int64)
        return [start + items.get(name, nothing) for start, name in zip(starts, self.categories, strict=True)]


def width_of(encoder: object) -> int:
    """Return the number of factors of a fitted encoder."""
    matrix = getattr(encoder, "encoder_", getattr(encoder, "item_factors_", None))
    # an encoder without a matrix is the constant of popularity
    return 1 if matrix is None else int(matrix.shape[1])


@dataclass(frozen=True)
class FittedRoute:
    """A linear map from histories to vectors of a space; the score of an item is an inner product there.

    A user's vector is ``encoder(history) @ coef + intercept``. It is zero for users without a history in any
    of the route's categories.

    Attributes
    ----------
    name : str
        Unique in a model.
    sources : tuple of str
        The categories of its history; empty for a route that is the same for all users.
    encoder : str
        Key of an encoder.
    coef : ndarray of shape (p, k) or None
        The learned map; None for the identity on the leading components.
    intercept : ndarray of shape (k,) or None
    space : str
        Key of the space, whose leading k components it uses.
    bridge : {"users", "items", "features"}, default="users"
        The overlap of its categories and the target: shared users, shared items, or one space of features.
    kind : RouteKind, default=RouteKind.OTHER
    recipe : str, default=""
        The models it consists of, without a category. Routes of the same kind and recipe are comparable
        between sources and targets. Available during the fit only.
    """

    name: str
    sources: tuple[str, ...]
    encoder: str
    coef: Array | None
    intercept: Array | None
    space: str
    bridge: str = "users"
    kind: RouteKind = RouteKind.OTHER
    recipe: str = ""

    def vectors(self, encoded: Array, known: NDArray[np.bool_]) -> Array:
        """Return the vectors (n_users, k) of encoded users; ``known`` users have a history the route reads.

        A user's vector does not depend on the other rows, bit for bit.
        """
        Z = encoded if self.coef is None else row_products(encoded[:, : len(self.coef)], self.coef)
        if self.intercept is not None:  # not for others, so that an empty history stays at 0
            Z = Z + self.intercept * known[:, None]
        return np.asarray(Z, dtype=np.float64)


def vectors_of(
    routes: Iterable[FittedRoute],
    encoders: Mapping[str, Encoder],
    histories: Histories,
    encoded: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """Return for every route the unweighted vectors of users; every encoder runs once.

    ``encoded`` holds factors of these users that are already computed, by the key of the encoder.
    """
    routes, known = list(routes), dict(encoded or {})
    known |= encoded_by((route for route in routes if route.encoder not in known), encoders, histories)
    return {
        route.name: route.vectors(known[route.encoder], known_to(route.sources, histories))
        for route in routes
    }


def encoded_by(
    routes: Iterable[FittedRoute], encoders: Mapping[str, Encoder], histories: Histories
) -> dict[str, Array]:
    """Return the factors of users by the key of every encoder that routes read."""
    encoded = Encoded(encoders, histories)
    return {key: encoded[key] for key in dict.fromkeys(route.encoder for route in routes)}


class Encoded(dict[str, Array]):
    """The factors of some users by the key of the encoder, each computed at the first access."""

    def __init__(self, encoders: Mapping[str, Encoder], histories: Histories) -> None:
        super().__init__()
        self._encoders, self._histories = encoders, histories
        self._rows: dict[tuple[str, ...], sparse.csr_matrix] = {}

    def __missing__(self, key: str) -> Array:
        encoder = self._encoders[key]
        if encoder.categories not in self._rows:
            self._rows[encoder.categories] = sound(side_by_side(self._histories, encoder.categories))
        self[key] = encoder.encode_rows(self._rows[encoder.categories])
        return self[key]


def side_by_side(histories: Histories, categories: Iterable[str]) -> sparse.csr_matrix:
    """Return the histories of some categories as one matrix, (n_users, n_items of all of them)."""
    parts = [histories[name] for name in categories]
    if len(parts) == 1:
        return parts[0]
    *starts, width = accumulate((part.shape[1] for part in parts), initial=0)
    shape = (parts[0].shape[0], width)
    # the same as sparse.hstack, without its conversions, which take longer than one user's scores
    if shape[0] == 1:
        moved = [part.indices.astype(np.int64) + start for part, start in zip(parts, starts, strict=True)]
        data = np.concatenate([part.data for part in parts])
        return assembled(data, np.concatenate(moved), np.array([0, len(data)]), shape)
    indptr = np.add.reduce([part.indptr.astype(np.int64) for part in parts])
    data, indices = np.empty(indptr[-1], parts[0].dtype), np.empty(indptr[-1], np.int64)
    before = indptr[:-1].copy()
    for part, start in zip(parts, starts, strict=True):
        lengths = row_lengths(part)
        place = np.repeat(before - part.indptr[:-1], lengths) + np.arange(part.nnz)
        data[place], indices[place] = part.data, part.indices + start
        before += lengths
    return assembled(data, indices, indptr, shape)


def sound(rows: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return rows in float64 without stored zeros."""
    data = rows.data.astype(np.float64)
    if data.all():
        return with_data(rows, data)
    rows = rows.astype(np.float64)
    rows.eliminate_zeros()
    return rows


def known_to(categories: tuple[str, ...], histories: Histories) -> NDArray[np.bool_]:
    """Return a mask of the users with a history in any of the categories; all users without categories."""
    n_users = next(iter(histories.values())).shape[0]
    if not categories:
        return np.ones(n_users, dtype=bool)
    bounds = (histories[name].indptr for name in categories)
    return reduce(np.logical_or, (ends[1:] > ends[:-1] for ends in bounds))
