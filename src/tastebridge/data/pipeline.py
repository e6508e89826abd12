"""From a raw frame to clean interactions, and the account of the steps between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tastebridge._foundation.validation import check_type
from tastebridge._foundation.warnings import warn_of_data
from tastebridge.data.assembly import assemble, trim
from tastebridge.data.cleaning import CleaningPolicy, CleaningReport, CleaningStep
from tastebridge.data.cleaning_steps import scrub
from tastebridge.data.column_swap import warn_if_swapped
from tastebridge.data.events import FrameLike, read_events
from tastebridge.data.interactions import Interactions
from tastebridge.data.merging import merge
from tastebridge.data.rating_columns import rating_notes
from tastebridge.data.several_categories import settle_categories
from tastebridge.data.time_evidence import TimeReading
from tastebridge.data.vocabulary import Vocabulary
from tastebridge.exceptions import InvalidDataError

_COUNTER = 1e8
"""Seconds that no counter reaches: March 1973."""
_UNRATED = ("negative weights", "zero weights")
_NO_RATING = (
    " If a weight of -1 or 0 means that no rating was given, say so: CleaningPolicy(no_rating=-1) keeps"
    " these rows as events."
)


def clean(
    frame: FrameLike,
    columns: Mapping[str, str | None] | None,
    event_weights: Mapping[Any, float] | None,
    policy: CleaningPolicy,
    part: bool = False,
    times: TimeReading | None = None,
) -> tuple[Vocabulary, list[Interactions], CleaningReport]:
    """Read, scrub, merge, trim and assemble; see :meth:`tastebridge.data.Panel.from_frame`.

    ``part=True``: the frame is one chunk of a table, with whole users. An empty result is allowed and no
    warning is issued, since the caller reports for all chunks, and items in several categories keep their
    rows. ``times`` is the reading of the times of the whole table.
    """
    check_type("policy", policy, CleaningPolicy, 'CleaningPolicy(duplicates="error")')
    policy = policy.settled(event_weights)
    events = read_events(frame, columns, event_weights, part, policy, times)
    rows_in = len(events)
    notes = () if part or policy.ratings else rating_notes(events.weight_column, events.weights)
    notes += () if part else events.notes
    events, steps = scrub(events, policy)
    if not part:
        _refuse_nothing(rows_in, len(events), steps)
    # Merged first: the rules on categories and minimum counts are about pairs of user and item, not
    # events.
    # a part is a history, of which no split in time is made
    events, merged = merge(events, policy.duplicates, with_first=not part)
    events, settled = (events, []) if part else settle_categories(events, policy)
    events, trimmed = trim(events, policy)
    minima = policy.min_user_events, policy.min_item_events
    done = (*steps, *merged, *settled, *trimmed)
    report = CleaningReport(rows_in, len(events), done, minima, notes, policy.duplicates)
    if not part:
        _refuse_nothing(rows_in, len(events), report.steps)
        _warn_of_bad(report, event_weights)
        warn_if_swapped(events)
        _warn_of_zero_times(events.times)
    users, interactions = assemble(events)
    return users, interactions, report


def _refuse_nothing(rows_in: int, rows_left: int, steps: Iterable[CleaningStep]) -> None:
    if not rows_left:
        raise InvalidDataError(
            f"no row is left after cleaning. {CleaningReport(rows_in, 0, tuple(steps))}\n"
            "Correct the rows, or accept more with a CleaningPolicy."
        )


def _warn_of_zero_times(times: NDArray[np.float64] | None) -> None:
    """Warn of times of 0 among later times: 0 may mean unknown, and would stretch the time span."""
    if times is None or not (n := int((times == 0).sum())):
        return
    later = times[times > 0]
    # counters of days or seconds start at 0, and stay below
    if len(later) and later.min() > _COUNTER:
        first = np.datetime64(int(later.min()), "s").astype("datetime64[D]")
        warn_of_data(
            f"{n:,} rows have the time 0, which is 1970-01-01; all others are of {first} and later. If 0 "
            "means that the time is unknown, leave these cells empty, because ages are shares of the time "
            "span."
        )


def _warn_of_bad(report: CleaningReport, event_weights: Mapping[Any, float] | None) -> None:
    # a weight of 0 for a type of event asks for its rows to be left out
    wanted = event_weights is not None and 0 in event_weights.values()
    if bad := [step for step in report.bad if not (wanted and step.step == "zero weights")]:
        went = ", ".join(f"{step.rows:,} with {step.step}" for step in bad)
        asked = _NO_RATING if any(step.step in _UNRATED for step in bad) else ""
        warn_of_data(
            f"of {report.rows_in:,} rows these were bad and left out: {went}. See panel.cleaning for "
            f"details; a CleaningPolicy can turn them into errors.{asked}"
        )
