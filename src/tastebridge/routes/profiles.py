"""Profiles: what the items of a history are like, all together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tastebridge.factors._base import grown
from tastebridge.routes.links import LinearEncoder


class ProfileEncoder(LinearEncoder):
    """The sum of the vectors of a person's items divided by the root of their number.

    ``encoder_`` (n_items, k) are the vectors made of features: of an item nothing is known of it is 0.
    """

    def extended(self, new: NDArray[np.int64]) -> ProfileEncoder:
        """Return the encoder over more items, of which nothing is known, with these numbers."""
        return ProfileEncoder(grown(self.encoder_, new))
