"""Few times far from all others: typing errors, test rows, clocks that stood still."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tastebridge._foundation.warnings import warn_of_data
from tastebridge.data.panel import Panel

Times = NDArray[np.float64]
_SHARE = 100
"""Rows that lie apart are at most one in so many, on either side."""
_GAP = 3.0
"""Between them and the rest nothing happened for a third of the time span, or longer."""
_COUNTER = 1e8
"""Seconds that no counter of days or seconds reaches: March 1973."""


def stray_rows(times: Times) -> tuple[int, int]:
    """Return the number of rows that lie apart in time, before all others and after them.

    Ages, half-lives and folds in time are shares of the time span of the data. One row of the year 2099 among
    rows of two years makes all of them equally old. Rows are apart if they are at most 1 % of all on their
    side, and nothing happened for a third of the span between them and the rest. What is left is looked at
    again, until no row is apart.

    Parameters
    ----------
    times : ndarray of shape (n,)
        Seconds; finite.

    Examples
    --------
    >>> stray_rows(np.append(np.arange(200.0), [900.0, 5_000.0]))
    (0, 2)
    >>> stray_rows(np.arange(200.0) ** 2)  # growing gaps are no such gap
    (0, 0)
    """
    most = len(times) // _SHARE
    if not most:
        return 0, 0
    parted = np.partition(times, [most, len(times) - 1 - most])
    early, late = np.sort(parted[: most + 1]), np.sort(parted[len(times) - 1 - most :])[::-1]
    before = after = 0
    while (least := (late[after] - early[before]) / _GAP) > 0:
        # a gap behind as many rows as allowed is the last one that counts
        wide = (
            np.flatnonzero(np.diff(early[before:]) >= least),
            np.flatnonzero(-np.diff(late[after:]) >= least),
        )
        if not len(wide[0]) and not len(wide[1]):
            break
        before += int(wide[0][-1]) + 1 if len(wide[0]) else 0
        after += int(wide[1][-1]) + 1 if len(wide[1]) else 0
    return before, after


def warn_of_stray_times(panel: Panel) -> None:
    """Warn of events that lie apart in time, with the times on both sides of the gap."""
    parts = [part.times for part in panel.interactions.values() if part.times is not None]
    times = np.concatenate(parts) if parts else np.zeros(0)
    before, after = stray_rows(times)
    if not before + after:
        return
    times = np.sort(times)
    inside = times[before : len(times) - after]
    apart = [_span(part) for part in (times[:before], times[len(times) - after :]) if len(part)]
    warn_of_data(
        f"{before + after:,} of {len(times):,} events lie apart in time: {' and '.join(apart)}, and all "
        f"others {_span(inside, counted=False)}. Ages are shares of the whole time span, so recent "
        "popularity and time decay are not seen among the others. Mend these times, or leave the events out."
    )


def _span(times: Times, counted: bool = True) -> str:
    first, last = (_shown(float(time)) for time in (times[0], times[-1]))
    number = f"{len(times):,} " if counted else ""
    return f"{number}of {first}" if first == last else f"{number}from {first} to {last}"


def _shown(time: float) -> str:
    """Return a date; numbers near zero, which count from a start of their own, as they are."""
    if abs(time) < _COUNTER:
        return f"{time:g}"
    return str(np.datetime64(int(time), "s").astype("datetime64[D]"))
