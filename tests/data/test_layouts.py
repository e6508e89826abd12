"""Layouts of public data sets: one call each, counts and ids as polars has them from the same rows."""

import gzip

import polars as pl
import pytest

from contracts.written import lines, records
from tastebridge.data import CleaningPolicy, read_panel
from tastebridge.exceptions import InvalidDataError

USERS, ITEMS = 24, 14
KINDS = ("Drama", "War")
ROWS = [
    (user, (user * 5 + step * 3) % ITEMS, 1 + step % 5, 1_500_000_000 + user * 1_000 + step)
    for user in range(USERS)
    for step in range(6)
]


def kind(item):
    return KINDS[item % 2]


def catalogue(row):
    return [row(item) for item in range(ITEMS)]


def of_users(make):
    """Return a row for each user and their items."""
    return [make(user, [item for one, item, *_ in ROWS if one == user]) for user in range(USERS)]


def movielens_1m():
    films = catalogue(lambda i: (i, f"Fée {i} (1995)", f"{kind(i)}|Comedy"))
    files = {"e.dat": lines(ROWS, "::"), "i.dat": lines(films, "::").encode("latin-1")}
    named = ["user_id", "item_id", "rating", "timestamp"]
    return files, {"columns": named, "items": "i.dat", "item_columns": ["item_id", "title", "genres"]}, {}


def movielens_latest():
    films = catalogue(lambda i: (i, f'"Film {i}, The"', f"{kind(i)}|Comedy"))
    files = {
        "e.csv": "userId,movieId,rating,timestamp\n" + lines(ROWS),
        "i.csv": "movieId,title,genres\n" + lines(films),
    }
    return files, {"items": "i.csv"}, {}


def recbole():
    films = catalogue(lambda i: (i, f"Toy Story {i}", 1995, f"{kind(i)} Comedy"))
    head = "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
    files = {
        "e.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + lines(ROWS, "\t"),
        "i.item": head + lines(films, "\t"),
    }
    return files, {"items": "i.item"}, {}


def book_crossing():
    rows = [f'"{u}";"{i:09d}X";"{r}"\r\n' for u, i, r, _ in ROWS]
    books = catalogue(lambda i: f'"{i:09d}X";"Le garçon; {i}";"{kind(i)}"\r\n')
    files = {
        "e.csv": '"User-ID";"ISBN";"Book-Rating"\r\n' + "".join(rows),
        "i.csv": ('"ISBN";"Book-Title";"Publisher"\r\n' + "".join(books)).encode("latin-1"),
    }
    return files, {"items": "i.csv"}, {"item": "{:09d}X"}


def netflix():
    rows = [
        f"{i}:\n" + lines((u, r, f"2005-09-0{r}") for u, one, r, _ in ROWS if one == i) for i in range(ITEMS)
    ]
    names = ["user_id", "rating", "date"]
    return {"e.txt": "".join(rows)}, {"columns": names, "category": "films"}, {"category": "films"}


def mind():
    rows = of_users(
        lambda u, items: (
            u, f"U{u}", f"11/15/2019 8:{u:02d}:45 AM", " ".join(f"N{i}" for i in items), "N1-0 N2-1"
        )
    )  # fmt: skip
    news = catalogue(lambda i: (f"N{i}", kind(i), "sub", f'He said "{i}', "abstract, long", "[]"))
    files = {"e.tsv": lines(rows, "\t"), "i.tsv": lines(news, "\t")}
    options = {
        "columns": ["", "user_id", "timestamp", "item_id", ""],
        "list_separator": " ",
        "items": "i.tsv",
        "item_columns": ["item_id", "category", "", "title", "", ""],
    }
    return files, options, {"user": "U{}", "item": "N{}"}


