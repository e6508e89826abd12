"""Calls as newcomers write them: each is taken as it is meant, or refused by one clear error."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import tastebridge as tb
from tastebridge import batch, routes, splits
from tastebridge.datasets import make_panel
from tastebridge.exceptions import TastebridgeError
from tastebridge.report import write_report


@pytest.fixture(scope="module")
def world():
    panel, _ = make_panel(150, 30, ("books", "films"), events_per_user=8)
    mapper = tb.Popularity("films").fit(panel)
    return panel, panel.to_frame(), mapper, panel.users.ids, mapper.items_["films"].ids


TAKEN = {
    "a set of users": lambda p, f, m, u, i: m.recommend(set(u[:3].tolist()), n=2),
    "a generator of users": lambda p, f, m, u, i: m.recommend((one for one in u[:3].tolist()), n=2),
    "a series of users": lambda p, f, m, u, i: m.recommend(pd.Series(u[:3]), n=2),
    "an index of users": lambda p, f, m, u, i: m.recommend(pd.Index(u[:3]), n=2),
    "the values of a mapping": lambda p, f, m, u, i: m.recommend(
        dict(enumerate(u[:3].tolist())).values(), n=2
    ),
    "the keys of a mapping": lambda p, f, m, u, i: m.recommend(dict.fromkeys(u[:3].tolist()), n=2),
}


@pytest.mark.parametrize("case", TAKEN)
def test_lists_of_users_are_taken_in_any_form(world, case):
    mapper, users = world[2], world[3]
    pd.testing.assert_frame_equal(TAKEN[case](*world), mapper.recommend(users[:3], n=2))


def test_sets_of_items_are_taken(world):
    _, _, mapper, users, items = world
    denied = mapper.recommend(users[:2], n=2, deny=set(items[:2].tolist()))
    pd.testing.assert_frame_equal(denied, mapper.recommend(users[:2], n=2, deny=items[:2]))


def fitted(panel, **options):
    return tb.InterestMapper("films", **options).fit(panel)


def read(path="none.csv", **options):
    return tb.read_panel(path, **options)


def cold(panel):
    return splits.cold_users(panel, "films", 0.2, 0)


REFUSED = {
    "rows and columns of users": (lambda p, f, m, u, i: m.recommend(u[:4].reshape(2, 2)), "shape (2, 2)"),
    "a frame of users": (lambda p, f, m, u, i: m.recommend(f[["user_id"]]), 'frame["user_id"]'),
    "a nested list": (lambda p, f, m, u, i: m.recommend([[u[0]]]), "one flat list"),
    "one user": (lambda p, f, m, u, i: m.recommend(u[0]), "Write ["),
    "users of floats": (lambda p, f, m, u, i: m.recommend([1.5]), "not a whole number"),
    "users of bytes": (lambda p, f, m, u, i: m.recommend([b"1"]), "user_id"),
    "no items": (lambda p, f, m, u, i: m.recommend(u[:2], n=0), "at least 1"),
    "part of an item": (lambda p, f, m, u, i: m.recommend(u[:2], n=2.5), "whole number"),
    "a word for n": (lambda p, f, m, u, i: m.recommend(u[:2], n="ten"), "whole number"),
    "rows and columns of items": (lambda p, f, m, u, i: m.recommend(u, deny=i[:4].reshape(2, 2)), "(2, 2)"),
    "pairs as a list": (lambda p, f, m, u, i: m.predict([(u[0], i[0])]), "data frame"),
    "pairs as a mapping": (lambda p, f, m, u, i: m.predict({"user_id": [u[0]]}), "data frame"),
    "pairs without items": (lambda p, f, m, u, i: m.predict(f[["user_id"]]), "item_id is missing"),
    "no history": (lambda p, f, m, u, i: m.recommend_from(None), "frame must be"),
    "an item nobody knows": (lambda p, f, m, u, i: m.explain(u[0], "zzz"), "not among"),
    "a list of columns": (lambda p, f, m, u, i: tb.Panel.from_frame(f, columns=["user_id"]), "mapping"),
    "a column": (lambda p, f, m, u, i: tb.Panel.from_frame(f, columns="user_id"), "mapping"),
    "roles and columns the wrong way round": (
        lambda p, f, m, u, i: tb.Panel.from_frame(f, columns={"buyer": "user_id"}),
        "a key of columns",
    ),
    "a word for a policy": (lambda p, f, m, u, i: tb.Panel.from_frame(f, policy="strict"), "CleaningPolicy("),
    "no policy": (lambda p, f, m, u, i: tb.Panel.from_frame(f, policy=None), "CleaningPolicy("),
    "a list of event weights": (
        lambda p, f, m, u, i: tb.Panel.from_frame(f.assign(event="a"), event_weights=["a"]),
        "event_weights={",
    ),
    "an event weight as text": (
        lambda p, f, m, u, i: tb.Panel.from_frame(f.assign(event="a"), event_weights={"a": "5"}),
        "finite number",
    ),
    "a mapping for a frame": (lambda p, f, m, u, i: tb.Panel.from_frame({"user_id": [1]}), "frame must be"),
    "a path for a frame": (lambda p, f, m, u, i: tb.Panel.from_frame("events.csv"), "frame must be"),
    "a column for a frame": (lambda p, f, m, u, i: tb.Panel.from_frame(f["user_id"]), "got Series"),
    "a column of Arrow for a frame": (lambda p, f, m, u, i: m.recommend_from(pa.array([1])), "frame must be"),
    "numbers for names of columns": (
        lambda p, f, m, u, i: tb.Panel.from_frame(pd.DataFrame([[1, 2, "a"]])),
        "frame.columns = [",
    ),
    "an array for a frame": (lambda p, f, m, u, i: tb.Panel.from_frame(np.zeros((3, 3))), "frame must be"),
    "names of items as a mapping": (
        lambda p, f, m, u, i: tb.Panel.from_frame(f, item_names={"a": "b"}),
        "frame",
    ),
    "a word for a weighting": (lambda p, f, m, u, i: fitted(p, weighting="log"), 'Weighting("log")'),
    "a word for routes": (lambda p, f, m, u, i: fitted(p, routes="content"), "routes=["),
    "words for routes": (lambda p, f, m, u, i: fitted(p, routes=["map"]), "routes=["),
    "one route": (lambda p, f, m, u, i: fitted(p, routes=routes.NeighbourRoute()), "list of routes"),
    "a route with an unknown source": (
        lambda p, f, m, u, i: fitted(p, routes=[routes.ContentRoute(sources=["book"])]),
        "'books'",
    ),
    "a route from its target": (
        lambda p, f, m, u, i: fitted(p, routes=[routes.ContentRoute(sources="films")]),
        "sources",
    ),
    "an unknown source": (lambda p, f, m, u, i: fitted(p, sources=["book"]), "Did you mean 'books'?"),
    "a set of sources": (lambda p, f, m, u, i: fitted(p, sources={"books"}), "Write ['books']"),
    "an unknown target": (lambda p, f, m, u, i: tb.InterestMapper("film").fit(p), "Did you mean 'films'?"),
    "no target": (lambda p, f, m, u, i: tb.InterestMapper(None).fit(p), "not a category here"),
    "a seed as text": (lambda p, f, m, u, i: fitted(p, random_state="a"), "whole number"),
    "a fit on a path": (lambda p, f, m, u, i: tb.InterestMapper("films").fit("e.csv"), "frame must be"),
    "an unknown bridge": (lambda p, f, m, u, i: fitted(p, bridge="magic"), "bridge must be one of"),
    "a list of paths": (lambda p, f, m, u, i: read(["a.csv", "b.csv"]), "logs/*.csv"),
    "no path": (lambda p, f, m, u, i: read(None), "a path, a data frame"),
    "layouts as a mapping": (lambda p, f, m, u, i: read(reading={"delimiter": ";"}), "ReadingOptions("),
    "a number for a delimiter": (lambda p, f, m, u, i: read(delimiter=5), "delimiter must be a str"),
    "names in one text": (lambda p, f, m, u, i: read(names="a,b"), "list of names"),
    "numbers for names": (lambda p, f, m, u, i: read(columns=[1, 2]), "list of names"),
    "a level as text": (lambda p, f, m, u, i: read(category_level="2"), "category_level must be a whole"),
    "a misspelled option": (lambda p, f, m, u, i: read(delimeter=";"), "Did you mean 'delimiter'?"),
    "a model that is no path": (lambda p, f, m, u, i: tb.load(None), "must be a path"),
    "a place that is no path": (lambda p, f, m, u, i: m.save(5), "must be a path"),
    "a frame for a batch": (
        lambda p, f, m, u, i: batch.recommend_all(m, f, "o.csv"),
        "events must be a path",
    ),
    "a number for a model": (
        lambda p, f, m, u, i: batch.recommend_all(5, "e.csv", "o.csv"),
        "must be a path",
    ),
    "a number for an output": (
        lambda p, f, m, u, i: batch.recommend_all(m, "e.csv", 5),
        "out must be a path",
    ),
    "a report of a path": (lambda p, f, m, u, i: write_report("model", "r.html"), "tastebridge.load"),
    "a memory in words": (
        lambda p, f, m, u, i: batch.recommend_all(m, "e.csv", "o.csv", memory="lots"),
        "memory",
    ),
    "a split of a frame": (lambda p, f, m, u, i: cold(f), "Panel.from_frame(frame)"),
    "a panel for a split": (lambda p, f, m, u, i: tb.evaluate({"a": m}, p), "splits must be a Split"),
    "a list of models": (lambda p, f, m, u, i: tb.evaluate([m], cold(p)), "mapping of name to model"),
    "a misspelled metric": (lambda p, f, m, u, i: tb.evaluate({"a": m}, cold(p), ["ndgc@10"]), "ndcg"),
    "a metric that is no list": (lambda p, f, m, u, i: tb.evaluate({"a": m}, cold(p), "ndcg@10"), "list of"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_misuse_is_one_error_that_says_what_to_write(world, case):
    call, told = REFUSED[case]
    with pytest.raises(TastebridgeError) as caught:
        call(*world)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 500
