"""The page "First hour": every command on it runs, on small files of the layout it names."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import tastebridge as tb
from contracts.shell import run
from contracts.written import lines, records

PAGE = Path(__file__).parent.parent.parent / "docs" / "pages" / "howto" / "first_hour.md"
COMMANDS = re.findall(r"`(tastebridge fit [^`]+)`", PAGE.read_text(encoding="utf-8"))
USERS, ITEMS, KINDS = 60, 24, ("Drama", "War")


def kind(item):
    return KINDS[item % 2]


@pytest.fixture(scope="module")
def files():
    """Return the content of every file on the page; all hold the same events."""
    rng = np.random.default_rng(0)
    pairs = [(user, int(item)) for user in range(USERS) for item in rng.choice(ITEMS, 8, replace=False)]
    rows = [
        (user, item, 2 + at % 4, 1_500_000_000 + 1_000 * user + at) for at, (user, item) in enumerate(pairs)
    ]
    every = range(ITEMS)
    of = {user: [item for one, item in pairs if one == user] for user in range(USERS)}
    genres = [(i, f"Film {i}", f"{kind(i)}|Long") for i in every]
    return {
        "log.csv": "user_id,item_id,category\n" + lines((u, i, kind(i)) for u, i in pairs),
        "ratings.csv": "userId,movieId,rating,timestamp\n" + lines(rows),
        "movies.csv": "movieId,title,genres\n" + lines(genres),
        "ratings.dat": lines(rows, "::"),
        "movies.dat": lines(genres, "::"),
        "ml.inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + lines(rows, "\t"),
        "ml.item": "item_id:token\tclass:token_seq\n" + lines(((i, f"{kind(i)} Long") for i in every), "\t"),
        "BX-Ratings.csv": '"User-ID";"ISBN";"Book-Rating"\n'
        + lines(((u, f'"{i:09d}X"', r) for u, i, r, _ in rows), ";"),
        "BX-Books.csv": '"ISBN";"Book-Title";"Publisher"\n'
        + lines(((f'"{i:09d}X"', f'"B; {i}"', kind(i)) for i in every), ";"),
        "reviews.jsonl": records(
            {"rating": r, "user_id": f"A{u}", "asin": f"B{i}", "parent_asin": f"P{i}", "timestamp": t * 1000}
            for u, i, r, t in rows
        ),
        "meta.jsonl": records({"parent_asin": f"P{i}", "main_category": kind(i)} for i in every),
        **{
            f"shop/{name}.csv": "user_id,item_id\n" + lines(pair for pair in pairs if kind(pair[1]) == name)
            for name in KINDS
        },
        "review.json": records(
            {"user_id": f"p{u}", "business_id": f"b{i}", "stars": r} for u, i, r, _ in rows
        ),
        "business.json": records({"business_id": f"b{i}", "categories": f"{kind(i)}, Food"} for i in every),
        "UserBehavior.csv": lines((u, i, kind(i), "buy" if r > 4 else "pv", t) for u, i, r, t in rows),
        "events.csv": "timestamp,visitorid,event,itemid\n"
        + lines((t * 1000, u, "view" if r < 5 else "transaction", i) for u, i, r, t in rows),
        "item_properties.csv": "timestamp,itemid,property,value\n"
        + lines((1, i, "categoryid", kind(i)) for i in every),
        "order_products.csv": "order_id,product_id\n" + lines((1000 + u, i) for u, i in pairs),
        "orders.csv": "order_id,user_id\n" + lines((1000 + u, u) for u in range(USERS)),
        "products.csv": "product_id,product_name,department_id\n"
        + lines((i, f"P {i}", i % 2) for i in every),
        "departments.csv": "department_id,department\n" + lines(enumerate(KINDS)),
        "behaviors.tsv": lines(
            ((u, f"U{u}", "11/15/2019 8:05:45 AM", " ".join(f"N{i}" for i in of[u]), "N1-0") for u in of),
            "\t",
        ),
        "news.tsv": lines(((f"N{i}", kind(i), f'He said "{i}') for i in every), "\t"),
        "users_items.json": "".join(
            repr({"user_id": f"u{u}", "items": [{"item_id": str(i), "playtime_forever": 5} for i in of[u]]})
            + "\n"
            for u in of
        ),
        "games.json": "".join(repr({"id": str(i), "genres": [kind(i), "Indie"]}) + "\n" for i in every),
        "reviews.json": records(
            {"username": f"n{u}", "hours": 1.5, "product_id": str(i), "date": "2018-01-01"} for u, i in pairs
        ),
        "Books_5.json": records(
            {"overall": float(r), "reviewerID": f"A{u}", "asin": f"B{i}", "style": {"Format:": "Hardcover"}}
            for u, i, r, _ in rows
        ),
        "meta_Books.json": records(
            {"category": ["Books", kind(i)], "asin": f"B{i}", "rank": [] if i % 2 else "1 in Books"}
            for i in every
        ),
        "order_items.csv": "order_id,order_item_id,product_id,price\n"
        + lines((f"o{u}", 1, f"p{i}", 58.9) for u, i in pairs),
        "order_list.csv": "order_id,customer_id,order_purchase_timestamp\n"
        + lines((f"o{u}", f"c{u}", "2017-10-02 10:56:33") for u in range(USERS)),
        "olist_products.csv": "product_id,product_category_name\n" + lines((f"p{i}", kind(i)) for i in every),
        "user_artists.dat": "userID\tartistID\tweight\n" + lines(((u, i, r) for u, i, r, _ in rows), "\t"),
        "tagged.dat": "userID\tartistID\ttagID\n" + lines(((u, i, i % 2) for u, i in pairs), "\t"),
        "tags.dat": "tagID\ttagValue\n" + lines(enumerate(KINDS), "\t"),
        "2019-Oct.csv": "event_time,event_type,product_id,category_id,category_code,user_id\n"
        + lines(
            (
                "2019-10-01 00:00:00 UTC",
                ("view", "cart", "purchase")[r % 3],
                i,
                2053013555631882655,
                kind(i),
                u,
            )
            for u, i, r, _ in rows
        ),
        "goodreads.json": records(
            {"user_id": f"g{u}", "book_id": str(i), "rating": r} for u, i, r, _ in rows
        ),
        "goodreads_genres.json": records(
            {"book_id": str(i), "genres": {kind(i): 7, "poetry": 1}} for i in every
        ),
        "rating.csv": "user_id,anime_id,rating\n" + lines((u, i, -1 if r == 2 else r) for u, i, r, _ in rows),
        "anime.csv": "anime_id,name,genre\n" + lines((i, f"A {i}", f'"{kind(i)}, Romance"') for i in every),
    }


@pytest.fixture
def folder(files, tmp_path, monkeypatch):
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_has_its_layouts():
    assert len(COMMANDS) == 20


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.split()[2])
def test_a_command_of_the_page_reads_all_events_of_its_files(folder, command):
    code, text, err = run(*shlex.split(command)[1:])
    assert code == 0, err
    assert f"{USERS} users in 2 categories" in text
    assert f"{USERS * 8} rows" in text or f"{USERS * 8} out" in text or f"{USERS} rows in" in text
    words = shlex.split(command)
    assert len(tb.load(folder / "model").items_[words[words.index("-t") + 1]]) == ITEMS // 2


def test_lists_follow_from_a_second_command(folder):
    assert run(*shlex.split(COMMANDS[0])[1:])[0] == 0
    again = re.search(r"^tastebridge (recommend .*)$", PAGE.read_text(encoding="utf-8"), re.M)[1]
    assert run(*shlex.split(again))[0] == 0
    assert len((folder / "recommendations.csv").read_text().splitlines()) > USERS
