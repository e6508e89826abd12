"""Protocol ``full``: every target item is ranked, those a user already had are left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse.linalg import svds

from benchmarks.protocols.frames import COLUMNS, long_frame
from benchmarks.protocols.groups import row_groups
from benchmarks.task import Task
from tastebridge.evaluation import user_scores
from tastebridge.metrics import catalogue_coverage, intra_list_diversity, novelty, popularity_bias
from tastebridge.splits import Split

METRICS = tuple(f"{name}@{k}" for name in ("hr", "recall", "ndcg", "mrr", "map") for k in (5, 10, 20, 50))
_DEPTH, _ROWS, _SKETCH = 50, 512, 32


@dataclass(frozen=True)
class _Lists:
    """Top lists already made, in the shape :func:`tastebridge.evaluation.user_scores` asks a model."""

    user_ids: NDArray
    item_ids: NDArray
    top: NDArray[np.int64]

    def recommend(self, user_ids: NDArray, n: int = 10) -> pd.DataFrame:
        rows = np.searchsorted(self.user_ids, user_ids)
        numbers = self.top[rows, :n]
        return pd.DataFrame(
            {
                "user_id": np.repeat(user_ids, numbers.shape[1]),
                "item_id": self.item_ids[numbers.ravel()],
                "rank": np.tile(np.arange(1, numbers.shape[1] + 1), len(rows)),
            }
        )


def values(task: Task, user_ids: NDArray, scores: NDArray[np.float32]) -> pd.DataFrame:
    """Return each user's metrics, group by group.

    Where a group holds only some held-out rows of a user, the others are left out of the list: they are
    neither to be found nor in the way.
    """
    open_scores = _without_history(task, user_ids, scores)
    part, found, lists_of_all = task.panel[task.target], [], None
    for name, mask in row_groups(task):
        truth = task.truth[mask].reset_index(drop=True)
        people = np.unique(truth["user_id"].to_numpy())
        hidden = task.truth[~mask & task.truth["user_id"].isin(people)]
        if lists_of_all is None or len(hidden):
            top = top_numbers(_without(task, user_ids, open_scores, hidden), _DEPTH)
            lists = _Lists(user_ids, part.items.ids, top)
        else:
            lists = lists_of_all
        lists_of_all = lists_of_all or lists
        table = user_scores(lists, Split(task.panel, task.target, truth), METRICS)
        found.append(long_frame(name, table.index, {one: table[one].to_numpy() for one in METRICS}))
    assert lists_of_all is not None
    return pd.concat([*found, _beyond(task, user_ids, lists_of_all.top[:, :10])], ignore_index=True)[COLUMNS]


def top_numbers(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the numbers of each row's ``k`` best items, best first; ties go to the lower number."""
    top = np.empty((len(scores), min(k, scores.shape[1])), dtype=np.int64)
    for start in range(0, len(scores), _ROWS):
        block = scores[start : start + _ROWS]
        chosen = np.sort(np.argpartition(-block, top.shape[1] - 1, axis=1)[:, : top.shape[1]], axis=1)
        order = np.argsort(-np.take_along_axis(block, chosen, axis=1), axis=1, kind="stable")
        top[start : start + _ROWS] = np.take_along_axis(chosen, order, axis=1)
    return top


def _without_history(task: Task, user_ids: NDArray, scores: NDArray[np.float32]) -> NDArray[np.float32]:
    matrix = task.panel[task.target].matrix[task.panel.users.numbers(user_ids)].tocoo()
    scores = scores.copy()
    scores[matrix.row, matrix.col] = -np.inf
    return scores


def _without(
    task: Task, user_ids: NDArray, scores: NDArray[np.float32], rows: pd.DataFrame
) -> NDArray[np.float32]:
    """Return the scores without some held-out rows."""
    if not len(rows):
        return scores
    items = task.panel[task.target].items.numbers(rows["item_id"].to_numpy(), missing="negative")
    people = np.searchsorted(user_ids, rows["user_id"].to_numpy())
    scores = scores.copy()
    scores[people[items >= 0], items[items >= 0]] = -np.inf
    return scores


def _beyond(task: Task, user_ids: NDArray, top: NDArray[np.int64]) -> pd.DataFrame:
    """Return what kind of items the ten first are; coverage is the same for all users."""
    matrix = task.panel[task.target].matrix
    counts, n_people = matrix.getnnz(axis=0), len(task.panel[task.target].active_numbers)
    sketch = svds(matrix, k=min(_SKETCH, min(matrix.shape) - 1), random_state=0)[2].T
    measured = {
        "coverage@10": np.full(len(top), catalogue_coverage(top, matrix.shape[1])),
        "novelty@10": novelty(top, counts, n_people),
        "popularity bias@10": popularity_bias(top, counts),
        "diversity@10": intra_list_diversity(top, sketch),
    }
    return long_frame("all", user_ids, measured)
