"""Conversion of a linear model to a smaller one: one narrow space, and maps that lead directly to it.

A route's vector is linear in the output of its encoder, so the projection of the vectors goes into the maps.
A user's narrow vector is computed from the history as the wide one was. All functions of a linear model
(scoring, folding in, explaining, saving) work on the smaller one. The blend weighs routes for each user as
before; its gates read the encoders and not the vectors, so the weights are the same.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from tastebridge._numerics.packing import rounded
from tastebridge.factors import ALSFactors
from tastebridge.factors.base import FactorModel
from tastebridge.factors.normalized import NormalizedFactors
from tastebridge.model import Array, LinearModel, Vectors32
from tastebridge.recommenders.compression.projection import Projection, balanced, of_peaks, of_scores
from tastebridge.routes import Encoder, FittedRoute, width_of

ModelT = TypeVar("ModelT", bound=FactorModel)

SPACE = "compressed"
_UNREAD = {
    True: ("user_gram_", "newcomers_"),
    False: ("item_factors_", "singular_values_", "user_gram_", "newcomers_"),
}
"""The attributes by which ALS, and spectral factors, decode and give new items factors."""
_SPARSE = 20
"""A space is of single links if fewer than one entry in so many is not 0."""


def compress_model(
    model: LinearModel, U: Vectors32, n_components: int | None, storage: str, rng: np.random.Generator
) -> LinearModel:
    """Return the model with vectors of ``n_components``, its matrices rounded as ``storage`` holds them.

    Parameters
    ----------
    model : LinearModel
    U : ndarray of shape (n_users, d)
        Vectors of users whose scores are to be kept.
    n_components : int or None
        None keeps the spaces.
    storage : {"exact", "float16", "int8"}
    rng : Generator
    """
    encoders, spaces, routes = dict(model.encoders), model.spaces, list(model.routes)
    if n_components is not None:
        people, items = project(model, U, n_components - bool(model.levels), rng)  # the level has its own
        items, size = balanced(items)
        even = {key: _even(encoder) for key, encoder in encoders.items()}
        encoders = {key: encoder for key, (encoder, _) in even.items()}
        blocks = dict(zip(spaces, _starts(model), strict=True))
        routes = [
            _led(route, people[blocks[route.space] :] * size, even[route.encoder][1]) for route in routes
        ]
        spaces = {SPACE: items.astype(np.float32)}
    return replace(
        model,
        encoders={key: _rounded_encoder(encoder, storage) for key, encoder in encoders.items()},
        routes=tuple(_rounded_route(route, storage) for route in routes),
        spaces={key: rounded(V, storage) for key, V in spaces.items()},
        storage=storage,
    )


def project(model: LinearModel, U: Vectors32, k: int, rng: np.random.Generator) -> Projection:
    """Return the projection of all spaces side by side: half of ``k`` for spaces of single links, if any."""
    peaked = np.concatenate([np.full(V.shape[1], _of_links(V)) for V in model.spaces.values()])
    V, d = model.item_vectors()[:, : len(peaked)], int((~peaked).sum())
    # At most half for links, or whatever the smooth spaces leave unused.
    n_peaks = min(int(peaked.sum()), max(k // 2, k - d))
    people = np.zeros((V.shape[1], k))
    U = U[:, : len(peaked)]
    smooth, people_of_smooth = of_scores(U[:, ~peaked], V[:, ~peaked], k - n_peaks), slice(0, k - n_peaks)
    people[~peaked, people_of_smooth] = smooth.people
    parts = [smooth.items]
    if n_peaks:
        peaks = of_peaks(V[:, peaked], n_peaks, rng)
        people[peaked, k - n_peaks :] = peaks.people
        parts.append(peaks.items)
    return Projection(people, np.concatenate(parts, axis=1))


def _of_links(V: Vectors32) -> bool:
    return bool(np.count_nonzero(V) < V.size // _SPARSE)


def _starts(model: LinearModel) -> list[int]:
    return np.cumsum([0, *(V.shape[1] for V in model.spaces.values())])[:-1].tolist()


def _even(encoder: Encoder) -> tuple[Encoder, Array]:
    """Return an encoder with columns of one size, and the sizes (p,) for the maps behind it."""
    if not isinstance(encoder.model, NormalizedFactors) or not isinstance(encoder.model.encoder_, np.ndarray):
        return encoder, np.ones(width_of(encoder.model))
    matrix, size = balanced(encoder.model.encoder_)
    return encoder._replace(model=_with(encoder.model, encoder_=matrix)), size


def _led(route: FittedRoute, people: Array, size: Array) -> FittedRoute:
    """Return a route that leads through the projection ``people``, whose rows begin with its space."""
    if route.coef is None:
        coef = people[: len(size)]
    else:
        size, coef = size[: len(route.coef)], route.coef @ people[: route.coef.shape[1]]
    intercept = None if route.intercept is None else route.intercept @ people[: len(route.intercept)]
    return replace(route, coef=size[:, None] * coef, intercept=intercept, space=SPACE)


def _rounded_route(route: FittedRoute, storage: str) -> FittedRoute:
    if route.coef is None:
        return route
    coef: Any = rounded(route.coef, storage)  # multiplied in float64, whatever it is kept in
    return replace(route, coef=coef)


def _rounded_encoder(encoder: Encoder, storage: str) -> Encoder:
    model = encoder.model
    if isinstance(model, NormalizedFactors) and isinstance(model.encoder_, np.ndarray):
        return encoder._replace(model=_with(model, encoder_=rounded(model.encoder_, storage)))
    if isinstance(model, ALSFactors):
        return encoder._replace(model=_with(model, item_factors_=rounded(model.item_factors_, storage)))
    return encoder


def _with(model: ModelT, **arrays: object) -> ModelT:
    """Return a fitted encoder with other arrays, and without those that ``transform`` does not read."""
    other = copy.copy(model)
    for name in _UNREAD[isinstance(model, ALSFactors)]:
        other.__dict__.pop(name, None)
    other.__dict__.update(arrays)
    return other
