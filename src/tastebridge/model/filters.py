"""Filters of items, for all users or for single users: from ids to the masks of a ranking."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.data import Vocabulary
from tastebridge.exceptions import InvalidDataError


class Filters(NamedTuple):
    """Item numbers open or closed to all users, and (n_users, n_items) masks of single users."""

    allow: NDArray[np.int64] | None = None
    deny: NDArray[np.int64] | None = None
    allow_per_user: sparse.csr_matrix | None = None
    deny_per_user: sparse.csr_matrix | None = None

    def of(self, rows: slice) -> dict[str, Any]:
        """Return the filter arguments of a ranking for some of the users."""
        masks = {"allow_per_user": self.allow_per_user, "deny_per_user": self.deny_per_user}
        cut = {name: None if mask is None else mask[rows] for name, mask in masks.items()}
        return {"allow": self.allow, "deny": self.deny, **cut}

    def closing(self, items: sparse.csr_matrix | None) -> Filters:
        """Return filters that deny further items (n_users, n_items) to single users; None changes nothing."""
        if items is None:
            return self
        denied = items if self.deny_per_user is None else sparse.csr_matrix(self.deny_per_user + items)
        return self._replace(deny_per_user=denied)

    def open(self, rows: slice, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return the mask, of ``shape``, of the items open to some of the users."""
        mask = np.full(shape, self.allow is None)  # with a list of allowed items, all others are closed
        if self.allow is not None:
            mask[:, self.allow] = True
        if self.deny is not None:
            mask[:, self.deny] = False
        if self.allow_per_user is not None:
            mask &= self.allow_per_user[rows].toarray() > 0
        if self.deny_per_user is not None:
            mask &= self.deny_per_user[rows].toarray() == 0
        return mask


def read_filters(allow: object, deny: object, users: Vocabulary, items: Vocabulary, missing: str) -> Filters:
    """Return the filters of lists of item ids, or of frames with user_id and item_id for single users.

    An unknown id is an error with ``missing="error"``, and ignored otherwise.
    """
    policy = "error" if missing == "error" else "skip"
    parts: dict[str, Any] = {}
    for name, given in (("allow", allow), ("deny", deny)):
        if given is None:
            continue
        frame = nw.from_native(given, eager_only=True, pass_through=True)
        if isinstance(frame, nw.DataFrame):
            parts[f"{name}_per_user"] = _mask(name, frame, users, items, policy)
        else:
            parts[name] = items.numbers(given, missing=policy)  # type: ignore[arg-type]
    return Filters(**parts)


def _mask(
    name: str, frame: nw.DataFrame[Any], users: Vocabulary, items: Vocabulary, policy: str
) -> sparse.csr_matrix:
    absent = [column for column in ("user_id", "item_id") if column not in frame.columns]
    if absent:
        raise InvalidDataError(
            f"{name} as a frame needs the columns user_id and item_id; {absent[0]} is missing. Pass a list "
            "of item ids for a filter that is the same for all users."
        )
    # an unknown user is no error: one frame may serve several calls, each for some of its users
    user = users.numbers(frame["user_id"].to_numpy(), missing="negative")
    item = items.numbers(frame["item_id"].to_numpy(), missing="negative" if policy == "skip" else "error")
    known = (user >= 0) & (item >= 0)
    shape = (len(users), len(items))
    return sparse.csr_matrix((np.ones(known.sum(), np.float32), (user[known], item[known])), shape=shape)
