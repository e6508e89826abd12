"""The rule by which a weighting of events replaces equal weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.data import Panel
from tastebridge.fitting.weighting_trial import Candidate, Judged, WeightingTrial, linked_users
from tastebridge.metrics.intervals import Interval, simultaneous_differences

FIGURES = ["users", "ndcg", "difference", "low", "high", "cold", "warm"]
_FEWEST = 50
"""Least number of users in the target and in a source for a choice."""
_MOST_TARGETS = 3
_LEVEL = 0.9
"""Level of the two-sided intervals, simultaneous over candidates: above zero is a one-sided test at 5 %."""
_NOTHING = Interval(np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Gain:
    """The accuracy of a candidate, and its differences to the first candidate on the same users.

    Attributes
    ----------
    n_users : int
    ndcg : float
    gap : Interval
        The mean difference; NaN for the first candidate itself.
    parts : list of ndarray
        The differences of cold users and of warm users.
    """

    n_users: int
    ndcg: float
    gap: Interval
    parts: Sequence[NDArray[np.float64]]

    @property
    def loses_nowhere(self) -> bool:
        """Whether the mean difference is above minus one standard error in each segment."""
        parts = [part for part in self.parts if len(part) > 1]
        return all(part.mean() >= -part.std(ddof=1) / np.sqrt(len(part)) for part in parts)

    @property
    def figures(self) -> tuple[float, ...]:
        """The figures of a row of the table."""
        apart = [
            float(part.mean()) if len(part) and not np.isnan(self.gap.mean) else np.nan for part in self.parts
        ]
        return (self.n_users, self.ndcg, self.gap.mean, self.gap.low, self.gap.high, *apart)


@dataclass(frozen=True)
class Comparison:
    """The comparison of all candidates, in their order, and the chosen one."""

    values: Mapping[Candidate, Gain]
    chosen: Candidate

    def table(self) -> pd.DataFrame:
        """Return one row per candidate: users, ndcg, difference, low, high, cold, warm, chosen."""
        rows = [(*gain.figures, one == self.chosen) for one, gain in self.values.items()]
        table = pd.DataFrame(rows, columns=[*FIGURES, "chosen"])
        kinds: dict[str, type] = dict.fromkeys(FIGURES, np.float64)
        return table.astype(kinds | {"users": np.int64, "chosen": np.bool_})


def compared(
    panel: Panel,
    targets: Sequence[str],
    candidates: Sequence[Candidate],
    seed: int,
    others: Mapping[str, Panel] = MappingProxyType({}),
) -> Comparison:
    """Return candidates compared with the first of them; nothing is compared with fewer than 50 users.

    The rule is that of :func:`tastebridge.fitting.weighting_choice.choose_weighting`.

    Parameters
    ----------
    panel : Panel
    targets : list of str
    candidates : list of Candidate
    seed : int
    others : mapping of name to Panel
        Panels of the same pairs, by the names that candidates read.
    """
    first, *rest = candidates
    linked = {name: len(linked_users(panel, name)) for name in targets}
    known = [name for name in sorted(targets, key=lambda name: -linked[name]) if linked[name] >= _FEWEST]
    trials = [WeightingTrial(panel, name, seed, others) for name in known[:_MOST_TARGETS]]
    found = _gains(trials, [first, *rest], all_folds=False)
    promising = [one for one in rest if one in found and found[one].gap.mean > 0]
    if promising and any(trial.n_folds > 1 for trial in trials):
        found |= _gains(trials, [first, *promising], all_folds=True)
    sure = [one for one in promising if found[one].gap.low > 0 and found[one].loses_nowhere]
    return Comparison(found, max(sure, key=lambda one: found[one].gap.mean, default=first))


def _gains(
    trials: Sequence[WeightingTrial], candidates: Sequence[Candidate], all_folds: bool
) -> dict[Candidate, Gain]:
    """Return every candidate compared with the first, on one fold or on all; none without judged users."""
    judged = {
        one: [trial.judge(one, trial.n_folds if all_folds else 1) for trial in trials] for one in candidates
    }
    found = {one: _joined(parts) for one, parts in judged.items() if parts}
    if not found or not len(found[candidates[0]].ndcg):
        return {}
    base, *others = found.values()
    gaps = simultaneous_differences([one.ndcg for one in others], base.ndcg, level=_LEVEL, people=base.users)
    return {
        one: _gain(values, base, gap)
        for (one, values), gap in zip(found.items(), [_NOTHING, *gaps], strict=True)
    }


def _gain(own: Judged, base: Judged, gap: Interval) -> Gain:
    parts = [(own.ndcg - base.ndcg)[mask] for mask in (own.cold, ~own.cold)]
    return Gain(len(np.unique(own.users)), float(own.ndcg.mean()), gap, parts)


def _joined(parts: Sequence[Judged]) -> Judged:
    ndcg, cold, users = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Judged(ndcg, cold, users)
