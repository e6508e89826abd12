"""Which items may be recommended to whom: lists of ids to the masks a ranking takes."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.data import Vocabulary
from tastebridge.exceptions import InvalidDataError


class Filters(NamedTuple):
    """Item numbers open or closed to everybody, and (n_people, n_items) masks of single people."""

    allow: NDArray[np.int64] | None = None
    deny: NDArray[np.int64] | None = None
    allow_per_user: sparse.csr_matrix | None = None
    deny_per_user: sparse.csr_matrix | None = None

    def of(self, rows: slice) -> dict[str, Any]:
        """Return the arguments of a ranking of some of the people."""
        masks = {"allow_per_user": self.allow_per_user, "deny_per_user": self.deny_per_user}
        cut = {name: None if mask is None else mask[rows] for name, mask in masks.items()}
        return {"allow": self.allow, "deny": self.deny, **cut}

    def closing(self, items: sparse.csr_matrix | None) -> Filters:
        """Return the filters that deny more items (n_users, n_items) to single users; None for no more."""
        if items is None:
            return self
        denied = items if self.deny_per_user is None else sparse.csr_matrix(self.deny_per_user + items)
        return self._replace(deny_per_user=denied)

    def open(self, rows: slice, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return which items are open to some of the people, as a mask of ``shape``."""
        mask = np.full(shape, self.allow is None)
        if self.allow is not None:
            mask[:, self.allow] = True
        if self.deny is not None:
            mask[:, self.deny] = False
        if self.allow_per_user is not None:
            mask &= self.allow_per_user[rows].toarray() > 0
        if self.deny_per_user is not None:
            mask &= self.deny_per_user[rows].toarray() == 0
        return mask


def read_filters(allow: Any, deny: Any, people: Vocabulary, items: Vocabulary, missing: str) -> Filters:
    """Return the filters of lists of item ids, or of frames of user_id and item_id for single people.

    An id that is not known is an error, or passed over where ``missing`` is not ``"error"``.
    """
    policy = "error" if missing == "error" else "skip"
    parts: dict[str, Any] = {}
    for name, given in (("allow", allow), ("deny", deny)):
        if given is None:
            continue
        frame = nw.from_native(given, eager_only=True, pass_through=True)
        if isinstance(frame, nw.DataFrame):
            parts[f"{name}_per_user"] = _mask(name, frame, people, items, policy)
        else:
            parts[name] = items.numbers(given, missing=policy)  # type: ignore[arg-type]
    return Filters(**parts)


def _mask(
    name: str, frame: nw.DataFrame[Any], people: Vocabulary, items: Vocabulary, policy: str
) -> sparse.csr_matrix:
    absent = [column for column in ("user_id", "item_id") if column not in frame.columns]
    if absent:
        raise InvalidDataError(
            f"{name} as a frame needs the columns user_id and item_id; {absent[0]} is missing. Pass a list "
            "of item ids for a filter that is the same for everybody."
        )
    user = people.numbers(frame["user_id"].to_numpy(), missing="negative")
    item = items.numbers(frame["item_id"].to_numpy(), missing="negative" if policy == "skip" else "error")
    known = (user >= 0) & (item >= 0)
    shape = (len(people), len(items))
    return sparse.csr_matrix((np.ones(known.sum(), np.float32), (user[known], item[known])), shape=shape)
