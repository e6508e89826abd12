"""The choice of a weighting scheme out of fold, as routes are chosen.

Weights that are equal say nothing, so nothing is tried there. Otherwise target rows of linked users are
hidden, a few cheap routes learn from the other rows by each scheme, and all items are ranked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.data import Panel
from tastebridge.data.weighting import Scheme
from tastebridge.fitting.weighting_trial import Judged, WeightingTrial, linked_users
from tastebridge.metrics.intervals import Interval, simultaneous_differences

BINARY: Scheme = "binary"
OTHERS: tuple[Scheme, ...] = ("log", "bm25", "none")
"""The schemes tried next to binary, the mildest first: it is taken where means are equal."""
COLUMNS = ["scheme", "users", "ndcg", "difference", "low", "high", "cold", "warm", "chosen"]
_FEWEST = 50
"""Least number of users in the target and in a source for a choice."""
_VARIED = 0.01
"""Least share of a category's weights that differ from the usual one for a choice."""
_MOST_TARGETS = 3
_LEVEL = 0.9
"""Level of the two-sided intervals, simultaneous over schemes: above zero is a one-sided test at 5 %."""


def varies(panel: Panel) -> bool:
    """Return whether weights are strengths, all above 0, of which one in a hundred differs in a category."""
    parts = [part.matrix.data for part in panel.interactions.values() if part.matrix.nnz]
    if any(weights.min() <= 0 for weights in parts):
        return False  # ratings on a scale of their own, which no scheme of strengths takes
    return any(_varied(weights) for weights in parts)


def choose_weighting(
    panel: Panel, targets: Sequence[str], seed: int = 0, schemes: Sequence[Scheme] = OTHERS
) -> tuple[Scheme, pd.DataFrame]:
    r"""Return the scheme of best accuracy out of fold, and the table of the test.

    The accuracy is NDCG@10 over all items, of users whose target rows were hidden: all rows of users who
    thereby are new to the target ("cold"), one row of others ("warm").

    1. Every scheme is judged on the first fold. Schemes not better than binary there are dropped.
    2. The others are judged on all folds, as many as are needed for 1,000 users.
    3. A scheme is taken instead of binary only if the interval of the mean difference :math:`\bar d` lies
       above zero. It is of 90 %, over users and simultaneous over schemes. Neither for cold nor for warm
       users may :math:`\bar d` be below minus one standard error.
    4. Of several such schemes the one of the largest difference is taken.

    Rule 3 is stricter than one standard error in favour of binary: the best of three schemes looks good by
    being the best.

    Parameters
    ----------
    panel : Panel
        The categories of the fit.
    targets : list of str
        At most three are judged, those with the most linked users.
    seed : int, default=0
        Of the folds. The choice does not depend on threads or processes.
    schemes : list of str, default=("log", "bm25", "none")
        As of :class:`tastebridge.data.Weighting`.

    Returns
    -------
    scheme : str
    table : DataFrame
        One row per scheme, binary first: scheme, users (judged), ndcg, the difference to binary with its
        interval (difference, low, high), the differences of the segments (cold, warm), and chosen. There are
        no rows where weights are equal, or with fewer than 50 users in the target and in a source.

    References
    ----------
    T. Hastie, R. Tibshirani and J. Friedman, "The Elements of Statistical Learning", 2009, section 7.10, for
    the rule of one standard error. Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit
    feedback datasets", ICDM (2008), for counts as confidence.

    Examples
    --------
    >>> from tastebridge.datasets import make_panel, make_scenario
    >>> panel, _ = make_panel(n_users=200, n_items=40)
    >>> scheme, table = choose_weighting(panel, ["films"])  # each pair has the weight 1
    >>> scheme, len(table)
    ('binary', 0)
    >>> scheme, table = choose_weighting(make_scenario("shop", n_users=200), ["clothing"])
    >>> table["scheme"].tolist()
    ['binary', 'log', 'bm25', 'none']
    """
    linked = {name: len(linked_users(panel, name)) for name in targets}
    known = [name for name in sorted(targets, key=lambda name: -linked[name]) if linked[name] >= _FEWEST]
    if not known or not varies(panel):
        return BINARY, _table({}, BINARY)
    trials = [WeightingTrial(panel, name, seed) for name in known[:_MOST_TARGETS]]
    tried = [BINARY, *(scheme for scheme in schemes if scheme != BINARY)]
    found = _compared(trials, tried, first=True)
    if not found:
        return BINARY, _table({}, BINARY)
    promising = [scheme for scheme in tried[1:] if found[scheme].gap.mean > 0]
    if promising and any(trial.n_folds > 1 for trial in trials):
        found |= _compared(trials, [BINARY, *promising], first=False)
    sure = [scheme for scheme in promising if found[scheme].gap.low > 0 and found[scheme].loses_nowhere]
    chosen = max(sure, key=lambda scheme: found[scheme].gap.mean, default=BINARY)
    return chosen, _table(found, chosen)


class _Compared:
    """The accuracy of a scheme, and its differences to binary on the same users."""

    def __init__(self, own: Judged, base: Judged, gap: Interval) -> None:
        self.n_users, self.ndcg, self.gap = len(np.unique(own.users)), float(own.ndcg.mean()), gap
        self._parts = [(own.ndcg - base.ndcg)[mask] for mask in (own.cold, ~own.cold)]

    @property
    def loses_nowhere(self) -> bool:
        """Whether the mean difference is above minus one standard error in each segment."""
        parts = [part for part in self._parts if len(part) > 1]
        return all(part.mean() >= -part.std(ddof=1) / np.sqrt(len(part)) for part in parts)

    @property
    def apart(self) -> list[float]:
        """The mean differences of cold and of warm users."""
        return [float(part.mean()) if len(part) else np.nan for part in self._parts]


def _compared(
    trials: Sequence[WeightingTrial], schemes: Sequence[Scheme], first: bool
) -> dict[Scheme, _Compared]:
    """Return every scheme compared with the first of them, on the first fold or all; none if not judged."""
    found = {
        scheme: _joined([trial.judge(scheme, 1 if first else trial.n_folds) for trial in trials])
        for scheme in schemes
    }
    base, *others = found.values()
    if not len(base.ndcg):
        return {}
    none = Interval(np.nan, np.nan, np.nan)
    gaps = simultaneous_differences([one.ndcg for one in others], base.ndcg, level=_LEVEL, people=base.users)
    return {
        scheme: _Compared(one, base, gap)
        for (scheme, one), gap in zip(found.items(), [none, *gaps], strict=True)
    }


def _joined(parts: Sequence[Judged]) -> Judged:
    ndcg, cold, users = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Judged(ndcg, cold, users)


def _varied(weights: NDArray[np.float32]) -> bool:
    # the median is the usual weight wherever one weight is more frequent than all others together
    usual = np.partition(weights, len(weights) // 2)[len(weights) // 2]
    return bool(np.count_nonzero(weights != usual) >= _VARIED * len(weights))


def _table(found: Mapping[Scheme, _Compared], chosen: Scheme) -> pd.DataFrame:
    rows = []
    for scheme, one in found.items():
        apart = [np.nan, np.nan] if scheme == BINARY else one.apart
        told = (one.n_users, one.ndcg, one.gap.mean, one.gap.low, one.gap.high)
        rows.append((scheme, *told, *apart, scheme == chosen))
    table = pd.DataFrame(rows, columns=COLUMNS)
    kinds: dict[str, type] = dict.fromkeys(COLUMNS[2:-1], np.float64)
    return table.astype(kinds | {"users": np.int64, "chosen": np.bool_})
