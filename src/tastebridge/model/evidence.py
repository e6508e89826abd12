"""Out-of-fold scores of users, on which sources are judged."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.data import Vocabulary
from tastebridge.model.linear import Array

TOGETHER = "all together"
"""The name of the last row of a table of several sources: all of them as one."""
MODEL, POPULARITY, WITHIN = "tastebridge", "popularity", "without a source"
"""The lists that are compared, as tables name them."""


class Evidence(NamedTuple):
    """The accuracy of recommendations for the held-out users of one segment.

    Attributes
    ----------
    sources : DataFrame
        One row per source: lift, with and without twins, and marginal with their intervals, gain, verdict,
        kept. With more than one source, the last row is of all together.
    people : ndarray
        The numbers of the judged users.
    values : dict of name to ndarray
        NDCG@10 of every judged user: ``popularity``, ``without transfer`` and ``blend``.
    baseline : str
        The better of the first two.
    without_twins : Evidence, optional
        The same of the users who have something to find besides twins of their items, by lists without
        twins; None where no fold has twins. See :mod:`tastebridge.routes.twins`.
    """

    sources: pd.DataFrame
    people: NDArray[np.int64]
    values: dict[str, Array]
    baseline: str
    without_twins: Evidence | None = None

    def over(self, users: Vocabulary, before: Vocabulary) -> Evidence:
        """Return the evidence with the users at their new numbers, without those who left."""
        people = users.numbers(before.ids_of(self.people), missing="negative")
        stays = people >= 0
        values = {name: part[stays] for name, part in self.values.items()}
        apart = None if self.without_twins is None else self.without_twins.over(users, before)
        return self._replace(people=people[stays], values=values, without_twins=apart)
