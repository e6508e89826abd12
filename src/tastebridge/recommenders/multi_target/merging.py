"""Lists of several categories put together: the best of all, or each user's best categories first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.data import Vocabulary

Array = NDArray[np.float64]


class Found(NamedTuple):
    """The best items of one category: numbers (-1 for none) and chances, (n_users, k), best first."""

    items: NDArray[np.int32]
    chances: Array


class Mixed(NamedTuple):
    """Lists over several categories, (n_users, n): their places, item numbers (-1 for none), chances."""

    categories: NDArray[np.int64]
    items: NDArray[np.int32]
    chances: Array


def best_of_all(found: Mapping[str, Found], n: int) -> Mixed:
    """Return the ``n`` items of the highest chance; of equals, the items of the first category."""
    return _ordered(found, lambda places, items, chances: -np.where(items >= 0, chances, -1.0), n)


def best_categories_first(found: Mapping[str, Found], choice: Array, n_categories: int | None) -> Mixed:
    """Return all items, the user's likeliest category first; at most ``n_categories`` of them if given.

    ``choice`` (n_users, n_categories) is the probability of each category, in the order of ``found``.
    """
    # The rank of each category for each user: the inverse of the order.
    standing = np.argsort(np.argsort(-choice, axis=1, kind="stable"), axis=1, kind="stable")
    if n_categories is not None:
        found = {
            name: part._replace(items=np.where(standing[:, [place]] < n_categories, part.items, -1))
            for place, (name, part) in enumerate(found.items())
        }

    def order(places: NDArray[np.int64], items: NDArray[np.int32], chances: Array) -> NDArray[np.int64]:
        return np.where(items >= 0, standing[:, places[0]], len(found))

    return _ordered(found, order, sum(part.items.shape[1] for part in found.values()))


def to_frame(mixed: Mixed, ids: np.ndarray, vocabularies: Mapping[str, Vocabulary]) -> pd.DataFrame:
    """Return user_id, item_id, category, score, rank: one row per item, users in the order given."""
    parts = []
    for place, (name, items) in enumerate(vocabularies.items()):
        person, rank = np.nonzero((mixed.categories == place) & (mixed.items >= 0))
        columns = {
            "user_id": ids[person],
            "item_id": items.ids_of(mixed.items[person, rank]),
            "category": np.full(len(person), name, dtype=object),
            "score": mixed.chances[person, rank].astype(np.float32),
            "rank": rank + 1,
            "person": person,
        }
        parts.append(pd.DataFrame(columns))
    # Empty parts would change the types of columns, and warn; one is needed if all are empty.
    frame = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return frame.sort_values(["person", "rank"], ignore_index=True).drop(columns="person")


def _ordered(found: Mapping[str, Found], key: Callable[..., NDArray[Any]], n: int) -> Mixed:
    """Return the ``n`` first entries by a key of places of categories, items and chances."""
    widths = [part.items.shape[1] for part in found.values()]
    items = np.concatenate([part.items for part in found.values()], axis=1)
    chances = np.concatenate([part.chances for part in found.values()], axis=1)
    places = np.tile(np.repeat(np.arange(len(widths)), widths), (len(items), 1))
    order = np.argsort(key(places, items, chances), axis=1, kind="stable")[:, :n]
    return Mixed(*(np.take_along_axis(part, order, axis=1) for part in (places, items, chances)))
