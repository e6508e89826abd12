"""tastebridge itself, with its defaults: one setting for all data, ``valid`` never looked at."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.model import MODELS, Model, NotApplicable, Scores
from benchmarks.task import Task


@MODELS.register("tastebridge")
@dataclass
class TasteBridge(Model):
    """``InterestMapper(target)``; a score is the inner product of a user's and an item's vector."""

    role = "ours"
    seeded = True
    options: ClassVar[dict] = {}

    def fit(self, task: Task) -> Self:
        import tastebridge as tb

        if not hasattr(tb, "InterestMapper"):
            raise NotApplicable("this version of tastebridge has no InterestMapper yet.")
        self.items_ = task.panel[task.target].items
        n_jobs = int(os.environ.get("OMP_NUM_THREADS", "1"))  # as many as every other model may use
        mapper = tb.InterestMapper(target=task.target, random_state=self.seed, n_jobs=n_jobs, **self.options)
        self.mapper_ = mapper.fit(task.panel)
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        users, items = self.mapper_.user_vectors(user_ids), self.mapper_.item_vectors()
        if not np.array_equal(users.ids, user_ids) or not np.array_equal(items.ids, self.items_.ids):
            raise ValueError("people must come in the order asked for, items in that of the panel.")
        return np.asarray(users.vectors @ items.vectors.T, dtype=np.float32)
