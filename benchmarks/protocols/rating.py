"""Protocol ``rating``: how far predicted ratings are from those given, over the held-out rows.

A row of an item without training rows cannot be predicted by any model; it is left out for all alike.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.protocols.frames import long_frame
from benchmarks.protocols.groups import row_groups
from benchmarks.task import Task


def values(task: Task, user_ids: NDArray, scores: NDArray[np.float32]) -> pd.DataFrame:
    """Return each row's squared and absolute error, predictions clipped to the range of the training ratings.

    RMSE is the root of the mean of ``squared error``, MAE the mean of ``absolute error``.
    """
    part = task.panel[task.target]
    people = task.truth["user_id"].to_numpy()
    items = part.items.numbers(task.truth["item_id"].to_numpy(), missing="negative")
    known = (items >= 0) & (part.matrix.getnnz(axis=0)[items] > 0)
    rows = np.searchsorted(user_ids, people)
    errors = np.full(len(items), np.nan)
    low, high = part.matrix.data.min(), part.matrix.data.max()
    predicted = np.clip(scores[rows[known], items[known]], low, high)
    errors[known] = predicted - task.truth["weight"].to_numpy()[known]
    parts = [
        long_frame(
            name,
            people[mask & known],
            {"squared error": errors[mask & known] ** 2, "absolute error": np.abs(errors[mask & known])},
        )
        for name, mask in row_groups(task)
    ]
    return pd.concat(parts, ignore_index=True)
