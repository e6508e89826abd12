r"""Related items within a source, from a model of another target: the vectors of the source's own items.

A model of one target does not score items of a source. But its encoders read the source, so every item
:math:`i` of the source has the vector :math:`z_i` of a user with this single event. Both sides of a relation
are these vectors, with candidates centred and scaled to length 1:

.. math:: v_j = (z_j - \bar z) / \lVert z_j - \bar z \rVert.

The encoder is the widest factor model of the source alone, or where there is none, of all categories as one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors.base import FactorModel
from tastebridge.model.blend import StackingBlend
from tastebridge.model.linear import GATES, LinearModel, Segment
from tastebridge.routes import FittedRoute, Histories
from tastebridge.routes.fitted import width_of

_ROWS, _SPACE = 4096, "items of the source"


def source_model(
    model: LinearModel, source: str, n_items: int, alone: Callable[[str, NDArray[np.int64]], Histories]
) -> LinearModel:
    """Return a model whose target is a source of another one.

    Parameters
    ----------
    model : LinearModel
    source : str
    n_items : int
        Of the source.
    alone : callable
        Returns the histories of users who have one item of a category each, by the items' numbers.

    Raises
    ------
    InvalidParameterError
        If no encoder of the model has vectors of the source's items.
    """
    keys = [
        key
        for key, encoder in model.encoders.items()
        if source in encoder.categories
        and isinstance(encoder.model, FactorModel)
        and width_of(encoder.model) > 1
    ]
    if not keys:
        raise InvalidParameterError(
            f"this model has no vectors of the items of {source!r}: its routes read single items only, or "
            f"were compressed into one. Fit an InterestMapper({source!r}), or one of target='all'."
        )
    key = max(
        keys,
        key=lambda one: (model.encoders[one].categories == (source,), width_of(model.encoders[one].model)),
    )
    encoder = model.encoders[key]
    parts = [
        encoder.encode(alone(source, np.arange(start, min(start + _ROWS, n_items))))
        for start in range(0, n_items, _ROWS)
    ]
    V = np.concatenate(parts)
    V = V - V.mean(axis=0)
    lengths = np.sqrt((V * V).sum(axis=1, keepdims=True))
    V = np.divide(V, lengths, out=np.zeros_like(V), where=lengths > 0).astype(np.float32)
    route = FittedRoute(_SPACE, encoder.categories, key, None, None, _SPACE)
    segment = Segment(StackingBlend.equal(1, len(GATES)), np.array([True]))
    return LinearModel(source, {key: encoder}, (route,), {_SPACE: V}, {"cold": segment, "warm": segment})
