"""The one shape all protocols answer in: one row per group, metric and user (or held-out row of a user)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ["group", "metric", "user_id", "value"]


def long_frame(group: str, users: Any, values: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the values of each metric for each of ``users``, one below the other."""
    parts = {"group": group, "user_id": np.asarray(users).astype(str)}
    frames = [pd.DataFrame({**parts, "metric": name, "value": found}) for name, found in values.items()]
    return pd.concat(frames, ignore_index=True)[COLUMNS] if frames else pd.DataFrame(columns=COLUMNS)