def steam():
    def library(user, items):
        games = [{"item_id": str(i), "item_name": f"Game's {i}", "playtime_forever": 5} for i in items]
        return repr({"user_id": f"u{user}", "items_count": len(items), "items": games}) + "\n"

    # a price that is a number or a text, and a publisher, which is no category next to genres
    games = catalogue(
        lambda i: (
            repr(
                {
                    "publisher": "Kotoshiro",
                    "id": str(i),
                    "app_name": f"G{i}",
                    "genres": [kind(i), "Indie"],
                    "price": 4.99 if i % 3 else "Free To Play",
                }
            )
            + "\n"
        )
    )
    files = {"e.json": "".join(of_users(library)), "i.json": "".join(games)}
    return files, {"items": "i.json"}, {"user": "u{}", "item": "{}"}


def amazon_2018():
    rows = [
        {
            "overall": float(r), "reviewerID": f"A{u}", "asin": f"{i:010d}", "reviewText": 'a "quoted"\nline',
            "unixReviewTime": t, "style": {"Color:": "red"},
        }
        for u, i, r, t in ROWS
    ]  # fmt: skip
    items = catalogue(
        lambda i: {
            "category": ["Books", kind(i)],
            "asin": f"{i:010d}",
            "title": f"t{i}",
            "rank": [f">#{i} in Books"] if i % 2 else f"{i} in Books",
        }
    )
    files = {"e.json.gz": gzip.compress(records(rows).encode()), "i.json": records(items)}
    return files, {"items": "i.json", "category_level": 2}, {
        "user": "A{}", "item": "{:010d}", "category": "Books > {}"
    }  # fmt: skip


def amazon_2023():
    rows = [
        {"rating": r, "user_id": f"AE{u}", "asin": f"B{i}", "parent_asin": f"P{i}", "timestamp": t * 1000}
        for u, i, r, t in ROWS
    ]
    items = catalogue(
        lambda i: {"parent_asin": f"P{i}", "main_category": kind(i), "categories": ["Books", kind(i)]}
    )
    files = {"e.jsonl": records(rows), "i.jsonl": records(items)}
    return files, {"items": "i.jsonl"}, {"user": "AE{}", "item": "P{}"}


def goodreads():
    when = "Fri Aug 25 13:55:02 -0700 2017"
    rows = [
        {"user_id": f"{u:032x}", "book_id": str(i), "rating": r, "date_added": when, "read_at": ""}
        for u, i, r, _ in ROWS
    ]
    genres = catalogue(lambda i: {"book_id": str(i), "genres": {"poetry": 1, kind(i): 7, "comics": 0}})
    files = {"e.json": records(rows), "i.json": records(genres)}
    return files, {"items": "i.json"}, {"user": "{:032x}", "item": "{}"}


def yelp():
    rows = [
        {"review_id": "r", "user_id": f"p{u}", "business_id": f"b{i}", "stars": r, "date": "2018-07-07 22:09"}
        for u, i, r, _ in ROWS
    ]
    places = catalogue(lambda i: {"business_id": f"b{i}", "name": f"B {i}", "categories": f"{kind(i)}, Food"})
    return {"e.json": records(rows), "i.json": records(places)}, {"items": "i.json"}, {
        "user": "p{}", "item": "b{}"
    }  # fmt: skip


def taobao():
    rows = lines((u, i, i % 2, "buy" if r == 5 else "pv", t) for u, i, r, t in ROWS)
    names = ["user_id", "item_id", "category", "event", "timestamp"]
    options = {"columns": names, "event_weights": {"pv": 1, "buy": 5}}
    return {"e.csv": rows}, options, {"category": lambda item: str(item % 2)}


def retailrocket():
    rows = lines((t * 1000, u, "view" if r < 5 else "transaction", i, "") for u, i, r, t in ROWS)
    values = lines(
        (1_435_460_400_000 + week, i, *pair)
        for i in range(ITEMS)
        for week, pair in ((0, ("categoryid", "old")), (9, ("categoryid", kind(i))), (3, ("available", 1)))
    )
    files = {
        "e.csv": "timestamp,visitorid,event,itemid,transactionid\n" + rows,
        "i.csv": "timestamp,itemid,property,value\n" + values,
    }
    options = {
        "items": "i.csv",
        "item_category": "categoryid",
        "event_weights": {"view": 1, "transaction": 5},
    }
    return files, options, {}


