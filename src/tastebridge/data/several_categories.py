"""Policies for items that occur in several categories with the same users."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tastebridge._foundation.warnings import warn_of_data
from tastebridge.data.assembly import category_slices
from tastebridge.data.cleaning import CleaningPolicy, CleaningStep, SeveralCategories
from tastebridge.data.events import Events
from tastebridge.exceptions import InvalidDataError

_LEAST_PAIRS, _SHARE = 20, 0.95
_STEP = "several categories"


@dataclass(frozen=True)
class _Repeated:
    """The rows of items in several categories.

    ``rows`` are their places, ``pairs`` the user and item of each as a number. ``complete`` is the share of
    pairs that stand in every category of their item, with one weight and time. ``varied`` says whether the
    items differ in their categories.
    """

    rows: np.ndarray
    pairs: np.ndarray
    complete: float
    varied: bool

    @property
    def n_pairs(self) -> int:
        return len(np.unique(self.pairs))


def settle_categories(events: Events, cleaning: CleaningPolicy) -> tuple[Events, list[CleaningStep]]:
    """Give each item its category or categories, by ``several_categories`` of a policy.

    Parameters
    ----------
    events : Events
        Rows as :func:`tastebridge.data.merging.merge` leaves them: sorted by category, none twice.
    cleaning : CleaningPolicy
        With ``ratings`` settled.

    Returns
    -------
    events, steps : Events, list of CleaningStep
        Rows in the same order, and a step if rows went into others.

    Raises
    ------
    InvalidDataError
        With ``"error"``, if an item stands in several categories.
    """
    policy = cleaning.several_categories
    found = None if policy == "keep" or len(events.category_ids) < 2 else _repeated(events)
    if found is None:
        return events, []
    if policy == "error":
        raise InvalidDataError(
            f"{found.n_pairs:,} pairs of a user and an item concern items of several categories. Give each"
            " item one category, or choose CleaningPolicy(several_categories='primary', 'first', 'all' or"
            " 'keep')."
        )
    if policy == "auto":
        # Items that all stand in all categories are no table of genres.
        if not found.varied or found.n_pairs < _LEAST_PAIRS or found.complete < _SHARE:
            return events, []
        policy = "primary"
        warn_of_data(
            "the same events are in several categories, as in a table with one row per genre:"
            f" {len(found.rows):,} rows are {found.n_pairs:,} pairs of a user and an item. Each item keeps"
            " the category with most of its rows. CleaningPolicy(several_categories=…) chooses otherwise."
        )
    if policy == "all" and cleaning.ratings:
        return events, []
    if policy == "all":
        _, places, counts = np.unique(found.pairs, return_inverse=True, return_counts=True)
        n_shares = np.ones(len(events))
        n_shares[found.rows] = counts[places]
        first = None if events.first_weights is None else events.first_weights / n_shares
        return replace(events, weights=events.weights / n_shares, first_weights=first), []
    return _one_category(events, found, _chosen(events, found, policy))


def _repeated(events: Events) -> _Repeated | None:
    """Return the rows of items in several categories; None where there are none."""
    n_categories = np.zeros(len(events.item_ids), dtype=np.int64)
    for part in category_slices(events):
        used = np.zeros(len(events.item_ids), dtype=bool)
        used[events.items[part]] = True
        n_categories += used
    if n_categories.max(initial=0) < 2:
        return None
    rows = np.flatnonzero(n_categories[events.items] > 1)
    pairs = events.users[rows].astype(np.int64) * len(events.item_ids) + events.items[rows]
    distinct, places, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    whole = counts == n_categories[distinct % len(events.item_ids)]
    # One event written once per genre has one weight and one time; separate events hardly ever do.
    for values in (events.weights[rows], *([] if events.times is None else [events.times[rows]])):
        whole &= _spread(values, places, len(distinct)) == 0
    varied = bool((n_categories[n_categories > 0] < len(np.unique(events.categories))).any())
    return _Repeated(rows, pairs, float(whole.mean()), varied)


def _spread(values: np.ndarray, groups: np.ndarray, n_groups: int) -> np.ndarray:
    """Return the difference between the largest and the smallest value of each group."""
    low, high = np.full(n_groups, np.inf), np.full(n_groups, -np.inf)
    np.minimum.at(low, groups, values)
    np.maximum.at(high, groups, values)
    return high - low


def _chosen(events: Events, found: _Repeated, policy: SeveralCategories) -> np.ndarray:
    """Return the category of each item in several of them, -1 for other items."""
    width = len(events.category_ids)
    items, categories = events.items[found.rows].astype(np.int64), events.categories[found.rows]
    both, counts = np.unique(items * width + categories, return_counts=True)
    of_item, of_category = both // width, both % width
    chosen = np.full(len(events.item_ids), -1, dtype=events.categories.dtype)
    if policy == "first":
        order = np.lexsort((-of_category, of_item))
    else:  # the most rows, then the largest category, then the first name: the last of each item wins
        size = np.bincount(events.categories, minlength=width)
        order = np.lexsort((-of_category, size[of_category], counts, of_item))
    chosen[of_item[order]] = of_category[order]
    return chosen


def _one_category(events: Events, found: _Repeated, chosen: np.ndarray) -> tuple[Events, list[CleaningStep]]:
    """Return the events with one row per pair, the heaviest of its rows, in the chosen category."""
    rows = found.rows[np.lexsort((events.weights[found.rows], found.pairs))]
    pairs = events.users[rows].astype(np.int64) * len(events.item_ids) + events.items[rows]
    last = np.append(pairs[1:] != pairs[:-1], True)[: len(pairs)]
    keep = np.ones(len(events), dtype=bool)
    keep[rows[~last]] = False
    categories = np.where(chosen[events.items] >= 0, chosen[events.items], events.categories)
    settled = replace(events, categories=categories).take(keep)
    order = np.lexsort((settled.items, settled.users, settled.categories))
    step = CleaningStep(_STEP, int(np.count_nonzero(~keep)), "the same user and item in another category")
    return settled.take(order), [step]
