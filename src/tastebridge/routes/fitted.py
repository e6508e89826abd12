"""A fitted route: an encoder of histories, a linear map, and a space of item vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array = NDArray[np.float64]
Histories = Mapping[str, sparse.csr_matrix]
"""For every category the weighted rows of the same people, (n_people, n_items of the category)."""


class Encoder(NamedTuple):
    """A fitted factor model and the categories whose histories, side by side, it reads."""

    categories: tuple[str, ...]
    model: Any

    def encode(self, histories: Histories) -> Array:
        """Return the factors (n_people, p) of some people."""
        return np.asarray(self.model.transform(side_by_side(histories, self.categories)), dtype=np.float64)


def width_of(encoder: Any) -> int:
    """Return the number of factors of a fitted encoder."""
    matrix = getattr(encoder, "encoder_", getattr(encoder, "item_factors_", None))
    return 1 if matrix is None else int(matrix.shape[1])


@dataclass(frozen=True)
class FittedRoute:
    """A way from histories to the vectors of a space; the score of an item is an inner product there.

    A person's vector is ``encoder(history) @ coef + intercept`` where they have a history in one of the
    route's categories, and zero where they have none.

    Attributes
    ----------
    name : str
        Unique in a model.
    sources : tuple of str
        The categories of its history; empty for what is the same for everybody.
    encoder : str
        Key of an encoder.
    coef : ndarray of shape (p, k) or None
        The learned map; None for the identity on the leading components.
    intercept : ndarray of shape (k,) or None
    space : str
        Key of the space, whose leading k components it uses.
    bridge : {"users", "items", "features"}, default="users"
        What joins its categories to the target: people in both, items in both, or a common space of features.
    """

    name: str
    sources: tuple[str, ...]
    encoder: str
    coef: Array | None
    intercept: Array | None
    space: str
    bridge: str = "users"

    def vectors(self, encoded: Array, known: NDArray[np.bool_]) -> Array:
        """Return the vectors (n_people, k) of encoded people, of whom some are ``known`` to the route."""
        Z = encoded if self.coef is None else encoded[:, : len(self.coef)] @ self.coef
        if self.intercept is not None:
            Z = Z + self.intercept * known[:, None]
        return np.asarray(Z, dtype=np.float64)


def vectors_of(
    routes: Iterable[FittedRoute], encoders: Mapping[str, Encoder], histories: Histories
) -> dict[str, Array]:
    """Return for every route the unweighted vectors of people; what routes share is encoded once."""
    routes = list(routes)
    encoded = encoded_by(routes, encoders, histories)
    return {
        route.name: route.vectors(encoded[route.encoder], known_to(route.sources, histories))
        for route in routes
    }


def encoded_by(
    routes: Iterable[FittedRoute], encoders: Mapping[str, Encoder], histories: Histories
) -> dict[str, Array]:
    """Return the factors of people by the key of every encoder that routes read."""
    keys = dict.fromkeys(route.encoder for route in routes)
    return {key: encoders[key].encode(histories) for key in keys}


def side_by_side(histories: Histories, categories: Iterable[str]) -> sparse.csr_matrix:
    """Return the histories of some categories as one matrix, (n_people, n_items of all of them)."""
    rows = [histories[name] for name in categories]
    return rows[0] if len(rows) == 1 else sparse.hstack(rows, format="csr")


def known_to(categories: tuple[str, ...], histories: Histories) -> NDArray[np.bool_]:
    """Return which people have a history in any of the categories; everybody where there are none."""
    n_people = next(iter(histories.values())).shape[0]
    if not categories:
        return np.ones(n_people, dtype=bool)
    return np.asarray(sum(np.diff(histories[name].indptr) for name in categories) > 0)
