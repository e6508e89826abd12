"""Pairs of users and items, and lists of items for users, as frames."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._foundation.warnings import warn
from tastebridge.data import Vocabulary
from tastebridge.data.types import Frame
from tastebridge.exceptions import InvalidDataError
from tastebridge.model.filters import Filters


def pairs_frame(pairs: Frame) -> nw.DataFrame[Any]:
    """Return a frame with the columns user_id and item_id, or refuse it."""
    frame = nw.from_native(pairs, eager_only=True, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        raise InvalidDataError(
            f"pairs must be a data frame with the columns user_id and item_id; got {type(pairs).__name__}."
        )
    for column in ("user_id", "item_id"):
        if column not in frame.columns:
            raise InvalidDataError(f"pairs need the columns user_id and item_id; {column} is missing.")
    return frame


def ordered(filters: Filters, users: Vocabulary, ids: np.ndarray) -> Filters:
    """Return the filters with the rows of their masks in the order of ``ids``."""
    if filters.allow_per_user is None and filters.deny_per_user is None:
        return filters
    order = users.numbers(ids)
    masks = {"allow_per_user": filters.allow_per_user, "deny_per_user": filters.deny_per_user}
    return filters._replace(**{name: None if mask is None else mask[order] for name, mask in masks.items()})


def to_frame(
    found: list[tuple[NDArray[np.int32], NDArray[np.float32]]],
    ids: np.ndarray,
    items: Vocabulary,
    n: int,
    capped: bool = False,
) -> pd.DataFrame:
    """Return user_id, item_id, score and rank, and warn if a user gets fewer than requested.

    ``capped`` lists may be short although items are left.
    """
    width = min(n, len(items))
    best = np.concatenate([part[0] for part in found]) if found else np.zeros((0, width), dtype=np.int32)
    scores = np.concatenate([part[1] for part in found]) if found else np.zeros((0, width), np.float32)
    given = best >= 0
    n_given = given.sum(axis=1)
    # against the n asked for, also where the catalogue is smaller
    short = int((n_given < n).sum())
    if short:
        warn(
            f"{short} of {len(ids)} users get fewer than n={n} recommendations: no more items are left for "
            f"them{' within the caps of per_group' if capped else ''}."
        )
    full = bool(n_given.sum() == given.size)  # the usual case: nothing to pick out
    ranks = np.arange(1, given.shape[1] + 1, dtype=np.int64)
    columns = {
        "user_id": np.repeat(ids, n_given),
        "item_id": items.ids_of(best.ravel() if full else best[given]),
        "score": scores.ravel() if full else scores[given],
        "rank": np.tile(ranks, len(given)) if full else ranks[np.nonzero(given)[1]],
    }
    return pd.DataFrame(columns, copy=False)
