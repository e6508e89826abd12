r"""Explanations: the score of a linear model as a sum of contributions of past items.

A route gives an item the score :math:`w\,(\phi(x) B + b) \cdot v`. A factor model is linear in a user's
history once a quantity of the whole history is held fixed. That is the length it is divided by or, for ALS,
the user's system :math:`A_u`. So a past item j of weight :math:`x_j` contributes

.. math:: w\, d_u^{-a} x_j\, e_j \cdot Bv \qquad\text{or}\qquad w\, c_j\, y_j \cdot A_u^{-1} B v,

with its row :math:`e_j` of the encoder, or its ALS factors :math:`y_j` and confidence :math:`c_j`. The rest
is :math:`w\, b \cdot v`, the baseline of the map, and popularity. Contributions add up to the score. They
decompose the score of the given history. The effect of leaving an item out differs: the history is then
shorter, the other items count more, and the weights of the routes change.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.factors import ALSFactors
from tastebridge.factors.base import FactorModel
from tastebridge.factors.normalized import NormalizedFactors
from tastebridge.factors.rating import RatingFactors
from tastebridge.model import Array, LinearModel
from tastebridge.routes import Encoder, FittedRoute, Histories, side_by_side, sound
from tastebridge.routes.links import LinearEncoder

POPULARITY = "(popularity)"
"""The source category of a route that is the same for all users."""
LEVEL = "level"
"""The route of the constant added to all scores of a user, which makes users comparable."""


class Part(NamedTuple):
    """A part of a score: its category, past item (a number, -1 for none), route and contribution."""

    category: str
    item: int
    route: str
    contribution: float


class History(NamedTuple):
    """The history an encoder reads: past items (numbers over all its categories) and their vectors.

    The vectors (n_past, p) add up to the user's vector, the encoder's ``transform``. A factor model that
    cannot be decomposed has one vector, the sum, with the item -1.
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
    """Return the contributions of one user's past items to scores of some target items, over all routes.

    Parameters
    ----------
    model : LinearModel
    histories : mapping of category to csr_matrix
        Histories of one row.
    weights : ndarray of shape (n_routes,)
        The user's row of :meth:`LinearModel.weights`.
    items : sequence of int

    Returns
    -------
    dict of category to ndarray of shape (n_past, n_items)
        One row per entry of the history, and one row for :data:`POPULARITY`. The baselines of maps are left
        out, and so are routes that cannot be decomposed.
    """
    sums = {name: np.zeros((row.nnz, len(items))) for name, row in histories.items()}
    # an entry of weight 0 has a row in the sums, but encoders do not see it
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
    """Yield each route, the history it reads, the contributions to each item, and the baselines."""
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
        # items are taken back to the encoder's space, once for all past items
        V = weight * np.asarray(model.spaces[route.space][items], dtype=np.float64)
        width = past.vectors.shape[1]
        directions = V[:, :width].T if route.coef is None else route.coef @ V[:, : route.coef.shape[1]].T
        baseline = None if route.intercept is None else V[:, : len(route.intercept)] @ route.intercept
        yield route, past, past.vectors[:, : len(directions)] @ directions, baseline


def take_apart(model: FactorModel | RatingFactors | LinearEncoder, row: sparse.csr_matrix) -> History:
    """Return the past items of a history (1, n_items) in sorted order, and the vector each adds.

    Items of weight 0 must have been dropped from the row, as in scoring.
    """
    if isinstance(model, ALSFactors):
        return History(row.indices, _als_vectors(model, row))
    if isinstance(model, RatingFactors):
        return History(row.indices, model.parts(row))
    if not isinstance(model, LinearEncoder | NormalizedFactors):  # not linear, or of a class outside
        return History(np.array([-1]), np.asarray(model.transform(row)))
    x, rows = _normalized(model, row.data), model.encoder_[row.indices]
    return History(row.indices, x[:, None] * np.asarray(rows.toarray() if sparse.issparse(rows) else rows))


def _normalized(model: LinearEncoder | NormalizedFactors, weights: NDArray[np.floating]) -> Array:
    """Return the weights of one history as the encoder normalises them."""
    if isinstance(model, LinearEncoder):
        return np.full(len(weights), max(len(weights), 1) ** -0.5)
    x = weights.astype(np.float64)
    return np.asarray(x * x.sum() ** -model.user_power if len(x) else x)


def _als_vectors(model: ALSFactors, row: sparse.csr_matrix) -> Array:
    Y, c = model.item_factors_[row.indices], model.alpha * row.data.astype(np.float64)
    # the fold-in solves A z = Y' c, which is linear in the entries once A is fixed
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
