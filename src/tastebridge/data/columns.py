"""The role of each column of a frame: common names are recognised, anything unclear is an error."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import lru_cache

from tastebridge._foundation.validation import check_choice, nearest
from tastebridge.exceptions import InvalidDataError

REQUIRED = ("user_id", "item_id", "category")
ROLES = (*REQUIRED, "weight", "timestamp", "event")

# Among them msno (KKBox), steamid (Steam), gmap_id (Google Local), btag (Taobao) and parent_asin
# (Amazon Reviews 2023).
_PEERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "user_id": (
        ("userid", "user", "useridx", "uid", "visitorid", "reviewerid", "customerid", "customer", "memberid"),
        (
            "userno", "usernumber", "userkey", "usercode", "usersha1", "userhash", "userindex", "msno",
            "personid", "profileid", "accountid", "clientid", "buyerid", "shopperid", "subscriberid",
            "viewerid", "readerid", "listenerid", "playerid", "studentid", "patronid", "visitor", "anonid",
            "anonymousid", "custid", "customernumber", "customerno", "userpseudoid", "steamid", "authorid",
            "cookieid", "deviceid", "xuserid", "fullvisitorid",
        ),
        (
            "username", "profilename", "reviewername", "author", "reviewer", "sessionid", "session",
            "householdkey",
        ),
    ),
    "item_id": (
        ("parentasin",),
        (
            "itemid", "item", "itemidx", "iid", "movieid", "asin", "productid", "product", "articleid",
            "bookid", "trackid", "sku",
        ),
        (
            "isbn", "animeid", "businessid", "gameid", "appid", "newsid", "songid", "artistid", "albumid",
            "videoid", "restaurantid", "recipeid", "jobid", "courseid", "offerid", "goodsid", "goodid",
            "adid", "adgroupid", "listingid", "contentid", "docid", "itemno", "itemcode", "productcode",
            "productsku", "stockcode", "filmid", "showid", "titleid", "poiid", "venueid", "locationid",
            "hotelid", "beerid", "placeid", "gmapid", "photoid", "podcastid", "mangaid", "paperid",
            "variantid", "ean", "gtin", "upc", "materialid", "skuid", "spuid", "workid", "jokeid", "musicid",
            "clickedarticle", "itemindex", "malid", "clickarticleid", "articleno", "itemnumber", "productno",
            "productnumber", "productidx", "movieidx", "imdbid", "tmdbid", "mid", "pid", "bookisbn", "isbn13",
            "trackuri", "episodeid", "audiobookid", "wineid", "cosmeticid", "toolid",
            "exerciseid", "lessonid",
        ),
        ("movie", "book", "track", "song", "artist", "game", "anime", "article", "musicbrainzartistid"),
    ),
    "category": (
        ("category", "domain", "genre", "cat", "vertical"),
        (
            "categoryid", "catid", "itemcategory", "itemcategoryid", "productcategory", "categoryname",
            "maincategory", "productcategoryname", "department", "departmentid", "dept", "categories",
            "section", "topic", "cateid", "cate", "catname",
            "producttype", "producttypename", "productgroup", "productgroupname", "itemtype",
            "primarycategory", "articlecategory", "newscategory", "tag1", "catalog", "catalogue", "mediatype",
            "departmentname", "indexgroupname", "category1", "segment",
        ),
        ("type", "class", "group", "publisher", "subject", "categorycode"),
    ),
    "weight": (
        ("weight", "rating", "value", "score", "overall", "stars"),
        (
            "bookrating", "ratings", "reviewoverall", "reviewscore", "userrating", "ratingscore",
            "ratingvalue", "starrating", "plays", "playcount", "playcounts", "weightvalue", "myscore",
            "animerating", "reviewrating", "rate",
        ),
    ),
    "timestamp": (
        ("timestamp", "datetime", "time", "ts", "unixtimestamp", "unixreviewtime", "eventtime", "date"),
        (
            "reviewtime", "reviewdate", "ratedat", "createdat", "created", "purchasedate", "orderdate",
            "ratingdate", "tdat", "timestamps", "timestampms", "ratingtimestamp", "eventtimestamp",
            "eventdate", "timems", "unixtime", "invoicedate", "dateadded", "datetimestamp", "reviewtimestamp",
            "clicktime", "visittime", "utctime", "localtime", "transactiondate", "orderpurchasetimestamp",
            "interactiontime", "purchasetime", "atime", "timestmp", "daytime", "updatedat", "submitted",
            "sessiondate",
        ),
        ("day", "timesec", "timestampsec"),
    ),
    "event": (
        ("event", "eventtype", "behavior", "behaviour", "behaviortype", "behaviourtype", "action"),
        (
            "actiontype", "interaction", "interactiontype", "eventname", "activity", "activitytype", "btag",
            "typeofevent", "feedbacktype", "eventcode", "userbehavior",
        ),
    ),
}  # fmt: skip
"""Names that mean a role, in plain letters. A tier counts only where none of the earlier ones is there:
``parent_asin`` before ``asin``, ``user_id`` before ``username``."""


_STRONG = 2
"""The tiers of names that are hardly ever of another role."""
_SEVERAL = ("genres", "categories", "tags", "genreids", "categoryids", "categorynames", "subjects", "topics")
"""Names of columns with several categories in a cell."""


_GROUPS = (
    "orderid",
    "ordernumber",
    "basketid",
    "invoiceno",
    "invoiceid",
    "transactionid",
    "cartid",
    "visitid",
)
"""Names of columns of the events of one visit or purchase, whose user may stand in another table."""


def order_column(names: Sequence[str]) -> str | None:
    """Return the column of orders or baskets, or None."""
    return next((name for name in names if plain_name(name) in _GROUPS), None)


def recognise(
    names: Sequence[str],
    given: Mapping[str, str | None] | None = None,
    needed: Sequence[str] = REQUIRED,
) -> dict[str, str]:
    """Return the column of each role.

    A column named exactly as its role wins. Otherwise it is the one column with a name that public data sets
    use: ``userId``, ``reviewerID``, ``movieId``, ``genre``, ``rating``, ``unix_timestamp`` and the like.
    Case, blanks, underscores and RecBole's ``:token`` suffix do not matter. Columns without a role are
    ignored.

    Parameters
    ----------
    names : sequence of str
        The columns of the frame.
    given : mapping of role to column, optional
        Roles settled by the caller; ``None`` as a column leaves an optional role out.
    needed : sequence of str
        The roles there must be a column for.

    Returns
    -------
    dict of role to column
        Always with the needed roles: ``user_id``, ``item_id`` and ``category``.

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
    _refuse_missing(roles, names, needed)
    _refuse_shared(roles)
    return roles


