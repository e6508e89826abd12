"""The rating baselines: the global mean, the item's mean, and the biases of user and item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.model import MODELS, Model, Scores
from benchmarks.task import Task, source_matrix


@MODELS.register("global mean")
@dataclass
class GlobalMean(Model):
    """The mean of all target ratings, for everyone and everything."""

    role = "baseline"
    kind = "rating"

    def fit(self, task: Task) -> Self:
        self.matrix_ = task.panel[task.target].matrix
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        return np.full((len(user_ids), self.matrix_.shape[1]), self.matrix_.data.mean(), dtype=np.float32)


@MODELS.register("item mean")
@dataclass
class ItemMean(Model):
    """The item's mean, drawn to the global one: ``μ + Σ(r - μ) / (n + shrinkage)``."""

    shrinkage: float = 5.0

    role = "baseline"
    kind = "rating"
    grid: ClassVar = {"shrinkage": (0.0, 2.0, 5.0, 10.0)}

    def fit(self, task: Task) -> Self:
        matrix = task.panel[task.target].matrix
        self.means_ = matrix.data.mean() + shrunk_means(matrix.T.tocsr(), matrix.data.mean(), self.shrinkage)
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        return np.tile(self.means_, (len(user_ids), 1)).astype(np.float32)


@MODELS.register("user+item bias")
@dataclass
class Bias(Model):
    """``μ + b_i + b_u``; a user without target rows brings their bias from the source, times ``carried``.

    It transfers one number a user: a hard baseline for cold users, so it is the one to be beaten.
    """

    item_shrinkage: float = 5.0
    user_shrinkage: float = 5.0

    role = "baseline"
    kind = "rating"
    grid: ClassVar = {"item_shrinkage": (2.0, 5.0, 10.0), "user_shrinkage": (2.0, 5.0, 20.0)}

    def fit(self, task: Task) -> Self:
        self.panel_, own, source = (
            task.panel,
            task.panel[task.target].matrix,
            source_matrix(task.panel, task.target),
        )
        self.mean_ = float(own.data.mean())
        self.items_, users = self._biases(own)
        _, elsewhere = self._biases(source)
        both = (np.diff(own.indptr) > 0) & (np.diff(source.indptr) > 0)
        self.carried_ = float(elsewhere[both] @ users[both] / max(elsewhere[both] @ elsewhere[both], 1e-12))
        self.users_ = np.where(np.diff(own.indptr) > 0, users, self.carried_ * elsewhere)
        return self

    def _biases(self, matrix: sparse.csr_matrix) -> tuple[NDArray, NDArray]:
        mean = matrix.data.mean()
        items = shrunk_means(matrix.T.tocsr(), mean, self.item_shrinkage)
        rest = matrix.copy()
        rest.data = matrix.data - mean - items[matrix.indices]
        return items, shrunk_means(rest, 0.0, self.user_shrinkage)

    def scores(self, user_ids: NDArray) -> Scores:
        people = self.panel_.users.numbers(user_ids)
        return (self.mean_ + self.users_[people, None] + self.items_[None, :]).astype(np.float32)


def shrunk_means(matrix: sparse.csr_matrix, centre: float, shrinkage: float) -> NDArray[np.float64]:
    """Return, for each row, the sum of what is stored less ``centre``, over its number plus ``shrinkage``."""
    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    sums = np.bincount(rows, matrix.data - centre, minlength=len(counts))
    return sums / np.maximum(counts + shrinkage, 1e-12)
