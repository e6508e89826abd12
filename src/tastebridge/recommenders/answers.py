"""Answers of one fitted state, as frames of ids."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tastebridge._foundation.validation import check_count
from tastebridge.data import Vocabulary
from tastebridge.data.types import Id, Ids, ItemFilter
from tastebridge.model.chunks import chunks
from tastebridge.model.filters import Filters, read_filters
from tastebridge.online.state import FittedState
from tastebridge.recommenders.audience import best_users, item_numbers
from tastebridge.recommenders.audience import to_frame as audience_frame
from tastebridge.recommenders.frames import ordered, to_frame
from tastebridge.routes import Histories


def recommendations(
    state: FittedState,
    histories: Histories,
    ids: np.ndarray,
    n: int,
    allow: ItemFilter | None,
    deny: ItemFilter | None,
    missing: str,
) -> pd.DataFrame:
    """Return user_id, item_id, score and rank for users with these histories."""
    n, items, filters = check_count("n", n), state.items, Filters()
    if allow is not None or deny is not None:
        users = Vocabulary.from_ids(ids) if len(ids) else Vocabulary(ids)
        filters = ordered(read_filters(allow, deny, users, items, missing), users, ids)
    found = [
        state.scorer.top_items(part, min(n, len(items)), Filters(**filters.of(rows)))
        for rows, part in chunks(histories, len(ids))
    ]
    return to_frame(found, ids, items, n)


def audience(
    state: FittedState, histories: Histories, ids: np.ndarray, items: Id | Ids, n: int
) -> pd.DataFrame:
    """Return item_id, user_id, score and rank: the best users with these histories for each item."""
    n = check_count("n", n)
    numbers = item_numbers(items, state.items)
    found = best_users(state.scorer.top_users, histories, len(ids), numbers, n)
    return audience_frame(found, state.items.ids_of(numbers), ids)


def explanation(state: FittedState, histories: Histories, item_id: Id) -> pd.DataFrame:
    """Return source_category, source_item, route and contribution for one user and item, largest first."""
    item = int(state.items.numbers([item_id])[0])
    parts = sorted(state.scorer.contributions(histories, item), key=lambda part: -part.contribution)
    ids = [None if at < 0 else state.encoder.items[name].ids[at] for name, at, _, _ in parts]
    columns = {
        "source_category": [part.category for part in parts],
        "source_item": pd.Series(ids, dtype=object),
        "route": [part.route for part in parts],
        "contribution": np.array([part.contribution for part in parts], dtype=np.float64),
    }
    return pd.DataFrame(columns)