def instacart():
    files = {
        "e.csv": "order_id,product_id,add_to_cart_order,reordered\n"
        + lines((1000 + u, i, 1, 0) for u, i, *_ in ROWS),
        "orders.csv": "order_id,user_id,order_number\n" + lines((1000 + u, u, 1) for u in range(USERS)),
        "i.csv": "product_id,product_name,department_id\n"
        + lines(catalogue(lambda i: (i, f'"Soap, {i}"', i % 2))),
        "departments.csv": "department_id,department\n" + lines(enumerate(KINDS)),
    }
    return files, {"users": "orders.csv", "items": ["i.csv", "departments.csv"]}, {}


def anime():
    rows = lines((u, i, -1 if r == 1 else r) for u, i, r, _ in ROWS)
    shows = lines(catalogue(lambda i: (i, f"A {i}", f'"{kind(i)}, Romance"', "TV")))
    files = {"e.csv": "user_id,anime_id,rating\n" + rows, "i.csv": "anime_id,name,genre,type\n" + shows}
    return files, {"items": "i.csv", "policy": CleaningPolicy(no_rating=-1)}, {}


def last_fm():
    rows = lines(((f"{u:040x}", f"{i:08x}-aa", f'artist "{i}', r) for u, i, r, _ in ROWS), "\t")
    options = {"columns": ["user_id", "item_id", "", "weight"], "category": "music"}
    return {"e.tsv": rows}, options, {"user": "{:040x}", "item": "{:08x}-aa", "category": "music"}


def foursquare():
    when = "Tue Apr 03 18:00:09 +0000 2012"
    rows = lines(((u, f"v{i}", "4b", kind(i), 40.7, -74.0, -240, when) for u, i, *_ in ROWS), "\t")
    names = ["user_id", "item_id", "", "category", "", "", "", "timestamp"]
    return {"e.txt": rows}, {"columns": names}, {"item": "v{}"}


def lists_in_brackets():
    rows = "user_id,video_id,timestamp\n" + lines((u, i, f"{t}.438") for u, i, _, t in ROWS)
    feats = ",video_id,feat\n" + lines(catalogue(lambda i: (i, i, f"\"['{kind(i)}', 'x']\"")))
    return {"e.csv": rows, "i.csv": feats}, {"items": "i.csv", "item_category": "feat"}, {}


def a_file_a_category():
    files = {
        f"shop/{name}.csv": lines((f"A{u}", i, r, t) for u, i, r, t in ROWS if kind(i) == name)
        for name in KINDS
    }
    options = {"columns": ["user_id", "item_id", "rating", "timestamp"], "category_from_name": True}
    return files, {**options, "path": "shop"}, {"user": "A{}"}


def last_fm_tags():
    rows = "userID\tartistID\tweight\n" + lines(((u, i, r) for u, i, r, _ in ROWS), "\t")
    tagged = lines((u, i, i % 2, 1, 4, 2009) for u, i, *_ in ROWS).replace(",", "\t")
    files = {
        "e.dat": rows,
        "i.dat": "userID\tartistID\ttagID\tday\tmonth\tyear\n" + tagged,
        "tags.dat": "tagID\ttagValue\n" + lines(enumerate(KINDS), "\t"),
    }
    return files, {"items": ["i.dat", "tags.dat"], "item_category": "tagValue"}, {}


def olist():
    files = {
        "e.csv": "order_id,order_item_id,product_id,price\n"
        + lines((f"o{u}", 1, f"p{i}", 58.9) for u, i, *_ in ROWS),
        "orders.csv": "order_id,customer_id,order_purchase_timestamp\n"
        + lines((f"o{u}", f"c{u}", "2017-10-02 10:56:33") for u in range(USERS)),
        "i.csv": "product_id,product_category_name\n" + lines(catalogue(lambda i: (f"p{i}", kind(i)))),
    }
    return files, {"users": "orders.csv", "items": "i.csv"}, {"user": "c{}", "item": "p{}"}


