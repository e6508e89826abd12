"""EASE over all categories side by side, learned from the linked users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.model import MODELS, Model, Scores, with_popularity
from benchmarks.models._ease import Ease
from benchmarks.task import Task, source_matrix
from tastebridge.splits import linked_users


@MODELS.register("ease joint")
@dataclass
class JointEase(Model):
    """Item-item weights across categories; only linked users can teach those, and they fit the memory."""

    penalty: float = 200.0

    grid: ClassVar = {"penalty": (20.0, 100.0, 500.0)}

    def fit(self, task: Task) -> Self:
        own = task.panel[task.target].matrix
        joint = sparse.hstack([own, source_matrix(task.panel, task.target)], format="csr")
        self.panel_, self.joint_, self.n_items_ = task.panel, joint, own.shape[1]
        self.counts_ = own.getnnz(axis=0)
        self.ease_ = Ease(joint[linked_users(task.panel, task.target)], self.penalty)
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        history = sparse.csr_matrix(self.joint_[self.panel_.users.numbers(user_ids)], dtype=np.float32)
        history.data[:] = 1
        found = self.ease_.scores(history, slice(0, self.n_items_))
        return with_popularity(found, history, self.counts_)
