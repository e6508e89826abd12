"""The users most likely to want an item: the search for items, with the roles exchanged."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._numerics.best import merge, pack, unpack
from tastebridge.data import Vocabulary
from tastebridge.data.types import Id, Ids
from tastebridge.exceptions import InvalidDataError
from tastebridge.model.chunks import CHUNK, chunks
from tastebridge.routes import Histories

Found = tuple[NDArray[np.int32], NDArray[np.float32]]


class Finder(Protocol):
    """A function that finds users for items, by their histories."""

    def __call__(self, histories: Histories, items: NDArray[np.int64], n: int) -> Found:
        """Return places (-1 for none) and scores, one row per item, the best users first."""


def best_users(
    find: Finder, histories: Histories, n_users: int, items: NDArray[np.int64], n: int, size: int = CHUNK
) -> Found:
    """Return the places (-1 for none) and scores of the ``n`` best users for each item, (n_items, n).

    Users of equal score are in the order of the histories, whatever the size of a chunk.
    """
    best = np.zeros((len(items), n), dtype=np.uint64)
    for rows, part in chunks(histories, n_users, size):
        users, scores = find(part, items, n)
        given = users >= 0
        # places within the chunk become places among all users
        places = users[given].astype(np.int64) + rows.start
        merge(best, np.nonzero(given)[0], pack(scores[given], places))
    return unpack(best)


def item_numbers(items: Id | Ids, known: Vocabulary) -> NDArray[np.int64]:
    """Return the numbers of one item id or of a list of them, each once."""
    # True is an int in Python, and is no id.
    one = isinstance(items, str | int | np.integer) and not isinstance(items, bool)
    numbers = known.numbers([items] if one else items)
    values, counts = np.unique(numbers, return_counts=True)
    if (counts > 1).any():
        first = known.ids_of(values[[np.argmax(counts > 1)]]).tolist()[0]
        raise InvalidDataError(f"items must name each item once; {first!r} comes {counts.max()} times.")
    return np.asarray(numbers, dtype=np.int64)


def to_frame(found: Found, item_ids: np.ndarray, user_ids: np.ndarray) -> pd.DataFrame:
    """Return item_id, user_id, score and rank."""
    users, scores = found
    given = users >= 0
    columns = {
        "item_id": np.repeat(item_ids, given.sum(axis=1)),
        "user_id": user_ids[users[given]],
        "score": scores[given],
        "rank": (np.nonzero(given)[1] + 1).astype(np.int64),
    }
    return pd.DataFrame(columns)
