"""Temporal splits: rows before and after a moment; one moment for all users, or one per user."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._foundation.validation import check_category, check_number
from tastebridge.data import Interactions, Panel
from tastebridge.data.interactions import canonical
from tastebridge.data.panel import check_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.splits.split import Split, take_out

Moment = float | str | date | np.datetime64
"""A share of rows as a float between 0 and 1, or a time."""


def temporal(panel: Panel, target: str, at: Moment = 0.8) -> Split:
    """Train on all events before a moment, test on the target rows from then on.

    A pair with events before the moment and after it was known: its first event is in the training data, and
    it is not tested. Later rows of *other* categories are in neither part, because they were not known then.

    Parameters
    ----------
    panel : Panel
        All data, with times.
    target : str
        The category in which rows are held out.
    at : float, str, datetime or Timestamp
        A float between 0 and 1: the share of the target rows to train on (rows of the same time stay
        together, in the test). Otherwise the moment: seconds since 1970, or anything that
        :class:`pandas.Timestamp` reads, as UTC.

    Returns
    -------
    Split

    Raises
    ------
    InvalidDataError
        If the panel has no times, or all target rows are on one side.

    Examples
    --------
    >>> rows = [("a", "x", 3), ("a", "y", 1), ("a", "z", 2), ("b", "x", 1)]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]).assign(category="films")
    >>> temporal(Panel.from_frame(frame), "films", at=2.0).truth["item_id"].tolist()
    ['x', 'z']
    """
    part = panel[check_category("target", target, check_panel(panel).categories)]
    if part.times is None:
        raise InvalidDataError("temporal needs times, and the panel has none. Use cold_users or leave_last.")
    moment = moment_of(at, first_times(part))
    part, late = at_moment(part, moment)
    if late.all() or not late.any():
        side = "before" if late.all() else "from"
        times = np.zeros(1) if part.times is None else part.times
        when, first, last = (said(float(time)) for time in (moment, times.min(), times.max()))
        raise InvalidDataError(
            f"temporal finds no row of {target!r} {side} {when}; its rows are from {first} to {last}. "
            "Choose a moment in between, or a share."
        )
    past = {name: before(some, moment) for name, some in panel.interactions.items()}
    return take_out(replace(panel, interactions=past | {target: part}), target, late)


def own_past(panel: Panel, target: str, share: float = 0.8) -> Split:
    """Train on the earlier events of each user, test on the later target rows.

    The events of a user over all categories are sorted by time, and the first ``share`` of them are training
    data. A pair counts at its first event. Later events of other categories are in neither part, because they
    were not known then. In contrast to :func:`temporal`, the moment differs between users. Test users
    therefore have a history even if few users are active for long, but later events of other users are in
    the training data.

    Parameters
    ----------
    panel, target
        As for :func:`temporal`.
    share : float, default=0.8
        The share of a user's events to train on, between 0 and 1; at least one event. Events with the same
        time stay together, in the test unless they are the first.

    Returns
    -------
    Split

    Raises
    ------
    InvalidDataError
        If a category has no times, or no user has a target row in the later part.

    Examples
    --------
    >>> rows = [("a", "x", 3), ("a", "y", 1), ("a", "z", 2), ("b", "x", 1)]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]).assign(category="films")
    >>> own_past(Panel.from_frame(frame), "films", share=0.6).truth["item_id"].tolist()
    ['x']
    """
    check_category("target", target, check_panel(panel).categories)
    check_number("share", share, 0.0, 1.0, open_minimum=True)
    parts = {name: part for name, part in panel.interactions.items() if part.matrix.nnz}
    bare = [name for name, part in parts.items() if part.times is None]
    if bare:
        raise InvalidDataError(
            f"own_past needs times, and {bare[0]!r} has none. Use cold_users or leave_last."
        )
    rows = np.concatenate([part.rows for part in parts.values()])
    times = np.concatenate([first_times(part) for part in parts.values()])
    moments = _own_moments(rows, times, share, len(panel))
    late: dict[str, NDArray[np.bool_]] = {}
    for name, part in list(parts.items()):
        parts[name], late[name] = at_moment(part, moments[part.rows])
    if target not in late or not late[target].any():
        raise InvalidDataError(
            f"own_past finds no user with rows of {target!r} in the later part. Lower share, or add events."
        )
    past = {
        name: parts[name].keep(~late[name]) if name in late else part
        for name, part in panel.interactions.items()
    }
    return take_out(replace(panel, interactions=past | {target: parts[target]}), target, late[target])


def _own_moments(
    rows: NDArray[np.int64], times: NDArray[np.float64], share: float, n_people: int
) -> NDArray[np.float64]:
    """Return for each user when the later part begins; infinity for users with a single moment."""
    order = np.lexsort((times, rows))
    rows, times = rows[order], times[order]
    counts = np.bincount(rows, minlength=n_people)
    starts = np.cumsum(counts) - counts
    first = np.zeros(n_people)
    # Backwards in time: the earliest is written last and stays.
    first[rows[::-1]] = times[::-1]
    second = np.full(n_people, np.inf)
    np.minimum.at(second, rows, np.where(times > first[rows], times, np.inf))
    # At least one event to train on, and one to test on where there are two.
    ahead = np.clip(np.ceil(share * counts), 1, np.maximum(counts - 1, 0)).astype(np.int64)
    cut = times[np.minimum(starts + ahead, len(times) - 1)]
    # If the cut falls on the first moment, the later part begins with the second one.
    return np.where((counts > 1) & (cut > first), cut, second)


def said(moment: float) -> str:
    """Return a moment as a message shows it, where a calendar knows it."""
    try:
        return str(pd.Timestamp(moment, unit="s"))
    except (ValueError, OverflowError):
        return f"{moment:g}"


def before(part: Interactions, moment: float) -> Interactions:
    """Return the rows before a moment; all of a category without times."""
    known, late = at_moment(part, moment)
    return part if part.times is None else known.keep(~late)


def first_times(part: Interactions) -> NDArray[np.float64]:
    """Return the time at which each pair met first; empty without times."""
    if part.first is not None:
        return part.first.times
    return np.zeros(0) if part.times is None else part.times


def at_moment(
    part: Interactions, moment: float | NDArray[np.float64]
) -> tuple[Interactions, NDArray[np.bool_]]:
    """Return rows as they were known at a moment, and which of them came later.

    A pair that met before the moment and again from then on has the time and the weight of its first event:
    those of all its events would tell of later ones. Later rows are as they are.

    Parameters
    ----------
    part : Interactions
    moment : float, or ndarray of shape (part.matrix.nnz,)
        One for all rows, or one for each.
    """
    if part.times is None:
        return part, np.zeros(part.matrix.nnz, dtype=bool)
    known = first_times(part) < moment
    again = known & (part.times >= moment)
    if part.first is None or not again.any():
        return part, ~known
    times = np.where(again, part.first.times, part.times)
    weights = np.where(again, part.first.weights, part.matrix.data)
    rows = part.matrix
    matrix = canonical((weights, rows.indices, rows.indptr), rows.shape)
    return replace(part, matrix=matrix, times=times), ~known


def moment_of(at: Moment, times: NDArray[np.float64], name: str = "at") -> float:
    """Return the seconds since 1970 that ``at`` means; ``name`` is the parameter in an error."""
    if isinstance(at, float | np.floating) and 0 < at < 1:
        # A time that occurs, not one in between: rows of this time all go to the test.
        return float(np.sort(times)[int(at * len(times))])
    if isinstance(at, int | float | np.number) and not isinstance(at, bool):
        return check_number(name, float(at))
    try:
        stamp = pd.Timestamp(at)
    except (TypeError, ValueError):
        stamp = pd.NaT
    if stamp is pd.NaT:
        raise InvalidParameterError(
            f"{name} must be a share between 0 and 1, seconds since 1970 or a time; got {at!r}. Write 0.8 or "
            '"2025-01-31".'
        )
    return float((stamp.tz_localize("UTC") if stamp.tz is None else stamp).timestamp())
