"""Which sources help: one test of all sources together, then a test of each, with one error rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastebridge.metrics.intervals import Interval, paired_difference, simultaneous_differences
from tastebridge.model import Array

LEAST_GAIN = 0.01
"""A smaller gain is no evidence: the mean of a map is one more form of popularity and may gain a little."""
LEAST_TOGETHER = 0.005
"""The same for all sources together, whose histories are read by more than maps."""
LEVEL, STRICT = 0.95, 0.995
"""The level of all intervals, and of those of single sources where all sources together do not help.

Without any information in the sources, all together pass in at most 2.5 % of the fits and a single source in
at most 0.25 % of the others: the rate of one source tested alone, and a tenth of it.
"""


class Effect(NamedTuple):
    """The evidence for a source, or for all of them: differences over users, with intervals.

    Attributes
    ----------
    lift : Interval
        Of NDCG@10, over the better list without sources.
    gain : Interval
        Of the listwise objective, over the blend of the routes without sources.
    personal : Interval
        Of the listwise objective, over users with each other's histories in the source.
    least : float, default=0.01
        A smaller gain is no evidence.
    """

    lift: Interval
    gain: Interval
    personal: Interval
    least: float = LEAST_GAIN

    @property
    def helps(self) -> bool:
        """Whether the lists are better because of the histories of single users."""
        return self.personal.low > 0 and self.lift.low > 0

    @property
    def passes(self) -> bool:
        """Whether the source helps, or gains enough while its lift is not significantly negative."""
        gains = self.gain.low > self.least and self.lift.high >= 0
        return self.personal.low > 0 and (self.lift.low > 0 or gains)

    @property
    def hurts(self) -> bool:
        """Whether the lists are significantly worse."""
        return self.lift.high < 0


class Outcomes(NamedTuple):
    """The values that effects are differences of.

    Attributes
    ----------
    lists : mapping of selection to ndarray of shape (n_judged,)
        NDCG@10 of every judged user.
    objectives : mapping of selection to ndarray of shape (n_lists,)
        The listwise objective of every training list.
    dealt : mapping of selection to ndarray of shape (n_lists,)
        The same where users have each other's histories in the sources of the selection.
    users : ndarray of shape (n_lists,)
        The user of each list.
    baseline : str
        The selection of the better list without sources.
    """

    lists: Mapping[str, Array]
    objectives: Mapping[str, Array]
    dealt: Mapping[str, Array]
    users: NDArray[np.int64]
    baseline: str

    def effects(self, selections: Sequence[str], level: float = LEVEL) -> list[Effect]:
        """Return the effects of some selections; the intervals of several hold together."""
        if not selections:
            return []
        objectives = [self.objectives[name] for name in selections]
        lists = np.array([self.lists[name] for name in selections])
        judged = ~np.isnan(lists).any(axis=0)
        base = np.zeros(len(self.users))
        lifts = differences(lists[:, judged], self.lists[self.baseline][judged], level)
        gains = differences(objectives, self.objectives["base"], level, self.users)
        others = [own - self.dealt[name] for name, own in zip(selections, objectives, strict=True)]
        personal = differences(others, base, level, self.users)
        return [Effect(*found) for found in zip(lifts, gains, personal, strict=True)]


def differences(
    several: Sequence[Array] | Array, base: Array, level: float, users: NDArray[np.int64] | None = None
) -> list[Interval]:
    """Return the mean differences to a base; for more than one, intervals that hold together."""
    if len(several) == 1:
        return [paired_difference(several[0], base, level=level, people=users)]
    return simultaneous_differences(several, base, level=level, people=users)


class Verdicts(NamedTuple):
    """The effects of all sources together and of each, and which of them are used.

    Attributes
    ----------
    together : Effect
    single : mapping of source to Effect
    passing : list of str
        The sources that pass alone.
    useful : list of str
        The sources that pass alone, that matter in the blend of all, or that matter there as a group.
    others : frozenset of str
        The sources whose histories matter in the blend of all, with intervals that hold for all at once.
    """

    together: Effect
    single: Mapping[str, Effect]
    passing: list[str]
    useful: list[str]
    others: frozenset[str]

    @property
    def any_passes(self) -> bool:
        """Whether the sources pass, all together or one alone."""
        return self.together.passes or bool(self.passing)

    def verdict(self, source: str | None = None) -> str:
        """Return the verdict about one source, or about all together."""
        effect = self.together if source is None else self.single.get(source)
        if effect is None:
            return "no evidence"
        if effect.helps and (source is None or source in self.passing):
            return "helps"
        if source in self.others:
            return "helps with others"
        return "hurts" if effect.hurts else "no evidence"


def judge(
    outcomes: Outcomes, sources: Sequence[str], within: Callable[[Sequence[str]], Array], several: bool
) -> Verdicts:
    """Test all sources together, then each source, then the rest as a group.

    Where all together pass,

    - a source passes alone if its effect, with intervals that hold for all sources at once, passes too;
    - a source helps with others if the blend of all sources is significantly worse where users have each
      other's histories in its own routes;
    - the other sources, if at least two, are useful if the same holds for all of them as a group.

    Where all together fail, a source alone has to pass at a stricter level.

    Parameters
    ----------
    outcomes : Outcomes
        With the selections ``"all"`` and ``"base"``, and ``"with <source>"`` for every source.
    sources : list of str
        Those with routes of their own.
    within : callable
        Returns the objectives of the lists by the blend of all sources, where users have each other's
        histories in the routes of the sources given.
    several : bool
        Whether there is more than one source; a single one is tested once.
    """
    [together] = outcomes.effects(["all"])
    names = [f"with {name}" for name in sources]
    single = dict(zip(sources, outcomes.effects(names), strict=True))
    passing = [name for name, effect in single.items() if effect.passes]
    if not several:
        return Verdicts(together, single, passing, passing, frozenset())
    # with several sources the joint test comes first, and its gain has a threshold of its own
    together = together._replace(least=LEAST_TOGETHER)
    if not together.passes:
        if passing:
            strict = dict(zip(sources, outcomes.effects(names, STRICT), strict=True))
            passing = [name for name in passing if strict[name].passes]
        return Verdicts(together, single, passing, passing, frozenset())
    # permuted histories keep a source's mean effect, so a loss here is due to the histories of single users
    lost = [outcomes.objectives["all"] - within([name]) for name in sources]
    zero = np.zeros(len(outcomes.users))
    found = differences(lost, zero, LEVEL, outcomes.users) if lost else []
    others = [name for name, loss in zip(sources, found, strict=True) if loss.low > 0]
    rest = [name for name in sources if name not in {*others, *passing}]
    if len(rest) > 1:
        loss = paired_difference(outcomes.objectives["all"], within(rest), people=outcomes.users)
        rest = rest if loss.low > 0 else []
    else:
        rest = []  # a single one was tested already
    useful = [name for name in sources if name in {*others, *passing, *rest}]
    return Verdicts(together, single, passing, useful, frozenset(others))
