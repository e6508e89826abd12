"""Detection of swapped user and item columns, from the categories of their values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tastebridge._foundation.warnings import warn_of_data
from tastebridge.data.assembly import category_slices
from tastebridge.data.events import Events

_USERS_LINKED = 0.01
_ITEMS_SHARED = 0.05
_AT_LEAST = 3


def warn_if_swapped(events: Events) -> None:
    """Warn if the item column looks like users and the user column like items.

    Users stand in several categories, items in one. The columns look swapped under three conditions:

    - at most 1 % of the "users" stand in several categories;
    - at least 5 % of the "items" do, and at least three of them;
    - the "users" are the more uneven, by the coefficient of variation, its mean over the categories. Few
      items are taken often and most seldom, while users differ less in their activity.

    So catalogues that share items raise no alarm, even if two of them share no user. Catalogues that number
    their items from 0 in every category raise none either, as long as users are linked. A panel of one
    category is not judged.

    Parameters
    ----------
    events : Events
        Clean rows, sorted by category.
    """
    slices = category_slices(events)
    if len(slices) < 2:
        return
    users, things = ([codes[rows] for rows in slices] for codes in (events.users, events.items))
    linked, shared = _in_several(users, len(events.user_ids)), _in_several(things, len(events.item_ids))
    if linked.mean() > _USERS_LINKED or shared.mean() < _ITEMS_SHARED or shared.sum() < _AT_LEAST:
        return
    if _unevenness(users) > _unevenness(things):
        warn_of_data(
            f"user and item columns look swapped: {linked.mean():.0%} of the values of user_id are in "
            f"several categories and {shared.mean():.0%} of the values of item_id; users should, items"
            " should not."
            ' If they are swapped, name them: columns={"user_id": "…", "item_id": "…"}.'
            " If not, hardly any user connects the categories, and they can teach little about each other."
        )


def _in_several(codes: Sequence[np.ndarray], n_codes: int) -> np.ndarray:
    """Return, for each code in use, whether it occurs in more than one category."""
    categories = np.zeros(n_codes, dtype=np.int32)
    for rows in codes:
        used = np.zeros(n_codes, dtype=bool)
        used[rows] = True
        categories += used
    return categories[categories > 0] > 1


def _unevenness(codes: Sequence[np.ndarray]) -> float:
    """Return how unequally often codes come, the mean over categories of the coefficient of variation."""
    counts = [np.unique(rows, return_counts=True)[1] for rows in codes]
    return float(np.mean([part.std() / part.mean() for part in counts]))
