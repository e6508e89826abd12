"""Protocol ``sampled``: each held-out row against 999 random target items, as in the papers.

In protocol ``popularity-weighted`` items are drawn by the power 0.75 of their number of users: with uniform
negatives most of a figure is popularity.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.protocols.frames import long_frame
from benchmarks.protocols.groups import row_groups
from benchmarks.task import Task
from tastebridge.evaluation import draw_negatives
from tastebridge.metrics import RANK_METRICS, parse_metric, sampled_ranks
from tastebridge.splits import Split

METRICS = ("mrr", "ndcg@5", "ndcg@10", "hr@1", "hr@5", "hr@10")
DRAW = 0
"""The seed of the draw: every model and every seed of a model meets the same items."""


POWER = 0.75
"""The power of popularity in protocol ``popularity-weighted``."""


def values(
    task: Task, user_ids: NDArray, scores: NDArray[np.float32], popularity_power: float = 0.0
) -> pd.DataFrame:
    """Return each held-out row's metrics, group by group; the user of the row is its ``user_id``."""
    negatives = draw_negatives(task.split, random_state=DRAW, popularity_power=popularity_power)
    ranks = row_ranks(task.split, user_ids, scores, negatives)
    measured = {name: parse_metric(name, RANK_METRICS)[0](ranks) for name in METRICS}
    people = task.truth["user_id"].to_numpy()
    parts = [
        long_frame(group, people[mask], {name: found[mask] for name, found in measured.items()})
        for group, mask in row_groups(task)
    ]
    return pd.concat(parts, ignore_index=True)


def row_ranks(
    split: Split, user_ids: NDArray, scores: NDArray[np.float32], negatives: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the rank of each held-out row among its negatives; infinite for items without training rows."""
    part = split.train[split.target]
    rows = np.searchsorted(user_ids, split.truth["user_id"].to_numpy())
    items = part.items.numbers(split.truth["item_id"].to_numpy(), missing="negative")
    known = (items >= 0) & (part.matrix.getnnz(axis=0)[items] > 0)
    ranks = np.full(len(items), np.inf)
    others = np.where(negatives[known] >= 0, scores[rows[known, None], negatives[known]], np.nan)
    ranks[known] = sampled_ranks(scores[rows[known], items[known]], others)
    return ranks
