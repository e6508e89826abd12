"""Interactions written back as a frame with one row per pair."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tastebridge.data.interactions import Interactions


def to_frame(interactions: Mapping[str, Interactions], has_times: bool) -> pd.DataFrame:
    """Return user_id, item_id, category (categorical), weight and, if asked, timestamp in seconds."""
    names, parts = list(interactions), list(interactions.values())
    sizes = [part.matrix.nnz for part in parts]
    columns: dict[str, object] = {
        "user_id": _joined([part.users.ids[part.rows] for part in parts]),
        "item_id": _joined([part.items.ids[part.matrix.indices] for part in parts]),
        "category": pd.Categorical.from_codes(np.repeat(np.arange(len(names)), sizes), categories=names),
        "weight": _joined([part.matrix.data for part in parts]),
    }
    if has_times:
        columns["timestamp"] = _joined([np.asarray(part.times) for part in parts])
    return pd.DataFrame(columns)


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else np.empty(0)
