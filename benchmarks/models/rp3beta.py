"""RP3beta: a random walk of three steps over the target, popular items held back (Paudel 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.model import MODELS, Model, Scores, with_popularity
from benchmarks.task import Task, binary


@MODELS.register("rp3beta")
@dataclass
class RP3beta(Model):
    r"""Scores :math:`x_u W`, :math:`W = P_{iu}^{\alpha} P_{ui}^{\alpha} D_i^{-\beta}`, P transitions."""

    alpha: float = 1.0
    beta: float = 0.3

    role = "baseline"
    needs_history = True
    grid: ClassVar = {"alpha": (0.6, 0.8, 1.0), "beta": (0.1, 0.3, 0.6)}

    def fit(self, task: Task) -> Self:
        self.panel_, X = task.panel, task.panel[task.target].matrix
        X = binary(X)
        counts = X.getnnz(axis=0)
        walk = _transitions(X.T.tocsr(), self.alpha) @ _transitions(X, self.alpha)
        self.weights_ = walk @ sparse.diags_array(np.maximum(counts, 1).astype(np.float32) ** -self.beta)
        self.history_, self.counts_ = X, counts
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        history = self.history_[self.panel_.users.numbers(user_ids)]
        return with_popularity((history @ self.weights_).toarray(), history, self.counts_)


def _transitions(matrix: sparse.csr_matrix, power: float) -> sparse.csr_matrix:
    degrees = np.maximum(matrix.getnnz(axis=1), 1).astype(np.float32)
    return sparse.csr_matrix(sparse.diags_array(degrees**-power) @ matrix)
