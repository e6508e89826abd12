r"""Ages of events, encoded in their weights.

If all events have times, a binary weight is :math:`w = 2^{-a / 32}` with the age :math:`a` of the event as
a share of the time span of the data. All weights are between 0.978 and 1, so they count nearly equally in
every sum, and the age can be computed from the weight. Histories therefore need no additional column.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tastebridge.data.panel import Panel
from tastebridge.data.weighting import Weighting

SPANS = 32.0
"""The half-life of the weights, in time spans of the data: long enough that no sum notices."""
_DAY = 86_400.0

Array = NDArray[np.float64]


def dated_weighting(panel: Panel) -> Weighting | None:
    """Return the weighting that encodes ages; None without times, or if all times are equal.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("ada", "dune", "books", 0), ("ada", "alien", "films", 86_400)]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "timestamp"])
    >>> dated_weighting(Panel.from_frame(frame)).half_life
    32.0
    """
    parts = [part for part in panel.interactions.values() if part.matrix.nnz]
    times = [part.times for part in parts if part.times is not None]
    if not parts or len(times) < len(parts):
        return None
    span = (max(part.max() for part in times) - min(part.min() for part in times)) / _DAY
    return Weighting("binary", half_life=SPANS * float(span), undated="now") if span > 0 else None


def ages_of(weights: NDArray[np.floating]) -> Array:
    """Return the ages that weights carry, as shares of the time span of the data.

    Examples
    --------
    >>> ages_of(np.exp2(np.float32([0, -0.5 / 32]))).round(3).tolist()
    [0.0, 0.5]
    """
    return np.asarray(0.0 - SPANS * np.log2(weights.astype(np.float64)))
