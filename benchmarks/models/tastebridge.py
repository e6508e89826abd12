"""tastebridge itself, with its defaults: one setting for all data, ``valid`` never looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from benchmarks.model import MODELS, Model, NotApplicable, Scores
from benchmarks.task import Task


@MODELS.register("tastebridge")
@dataclass
class TasteBridge(Model):
    """``InterestMapper(target)``; a score is the inner product of a person's and an item's vector."""

    role = "ours"
    seeded = True

    def fit(self, task: Task) -> Self:
        import tastebridge as tb

        if not hasattr(tb, "InterestMapper"):
            raise NotApplicable("this version of tastebridge has no InterestMapper yet.")
        self.items_ = task.panel[task.target].items
        self.mapper_ = tb.InterestMapper(target=task.target, random_state=self.seed).fit(task.panel)
        return self

    def scores(self, user_ids: NDArray) -> Scores:
        users, user_order = _vectors(self.mapper_.user_vectors(user_ids))
        items, item_order = _vectors(self.mapper_.item_vectors())
        if list(user_order) != list(user_ids):
            raise ValueError("user_vectors must come in the order asked for.")
        columns = self.items_.numbers(item_order)
        found = np.full((len(users), len(self.items_)), np.float32(-1e30))
        found[:, columns] = users @ items.T
        return found


def _vectors(found: object) -> tuple[NDArray[np.float32], NDArray]:
    """Return the vectors and the ids of a pair of the two, in either order."""
    one, other = found  # type: ignore[misc]
    vectors, ids = (one, other) if np.ndim(one) == 2 else (other, one)
    return np.asarray(vectors, dtype=np.float32), np.asarray(ids)