def _check_given(role: str, column: str | None, names: Sequence[str]) -> None:
    check_choice("a key of columns", role, ROLES)
    if column is None and role in REQUIRED:
        raise InvalidDataError(f"columns[{role!r}] is None, and every row needs a {role}. Name its column.")
    if column is not None and column not in names:
        raise InvalidDataError(
            f"columns[{role!r}] is {column!r}, which is not among the columns {listed(names)}."
            f"{nearest(str(column), names)}"
        )


def recognised(role: str, names: Sequence[str], weakly: bool = True) -> str | None:
    """Return the column of a role, as found by :func:`recognise`, or None.

    With ``weakly=False``, names of the last tier, such as ``publisher`` for a category, do not count.
    """
    if role in names:
        return role
    # RecBole writes user_id:token.
    typed = [name for name in names if name.split(":")[0] == role]
    # The first tier with a column decides. Two columns of one tier are an error, of two tiers they are
    # not.
    tiers = _by_tier(role, names)
    known = typed or next(filter(None, tiers if weakly else tiers[:_STRONG]), [])
    if not known and (inside := _inside(role, names)) is not None:
        return inside
    if len(known) > 1:
        raise InvalidDataError(
            f"{role} could be any of the columns {listed(known)}. Specify it: "
            f"columns={{{role!r}: {known[0]!r}}}."
        )
    return known[0] if known else None


def _inside(role: str, names: Sequence[str]) -> str | None:
    """Return the one field inside another, such as ``items.item_id``, that is named for a role."""
    last = {name.rpartition(".")[2]: name for name in names if "." in name}
    known = [last[name] for name in last if name == role] or next(
        filter(None, _by_tier(role, list(last))), []
    )
    return known[0] if len(known) == 1 else None


def roles_named(names: Sequence[str]) -> set[str]:
    """Return the roles for which at least one of the names is common."""
    plain = {plain_name(name) for name in names}
    return {
        role for role, tiers in _PEERS.items() if any(plain & {plain_name(role), *tier} for tier in tiers)
    }


def holds_several(name: str) -> bool:
    """Return whether a column goes by a name of several categories, such as ``genres``."""
    return plain_name(name) in _SEVERAL


def recognised_id(name: str) -> bool:
    """Return whether a name is a common one of users or items."""
    return bool({"user_id", "item_id"} & roles_named([name]))


def _by_tier(role: str, names: Sequence[str]) -> list[list[str]]:
    """Return the columns that may play a role, the surest first."""
    return [[name for name in names if plain_name(name) in tier] for tier in _PEERS[role]]


@lru_cache(maxsize=1024)  # asked for each column of every history that is folded in
def plain_name(name: str) -> str:
    """Return the name without case, separators and RecBole's type, as the names are listed above."""
    return "".join(letter for letter in name.split(":")[0].lower() if letter.isalnum())


def _refuse_missing(roles: Mapping[str, str], names: Sequence[str], needed: Sequence[str]) -> None:
    for role in needed:
        if role not in roles:
            taken = set(roles.values())
            hint = _nearest_column(role, [name for name in names if name not in taken])
            raise InvalidDataError(
                f"no column for {role}; the columns are {listed(names)}.{hint}"
                f' Name it: columns={{{role!r}: "…"}}.'
            )


def _nearest_column(role: str, names: Sequence[str]) -> str:
    plain = {plain_name(name): name for name in names if not holds_several(name)}
    if role == "user_id" and order_column(names) is not None:
        return ""  # an id of an order is near to an id of a reader
    # In the order of the tiers, so that the commonest name gives the hint.
    for word in (word for tier in _PEERS[role] for word in tier):
        close = difflib.get_close_matches(word, list(plain), n=1, cutoff=0.7)
        if close:
            return f" Did you mean {plain[close[0]]!r}?"
    return ""


def _refuse_shared(roles: Mapping[str, str]) -> None:
    for column in roles.values():
        sharing = [role for role, other in roles.items() if other == column]
        if len(sharing) > 1:
            raise InvalidDataError(
                f"the column {column!r} is given for {listed(sharing)}; each needs its own."
            )


def listed(names: Sequence[str]) -> str:
    """Return the names of columns for a sentence."""
    return ", ".join(repr(name) for name in names) if names else "(none)"
