"""The settings shared by all steps of a fit."""

from __future__ import annotations

from typing import NamedTuple

from tastebridge.fitting.deadline import Deadline
from tastebridge.model.blend import StackingBlend

NO_END = Deadline()


class FitSettings(NamedTuple):
    """Settings of one fit; see :class:`tastebridge.InterestMapper` for each.

    ``deadline`` is the end of its ``time_budget``, for optional work. With ``one_space`` all routes end in
    one given space of item vectors, to which nothing may be added: no routes to new items, and no levels.
    A ``dated`` fit has a fold in time, in which the routes are fitted once more.
    The item regression may join the blend if it needs no more pairs of events than ``regression_pairs``
    (:mod:`tastebridge.fitting.full_ranking`).
    """

    blend: StackingBlend
    n_lists: int
    n_negatives: int
    n_folds: int | None
    random_state: int
    n_jobs: int | None
    deadline: Deadline = NO_END
    one_space: bool = False
    dated: bool = False
    regression_pairs: float = 0.0

    def into_one_space(self) -> FitSettings:
        """Return the settings of a target whose item vectors are given."""
        # the item regression has item vectors of its own
        return self._replace(one_space=True, regression_pairs=0.0)
