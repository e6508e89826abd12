import pytest

from tastebridge.data.columns import recognise
from tastebridge.exceptions import InvalidDataError, InvalidParameterError


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["user_id", "item_id", "category", "weight", "timestamp"], None),
        (["user_idx", "itemId", "domain", "score", "ts"], None),
        (["userId", "movieId", "genre", "rating", "timestamp"], None),
        (["reviewerID", "asin", "cat", "overall", "unixReviewTime"], None),
        (["uid", "iid", "category", "value", "time"], None),
        (["user_id:token", "item_id:token", "category:token", "rating:float", "timestamp:float"], None),
        (["visitorid", "product_id", "Category", "VALUE", "Date Time"], None),
        (["user_id", "user", "item", "item_id", "category", "weight", "rating", "time", "timestamp"],
         ["user_id", "item_id", "category", "weight", "timestamp"]),
    ],
)  # fmt: skip
def test_recognise_names_of_peers(names, expected):
    roles = ["user_id", "item_id", "category", "weight", "timestamp"]
    assert recognise(names) == dict(zip(roles, expected or names, strict=True))


def test_recognise_ignores_the_rest():
    names = ["user", "item", "category", "split", "title", "year", "event_type"]
    assert recognise(names, {"event": None}) == {"user_id": "user", "item_id": "item", "category": "category"}
    assert recognise(names)["event"] == "event_type"


def test_given_columns_win():
    roles = recognise(["a", "user_id", "item", "genre"], {"user_id": "a"})
    assert roles == {"user_id": "a", "item_id": "item", "category": "genre"}


@pytest.mark.parametrize(
    ("names", "given", "error", "message"),
    [
        (["user", "item"], {}, InvalidDataError, "no column for category; the columns are 'user', 'item'"),
        (
            ["usr_id", "item", "category"],
            {},
            InvalidDataError,
            "no column for user_id.*Did you mean 'usr_id'",
        ),
        ([], {}, InvalidDataError, r"the columns are \(none\)"),
        (
            ["uid", "user", "item", "category"],
            {},
            InvalidDataError,
            "user_id could be any of .*'uid', 'user'",
        ),
        (
            ["u", "item", "cat"],
            {"user_id": "v"},
            InvalidDataError,
            r"columns\['user_id'\] is 'v', which is not",
        ),
        (["user", "item", "cat"], {"user_id": "usr"}, InvalidDataError, "Did you mean 'user'"),
        (["x", "cat"], {"user_id": "x", "item_id": "x"}, InvalidDataError, "given for 'user_id', 'item_id'"),
        (["u", "item", "cat"], {"user": "u"}, InvalidParameterError, "Did you mean 'user_id'"),
        (["u", "item", "cat"], {"user_id": None}, InvalidDataError, "every row needs a user_id"),
    ],
)
def test_recognise_asks_back(names, given, error, message):
    with pytest.raises(error, match=message):
        recognise(names, given)
