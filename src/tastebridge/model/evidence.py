"""Out-of-fold scores of users, on which sources are tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.data import Vocabulary
from tastebridge.metrics.intervals import paired_difference
from tastebridge.model.blend import StackingBlend
from tastebridge.model.linear import Array, Segment

TOGETHER = "all together"
"""The name of the last row of a table of several sources: all of them as one."""
MODEL, POPULARITY, WITHIN = "tastebridge", "popularity", "without a source"
RECENT = "recent popularity"
"""The lists that are compared, as tables name them."""


Halves = tuple[Segment, Segment]
"""The blends that serve the first half of the users drawn at random, and all others."""


class BySource(NamedTuple):
    """The blends for the tests of sources.

    Attributes
    ----------
    base : pair of Segment
        Without sources.
    single : mapping of source to pair of Segment
        Of the routes without sources and those of one source, for the sources with routes of their own.
    together : pair of Segment
        Of all routes.
    """

    base: Halves
    single: Mapping[str, Halves]
    together: Halves


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
        NDCG@10 of every judged user: ``popularity``, ``without transfer`` and ``blend``; also ``served``
        where recent popularity or the item regression joins the blend.
    baseline : str
        The better of the first two.
    without_twins : Evidence, optional
        The same of the users who have something to find besides twins of their items, by lists without
        twins; None where no fold has twins. See :mod:`tastebridge.routes.twins`.
    halves : tuple of ndarray and pair of StackingBlend, optional
        The users of the first half, and the blends that serve the first half and the second. During a fit
        only.
    by_source : BySource, optional
        During a fit only.
    """

    sources: pd.DataFrame
    people: NDArray[np.int64]
    values: dict[str, Array]
    baseline: str
    without_twins: Evidence | None = None
    halves: tuple[NDArray[np.int64], tuple[StackingBlend, StackingBlend]] | None = None
    by_source: BySource | None = None

    @property
    def served(self) -> Array:
        """The values of the served list: of the blend, or of the baseline if no source is kept."""
        if "served" in self.values:
            return self.values["served"]
        return self.values["blend" if self.sources["kept"].any() else self.baseline]

    def scaled(self, factor: float) -> Evidence:
        """Return the evidence with the weights of both halves multiplied by a number above 0."""
        if self.halves is None:
            return self
        users, (first, second) = self.halves
        return self._replace(halves=(users, (first.scaled(factor), second.scaled(factor))))

    def over(self, users: Vocabulary, before: Vocabulary) -> Evidence:
        """Return the evidence with the users at their new numbers, without those who left."""
        people = users.numbers(before.ids_of(self.people), missing="negative")
        stays = people >= 0
        values = {name: part[stays] for name, part in self.values.items()}
        apart = None if self.without_twins is None else self.without_twins.over(users, before)
        return self._replace(people=people[stays], values=values, without_twins=apart)


class InTime(NamedTuple):
    """The accuracy for users evaluated on their events after a moment.

    Attributes
    ----------
    people : ndarray
        The numbers of the judged users.
    values : dict of name to ndarray
        NDCG@10 of every judged user: of the model, of popularity, and of recent popularity with the half-life
        that is best on these users.
    half_life : int
        The place of this half-life.
    without_twins : InTime, optional
        The same of the users who have something to find besides twins; None where there are no twins.
    """

    people: NDArray[np.int64]
    values: dict[str, Array]
    half_life: int
    without_twins: InTime | None = None

    @property
    def baseline(self) -> str:
        """The better of the two popularities."""
        return max((POPULARITY, RECENT), key=lambda name: float(self.values[name].mean()))

    @property
    def worse(self) -> bool:
        """Whether the model is significantly worse than the better of the two popularities."""
        return paired_difference(self.values[MODEL], self.values[self.baseline]).high < 0

    def as_served(self, name: str) -> InTime:
        """Return the same where one of the other lists is served."""
        apart = None if self.without_twins is None else self.without_twins.as_served(name)
        values = {**self.values, MODEL: self.values[name]}
        return self._replace(values=values, without_twins=apart)
