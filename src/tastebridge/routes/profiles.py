"""Profiles: the features of the items of a history, summed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tastebridge.factors.base import grown
from tastebridge.routes.links import LinearEncoder


class ProfileEncoder(LinearEncoder):
    """The sum of the vectors of a user's items, divided by the root of their number.

    ``encoder_`` (n_items, k) holds the vectors made of features; an item without features has 0.
    """

    def extended(self, new: NDArray[np.int64]) -> ProfileEncoder:
        """Return the encoder over more items, with these numbers and without features."""
        return ProfileEncoder(grown(self.encoder_, new))
