"""Popularity: everyone is recommended what most users have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.model import MODELS, Model, Scores
from benchmarks.task import Task


@MODELS.register("popularity")
@dataclass
class Popularity(Model):
    """The number of training users of each target item."""

    role = "baseline"

    def fit(self, task: Task) -> Self:
        self.counts_ = task.panel[task.target].matrix.getnnz(axis=0).astype(np.float32)
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        return np.tile(self.counts_, (len(user_ids), 1))
