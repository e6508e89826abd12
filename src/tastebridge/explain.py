r"""Why an item: the score of a linear model taken apart into the past items that make it.

A route gives an item the score :math:`w\,(\phi(x) B + b) \cdot v`, and every factor model is linear in a
person's history once what depends on the whole of it is held fixed: the length it is divided by, or, for ALS,
the person's own system :math:`A_u`. So a past item j of weight :math:`x_j` contributes

.. math:: w\, d_u^{-a} x_j\, e_j \cdot Bv \qquad\text{or}\qquad w\, c_j\, y_j \cdot A_u^{-1} B v,

with its row :math:`e_j` of the encoder, or its ALS factors :math:`y_j` and confidence :math:`c_j`. The rest
is :math:`w\, b \cdot v`, the baseline of the map, and popularity. Contributions add up to the score. They say
what the score is made of, given the history; without an item the history is shorter, so that the others count
more, and the weights of the routes move too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.factors import ALSFactors
from tastebridge.model import Array, LinearModel
from tastebridge.routes import Encoder, FittedRoute, Histories, known_to

POPULARITY = "(popularity)"
"""What stands for the source category of a route that is the same for everybody."""


class Part(NamedTuple):
    """A part of a score: its category, past item (a number, -1 for none), route and contribution."""

    category: str
    item: int
    route: str
    contribution: float


def parts_of(model: LinearModel, histories: Histories, item: int) -> list[Part]:
    """Return the parts of the score of one person (histories of one row) and one target item."""
    vectors = model.route_vectors(histories)
    weights = model.weights(histories, vectors)[0]
    rows = {key: _row(encoder, histories) for key, encoder in model.encoders.items()}
    found: list[Part] = []
    for weight, route in zip(weights, model.routes, strict=True):
        v = weight * np.asarray(model.spaces[route.space][item, : vectors[route.name].shape[1]], np.float64)
        if weight and not route.sources:
            found.append(Part(POPULARITY, -1, route.name, float(vectors[route.name][0] @ v)))
        elif weight and known_to(route.sources, histories)[0]:
            found += _route_parts(route, model.encoders[route.encoder], rows[route.encoder], histories, v)
    return found


def _route_parts(
    route: FittedRoute, encoder: Encoder, row: sparse.csr_matrix, histories: Histories, v: Array
) -> Iterator[Part]:
    """Yield the parts of one route: of its past items, and the baseline of its map."""
    direction = v if route.coef is None else route.coef @ v
    rest = 0.0 if route.intercept is None else float(route.intercept @ v)
    items, values = contributions(encoder.model, row, direction)
    starts = np.cumsum([0] + [histories[name].shape[1] for name in encoder.categories])
    for item, value in zip(items, values, strict=True):
        at = int(np.searchsorted(starts, item, side="right")) - 1
        yield Part(encoder.categories[at], int(item - starts[at]), route.name, float(value))
    if row.nnz and not len(items):
        rest += float(np.asarray(encoder.model.transform(row))[0, : len(direction)] @ direction)
    if rest:
        yield Part(" + ".join(route.sources), -1, route.name, rest)


def contributions(model: Any, row: sparse.csr_matrix, direction: Array) -> tuple[NDArray[np.integer], Array]:
    """Return past items and what each adds to ``transform(row) @ direction``.

    ``row`` is (1, n_items) in sorted order and ``direction`` has as many leading components as are used. A
    factor model that is not of the package's kinds cannot be taken apart: there are no items.
    """
    k = len(direction)
    if isinstance(model, ALSFactors):
        return row.indices, _als_contributions(model, row, direction)
    if hasattr(model, "encoder_") and hasattr(model, "normalize_rows"):
        x = model.normalize_rows(row)
        return x.indices, np.asarray(x.data * (model.encoder_[x.indices][:, :k] @ direction))
    return row.indices[:0], np.zeros(0)


def _als_contributions(model: ALSFactors, row: sparse.csr_matrix, direction: Array) -> Array:
    Y, c = model.item_factors_[row.indices], model.alpha * row.data.astype(np.float64)
    A = model.gram_ + (Y * (c - 1.0)[:, None]).T @ Y
    padded = np.append(direction, np.zeros(len(A) - len(direction)))
    return np.asarray(c * (Y @ np.linalg.solve(A, padded)), dtype=np.float64)


def _row(encoder: Encoder, histories: Histories) -> sparse.csr_matrix:
    """Return the one history an encoder reads, categories side by side."""
    parts = [histories[name] for name in encoder.categories]
    return parts[0] if len(parts) == 1 else sparse.hstack(parts, format="csr")
