"""CGSP: cross-domain recommendation by graph filters, without training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks.model import MODELS, Model, Scores
from benchmarks.task import Task, binary, source_matrix
from tastebridge.splits import linked_users


@MODELS.register("cgsp")
@dataclass
class CGSP(Model):
    r"""Scores :math:`s\,(a\,r_{ot}^\top r_{os} r_{os}^\top r_{ot} r_t^\top r_t + (1-a)\,r_t^\top r_t)`.

    The signal :math:`s = r_s r_{os}^\top r_{ot}` is the user's source history carried over; a user with
    target rows adds them, with weight ``own``. Matrices are normalised,
    :math:`D_u^{-1/2} R D_i^{-1/2}`; those with an o are the rows of the linked users.
    """

    a: float = 0.85
    own: float = 1.0

    grid: ClassVar = {"a": (0.5, 0.85), "own": (0.1, 0.3, 1.0, 3.0)}

    def fit(self, task: Task) -> Self:
        self.panel_ = task.panel
        self.source_ = _normalised(source_matrix(task.panel, task.target))
        self.target_ = _normalised(task.panel[task.target].matrix)
        linked = linked_users(task.panel, task.target)
        self.source_linked_, self.target_linked_ = self.source_[linked], self.target_[linked]
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        people = self.panel_.users.numbers(user_ids)
        o_s, o_t, r_t = self.source_linked_, self.target_linked_, self.target_
        signal = ((self.source_[people] @ o_s.T) @ o_t).toarray()
        signal += self.own * self.target_[people].toarray()
        across = (((signal @ o_t.T) @ o_s) @ o_s.T) @ o_t
        mixed = self.a * across + (1 - self.a) * signal
        return np.asarray((mixed @ r_t.T) @ r_t, dtype=np.float32)


def _normalised(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    people, items = (np.maximum(matrix.getnnz(axis=axis), 1).astype(np.float32) ** -0.5 for axis in (1, 0))
    ones = binary(matrix)
    return sparse.csr_matrix(sparse.diags_array(people) @ ones @ sparse.diags_array(items), dtype=np.float32)
