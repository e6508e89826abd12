"""Requested users: from ids to numbers of the panel of the fit."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from tastebridge.data import Vocabulary
from tastebridge.data.id_lists import listed
from tastebridge.data.types import Ids
from tastebridge.exceptions import InvalidDataError

Numbers = NDArray[np.int64]


def users_asked_for(users: Vocabulary, user_ids: Ids | None, missing: str) -> tuple[Numbers, np.ndarray]:
    """Return numbers (-1 for unknown users, if allowed) and ids.

    Parameters
    ----------
    users : Vocabulary
        The users of the fit.
    user_ids : list or column of ids, optional
        The users, each once; None for all.
    missing : {"error", "skip", "popular"}
        Whether unknown users are refused, left out, or kept as -1.

    Raises
    ------
    UnknownIdError
        With ``missing="error"``, if a user is not known.
    InvalidDataError
        If a user is named twice.
    """
    if user_ids is None:
        return np.arange(len(users)), users.ids
    user_ids = listed(user_ids, "user_ids")
    # Unknown users of "skip" and "popular" are told apart by -1 below.
    policy: Any = "error" if missing == "error" else "negative"
    numbers = users.numbers(user_ids, missing=policy)
    ids = nw.from_native(user_ids, series_only=True, pass_through=True)
    ids = ids.to_numpy() if isinstance(ids, nw.Series) else np.asarray(ids, dtype=users.ids.dtype)
    if missing == "skip":
        numbers, ids = numbers[numbers >= 0], ids[numbers >= 0]
    # also among unknown users: a row twice would be two lists for one user
    values, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        first = int(np.argmax(counts > 1))
        raise InvalidDataError(
            f"user_ids must name each user once; {values[[first]].tolist()[0]!r} comes {counts[first]} times."
        )
    return numbers, ids
