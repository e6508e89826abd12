"""Types of the ids, events and filters that callers pass in."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from narwhals.typing import IntoDataFrame, IntoSeries

from tastebridge.data.item_features import ItemFeatures
from tastebridge.data.panel import Panel

Id = Hashable
"""An id of a user or an item: text, or a whole number."""
Ids = Sequence[Hashable] | np.ndarray | IntoSeries
"""A list or column of ids."""
Frame = IntoDataFrame
"""A data frame of pandas, polars or pyarrow, or of another library that narwhals knows."""
Events = Panel | Frame
"""A panel, or a frame of events as :meth:`tastebridge.Panel.from_frame` takes it."""
ItemFilter = Ids | Frame
"""Ids of items for every user, or a frame of user_id and item_id for single users."""
Features = Mapping[str, Mapping[str, "ItemFeatures | Frame"]]
"""For every category features by name."""
EventWeights = Mapping[Hashable, float]
"""The worth of each type of event."""