def shop_log():
    kinds = ("view", "cart", "purchase")
    rows = lines(
        ("2019-10-01 00:00:00 UTC", kinds[r % 3], i, i % 2 + 2103807459595387724, kind(i), 35.79, u)
        for u, i, r, _ in ROWS
    )
    head = "event_time,event_type,product_id,category_id,category_code,price,user_id\n"
    options = {
        "event_weights": {"view": 1, "cart": 3, "purchase": 5},
        "columns": {"category": "category_code"},
    }
    return {"e.csv": head + rows}, options, {}


LAYOUTS = [
    movielens_1m, movielens_latest, recbole, book_crossing, netflix, mind, steam, amazon_2018, amazon_2023,
    goodreads, yelp, taobao, retailrocket, instacart, anime, last_fm, foursquare, lists_in_brackets,
    a_file_a_category, last_fm_tags, olist, shop_log,
]  # fmt: skip


def written(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def inside(folder, given):
    return [folder / name for name in given] if isinstance(given, list) else folder / given


def ids(numbers, form):
    """Return ids as the files have them: texts of a form, or whole numbers."""
    return [form.format(number) if form else number for number in numbers]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_layout_is_read_by_one_call_with_its_ids_unchanged(tmp_path, layout):
    files, options, forms = layout()
    written(tmp_path, files)
    path = tmp_path / options.pop("path", next(iter(files)))
    for table in ("items", "users"):
        if table in options:
            options[table] = inside(tmp_path, options[table])
    panel = read_panel(path, **options)

    named = forms.get("category", "{}")
    frame = pl.DataFrame(
        {
            "user": ids([u for u, *_ in ROWS], forms.get("user")),
            "item": ids([i for _, i, *_ in ROWS], forms.get("item")),
            "category": [named(i) if callable(named) else named.format(kind(i)) for _, i, *_ in ROWS],
        }
    )
    expected = {name[0]: part for name, part in frame.unique().group_by("category")}
    assert set(panel.categories) == set(expected)
    assert panel.users.ids.tolist() == frame["user"].unique().sort().to_list()
    for name, part in expected.items():
        assert panel[name].matrix.nnz == len(part)
        assert panel[name].items.ids.tolist() == part["item"].unique().sort().to_list()


def test_a_table_of_items_without_a_header_asks_for_its_columns(tmp_path):
    files, options, _ = movielens_1m()
    written(tmp_path, files)
    del options["item_columns"]
    options["items"] = tmp_path / "i.dat"
    with pytest.raises(InvalidDataError, match="item_columns="):
        read_panel(tmp_path / "e.dat", **options)


def test_events_of_orders_without_their_users_ask_for_the_table_of_orders(tmp_path):
    files, *_ = instacart()
    written(tmp_path, files)
    with pytest.raises(InvalidDataError, match="the user of each 'order_id', give it: users=") as error:
        read_panel(tmp_path / "e.csv", items=tmp_path / "i.csv")
    assert "Did you mean" not in str(error.value)


def test_sections_without_names_are_told_by_their_own_fields(tmp_path):
    files, *_ = netflix()
    written(tmp_path, files)
    with pytest.raises(InvalidDataError, match=r"of 3 fields, .* The items are the heads of sections"):
        read_panel(tmp_path / "e.txt", category="films")


def test_a_field_of_several_types_is_refused_only_where_it_is_an_event(tmp_path):
    (tmp_path / "e.json").write_text(records([{"user_id": 1, "item_id": 2}, {"user_id": "1", "item_id": 3}]))
    with pytest.raises(InvalidDataError, match=r"'user_id' mixes int .* and str"):
        read_panel(tmp_path / "e.json", category="films")


def test_dates_in_numbers_are_read_where_their_order_is_beyond_doubt(tmp_path):
    def day(*texts):
        path = tmp_path / "e.csv"
        path.write_text(
            "user_id,item_id,category,date\n" + lines((1, i, "a", t) for i, t in enumerate(texts))
        )
        return read_panel(path)["a"].times.tolist()

    assert day("2/1/1970", "25/12/2015") == [86_400, 1_451_001_600]
    assert day("1/2/1970", "12/25/2015 1:00 PM") == [86_400, 1_451_048_400]
    assert day("2.1.1970") == [86_400]
    with pytest.raises(InvalidDataError, match="time_format"):
        day("2/1/1970", "1/2/1970")
