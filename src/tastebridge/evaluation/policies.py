"""Policies: the probability with which a system would show each item to each user."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge.data.coding import encode
from tastebridge.data.text_ids import IdKind
from tastebridge.evaluation.full import checked_lists
from tastebridge.evaluation.list_tables import Recommendations, read_ids, read_lists
from tastebridge.evaluation.table import Recommender
from tastebridge.exceptions import InvalidDataError

PROBABILITY = "probability"
_ROUNDING = 1e-6


@dataclass(frozen=True)
class Policy:
    """The items a policy may show to users of a log, each with its probability.

    Attributes
    ----------
    users : ndarray of int
        The number of the user of each pair, in the order of the users asked for.
    items : ndarray
        Ids.
    probability : ndarray of float
    """

    users: NDArray[np.int64]
    items: NDArray
    probability: NDArray[np.float64]


def policy_of(
    given: Recommender | Recommendations, user_ids: NDArray, n: int, kinds: Mapping[str, IdKind]
) -> Policy:
    """Return the policy of a model, of finished lists, or of a table with a column of probabilities.

    A model or a list shows one of its first ``n`` items, each with the same probability. A user without a
    list is shown nothing.

    Raises
    ------
    InvalidDataError
        If ids are of another kind than in the log, or probabilities cannot be used.
    """
    if hasattr(given, "recommend"):
        more = {"missing": "skip"} if "missing" in inspect.signature(given.recommend).parameters else {}
        frame = checked_lists(given.recommend(user_ids, n=n, **more), user_ids)
        return _uniform(_of_kind(frame, kinds), user_ids, n)
    # a table is a policy by its column of probabilities, otherwise lists
    named = read_ids(given, kinds, [PROBABILITY, "score", "rank"], "recommendations")
    _of_kind(pd.DataFrame({"user_id": named.users, "item_id": named.items})[named.known], kinds)
    if PROBABILITY in named.numbers:
        known = named.known
        values = named.numbers[PROBABILITY][known]
        return _checked(named.users[known], named.items[known], values, user_ids)
    table = read_lists(given, kinds)
    order, _ = table.ordered()
    frame = pd.DataFrame({"user_id": table.users[order], "item_id": table.items[order]})
    return _uniform(frame, user_ids, n)


def _of_kind(frame: pd.DataFrame, kinds: Mapping[str, IdKind]) -> pd.DataFrame:
    """Return a frame whose ids are of the kinds of the log, or refuse it: 7 and "7" are two users."""
    for role, kind in kinds.items():
        ids = encode(frame[role], role).ids
        came = "int" if ids.dtype == np.int64 else "str"
        if len(ids) and came != kind:
            raise InvalidDataError(
                f"{role} is of kind {kind} in the log, and of kind {came} in the recommendations (such as "
                f"{ids.tolist()[0]!r}). Convert one of them."
            )
    return frame


def _uniform(frame: pd.DataFrame, user_ids: NDArray, n: int) -> Policy:
    """Return the policy that shows one of the first ``n`` items of each list, drawn uniformly."""
    # lists of users the log does not have say nothing here
    frame = frame.drop_duplicates(["user_id", "item_id"])
    users = pd.Index(user_ids).get_indexer(frame["user_id"])
    frame = frame.assign(user=users)[users >= 0]
    frame = frame[frame.groupby("user").cumcount() < n]
    counts = frame.groupby("user")["user"].transform("size").to_numpy(np.float64)
    return Policy(frame["user"].to_numpy(), frame["item_id"].to_numpy(), 1.0 / counts)


def _checked(users: NDArray, items: NDArray, values: NDArray[np.float64], user_ids: NDArray) -> Policy:
    row = pd.Index(user_ids).get_indexer(users)
    row, items, values = row[row >= 0], items[row >= 0], values[row >= 0]
    if pd.DataFrame({"user": row, "item": items}).duplicated().any():
        raise InvalidDataError("the policy names a pair of user and item twice. Add up its probabilities.")
    totals = np.bincount(row, values, len(user_ids))
    if (
        not np.isfinite(values).all()
        or values.min(initial=0.0) < 0
        or totals.max(initial=0.0) > 1 + _ROUNDING
    ):
        raise InvalidDataError(
            "the probabilities of a policy must be at least 0 and sum to at most 1 for each user; a sum is "
            f"{totals.max(initial=0.0):g}, the lowest value {values.min(initial=0.0):g}."
        )
    return Policy(row, items, values)
