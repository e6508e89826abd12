"""Allow and deny lists, read once and restricted to the users of each batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from tastebridge.data import Vocabulary
from tastebridge.data.coding import Coded, encode
from tastebridge.data.types import Frame, ItemFilter
from tastebridge.model.filters import Filters, read_filters


@dataclass(frozen=True)
class PersonalRows:
    """A frame of user_id and item_id, sorted by user."""

    frame: nw.DataFrame[Any]
    users: Coded

    @classmethod
    def of(cls, frame: nw.DataFrame[Any]) -> PersonalRows:
        """Sort the rows by user."""
        users = encode(frame["user_id"], "user_id")
        order = np.argsort(users.codes, kind="stable")
        return cls(frame[order.tolist()], Coded(users.ids, users.codes[order]))

    def only(self, users: Vocabulary) -> Frame:
        """Return the rows of some users, as a frame of the library it came from."""
        if not len(users):
            return self.frame[:0].to_native()
        known = users.numbers(self.users.ids, missing="negative") >= 0
        wanted = np.append(known, False)[self.users.codes]  # code -1, a missing id, meets the False
        return self.frame[np.flatnonzero(wanted).tolist()].to_native()


@dataclass(frozen=True)
class PersonalFilters:
    """The items that may be recommended, to all users and to single users."""

    items: Vocabulary
    common: Filters
    allow: PersonalRows | None
    deny: PersonalRows | None

    @classmethod
    def of(cls, allow: ItemFilter | None, deny: ItemFilter | None, items: Vocabulary) -> PersonalFilters:
        """Read lists of item ids, or frames of user_id and item_id; unknown items are ignored."""
        given = {"allow": allow, "deny": deny}
        frames = {
            name: nw.from_native(value, eager_only=True, pass_through=True) for name, value in given.items()
        }
        personal = {name: frame for name, frame in frames.items() if isinstance(frame, nw.DataFrame)}
        lists = {name: None if name in personal else value for name, value in given.items()}
        no_users = Vocabulary(np.empty(0, dtype=np.int64))
        for name, value in given.items():  # a frame without the columns is refused here, before any work
            if name in personal:
                read_filters(
                    **{"allow": None, "deny": None, name: value}, users=no_users, items=items, missing="skip"
                )
        rows = {name: PersonalRows.of(frame) for name, frame in personal.items()}
        common = read_filters(lists["allow"], lists["deny"], no_users, items, "skip")
        return cls(items, common, rows.get("allow"), rows.get("deny"))

    def for_users(self, users: Vocabulary) -> Filters:
        """Return the filters for the users of a batch."""
        if self.allow is None and self.deny is None:
            return self.common
        allow, deny = (None if rows is None else rows.only(users) for rows in (self.allow, self.deny))
        personal = read_filters(allow, deny, users, self.items, "skip")
        return personal._replace(allow=self.common.allow, deny=self.common.deny)
