"""Recent popularity: everyone is recommended what most users have taken of late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.model import MODELS, Model, NotApplicable, Scores
from benchmarks.task import Task


@MODELS.register("recent popularity")
@dataclass
class RecentPopularity(Model):
    """:class:`tastebridge.baselines.RecentPopularity`.

    The half-life is a half, an eighth or a thirtieth of the time span of the target, by the last fifth of its
    training rows.
    """

    role = "baseline"

    def fit(self, task: Task) -> Self:
        from tastebridge.baselines import RecentPopularity as Baseline

        if task.panel[task.target].times is None:
            raise NotApplicable("the events have no times.")
        model = Baseline(task.target).fit(task.panel)
        space = model.model_.item_vectors()
        self.scores_ = np.asarray(space[:, 0], dtype=np.float32)
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        return np.tile(self.scores_, (len(user_ids), 1))
