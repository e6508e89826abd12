"""tastebridge for ratings, with its defaults: one setting for all data, ``valid`` never looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.model import MODELS, Model, Scores
from benchmarks.task import Task
from tastebridge.recommenders.rating_mapper import RatingMapper


@MODELS.register("tastebridge rating")
@dataclass
class RatingTasteBridge(Model):
    """``RatingMapper(target)``; a rating is the inner product of a user's and an item's vector."""

    role = "ours"
    kind = "rating"
    seeded = True

    def fit(self, task: Task) -> Self:
        self.items_ = task.panel[task.target].items
        self.mapper_ = RatingMapper(target=task.target, random_state=self.seed).fit(task.panel)
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        users, items = self.mapper_.user_vectors(user_ids), self.mapper_.item_vectors()
        if not np.array_equal(users.ids, user_ids) or not np.array_equal(items.ids, self.items_.ids):
            raise ValueError("people must come in the order asked for, items in that of the panel.")
        return np.asarray(users.vectors @ items.vectors.T, dtype=np.float32)
