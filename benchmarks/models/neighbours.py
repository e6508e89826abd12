"""Cross-category item neighbours: a target item is near the items of any category its users have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.model import MODELS, Model, Scores, with_popularity
from benchmarks.task import Task, binary, source_matrix


@MODELS.register("neighbours")
@dataclass
class Neighbours(Model):
    r"""Scores :math:`\sum_{j\in u} \frac{|A_i\cap A_j|}{\sqrt{|A_i||A_j|}+s}`, j all items of u.

    :math:`A` are sets of users, s holds back similarities that rest on few of them.
    """

    shrinkage: float = 5.0
    power: float = 0.5
    """Exponent of the target item's size; 0.5 is the cosine, less favours popular items."""

    grid: ClassVar = {"shrinkage": (0.0, 5.0, 20.0), "power": (0.2, 0.35, 0.5)}

    def fit(self, task: Task) -> Self:
        own = binary(task.panel[task.target].matrix)
        joint = sparse.hstack([own, binary(source_matrix(task.panel, task.target))], format="csr")
        counts = own.getnnz(axis=0)
        common = (joint.T @ own).tocoo()
        sizes = np.maximum(joint.getnnz(axis=0), 1)[common.row] ** 0.5, counts[common.col] ** self.power
        common.data /= (sizes[0] * sizes[1] + self.shrinkage).astype(np.float32)
        common.setdiag(0)
        self.panel_, self.joint_, self.weights_, self.counts_ = task.panel, joint, common.tocsr(), counts
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        history = self.joint_[self.panel_.users.numbers(user_ids)]
        return with_popularity((history @ self.weights_).toarray(), history, self.counts_)
