"""Target-only iALS: matrix factorisation of the target, other categories unseen (Hu et al. 2008)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from numpy.typing import NDArray

from benchmarks.model import MODELS, Model, Scores, with_popularity
from benchmarks.models import _als
from benchmarks.task import Task


@MODELS.register("ials target")
@dataclass
class TargetALS(Model):
    """Scores ``z_u · y_i``; popularity for those without target rows."""

    factors: int = 64
    regularization: float = 1.0
    alpha: float = 10.0
    iterations: int = 15

    role = "baseline"
    needs_history = True
    seeded = True
    grid: ClassVar = {"factors": (32, 128), "regularization": (0.1, 1.0, 10.0), "alpha": (1.0, 10.0)}

    def fit(self, task: Task) -> Self:
        self.panel_, self.matrix_ = task.panel, task.panel[task.target].matrix
        settings = (self.factors, self.regularization, self.alpha, self.iterations, self.seed)
        self.users_, self.items_ = _als.train(self.matrix_, *settings)
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        people = self.panel_.users.numbers(user_ids)
        found = self.users_[people] @ self.items_.T
        return with_popularity(found, self.matrix_[people], self.matrix_.getnnz(axis=0))
