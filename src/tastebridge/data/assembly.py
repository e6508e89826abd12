"""Clean events put together: a vocabulary and a matrix for each category, over one space of users."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tastebridge.data.cleaning import CleaningPolicy, CleaningStep
from tastebridge.data.events import Events
from tastebridge.data.interactions import FirstEvents, Interactions, canonical
from tastebridge.data.vocabulary import Vocabulary


def trim(events: Events, policy: CleaningPolicy) -> tuple[Events, list[CleaningStep]]:
    """Leave out users and items below the minimum counts, each category for itself.

    Parameters
    ----------
    events : Events
        Rows as :func:`tastebridge.data.merging.merge` leaves them.
    policy : CleaningPolicy
        Holds the minima.

    Returns
    -------
    events, steps : Events, list of CleaningStep
        The rows left, and the steps that took some out.
    """
    minima = (policy.min_user_events, policy.min_item_events)
    if max(minima) == 1:
        return events, []
    keep, gone = np.ones(len(events), dtype=bool), np.zeros(2, dtype=np.int64)
    for rows in category_slices(events):
        gone += _trim_slice((events.users[rows], events.items[rows]), minima, keep[rows])
    reasons = (f"fewer than {minima[0]} items in a category", f"fewer than {minima[1]} users")
    steps = zip(("rare users", "rare items"), gone.tolist(), reasons, strict=True)
    return events.take(keep), [CleaningStep(*step) for step in steps if step[1]]


def _trim_slice(
    codes: tuple[np.ndarray, np.ndarray], minima: tuple[int, int], keep: np.ndarray
) -> np.ndarray:
    """Clear ``keep`` in place until all counts left reach the minima; return the rows lost to each side."""
    gone = np.zeros(2, dtype=np.int64)
    settled = False
    while not settled:
        settled = True
        for side in (0, 1):
            # Each minimum counts the rows the other has left, so the two take turns until neither finds a
            # rare id.
            counts = np.bincount(codes[side][keep], minlength=int(codes[side].max()) + 1)
            rare = keep & (counts < minima[side])[codes[side]]
            keep &= ~rare
            gone[side] += np.count_nonzero(rare)
            settled &= not rare.any()
    return gone


def assemble(events: Events) -> tuple[Vocabulary, list[Interactions]]:
    """Return the users, and the interactions of each category that has any.

    Parameters
    ----------
    events : Events
        Rows sorted by category, user and item, none twice.

    Returns
    -------
    users, interactions : Vocabulary, list of Interactions
        Only users and items with at least one row.
    """
    places, used = _renumber(events.users, len(events.user_ids))
    users = Vocabulary(events.user_ids[used], "user_id")
    return users, [_interactions(events, rows, places, users) for rows in category_slices(events)]


def category_slices(events: Events) -> list[slice]:
    """Return the slice of rows of each category; categories without rows are left out."""
    # Rows are sorted by category, so each category is one slice.
    bounds = np.searchsorted(events.categories, np.arange(len(events.category_ids) + 1))
    return [slice(start, stop) for start, stop in pairwise(bounds) if stop > start]


def _interactions(events: Events, rows: slice, places: np.ndarray, users: Vocabulary) -> Interactions:
    category = events.category_ids[events.categories[rows.start]]
    columns, used = _renumber(events.items[rows], len(events.item_ids))
    items = Vocabulary(events.item_ids[used], "item_id")
    counts = np.bincount(places[events.users[rows]], minlength=len(users))
    indptr = np.concatenate([[0], np.cumsum(counts)])
    # Weights were summed in double precision; only the matrix holds single precision.
    data = events.weights[rows].astype(np.float32)
    matrix = canonical((data, columns[events.items[rows]], indptr), (len(users), len(items)))
    # A view would keep the times of all categories in memory as long as this one lives.
    times = None if events.times is None else events.times[rows].copy()
    first = None
    if events.first_times is not None and events.first_weights is not None:
        weights = events.first_weights[rows].astype(np.float32)
        met = FirstEvents(events.first_times[rows].copy(), weights)
        first = met if times is not None and (met.times < times).any() else None
    return Interactions(category, users, items, matrix, times, first)


def _renumber(codes: np.ndarray, n_codes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the new number of each code, and a mask of the codes in use."""
    used = np.zeros(n_codes, dtype=bool)
    used[codes] = True
    return (np.cumsum(used) - 1).astype(np.int32), used
