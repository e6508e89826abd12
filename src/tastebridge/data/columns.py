"""Which column of a frame is what: the names peers use, recognised; anything unclear is asked back."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from tastebridge._foundation.validation import check_choice, nearest
from tastebridge.exceptions import InvalidDataError

REQUIRED = ("user_id", "item_id", "category")
ROLES = (*REQUIRED, "weight", "timestamp", "event")

_PEERS: dict[str, tuple[str, ...]] = {
    "user_id": (
        "userid", "user", "useridx", "uid", "visitorid", "reviewerid", "customerid", "customer", "memberid",
    ),
    "item_id": (
        "itemid", "item", "itemidx", "iid", "movieid", "asin", "productid", "product", "articleid", "bookid",
        "trackid", "sku",
    ),
    "category": ("category", "domain", "genre", "cat", "vertical"),
    "weight": ("weight", "rating", "value", "score", "overall", "stars"),
    "timestamp": (
        "timestamp", "datetime", "time", "ts", "unixtimestamp", "unixreviewtime", "eventtime", "date",
    ),
    "event": ("event", "eventtype", "behavior", "behaviour", "behaviortype", "behaviourtype", "action"),
}  # fmt: skip


def recognise(names: Sequence[str], given: Mapping[str, str | None] | None = None) -> dict[str, str]:
    """Say which column plays which role.

    A column named exactly as its role wins; else the one column with a name peers use (``userId``,
    ``reviewerID``, ``movieId``, ``genre``, ``rating``, ``unix_timestamp``, …; case, underscores and RecBole's
    ``:token`` suffix do not matter). Columns with no role are ignored.

    Parameters
    ----------
    names : sequence of str
        The columns of the frame.
    given : mapping of role to column, optional
        Roles settled by the caller; ``None`` as a column leaves an optional role out.

    Returns
    -------
    dict of role to column
        Always with ``user_id``, ``item_id`` and ``category``.

    Raises
    ------
    InvalidDataError
        If a needed role has no column, several could be meant, or a given column is absent.

    Examples
    --------
    >>> recognise(["userId", "movieId", "genre", "rating", "year"])
    {'user_id': 'userId', 'item_id': 'movieId', 'category': 'genre', 'weight': 'rating'}
    >>> recognise(["customer", "sku", "shop"], {"category": "shop"})["category"]
    'shop'
    """
    given = dict(given or {})
    for role, column in given.items():
        _check_given(role, column, names)
    free = [name for name in names if name not in given.values()]
    found = {role: given[role] if role in given else recognised(role, free) for role in ROLES}
    roles = {role: column for role, column in found.items() if column is not None}
    _refuse_missing(roles, names)
    _refuse_shared(roles)
    return roles


def _check_given(role: str, column: str | None, names: Sequence[str]) -> None:
    check_choice("a key of columns", role, ROLES)
    if column is None and role in REQUIRED:
        raise InvalidDataError(f"columns[{role!r}] is None, and every row needs a {role}. Name its column.")
    if column is not None and column not in names:
        raise InvalidDataError(
            f"columns[{role!r}] is {column!r}, which is not among the columns {_listed(names)}."
            f"{nearest(str(column), names)}"
        )


def recognised(role: str, names: Sequence[str]) -> str | None:
    """Return the column that plays a role, as :func:`recognise` finds it; None where there is none."""
    if role in names:
        return role
    typed = [name for name in names if name.split(":")[0] == role]
    known = typed or [name for name in names if _plain(name) in _PEERS[role]]
    if len(known) > 1:
        raise InvalidDataError(
            f"{role} could be any of the columns {_listed(known)}."
            f" Say which: columns={{{role!r}: {known[0]!r}}}."
        )
    return known[0] if known else None


def _plain(name: str) -> str:
    """Return the name without case, separators and RecBole's type, as peers' names are listed above."""
    return "".join(letter for letter in name.split(":")[0].lower() if letter.isalnum())


def _refuse_missing(roles: Mapping[str, str], names: Sequence[str]) -> None:
    for role in REQUIRED:
        if role not in roles:
            taken = set(roles.values())
            hint = _nearest_column(role, [name for name in names if name not in taken])
            raise InvalidDataError(
                f"no column for {role}; the columns are {_listed(names)}.{hint}"
                f' Name it: columns={{{role!r}: "…"}}.'
            )


def _nearest_column(role: str, names: Sequence[str]) -> str:
    plain = {_plain(name): name for name in names}
    for word in _PEERS[role]:
        close = difflib.get_close_matches(word, list(plain), n=1, cutoff=0.7)
        if close:
            return f" Did you mean {plain[close[0]]!r}?"
    return ""


def _refuse_shared(roles: Mapping[str, str]) -> None:
    for column in roles.values():
        sharing = [role for role, other in roles.items() if other == column]
        if len(sharing) > 1:
            raise InvalidDataError(
                f"the column {column!r} is given for {_listed(sharing)}; each needs its own."
            )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) if names else "(none)"
