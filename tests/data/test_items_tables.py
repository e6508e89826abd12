"""Categories and names that stand in other tables, and items that stand in several categories."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tastebridge import TargetOnly, Weighting
from tastebridge.batch import write_vectors
from tastebridge.batch.source import Source
from tastebridge.data import CleaningPolicy, Panel, ReadingOptions, read_panel
from tastebridge.exceptions import InvalidDataError, TastebridgeWarning

GENRES = {7: "War|Drama", 8: "Drama", 9: "War", 10: "Drama|Romance"}


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    rows = {
        (user, item) for user in range(20) for item in rng.choice(list(GENRES), 3, replace=False).tolist()
    }
    frame = pd.DataFrame(sorted(rows), columns=["userId", "movieId"]).assign(rating=4.0)
    frame.to_csv(tmp_path / "ratings.csv", index=False)
    films = pd.DataFrame(
        {"movieId": list(GENRES), "title": [f"Film, {i}" for i in GENRES], "genres": list(GENRES.values())}
    )
    films.to_csv(tmp_path / "films.csv", index=False)
    return tmp_path


def expected(frame, choose):
    """Return the pairs by category, by polars and a function of the genres of an item."""
    joined = frame.with_columns(
        pl.col("movieId").replace_strict({i: choose(g) for i, g in GENRES.items()}).alias("c")
    )
    return {name[0]: len(part) for name, part in joined.explode("c").group_by("c")}


def counts(panel):
    return {name: panel[name].matrix.nnz for name in panel.categories}


def test_the_policy_of_several_categories(folder):
    frame = pl.read_csv(folder / "ratings.csv")
    first = read_panel(folder / "ratings.csv", items=folder / "films.csv", item_category="genres")
    assert counts(first) == expected(frame, lambda genres: [genres.split("|")[0]])
    primary = read_panel(folder / "ratings.csv", items=folder / "films.csv", categories="primary")
    assert counts(primary) == expected(frame, lambda genres: ["Drama"] if "Drama" in genres else [genres])
    every = read_panel(folder / "ratings.csv", items=folder / "films.csv", categories="all")
    assert counts(every) == expected(frame, lambda genres: genres.split("|"))
    whole = sum(every[name].matrix.data.sum() for name in every.categories)
    assert whole == pytest.approx(frame["rating"].sum())  # the weight is split, not multiplied
    assert every["War"].matrix.data.min() == 2.0
    assert first.item_names["War"][7] == "Film, 7"
    assert any("of several categories counts the first one" in note for note in first.cleaning.notes)


def test_a_sign_of_no_rating_is_read_before_the_weight_is_split(folder):
    frame = pd.read_csv(folder / "ratings.csv")
    frame.assign(rating=[-1.0, 4.0] * (len(frame) // 2)).to_csv(folder / "seen.csv", index=False)
    given = {"items": folder / "films.csv", "categories": "all"}
    panel = read_panel(folder / "seen.csv", policy=CleaningPolicy(no_rating=-1), **given)
    assert panel.cleaning.dropped == 0
    whole = sum(panel[name].matrix.data.sum() for name in panel.categories)
    assert whole == pytest.approx((1 + 4) * len(frame) / 2)
    with pytest.warns(TastebridgeWarning, match="NaN weights"):
        dropped = read_panel(
            folder / "seen.csv", policy=CleaningPolicy(no_rating=-1, unrated="drop"), **given
        )
    whole = sum(dropped[name].matrix.data.sum() for name in dropped.categories)
    assert whole == pytest.approx(4 * len(frame) / 2)


def test_ratings_are_not_split(folder):
    policy = CleaningPolicy(duplicates="last")
    given = {"items": folder / "films.csv", "categories": "all", "policy": policy}
    panel = read_panel(folder / "ratings.csv", **given)
    assert {value for name in panel.categories for value in panel[name].matrix.data.tolist()} == {4.0}
    assert any("all, with the whole rating" in note for note in panel.cleaning.notes)
    rows = panel.to_frame()
    again = Panel.from_frame(rows, policy=CleaningPolicy(duplicates="last", several_categories="all"))
    pd.testing.assert_frame_equal(again.to_frame(), rows)


def test_a_batch_splits_weights_as_a_panel_does(folder):
    frame = pd.read_csv(folder / "ratings.csv")
    frame.assign(rating=[-1.0, 4.0] * (len(frame) // 2)).to_csv(folder / "seen.csv", index=False)
    reading, policy = (
        ReadingOptions(items=folder / "films.csv", categories="all"),
        CleaningPolicy(no_rating=-1),
    )
    panel = read_panel(folder / "seen.csv", reading=reading, policy=policy)
    rows = pa.concat_tables(Source.open(folder / "seen.csv", {}, reading, policy).read(["weight"]))
    whole = sum(panel[name].matrix.data.sum() for name in panel.categories)
    assert sum(rows["weight"].to_pylist()) == pytest.approx(whole)


def test_a_share_that_equals_the_sign_of_no_rating_is_a_rating(folder, tmp_path):
    # of a film of two genres each gets half of the rating, and half of 4 is the sign; halves add up again
    frame = pd.read_csv(folder / "ratings.csv")
    frame = frame.assign(rating=[2.0, 4.0] * (len(frame) // 2))
    frame.to_csv(tmp_path / "seen.csv", index=False)
    for unrated, seen in (("event", 1.0), ("drop", 0.0)):
        worth = frame["rating"].replace(2.0, seen)
        expected = worth.groupby(frame["userId"]).sum().to_numpy()
        policy = CleaningPolicy(no_rating=2, unrated=unrated)
        given = {"items": folder / "films.csv", "categories": "all"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TastebridgeWarning)  # of the rows that are dropped
            panel = read_panel(tmp_path / "seen.csv", policy=policy, **given)
        rows = panel.to_frame().groupby("user_id")["weight"].sum()
        np.testing.assert_allclose(
            rows.reindex(np.unique(frame["userId"]), fill_value=0), expected, rtol=1e-6
        )


def test_a_batch_reads_the_sign_of_no_rating_before_the_weight_is_split(folder, tmp_path):
    frame = pd.read_csv(folder / "ratings.csv")
    rows = [
        (user, film, 4.0 - 2.0 * ((user + film) % 2))
        for user in range(60)
        for film in frame["movieId"].unique()
    ]
    seen = pd.DataFrame(rows, columns=["userId", "movieId", "rating"]).sample(frac=0.7, random_state=0)
    seen.to_csv(tmp_path / "seen.csv", index=False)
    reading = ReadingOptions(items=folder / "films.csv", categories="all")
    policy = CleaningPolicy(no_rating=2)
    panel = read_panel(tmp_path / "seen.csv", reading=reading, policy=policy)
    model = TargetOnly("Drama", weighting=Weighting("none")).fit(panel)
    options = {"reading": reading, "policy": policy, "memory": "8GB"}
    write_vectors(model, tmp_path / "v", tmp_path / "seen.csv", **options)
    found = pd.read_parquet(tmp_path / "v" / "users.parquet")
    ids, expected = model.user_vectors_from(panel)
    assert found["user_id"].tolist() == ids.tolist()
    np.testing.assert_array_equal(np.stack(found["vector"]), expected)


def test_a_sign_that_no_weight_is_is_a_note(folder):
    given = {"items": folder / "films.csv", "policy": CleaningPolicy(no_rating=-7)}
    for more in ({}, {"categories": "all"}):
        notes = read_panel(folder / "ratings.csv", **given, **more).cleaning.notes
        assert sum("no_rating=-7 changed nothing: no weight is it" in note for note in notes) == 1
    bare = pd.DataFrame({"user_id": [1], "item_id": ["a"], "category": ["x"]})
    notes = Panel.from_frame(bare, policy=CleaningPolicy(no_rating=-1)).cleaning.notes
    assert notes == ("no_rating=-1 changed nothing: there are no weights",)
    notes = Panel.from_frame(bare.assign(weight=-1.0), policy=CleaningPolicy(no_rating=-1)).cleaning.notes
    assert not any("changed nothing" in note for note in notes)


def test_the_note_on_ratings_leaves_the_sign_of_none_out(folder):
    frame = pd.read_csv(folder / "ratings.csv")
    frame.assign(rating=([-1.0, 4.0, 5.0] * len(frame))[: len(frame)]).to_csv(
        folder / "seen.csv", index=False
    )
    given = {"items": folder / "films.csv", "policy": CleaningPolicy(no_rating=-1)}
    notes = read_panel(folder / "seen.csv", **given).cleaning.notes
    assert any("ratings from 4 to 5" in note for note in notes)


@pytest.mark.parametrize("kind", ["csv", "parquet", "json", "frame", "a row a genre", "lists"])
def test_tables_of_items_of_every_kind_are_one(folder, kind):
    films = pd.read_csv(folder / "films.csv")
    lists = films.assign(genres=films.genres.str.split("|"))
    given = {
        "csv": lambda: folder / "films.csv",
        "parquet": lambda: films.to_parquet(folder / "f.parquet") or folder / "f.parquet",
        "json": lambda: lists.to_json(folder / "f.jsonl", orient="records", lines=True) or folder / "f.jsonl",
        "frame": lambda: films,
        "a row a genre": lambda: lists.explode("genres").rename(columns={"genres": "genre"}),
        "lists": lambda: pl.from_pandas(films).with_columns(pl.col("genres").str.split("|")),
    }[kind]()
    panel = read_panel(folder / "ratings.csv", items=given)
    other = read_panel(folder / "ratings.csv", items=folder / "films.csv")
    pd.testing.assert_frame_equal(panel.to_frame(), other.to_frame())


def test_orders_are_joined_to_users_products_and_departments(tmp_path):
    pd.DataFrame({"order_id": [1, 1, 2], "product_id": [7, 8, 7]}).to_csv(tmp_path / "lines.csv", index=False)
    pd.DataFrame({"order_id": [1, 2], "user_id": ["007", "7"]}).to_csv(tmp_path / "orders.csv", index=False)
    products = pd.DataFrame(
        {"product_id": [7, 8], "product_name": ["Soap, 1", "Bun"], "department_id": [3, 4]}
    )
    products.to_csv(tmp_path / "products.csv", index=False)
    pd.DataFrame({"department_id": [4, 3], "department": ["bakery", "bath"]}).to_csv(
        tmp_path / "d.csv", index=False
    )
    panel = read_panel(
        tmp_path / "lines.csv",
        users=tmp_path / "orders.csv",
        items=[tmp_path / "products.csv", tmp_path / "d.csv"],
    )
    assert panel.categories == ("bakery", "bath")
    assert panel["bath"].users.ids.tolist() == ["007", "7"]
    assert panel["bath"].matrix.toarray().ravel().tolist() == [1.0, 1.0]
    assert panel.item_names["bath"][7] == "Soap, 1"


def test_the_last_value_of_a_property_is_the_category(tmp_path):
    pd.DataFrame({"visitorid": [1], "itemid": [5], "timestamp": [1433221332117]}).to_csv(
        tmp_path / "e.csv", index=False
    )
    rows = [(2, 5, "categoryid", "b"), (1, 5, "categoryid", "a"), (3, 5, "available", "1")]
    pd.DataFrame(rows, columns=["timestamp", "itemid", "property", "value"]).to_csv(
        tmp_path / "p.csv", index=False
    )
    panel = read_panel(tmp_path / "e.csv", items=tmp_path / "p.csv", item_category="categoryid")
    assert panel.categories == ("b",)


def test_hierarchies_are_cut_and_cells_of_several_are_split(tmp_path):
    frame = pd.DataFrame({"user_id": [1, 2], "item_id": ["a", "b"]})
    frame.assign(category=["Books > Fantasy > New", "Books > Crime"]).to_csv(tmp_path / "h.csv", index=False)
    assert read_panel(tmp_path / "h.csv", category_level=1).categories == ("Books",)
    assert read_panel(tmp_path / "h.csv", category_level=2).categories == ("Books > Crime", "Books > Fantasy")
    frame.assign(genres=["War|Drama", "Drama"]).to_csv(tmp_path / "g.csv", index=False)
    assert read_panel(tmp_path / "g.csv").categories == ("Drama", "War")


def test_items_without_a_category_are_told(folder):
    pd.DataFrame({"movieId": [7, 8], "genre": ["War", "Drama"]}).to_csv(folder / "films.csv", index=False)
    n = (pd.read_csv(folder / "ratings.csv").movieId > 8).sum()
    with (
        pytest.warns(TastebridgeWarning, match=f"{n} events are of items without a category"),
        pytest.warns(TastebridgeWarning, match=f"{n} with missing ids"),
    ):
        read_panel(folder / "ratings.csv", items=folder / "films.csv")
    with pytest.raises(InvalidDataError, match="item_category='kind' is not among"):
        read_panel(folder / "ratings.csv", items=folder / "films.csv", item_category="kind")


@pytest.fixture
def a_row_a_genre(folder):
    frame = pd.read_csv(folder / "ratings.csv").set_axis(["user_id", "item_id", "weight"], axis=1)
    return frame.assign(category=frame.item_id.map(GENRES).str.split("|")).explode("category")


def test_an_event_with_a_row_per_genre_counts_once_and_it_is_said(a_row_a_genre):
    n_events = len(a_row_a_genre.drop_duplicates(["user_id", "item_id"]))
    with pytest.warns(TastebridgeWarning, match="one row per genre"):
        panel = Panel.from_frame(a_row_a_genre)
    assert sum(counts(panel).values()) == n_events
    assert panel.cleaning.rows_in - panel.cleaning.dropped - panel.cleaning.merged == panel.cleaning.rows_out
    shuffled = a_row_a_genre.sample(frac=1, random_state=0)
    with pytest.warns(TastebridgeWarning, match="one row per genre"):
        pd.testing.assert_frame_equal(Panel.from_frame(shuffled).to_frame(), panel.to_frame())
    for policy, total in (("keep", len(a_row_a_genre)), ("first", n_events), ("primary", n_events)):
        found = Panel.from_frame(a_row_a_genre, policy=CleaningPolicy(several_categories=policy))
        assert sum(counts(found).values()) == total
    split = Panel.from_frame(a_row_a_genre, policy=CleaningPolicy(several_categories="all"))
    assert sum(split[name].matrix.data.sum() for name in split.categories) == pytest.approx(4.0 * n_events)
    with pytest.raises(InvalidDataError, match="items of several categories"):
        Panel.from_frame(a_row_a_genre, policy=CleaningPolicy(several_categories="error"))


def test_catalogues_that_number_items_from_zero_are_left_alone():
    rng = np.random.default_rng(1)
    rows = [(user, item, name) for user in range(60) for name in ("a", "b", "c")
            for item in rng.choice(25 if name == "a" else 20, 8, replace=False)]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
    assert sum(counts(Panel.from_frame(frame)).values()) == len(frame)
    every = pd.DataFrame([(u, i, c) for u in range(9) for i in range(9) for c in "xy"], columns=frame.columns)
    assert sum(counts(Panel.from_frame(every)).values()) == len(every)
