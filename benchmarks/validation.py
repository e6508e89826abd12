"""The one number settings and epochs are chosen by, on ``valid`` and never on the test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.protocols.sampled import row_ranks
from benchmarks.task import Task
from tastebridge.evaluation import draw_negatives
from tastebridge.metrics import rank_ndcg

_DRAW = 1
"""Another draw than the test's."""


class Judge:
    """Scores of the users of ``valid`` in, one number out: the higher, the better.

    For ranking it is NDCG@10 of the sampled protocol, for ratings minus the RMSE.
    """

    def __init__(self, task: Task) -> None:
        self.split, self.kind = task.valid_split, task.kind
        self.user_ids = self.split.user_ids
        self.user_numbers = self.split.train.users.numbers(self.user_ids)
        self._negatives = draw_negatives(self.split, random_state=_DRAW) if self.kind == "ranking" else None

    def __call__(self, scores: NDArray[np.float32]) -> float:
        if self._negatives is None:
            return -self._rmse(scores)
        ranks = row_ranks(self.split, self.user_ids, scores, self._negatives)
        return float(rank_ndcg(ranks, 10).mean())

    def _rmse(self, scores: NDArray[np.float32]) -> float:
        part, truth = self.split.train[self.split.target], self.split.truth
        rows = np.searchsorted(self.user_ids, truth["user_id"].to_numpy())
        items = part.items.numbers(truth["item_id"].to_numpy(), missing="negative")
        predicted = np.clip(scores[rows, items], part.matrix.data.min(), part.matrix.data.max())
        errors = (predicted - truth["weight"].to_numpy())[
            (items >= 0) & (part.matrix.getnnz(axis=0)[items] > 0)
        ]
        return float(np.sqrt(np.mean(errors**2)))
