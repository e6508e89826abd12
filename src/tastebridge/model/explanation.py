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

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.factors import ALSFactors
from tastebridge.factors._normalized import NormalizedFactors
from tastebridge.factors.rating import RatingFactors
from tastebridge.model import Array, LinearModel
from tastebridge.routes import Encoder, FittedRoute, Histories, side_by_side, sound
from tastebridge.routes.links import LinearEncoder

POPULARITY = "(popularity)"
"""What stands for the source category of a route that is the same for everybody."""
LEVEL = "level"
"""What stands for the route of what is added to all scores of a user, to compare them with other users'."""


class Part(NamedTuple):
    """A part of a score: its category, past item (a number, -1 for none), route and contribution."""

    category: str
    item: int
    route: str
    contribution: float


class History(NamedTuple):
    """The one history an encoder reads: past items (numbers over all its categories) and their vectors.

    The sum of the vectors (n_past, p) is the person's: the encoder's ``transform``. A factor model that
    cannot be taken apart has one vector, that sum, of no item (-1).
    """

    items: NDArray[np.integer]
    vectors: Array


def parts_of(model: LinearModel, histories: Histories, item: int) -> list[Part]:
    """Return the parts of the score of one user (histories of one row) and one target item."""
    found: list[Part] = []
    weights = model.weights(histories)[0]
    for route, past, values, baseline in _contributions(model, histories, weights, [item]):
        found += _route_parts(route, model.encoders[route.encoder], past, histories, values[:, 0].tolist())
        if baseline is not None:
            found.append(Part(_category(route), -1, route.name, float(baseline[0])))
    if level := float(model.level(histories)[0]):
        found.append(Part(POPULARITY, -1, LEVEL, level))
    return found


def sums_of(
    model: LinearModel, histories: Histories, weights: Array, items: Sequence[int]
) -> dict[str, Array]:
    """Return what one person's past items add to the scores of some target items, all routes together.

    Parameters
    ----------
    model : LinearModel
    histories : mapping of category to csr_matrix
        Of one row.
    weights : ndarray of shape (n_routes,)
        The person's row of :meth:`LinearModel.weights`.
    items : sequence of int

    Returns
    -------
    dict of category to ndarray of shape (n_past, n_items)
        Rows as the entries of the history; and one row of :data:`POPULARITY`. The baselines of maps are left
        out, as are routes that cannot be taken apart.
    """
    sums = {name: np.zeros((row.nnz, len(items))) for name, row in histories.items()}
    counted = {name: np.flatnonzero(row.data) for name, row in histories.items()}
    sums[POPULARITY] = np.zeros((1, len(items)))
    for route, past, values, _ in _contributions(model, histories, weights, items):
        if not route.sources:
            sums[POPULARITY] += values
        elif len(past.items) and past.items[0] >= 0:
            categories = model.encoders[route.encoder].categories
            ends = np.cumsum([len(counted[name]) for name in categories])[:-1]
            for name, part in zip(categories, np.split(values, ends), strict=True):
                sums[name][counted[name]] += part
    return sums


def _contributions(
    model: LinearModel, histories: Histories, weights: Array, items: Sequence[int]
) -> Iterator[tuple[FittedRoute, History, Array, Array | None]]:
    """Yield each route, the history it reads, what its past items add to each item, and its baseline."""
    known = {name: bool(row.nnz) for name, row in histories.items()}
    pasts: dict[str, History] = {}
    for weight, route in zip(weights, model.routes, strict=True):
        if not weight or not (not route.sources or any(known[name] for name in route.sources)):
            continue
        encoder = model.encoders[route.encoder]
        if route.encoder not in pasts:
            rows = sound(side_by_side(histories, encoder.categories))  # as scoring reads them
            pasts[route.encoder] = take_apart(encoder.model, rows)
        past = pasts[route.encoder]
        V = weight * np.asarray(model.spaces[route.space][items], dtype=np.float64)
        width = past.vectors.shape[1]
        directions = V[:, :width].T if route.coef is None else route.coef @ V[:, : route.coef.shape[1]].T
        baseline = None if route.intercept is None else V[:, : len(route.intercept)] @ route.intercept
        yield route, past, past.vectors[:, : len(directions)] @ directions, baseline


def take_apart(model: Any, row: sparse.csr_matrix) -> History:
    """Return the past items of a history, (1, n_items) in sorted order, and what each adds to the factors.

    Items whose weight is 0 have been dropped from it, as in scoring.
    """
    if isinstance(model, ALSFactors):
        return History(row.indices, _als_vectors(model, row))
    if isinstance(model, RatingFactors):
        return History(row.indices, model.parts(row))
    x = _normalized(model, row.data)
    if x is None:
        return History(np.array([-1]), np.asarray(model.transform(row)))
    rows = model.encoder_[row.indices]
    return History(row.indices, x[:, None] * np.asarray(rows.toarray() if sparse.issparse(rows) else rows))


def _normalized(model: Any, weights: NDArray[np.floating]) -> Array | None:
    """Return what the encoder makes of the weights of one history; None where it is not linear in them."""
    if isinstance(model, LinearEncoder):
        return np.full(len(weights), max(len(weights), 1) ** -0.5)
    if isinstance(model, NormalizedFactors):
        x = weights.astype(np.float64)
        return x * x.sum() ** -model.user_power if len(x) else x
    return None


def _als_vectors(model: ALSFactors, row: sparse.csr_matrix) -> Array:
    Y, c = model.item_factors_[row.indices], model.alpha * row.data.astype(np.float64)
    A = model.gram_ + (Y * (c - 1.0)[:, None]).T @ Y
    return np.asarray(c[:, None] * np.linalg.solve(A, Y.T).T, dtype=np.float64)


def _route_parts(
    route: FittedRoute, encoder: Encoder, past: History, histories: Histories, values: list[float]
) -> Iterator[Part]:
    """Yield the parts of the past items of one route."""
    starts = np.cumsum([0] + [histories[name].shape[1] for name in encoder.categories])
    places = np.searchsorted(starts, past.items, side="right") - 1
    for item, place, value in zip(past.items.tolist(), places.tolist(), values, strict=True):
        if item < 0:
            yield Part(_category(route), -1, route.name, value)
        else:
            yield Part(encoder.categories[place], item - int(starts[place]), route.name, value)


def _category(route: FittedRoute) -> str:
    return " + ".join(route.sources) or POPULARITY
