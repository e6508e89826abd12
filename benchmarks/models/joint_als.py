"""Joint iALS: all categories side by side in one matrix, the plainest collective matrix factorisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from numpy.typing import NDArray
from scipy import sparse

from benchmarks.model import MODELS, Model, Scores
from benchmarks.models import _als
from benchmarks.task import Task, source_matrix


@MODELS.register("ials joint")
@dataclass
class JointALS(Model):
    """A user has one vector for all categories, learned from all rows there are of them."""

    factors: int = 64
    regularization: float = 1.0
    alpha: float = 10.0
    iterations: int = 15

    seeded = True
    grid: ClassVar = {"factors": (32, 128), "regularization": (0.1, 1.0, 10.0), "alpha": (1.0, 10.0)}

    def fit(self, task: Task) -> Self:
        own = task.panel[task.target].matrix
        joint = sparse.hstack([own, source_matrix(task.panel, task.target)], format="csr")
        settings = (self.factors, self.regularization, self.alpha, self.iterations, self.seed)
        users, items = _als.train(joint, *settings)
        self.panel_, self.users_, self.items_ = task.panel, users, items[: own.shape[1]]
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        return self.users_[self.panel_.users.numbers(user_ids)] @ self.items_.T
