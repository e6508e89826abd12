"""Related items: by hand from user vectors, the same through every door, and never the item itself."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import tastebridge as tb
from contracts import twin_shop
from contracts.shell import run
from tastebridge.batch import relate_all
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, OutputError, UnknownIdError
from tastebridge.model.source_items import source_model


@pytest.fixture(scope="module")
def panel():
    return make_panel(n_users=400, n_items=80, random_state=0)[0]


@pytest.fixture(scope="module")
def model(panel):
    return tb.InterestMapper("films", n_components=8).fit(panel)


def by_hand(model, category):
    """Return the scores of all items of a category and all films, from folded-in users of one event."""
    ids = model.items_[category].ids
    events = pd.DataFrame({"user_id": [f"{at:03}" for at in range(len(ids))], "item_id": ids})
    _, rows = model.targets_["films"].encoder.fold_in(events.assign(category=category))
    Z = model.model_.user_vectors(rows).astype(np.float64)
    V = model.item_vectors().vectors.astype(np.float64)
    # all items are in the sample: there are fewer than 256
    centred = (Z - Z.mean(axis=0)) @ V.T
    spread = np.sqrt((centred**2).mean(axis=0))
    scores = centred / np.maximum(spread, np.quantile(spread[spread > 0], 0.01)) ** 0.25
    if category == "films":
        np.fill_diagonal(scores, -np.inf)
    return scores


@pytest.mark.parametrize("category", ["books", "films"])
def test_scores_are_those_of_a_user_with_the_item_alone(model, category):
    ids, films = model.items_[category].ids, model.items_["films"]
    found = model.related(ids.tolist(), n=len(films))
    scores = by_hand(model, category)
    assert len(found) == np.isfinite(scores).sum()
    rows, columns = model.items_[category].numbers(found["item_id"]), films.numbers(found["related_item_id"])
    np.testing.assert_allclose(found["score"], scores[rows, columns], rtol=1e-3, atol=1e-4)
    assert found.groupby("item_id")["score"].apply(lambda some: some.is_monotonic_decreasing).all()
    assert (found["rank"] == found.groupby("item_id", sort=False).cumcount() + 1).all()
    assert (found["item_id"] != found["related_item_id"]).all()


def test_items_of_a_source_are_related_with_each_other(model, panel, tmp_path):
    books = model.items_["books"]
    found = model.related(books.ids.tolist(), n=5, category="books")
    assert found["item_id"].tolist() == np.repeat(books.ids, 5).tolist()
    assert found["related_item_id"].isin(books.ids).all()
    assert (found["item_id"] != found["related_item_id"]).all()
    # by hand: centred single events of the widest factor model of books, candidates of length 1
    encoders = [one for one in model.model_.encoders.values() if one.categories == ("books",)]
    encoders = [one for one in encoders if hasattr(one.model, "n_components")]
    widest = max(encoders, key=lambda one: one.model.transform(np.eye(len(books))).shape[1])
    Z = np.asarray(widest.model.transform(np.eye(len(books))))
    Z = Z - Z.mean(axis=0)
    scores = Z @ (Z / np.linalg.norm(Z, axis=1, keepdims=True)).T
    spread = np.sqrt((scores**2).mean(axis=0))
    scores = scores / np.maximum(spread, np.quantile(spread[spread > 0], 0.01)) ** 0.25
    rows, columns = books.numbers(found["item_id"]), books.numbers(found["related_item_id"])
    np.testing.assert_allclose(found["score"], scores[rows, columns], rtol=1e-3, atol=1e-5)
    np.fill_diagonal(scores, -np.inf)
    np.testing.assert_allclose(found["score"], -np.sort(-scores)[:, :5].ravel(), rtol=1e-3, atol=1e-5)
    # through every door
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(tb.load(tmp_path / "model").related(n=5, category="books"), found)
    assert relate_all(model, tmp_path / "books.parquet", 5, category="books") == 5 * len(books)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "books.parquet"), found)
    words = ["related", tmp_path / "model", "-o", tmp_path / "shell.parquet", "-n", 5, "--category", "books"]
    assert run(*words)[0] == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "shell.parquet"), found)
    alone = model.related(books.ids[7], n=5, category="books", twins="keep")
    expected = found[found["item_id"] == books.ids[7]].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, expected)
    with pytest.raises(InvalidParameterError, match=r"got of='films'"):
        model.related(n=5, category="books", of="films")
    with pytest.raises(InvalidParameterError, match="no vectors of the items of 'books'"):
        source_model(replace(model.model_, encoders={}), "books", len(books), model.targets_["films"].alone)


def test_items_of_the_same_taste_are_related(panel):
    # a planted pair across categories: users of one book all take one film that is seldom taken otherwise
    frame = panel.to_frame().astype({"category": str})[["user_id", "item_id", "category"]]
    users = panel.users_with("books", "films")[:30]
    book = [(user, "books:planted", "books") for user in users]
    film = [(user, "films:planted", "films") for user in users[:20]]
    frame = pd.concat([frame, pd.DataFrame(book + film, columns=frame.columns)])
    planted = tb.InterestMapper("films", n_components=8).fit(frame)
    found = planted.related("books:planted", n=80, twins="keep").set_index("related_item_id")["rank"]
    assert found["films:planted"] <= 5
    # the whole score of a user with this book alone is led by popularity
    alone = pd.DataFrame({"user_id": ["ada"], "item_id": ["books:planted"], "category": ["books"]})
    listed = planted.recommend_from(alone, 80, twins="keep").set_index("item_id")["rank"]
    assert listed["films:planted"] > 20


def test_popularity_alone_relates_nothing_to_anything(panel):
    found = tb.Popularity("films").fit(panel).related(["films:01", "films:02"], n=5)
    assert np.abs(found["score"]).max() == 0


def test_lists_are_less_popular_than_those_of_one_item_users(panel, model):
    books = panel["books"].items.ids
    events = pd.DataFrame({"user_id": books, "item_id": books, "category": "books"})
    plain = model.recommend_from(events, 5)["item_id"]
    counts = pd.Series(np.bincount(panel["films"].matrix.indices), panel["films"].items.ids)
    assert counts[model.related(books.tolist(), 5)["related_item_id"]].mean() < 0.9 * counts[plain].mean()


@pytest.mark.bits
def test_every_door_and_batch_gives_the_same_rows(panel, model, tmp_path):
    ids = [*panel["films"].items.ids[::3], *panel["books"].items.ids[::2]]
    order = np.random.default_rng(0).permutation(ids).tolist()
    whole = model.related(order, 6)
    assert whole["item_id"].drop_duplicates().tolist() == order
    parts = [model.related(one, 6) for one in order[:20]]
    pd.testing.assert_frame_equal(
        pd.concat(parts, ignore_index=True), whole.iloc[: sum(map(len, parts))], check_exact=True
    )
    model.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.related(order, 6), whole, check_exact=True)
    every = model.related(n=6)
    assert relate_all(tmp_path / "model", tmp_path / "out.parquet", 6) == len(every)
    pd.testing.assert_frame_equal(
        pq.read_table(tmp_path / "out.parquet").to_pandas(), every, check_dtype=False, check_exact=True
    )
    code, out, err = run("related", tmp_path / "model", "-o", tmp_path / "out.csv", "-n", 6, "--of", "books")
    assert (code, err) == (0, "")
    assert f"{len(model.items_['books']) * 6:,} related items" in " ".join(out.split())
    found = pd.read_csv(tmp_path / "out.csv")
    mine = every[every["item_id"].str.startswith("books")].reset_index(drop=True)
    assert found[["item_id", "related_item_id", "rank"]].equals(mine[["item_id", "related_item_id", "rank"]])


def test_filters_and_unknown_items(panel, model):
    films = panel["films"].items.ids
    found = model.related(["books:01"], 5, allow=films[:10].tolist(), deny=[films[0]])
    assert set(found["related_item_id"]) <= set(films[1:10])
    with pytest.raises(UnknownIdError, match="no such"):
        model.related(["no such"])
    assert model.related(["no such", "books:01"], 3, missing="skip")["item_id"].tolist() == ["books:01"] * 3
    none = model.related(["no such"], 3, missing="skip")
    assert none.columns.tolist() == ["item_id", "related_item_id", "score", "rank"]
    assert len(none) == 0
    with pytest.raises(InvalidDataError, match="'books:01' comes more than once"):
        model.related(["books:01", "books:01"])
    with pytest.raises(InvalidDataError, match="got a frame"):
        model.related(["books:01"], allow=pd.DataFrame({"user_id": [1], "item_id": ["films:01"]}))
    with pytest.raises(InvalidParameterError, match="twins"):
        model.related(["books:01"], twins="maybe")
    with pytest.raises(UnknownIdError):
        model.related(["films:01"], of="books")


def test_items_are_taken_in_any_form_and_one_error_refuses_others(model):
    asked = ["books:03", "films:05"]
    expected = model.related(asked, n=2)
    for given in (iter(asked), set(asked), dict.fromkeys(asked), pd.Index(asked)):
        pd.testing.assert_frame_equal(model.related(given, n=2), expected)
    nothing = model.related([])
    assert nothing.columns.tolist() == expected.columns.tolist()
    assert nothing.empty
    for given, said in (
        (5.0, "items must be a list or column of ids"),
        (True, "the single value True"),
        ([asked], "one flat list"),
        (expected, "got a DataFrame"),
    ):
        with pytest.raises(InvalidDataError, match=said):
            model.related(given)


def test_twins_are_left_out_unless_kept():
    model = tb.InterestMapper("films", n_components=8).fit(twin_shop.events())
    book = model.twins_["source_item"].iloc[0]
    twin = model.twins_["item"].iloc[0]
    assert twin not in set(model.related(book, 50)["related_item_id"])
    assert model.related(book, 1, twins="keep")["related_item_id"].tolist() == [twin]


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_an_item_in_two_categories_is_never_related_to_itself(panel):
    frame = panel.to_frame().astype({"category": str})[["user_id", "item_id", "category"]]
    shared = frame[frame["category"] == "films"].assign(category="shows")
    shared = shared[shared["user_id"] % 2 == 0].assign(user_id=lambda rows: rows["user_id"] + 10_000)
    model = tb.InterestMapper("shows", ["films"], bridge="items").fit(
        pd.concat([frame[frame["category"] == "films"], shared])
    )
    found = model.related(n=200, of="films")
    assert len(found)
    assert (found["item_id"] != found["related_item_id"]).all()
    with pytest.raises(InvalidDataError, match="Say which"):
        model.related(["films:01"])


def test_several_targets_relate_within_the_one_named(panel, tmp_path):
    model = tb.InterestMapper(["films", "books"], n_components=8).fit(panel)
    for name in ("films", "books"):
        found = model.related(["books:01", "films:01"], 4, category=name)
        pd.testing.assert_frame_equal(found, model.mappers_[name].related(["books:01", "films:01"], 4))
        assert found["related_item_id"].str.startswith(name).all()
        assert relate_all(model, tmp_path / f"{name}.csv", 4, category=name) == 4 * 160
    with pytest.raises(InvalidParameterError, match="category="):
        model.related(["books:01"])
    with pytest.raises(InvalidParameterError, match="category="):
        relate_all(model, tmp_path / "none.csv")


def test_models_without_vectors_or_with_ratings_are_refused(panel, tmp_path):
    for fitted, words in (
        (tb.ItemNeighbours("films").fit(panel), "JointALS"),
        (tb.RatingMapper("films").fit(_rated(panel)), "InterestMapper"),
    ):
        with pytest.raises(InvalidParameterError, match=words):
            fitted.related(["books:01"])
        with pytest.raises(InvalidParameterError, match=words):
            relate_all(fitted, tmp_path / "out.csv")
    with pytest.raises(InvalidParameterError, match=r"\.parquet or \.csv"):
        relate_all(tb.JointALS("films").fit(panel), tmp_path / "out.txt")
    with pytest.raises(OutputError):
        relate_all(tb.JointALS("films").fit(panel), tmp_path / "nowhere" / "out.csv")


def _rated(panel):
    rng = np.random.default_rng(0)
    frame = panel.to_frame()[["user_id", "item_id", "category"]]
    return frame.assign(weight=rng.integers(1, 6, len(frame)))
