"""Temporal: what came before a moment, and what came after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._validation import check_category, check_number
from tastebridge.data import Interactions, Panel
from tastebridge.exceptions import InvalidDataError
from tastebridge.splits.split import Split, take_out


def temporal(panel: Panel, target: str, at: Any = 0.8) -> Split:
    """Train on everything before a moment, test on the target rows from then on.

    A pair that met several times counts by its last time, as in the panel. Rows of *other* categories from
    that moment on are in neither part: they were not known then.

    Parameters
    ----------
    panel : Panel
        Everything known, with times.
    target : str
        The category to hold rows out of.
    at : float, str, datetime or Timestamp
        A float between 0 and 1: the share of the target rows to train on (rows of the same time stay
        together, in the test). Otherwise the moment: seconds since 1970, or what :class:`pandas.Timestamp`
        reads, as UTC.

    Returns
    -------
    Split

    Raises
    ------
    InvalidDataError
        If the panel has no times, or no target row falls on one of the sides.

    Examples
    --------
    >>> rows = [("a", "x", 3), ("a", "y", 1), ("a", "z", 2), ("b", "x", 1)]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]).assign(category="films")
    >>> temporal(Panel.from_frame(frame), "films", at=2.0).truth["item_id"].tolist()
    ['x', 'z']
    """
    part = panel[check_category("target", target, panel.categories)]
    if part.times is None:
        raise InvalidDataError("temporal needs times, and the panel has none. Use cold_users or leave_last.")
    moment = _moment(at, part.times)
    late = part.times >= moment
    if late.all() or not late.any():
        side = "before" if late.all() else "from"
        when, first, last = pd.to_datetime([moment, *np.quantile(part.times, [0, 1])], unit="s")
        raise InvalidDataError(
            f"temporal finds no row of {target!r} {side} {when}; its rows are from {first} to {last}. "
            "Choose a moment in between, or a share."
        )
    past = {name: _before(some, moment) for name, some in panel.interactions.items()}
    return take_out(replace(panel, interactions=past | {target: part}), target, late)


def _before(part: Interactions, moment: float) -> Interactions:
    return part if part.times is None else part.keep(part.times < moment)


def _moment(at: Any, times: NDArray[np.float64]) -> float:
    """Return the seconds since 1970 that ``at`` means."""
    if isinstance(at, float) and 0 < at < 1:
        return float(np.sort(times)[int(at * len(times))])
    if isinstance(at, int | float | np.number) and not isinstance(at, bool):
        return check_number("at", float(at))
    stamp = pd.Timestamp(at)
    return (stamp.tz_localize("UTC") if stamp.tz is None else stamp).timestamp()
