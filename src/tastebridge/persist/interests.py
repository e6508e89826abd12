"""The interest models of a mapper to arrays, and back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from tastebridge.persist.arrays import Arrays

_Model = Mapping[str, NDArray[np.float64]]


def describe_interests(interests: Mapping[str, _Model], arrays: Arrays) -> list[str]:
    """Store the arrays of every category and return the categories in their order."""
    for place, part in enumerate(interests.values()):
        for name, value in part.items():
            arrays.add(f"interests/{place}/{name}", value)
    return list(interests)


def revive_interests(
    categories: list[str], arrays: Arrays, sizes: Mapping[str, int]
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Return the interest models of the categories."""
    found = {}
    for place, category in enumerate(categories):
        shapes = {"encoder": (sizes[category], None), "coef": (None,), "knots": (2, None), "rate": (1,)}
        shapes["reliability"] = (None, 3)
        found[category] = {
            name: arrays.get(f"interests/{place}/{name}", *shape) for name, shape in shapes.items()
        }
    return found
