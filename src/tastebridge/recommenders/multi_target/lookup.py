"""Items of several categories by their ids alone: where each lies, and filters that name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from tastebridge.data import Vocabulary
from tastebridge.data.id_lists import listed
from tastebridge.data.types import ItemFilter
from tastebridge.exceptions import InvalidDataError, UnknownIdError
from tastebridge.model.filters import Filters, read_filters

_SHOWN = 3


def categories_of(items: Sequence[Any], known: Mapping[str, Vocabulary], missing: str) -> NDArray[np.int64]:
    """Return the place of the category each item lies in; -1 where none does, unless that is an error.

    Raises
    ------
    InvalidDataError
        If an id is an item of several categories.
    UnknownIdError
        With ``missing="error"``, if it is one of none.
    """
    where = np.full(len(items), -1)
    found = [[item in vocabulary for vocabulary in known.values()] for item in items]
    inside = np.array(found, dtype=bool).reshape(len(items), len(known))
    for row in np.flatnonzero(inside.any(axis=1)).tolist():
        places = np.flatnonzero(inside[row]).tolist()
        if len(places) > 1:
            names = " and ".join(repr(list(known)[place]) for place in places)
            raise InvalidDataError(
                f"item_id {items[row]!r} is an item of {names}. Say which is meant, by the category."
            )
        where[row] = places[0]
    if missing == "error" and (where < 0).any():
        _refuse([items[row] for row in np.flatnonzero(where < 0).tolist()], known)
    return where


def filters_of(
    allow: ItemFilter | None,
    deny: ItemFilter | None,
    people: Vocabulary,
    known: Mapping[str, Vocabulary],
    missing: str,
) -> dict[str, Filters]:
    """Return for each category the filters of its own items, of lists or frames over all categories."""
    # read once: a generator would be empty for the second category
    allow, deny = _once(allow, "allow"), _once(deny, "deny")
    if missing == "error":
        for given in (allow, deny):
            strange = [item for item in _items(given) if not any(item in part for part in known.values())]
            if strange:
                _refuse(strange, known)
    return {
        # "skip", since ids unknown to all categories were refused above.
        name: read_filters(within(allow, items), within(deny, items), people, items, "skip")
        for name, items in known.items()
    }


def _once(given: ItemFilter | None, name: str) -> ItemFilter | None:
    """Return a filter that can be read again: a frame, or ids as a list or column."""
    frame = nw.from_native(given, eager_only=True, pass_through=True)
    return given if given is None or isinstance(frame, nw.DataFrame) else listed(given, name)


def _items(given: ItemFilter | None) -> list[Any]:
    """Return the ids a filter names."""
    if given is None:
        return []
    frame = nw.from_native(given, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        if "item_id" not in frame.columns:
            raise InvalidDataError("allow and deny as a frame need the columns user_id and item_id.")
        return list(frame["item_id"].to_list())
    return list(frame.to_list() if isinstance(frame, nw.Series) else np.asarray(frame, dtype=object).tolist())


def within(given: ItemFilter | None, items: Vocabulary) -> ItemFilter | None:
    """Return the part of a filter that names items of one category."""
    if given is None:
        return None
    inside = [item in items for item in _items(given)]
    frame = nw.from_native(given, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        # narwhals takes an empty list of rows for no condition
        return frame.filter(inside).to_native() if inside else given
    return [item for item, own in zip(_items(given), inside, strict=True) if own]


def _refuse(strange: Sequence[Any], known: Mapping[str, Vocabulary]) -> None:
    shown = ", ".join(map(repr, strange[:_SHOWN]))
    more = f" and {len(strange) - _SHOWN:,} more" if len(strange) > _SHOWN else ""
    raise UnknownIdError(
        f"item_id {shown}{more} not among the items of {', '.join(map(repr, known))}."
        ' Leave unknown ids out with missing="skip" where that is offered.'
    )
