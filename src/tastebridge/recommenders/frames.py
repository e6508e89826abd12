"""What was found for people, as a frame; and histories cut into parts that fit in memory."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.data import Vocabulary
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.model.filters import Filters
from tastebridge.routes import Histories

CHUNK = 4096
"""People whose vectors are held at once."""


def chunks(histories: Histories, n_people: int, size: int = CHUNK) -> Iterator[tuple[slice, Histories]]:
    """Yield runs of people and their histories."""
    if 0 < n_people <= size:
        yield slice(0, n_people), histories
        return
    for start in range(0, n_people, size):
        rows = slice(start, start + size)
        yield rows, {name: part[rows] for name, part in histories.items()}


def ordered(filters: Filters, people: Vocabulary, ids: np.ndarray) -> Filters:
    """Return the filters with the masks of single people in the order of ``ids``."""
    if filters.allow_per_user is None and filters.deny_per_user is None:
        return filters
    order = people.numbers(ids)
    masks = {"allow_per_user": filters.allow_per_user, "deny_per_user": filters.deny_per_user}
    return filters._replace(**{name: None if mask is None else mask[order] for name, mask in masks.items()})


def to_frame(
    found: list[tuple[NDArray[np.int32], NDArray[np.float32]]], ids: np.ndarray, items: Vocabulary, n: int
) -> pd.DataFrame:
    """Return the answer as a frame, and warn if somebody gets fewer than asked for."""
    width = min(n, len(items))
    best = np.concatenate([part[0] for part in found]) if found else np.zeros((0, width), dtype=np.int32)
    scores = np.concatenate([part[1] for part in found]) if found else np.zeros((0, width), np.float32)
    given = best >= 0
    short = int((given.sum(axis=1) < n).sum())
    if short:
        warnings.warn(
            f"{short} of {len(ids)} people get fewer than n={n} recommendations: no more items are left for "
            "them.",
            TastebridgeWarning,
            stacklevel=4,
        )
    columns = {
        "user_id": np.repeat(ids, given.sum(axis=1)),
        "item_id": items.ids_of(best[given]),
        "score": scores[given],
        "rank": (np.nonzero(given)[1] + 1).astype(np.int64),
    }
    return pd.DataFrame(columns, copy=False)
