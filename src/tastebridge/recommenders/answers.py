"""Recommendations, audiences and explanations from one fitted state, as frames of ids."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._foundation.validation import check_choice, check_count
from tastebridge.data import Vocabulary
from tastebridge.data.types import Id, Ids, ItemFilter
from tastebridge.model.chunks import chunks
from tastebridge.model.filters import Filters, read_filters
from tastebridge.model.list_rules import ListRules
from tastebridge.model.scorers import Best
from tastebridge.online.state import FittedState
from tastebridge.recommenders.audience import Finder, Found, best_users, item_numbers
from tastebridge.recommenders.audience import to_frame as audience_frame
from tastebridge.recommenders.frames import ordered, to_frame
from tastebridge.recommenders.reranking import Reranker
from tastebridge.routes import Histories
from tastebridge.routes.twins import COLUMNS, LEAVE_OUT, TWINS

Lister = Callable[[Histories, int, Filters, np.ndarray], Best]
"""Makes the lists of users of their histories, the length, filters and ids."""


class ListRequest(NamedTuple):
    """A checked request for lists: see :meth:`tastebridge.recommenders.Recommender.recommend`."""

    n: int
    allow: ItemFilter | None = None
    deny: ItemFilter | None = None
    missing: str = "error"
    twins: str = LEAVE_OUT
    rules: ListRules | None = None

    def check(self) -> ListRequest:
        """Refuse a request that cannot be answered."""
        check_count("n", self.n)
        check_choice("twins", self.twins, TWINS)
        return self


def recommendations(
    state: FittedState, histories: Histories, ids: np.ndarray, request: ListRequest
) -> pd.DataFrame:
    """Return user_id, item_id, score and rank for users with these histories."""
    n, allow, deny, missing, twins, rules = request.check()
    items, filters = state.items, Filters()
    if allow is not None or deny is not None:
        users = Vocabulary.from_ids(ids) if len(ids) else Vocabulary(ids)
        # a vocabulary sorts its ids, and users were asked for in another order
        filters = ordered(read_filters(allow, deny, users, items, missing), users, ids)
    find = lists_of(state, rules)
    found = [
        find(part, min(n, len(items)), closed(state, part, filters.of(rows), twins), ids[rows])
        for rows, part in chunks(histories, len(ids))
    ]
    return to_frame(found, ids, items, n, rules is not None and bool(rules.caps))


def lists_of(state: FittedState, rules: ListRules | None) -> Lister:
    """Return the function that makes the lists of users: by scores alone, or by rules."""
    if rules is not None:
        return Reranker.of(state, rules).top_items
    return lambda histories, n, filters, ids: state.scorer.top_items(histories, n, filters)


def closed(state: FittedState, histories: Histories, filters: dict[str, Any], twins: str) -> Filters:
    """Return the filters of some users, which exclude twins of their items if these are left out."""
    return Filters(**filters).closing(state.left_out(histories, twins))


def twins_shown(state: FittedState) -> pd.DataFrame:
    """Return the twins with ids for numbers."""
    table = state.tables.get("twins_", pd.DataFrame(columns=COLUMNS))
    items = state.encoder.items
    pairs = zip(table["source"], table["source_item"], strict=True)
    shown = {
        "source_item": pd.Series([items[name].ids[at] for name, at in pairs], dtype=object),
        "item": pd.Series([state.items.ids[at] for at in table["item"]], dtype=object),
    }
    return table.reset_index(drop=True).assign(**shown)


def audience(
    state: FittedState, histories: Histories, ids: np.ndarray, items: Id | Ids, request: ListRequest
) -> pd.DataFrame:
    """Return item_id, user_id, score and rank: the best users with these histories for each item."""
    n, twins = request.check().n, request.twins
    numbers = item_numbers(items, state.items)
    found = best_users(finder(state, twins), histories, len(ids), numbers, n)
    return audience_frame(found, state.items.ids_of(numbers), ids)


def finder(state: FittedState, twins: str) -> Finder:
    """Return the search for users of items, without users who have a twin of the item, unless kept."""

    def find(histories: Histories, items: NDArray[np.int64], n: int) -> Found:
        return state.scorer.top_users(histories, items, n, state.left_out(histories, twins))

    return find


def explanation(state: FittedState, histories: Histories, item_id: Id) -> pd.DataFrame:
    """Return source_category, source_item, route, contribution and twin for one user and item.

    The largest contributions come first.
    """
    item = int(state.items.numbers([item_id])[0])
    twins = state.twins.of_item(item)
    # Sorted is stable: parts of one size stay in the order of the routes.
    parts = sorted(state.scorer.contributions(histories, item), key=lambda part: -part.contribution)
    ids = [None if at < 0 else state.encoder.items[name].ids[at] for name, at, _, _ in parts]
    columns = {
        "source_category": [part.category for part in parts],
        "source_item": pd.Series(ids, dtype=object),
        "route": [part.route for part in parts],
        "contribution": np.array([part.contribution for part in parts], dtype=np.float64),
        "twin": np.array([(part.category, part.item) in twins for part in parts], dtype=bool),
    }
    return pd.DataFrame(columns)
