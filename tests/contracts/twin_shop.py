"""A shop in which some films are books under another id, and counts of twins in plain Python."""

from itertools import product

import numpy as np
import pandas as pd

from tastebridge.datasets import make_panel
from tastebridge.routes.twins import MIN_SIMILARITY, MIN_USERS

BOOKS = tuple(f"books:{at:03}" for at in range(5, 35, 5))


def twin_of(book):
    return book.replace("books:", "film of ")


def events(n_users=500, seed=2, books=BOOKS):
    """Return events of books and films; a quarter of the users in both own each book twice."""
    frame = make_panel(n_users, 300, events_per_user=4, random_state=seed)[0].to_frame()
    frame = frame.astype({"category": str})
    owners = [set(frame.loc[frame["category"] == name, "user_id"]) for name in ("books", "films")]
    linked, rng = np.array(sorted(owners[0] & owners[1])), np.random.default_rng(seed)
    parts = [frame.loc[~frame["item_id"].isin(books), ["user_id", "item_id", "category"]]]
    for book in books:
        some = rng.choice(linked, len(linked) // 4, replace=False)
        parts.append(pd.DataFrame({"user_id": some, "item_id": book, "category": "books"}))
        parts.append(pd.DataFrame({"user_id": some, "item_id": twin_of(book), "category": "films"}))
    return pd.concat(parts, ignore_index=True)


def pairs_by_hand(frame, source="books", target="films"):
    """Return the twins in a frame: the rule, without the calibration against chance."""
    linked = set(frame.loc[frame["category"] == source, "user_id"])
    linked &= set(frame.loc[frame["category"] == target, "user_id"])
    users = {
        key: set(rows["user_id"]) & linked for key, rows in frame.groupby(["category", "item_id"], sort=False)
    }
    found = set()
    for (one, book), (other, film) in product(users, users):
        if (one, other) == (source, target):
            a, b = users[one, book], users[other, film]
            if len(a & b) >= MIN_USERS and len(a & b) >= MIN_SIMILARITY * len(a | b):
                found.add((book, film))
    return found


def rows_by_hand(truth, frame, counted=None, source="books"):
    """Return which rows of user_id and item_id are a twin of a book that the user has in the frame.

    Twins are those of the frame, or of other events to be ``counted``.
    """
    twins = pairs_by_hand(frame if counted is None else counted)
    rows = frame[frame["category"] == source]
    had = {user: set(items) for user, items in rows.groupby("user_id")["item_id"]}
    pairs = zip(truth["user_id"], truth["item_id"], strict=True)
    return np.array([any((book, film) in twins for book in had.get(user, ())) for user, film in pairs])
