"""Vectors of users in a source model, mapped into the space of a mapper: no history is needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors import PretrainedFactors
from tastebridge.model import LinearModel


def mapped_vectors(model: LinearModel, vectors: ArrayLike, source: str) -> NDArray[np.float32]:
    """Return the vectors (n, K) of users who are known only by their vectors in a source model.

    The routes from that model, and popularity, have the weights of users without a history in the target, at
    the mean of the gating features. A row has the same bits in any batch.

    Parameters
    ----------
    model : LinearModel
    vectors : array of shape (n, n_components)
    source : str
        A source whose model was given.
    """
    keys = {
        key: encoder.model
        for key, encoder in model.encoders.items()
        if isinstance(encoder.model, PretrainedFactors) and encoder.categories == (source,)
    }
    used = [route for route in model.routes if route.encoder in keys and source != model.target]
    if not used:
        raise InvalidParameterError(
            f"no route starts at a model given for {source!r}. Fit with source_models={{{source!r}: …}}; "
            "a source that does not help has no route either."
        )
    Z = _checked(vectors, keys[used[0].encoder].item_factors_.shape[1])
    # the length of the history is not known, so the weights are those at the mean of the gates
    blend, kept = model.segments["cold"]
    weights, known = blend.weights() * kept, np.ones(len(Z), dtype=bool)
    starts = dict(
        zip(model.spaces, np.cumsum([0, *(V.shape[1] for V in model.spaces.values())]), strict=False)
    )
    out = np.zeros((len(Z), model.item_vectors().shape[1]), dtype=np.float32)
    for route, weight in zip(model.routes, weights, strict=True):
        if (own := route.encoder in keys) or not route.sources:
            encoded = Z if own else np.ones((len(Z), 1))
            part = route.vectors(encoded, known)
            start = starts[route.space]
            out[:, start : start + part.shape[1]] += part * weight
    if model.levels:
        out[:, -1] = model.levels["cold"]
    return out


def _checked(vectors: ArrayLike, width: int) -> NDArray[np.float64]:
    try:
        Z = np.asarray(vectors, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidParameterError(
            f"vectors must be a matrix of numbers of shape (n, {width}); got {type(vectors).__name__}. Give "
            "one row per user."
        ) from None
    if Z.ndim != 2 or Z.shape[1] != width:
        raise InvalidParameterError(
            f"vectors must be of shape (n, {width}), as the source model's; got {Z.shape}. Give one row "
            "per user."
        )
    if not np.isfinite(Z).all():
        raise InvalidDataError("vectors must be finite numbers. Leave the other rows out.")
    return Z
