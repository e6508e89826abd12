"""Shall older events count less? Judged by time: what people did last, foretold from what they did before."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tastebridge._validation import check_number
from tastebridge.data import Panel
from tastebridge.evaluation.full import user_scores
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, TastebridgeWarning
from tastebridge.intervals import paired_difference
from tastebridge.splits import Split, own_past

AUTO = "auto"
_SHARES = (0.5, 0.125, 0.03)
"""The half-lives tried by default, as shares of the time the data cover."""
_FEWEST = 20
"""People below which nothing is chosen."""
_DAY = 86_400.0
_METRIC = "ndcg@10"


def half_lives_of(recency: Any, panel: Panel) -> list[float]:
    """Return the half-lives to try, in days.

    Raises
    ------
    InvalidParameterError
        If ``recency`` is neither ``"auto"`` nor a list of numbers above 0.
    InvalidDataError
        If the panel has no times.
    """
    times = [part.times for part in panel.interactions.values() if part.times is not None and len(part.times)]
    if len(times) < len([part for part in panel.interactions.values() if part.matrix.nnz]):
        raise InvalidDataError(
            "recency needs the time of every event, and the panel lacks them. Give a timestamp column, or "
            "recency=None."
        )
    if recency == AUTO:
        days = (max(part.max() for part in times) - min(part.min() for part in times)) / _DAY
        return [share * days for share in _SHARES] if days > 0 else []
    if isinstance(recency, str) or not isinstance(recency, Sequence) or not len(recency):
        raise InvalidParameterError(
            f"recency must be None, 'auto' or a list of half-lives in days; got {recency!r}."
        )
    return [check_number("recency", value, 0.0, open_minimum=True) for value in recency]


def choose_half_life(
    make: Callable[[float | None], Any], panel: Panel, targets: Sequence[str], half_lives: Sequence[float]
) -> tuple[float | None, pd.DataFrame]:
    """Return the half-life under which people are served best, None for none, and what was seen.

    The last fifth of everybody's events is hidden; a model for each half-life, and one without, learns from
    what came before and is judged by NDCG@10 on the hidden rows of the targets. The best half-life is taken
    if the 95 % interval of its difference to none, over people, lies above zero.

    Parameters
    ----------
    make : callable
        Returns a model, not fitted, with events of this half-life, or without any for None.
    panel : Panel
        With times.
    targets : list of str
    half_lives : list of float
        Days.

    Returns
    -------
    half_life : float or None
    table : DataFrame
        A row a half-life, NaN for none: half_life, people, ndcg, and the difference to none with its interval
        (difference, low, high; NaN for none itself), chosen. Without rows where there were too few people.
    """
    splits = {name: split for name in targets if (split := _split(panel, name)) is not None}
    if not splits:
        return None, _table([], None)
    train = next(iter(splits.values())).train
    tried: list[float | None] = [None, *half_lives]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)  # of models that are only tried
        values = {half_life: _judged(make(half_life).fit(train), splits) for half_life in tried}
    rows = []
    for half_life in tried:
        gap = paired_difference(values[half_life], values[None])
        known = (gap.mean, gap.low, gap.high) if half_life is not None else (np.nan,) * 3
        rows.append((half_life, len(values[None]), float(values[half_life].mean()), *known))
    best = max(rows, key=lambda row: row[2])
    chosen = best[0] if best[0] is not None and best[4] > 0 else None
    return chosen, _table(rows, chosen)


def _split(panel: Panel, target: str) -> Split | None:
    try:
        split = own_past(panel, target)
    except InvalidDataError:
        return None
    return split if len(split.user_ids) >= _FEWEST else None


def _judged(model: Any, splits: Mapping[str, Split]) -> np.ndarray:
    """Return NDCG@10 of everybody with hidden rows, one target after another."""
    mappers = getattr(model, "mappers_", {})
    found = [
        user_scores(mappers.get(name, model), split, [_METRIC])[_METRIC] for name, split in splits.items()
    ]
    return np.concatenate([values.to_numpy() for values in found])


def _table(rows: list[tuple], chosen: float | None) -> pd.DataFrame:
    columns = ["half_life", "people", "ndcg", "difference", "low", "high"]
    table = pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns, np.float64))
    table["people"] = table["people"].astype(np.int64)
    table["chosen"] = table["half_life"].isna() if chosen is None else table["half_life"] == chosen
    return table
