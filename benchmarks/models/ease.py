"""EASE of the target alone (Steck 2019), where its matrix fits the memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from numpy.typing import NDArray

from benchmarks.model import MODELS, Model, Scores, with_popularity
from benchmarks.models._ease import Ease
from benchmarks.task import Task


@MODELS.register("ease")
@dataclass
class TargetEase(Model):
    """A full-rank linear item-item model without a diagonal."""

    penalty: float = 200.0

    role = "baseline"
    needs_history = True
    grid: ClassVar = {"penalty": (20.0, 100.0, 500.0)}

    def fit(self, task: Task) -> Self:
        self.panel_, self.matrix_ = task.panel, task.panel[task.target].matrix
        active = task.panel[task.target].active_numbers
        self.ease_ = Ease(self.matrix_[active], self.penalty)
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        history = self.matrix_[self.panel_.users.numbers(user_ids)]
        found = self.ease_.scores(history, slice(None))
        return with_popularity(found, history, self.matrix_.getnnz(axis=0))
