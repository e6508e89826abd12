"""The choice of a half-life, evaluated in time: the last events are predicted from earlier ones.

An interval over users is not enough. A half-life changes the weights of items, which all users share, so one
lucky fit may serve nearly all of them a little better. On panels of 60 to 120 users with random timestamps,
the best of three half-lives had a 95 % interval above zero in a fifth to a third of panels. So a half-life
has to be better at two moments, with different models and different events.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from tastebridge._foundation.validation import check_number
from tastebridge._foundation.warnings import muted
from tastebridge.data import Panel
from tastebridge.data.stray_times import warn_of_stray_times
from tastebridge.evaluation.full import user_scores
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.metrics.intervals import Interval, simultaneous_differences
from tastebridge.splits import Split, own_past

if TYPE_CHECKING:
    from tastebridge.recommenders.interest_mapper import InterestMapper

AUTO = "auto"
_SHARES = (0.5, 0.125, 0.03)
"""The half-lives tried by default, as shares of the time span of the data."""
_FEWEST = 50
"""Least number of users with hidden events for a choice."""
_DAY = 86_400.0
_METRIC = "ndcg@10"
_LEVEL = 0.9
"""Level of the two-sided intervals, simultaneous over half-lives: above zero is a one-sided test at 5 %."""


def half_lives_of(recency: str | Sequence[float], panel: Panel) -> list[float]:
    """Return the half-lives to try, in days.

    Raises
    ------
    InvalidParameterError
        If ``recency`` is neither ``"auto"`` nor a list of numbers above 0.
    InvalidDataError
        If the panel has no times.
    """
    times = [part.times for part in panel.interactions.values() if part.times is not None and len(part.times)]
    # a category without events needs no times
    if len(times) < len([part for part in panel.interactions.values() if part.matrix.nnz]):
        raise InvalidDataError(
            "recency needs the time of every event, and the panel lacks them. Give a timestamp column, or "
            "recency=None."
        )
    if recency == AUTO:
        warn_of_stray_times(panel)
        days = (max(part.max() for part in times) - min(part.min() for part in times)) / _DAY
        # all events at one moment: there is no age to weigh
        return [share * days for share in _SHARES] if days > 0 else []
    if isinstance(recency, str) or not isinstance(recency, Sequence) or not len(recency):
        raise InvalidParameterError(
            f"recency must be None, 'auto' or a list of half-lives in days; got {recency!r}."
        )
    return [check_number("recency", value, 0.0, open_minimum=True) for value in recency]


def choose_half_life(
    make: Callable[[float | None], InterestMapper],
    panel: Panel,
    targets: Sequence[str],
    half_lives: Sequence[float],
) -> tuple[float | None, pd.DataFrame]:
    """Return the half-life of best accuracy, None for none, and the table of the test.

    1. The last fifth of all users' events is hidden. A model for each half-life, and one without, learns from
       the earlier events. NDCG@10 on the hidden rows of the targets judges it.
    2. Half-lives that are significantly better than none are judged again on the fifth before that, from the
       events before it.
    3. The best half-life that is significantly better at both moments is chosen.

    Significantly better means: the 90 % interval of the difference to none, over users and simultaneous over
    half-lives, lies above zero.

    Parameters
    ----------
    make : callable
        Returns an unfitted model with this half-life, or without one for None.
    panel : Panel
        A panel with timestamps.
    targets : list of str
    half_lives : list of float
        In days.

    Returns
    -------
    half_life : float or None
    table : DataFrame
        One row per half-life, NaN for none: half_life, ``people`` (the number of users), ndcg, the difference
        to none with its interval (difference, low, high), and chosen. earlier, earlier_low and earlier_high
        are the difference at the earlier moment, NaN if not judged there. There are no rows with fewer than
        50 users.
    """
    late = _moment(make, panel, targets, half_lives)
    if late is None:
        return None, _table(late, None, None)
    # only these are fitted a second time
    better = [half_life for half_life, gap in late.gaps.items() if gap.low > 0]
    early = _moment(make, late.train, targets, better) if better else None
    sure = [] if early is None else [half_life for half_life, gap in early.gaps.items() if gap.low > 0]
    # Of several that pass both tests the best at the later moment, which is the nearer to the present.
    chosen = max(sure, key=lambda half_life: late.means[half_life], default=None)
    return chosen, _table(late, early, chosen)


class _Moment(NamedTuple):
    """The result at one moment: the mean of each half-life and of None, and the differences to None."""

    train: Panel
    n_people: int
    means: dict[float | None, float]
    gaps: dict[float, Interval]


def _moment(
    make: Callable[[float | None], InterestMapper],
    panel: Panel,
    targets: Sequence[str],
    half_lives: Sequence[float],
) -> _Moment | None:
    """Evaluate half-lives on the last fifth of all users' events; None with too few users."""
    splits = {name: split for name in targets if (split := _split(panel, name)) is not None}
    if not splits:
        return None
    train = next(iter(splits.values())).train
    people = np.concatenate([split.user_ids for split in splits.values()])
    with muted():  # these models are compared and thrown away
        found = {half_life: _judged(make(half_life).fit(train), splits) for half_life in (None, *half_lives)}
    tried = [found[half_life] for half_life in half_lives]
    gaps = simultaneous_differences(tried, found[None], level=_LEVEL, people=people) if tried else []
    means = {half_life: float(values.mean()) for half_life, values in found.items()}
    return _Moment(train, len(np.unique(people)), means, dict(zip(half_lives, gaps, strict=True)))


def _split(panel: Panel, target: str) -> Split | None:
    try:
        split = own_past(panel, target)
    except InvalidDataError:
        return None
    return split if len(split.user_ids) >= _FEWEST else None


def _judged(model: InterestMapper, splits: dict[str, Split]) -> np.ndarray:
    """Return NDCG@10 of all users with hidden rows, one target after another."""
    mappers = {} if getattr(model, "joint_", None) is None else model.mappers_
    found = [
        user_scores(mappers.get(name, model), split, [_METRIC])[_METRIC] for name, split in splits.items()
    ]
    return np.concatenate([values.to_numpy() for values in found])


_COLUMNS = ["half_life", "people", "ndcg", "difference", "low", "high"]
_COLUMNS += ["earlier", "earlier_low", "earlier_high"]


def _table(late: _Moment | None, early: _Moment | None, chosen: float | None) -> pd.DataFrame:
    rows = []
    for half_life, mean in (late.means if late else {}).items():
        gaps = [
            moment.gaps.get(half_life) if moment and half_life is not None else None
            for moment in (late, early)
        ]
        told = [(gap.mean, gap.low, gap.high) if gap else (np.nan,) * 3 for gap in gaps]
        rows.append((half_life, late.n_people if late else 0, mean, *told[0], *told[1]))
    table = pd.DataFrame(rows, columns=_COLUMNS).astype(dict.fromkeys(_COLUMNS, np.float64))
    table["people"] = table["people"].astype(np.int64)
    table["chosen"] = table["half_life"].isna() if chosen is None else table["half_life"] == chosen
    return table
