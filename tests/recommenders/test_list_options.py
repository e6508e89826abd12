"""Lists by rules: the same through every door, whatever the batch, and within what was asked for."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tastebridge as tb
from contracts.shell import run
from tastebridge.batch import RecommendationKernel, nest, recommend_all
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ModelFileError,
    OutputError,
    TastebridgeWarning,
    UnknownCategoryError,
)
from tastebridge.metrics import intra_list_diversity

OPTIONS = {
    "mmr": {"diversity": 0.3},
    "mmr by label": {"diversity": {"genre": 0.5}},
    "caps": {"per_group": {"studio": 2, "genre": 6}},
    "shares": {"calibrate": {"genre": 0.7}},
    "draws": {"explore": 1.0, "random_state": 3},
    "new": {"min_new": 3, "new_items": [f"films:{at:02}" for at in range(0, 80, 9)]},
}
OPTIONS["all"] = {
    "diversity": 0.2,
    "per_group": {"studio": 2},
    "calibrate": "genre",
    "explore": 0.5,
    "min_new": 1,
    "new_items": OPTIONS["new"]["new_items"],
}


@pytest.fixture(scope="module")
def panel():
    return make_panel(n_users=250, n_items=80, random_state=0)[0]


@pytest.fixture(scope="module")
def table(panel):
    ids = np.concatenate([panel[name].items.ids for name in ("books", "films")])
    number = np.array([int(one[-2:]) for one in ids])
    genres = [f"g{at % 4}|h{at % 2}" for at in number]
    return pd.DataFrame({"item_id": ids, "studio": number % 5, "genre": genres})


@pytest.fixture(scope="module")
def model(panel, table):
    return tb.InterestMapper("films", n_components=8).fit(panel).set_item_groups(table)


@pytest.fixture(scope="module")
def history(panel):
    frame = panel.to_frame().astype({"category": str})[["user_id", "item_id", "category"]]
    return frame[frame["user_id"] % 3 == 0].reset_index(drop=True)


def joined(table, found):
    return found.merge(table, on="item_id")


@pytest.mark.bits
@pytest.mark.parametrize("name", OPTIONS)
def test_a_list_is_the_same_whatever_users_come_with_it(model, panel, name):
    users, options = panel.users.ids[:60], OPTIONS[name]
    whole = model.recommend(users, 8, **options)
    parts = [model.recommend(users[rows], 8, **options) for rows in (slice(1), slice(1, 40), slice(40, None))]
    pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True))
    back = model.recommend(users[::-1], 8, **options)
    pd.testing.assert_frame_equal(
        whole.sort_values(["user_id", "rank"], ignore_index=True),
        back.sort_values(["user_id", "rank"], ignore_index=True),
    )


@pytest.mark.bits
@pytest.mark.parametrize("name", OPTIONS)
def test_every_door_gives_the_same_lists(model, history, table, tmp_path, name):
    options = OPTIONS[name]
    expected = model.recommend_from(history, 8, **options)
    model.save(tmp_path / "model")
    pd.testing.assert_frame_equal(tb.load(tmp_path / "model").recommend_from(history, 8, **options), expected)
    kernel = RecommendationKernel(model, 8, **options)
    rows = pa.Table.from_batches([kernel(nest(pa.Table.from_pandas(history))).rows])
    pd.testing.assert_frame_equal(rows.to_pandas(), expected)
    history.to_parquet(tmp_path / "events.parquet", index=False)
    recommend_all(model, tmp_path / "events.parquet", tmp_path / "out.parquet", 8, n_jobs=2, **options)
    found = pq.read_table(tmp_path / "out.parquet").to_pandas()
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_users_of_the_fit_and_their_histories_get_the_same_draws(model, panel, history):
    users = np.unique(history["user_id"])
    for name in OPTIONS:
        pd.testing.assert_frame_equal(
            model.recommend(users, 8, **OPTIONS[name]), model.recommend_from(history, 8, **OPTIONS[name])
        )


def test_the_shell_gives_the_same_lists(model, history, table, tmp_path):
    model.save(tmp_path / "model")
    history.to_csv(tmp_path / "events.csv", index=False)
    table.drop(columns="studio").to_csv(tmp_path / "groups.csv", index=False)
    pd.DataFrame({"item_id": OPTIONS["new"]["new_items"]}).to_csv(tmp_path / "new.csv", index=False)
    words = (
        "--diversity genre=0.2 --per-group genre=5 --calibrate genre=0.3 --explore 0.5 --seed 4 --min-new 1"
    )
    files = ["--new-items", tmp_path / "new.csv", "--groups", tmp_path / "groups.csv"]
    out = tmp_path / "out.csv"
    code, _, err = run(
        "recommend", tmp_path / "model", tmp_path / "events.csv", "-o", out, "-n", 8, *words.split(), *files
    )
    assert (code, err) == (0, "")
    options = {"diversity": {"genre": 0.2}, "per_group": {"genre": 5}, "calibrate": {"genre": 0.3}}
    options |= {"explore": 0.5, "random_state": 4, "min_new": 1, "new_items": OPTIONS["new"]["new_items"]}
    expected = model.recommend_from(history, 8, **options)
    assert pd.read_csv(out)[["user_id", "item_id", "rank"]].equals(expected[["user_id", "item_id", "rank"]])
    code, _, err = run("recommend", tmp_path / "model", tmp_path / "events.csv", "-o", tmp_path / "b.csv",
                       "--per-group", "studio=none")  # fmt: skip
    assert code == 2
    assert "--per-group must be like brand=2; got 'studio=none'" in " ".join(err.split())
    files = [tmp_path / "model", tmp_path / "events.csv", "-o", tmp_path / "b.csv"]
    code, _, err = run("recommend", *files, "--per-group", "studio=1", "--per-group", "studio=2")
    assert code == 2
    assert "names a column twice" in " ".join(err.split())


def test_fit_keeps_groups_in_the_model(panel, table, tmp_path):
    panel.to_frame().to_csv(tmp_path / "events.csv", index=False)
    table.to_csv(tmp_path / "groups.csv", index=False)
    words = ["--time-budget", "1", "--groups", tmp_path / "groups.csv"]
    code, _, _ = run("fit", tmp_path / "events.csv", "-t", "films", "-o", tmp_path / "model", *words)
    assert code == 0
    loaded = tb.load(tmp_path / "model")
    assert sorted(loaded.item_groups_["column"].unique()) == ["genre", "studio"]


def test_nothing_asked_for_is_the_plain_list(model, panel):
    plain = model.recommend(panel.users.ids, 8)
    same = model.recommend(panel.users.ids, 8, diversity=0.0, per_group=None, calibrate=None, explore=0)
    pd.testing.assert_frame_equal(plain, same)
    huge = model.recommend(panel.users.ids, 8, per_group={"studio": 8})
    pd.testing.assert_frame_equal(plain, huge)


def test_scores_are_those_of_predict_and_had_items_stay_out(model, panel):
    found = model.recommend(panel.users.ids[:50], 8, **OPTIONS["all"])
    assert (model.predict(found[["user_id", "item_id"]]) == found["score"].to_numpy()).all()
    had = set(panel.to_frame()[["user_id", "item_id"]].itertuples(index=False, name=None))
    assert not had & set(found[["user_id", "item_id"]].itertuples(index=False, name=None))
    only = [one for one in panel["films"].items.ids[:30] if one != "films:09"]
    assert set(model.recommend(panel.users.ids[:50], 3, allow=only, **OPTIONS["all"])["item_id"]) <= set(only)


def test_caps_hold_and_the_best_of_a_full_catalogue_is_found(model, panel, table):
    users = panel.users.ids[:40]
    found = joined(table, model.recommend(users, 8, per_group={"studio": 2}))
    assert found.groupby(["user_id", "studio"]).size().max() == 2
    # the greedy list by hand, over all items by their scores
    full = joined(table, model.recommend(users, 40)).sort_values(["user_id", "rank"])
    full = full[full.groupby(["user_id", "studio"]).cumcount() < 2]
    best = full[full.groupby("user_id").cumcount() < 8]
    for user in users:
        assert set(best.loc[best.user_id == user, "item_id"]) == set(
            found.loc[found.user_id == user, "item_id"]
        )


def test_caps_too_tight_make_short_lists_with_a_warning(model, panel):
    with pytest.warns(TastebridgeWarning, match="within the caps of per_group"):
        found = model.recommend(panel.users.ids[:4], 8, per_group={"studio": 1})
    assert len(found) == 20


def test_more_diversity_gives_lists_less_alike(model, panel):
    users, items = panel.users.ids, panel["films"].items
    profiles = model.model_.profiles({name: len(part) for name, part in model.items_.items()})
    found = []
    for share in (0.0, 0.3, 0.7):
        lists = model.recommend(users, 8, diversity=share)
        places = items.numbers(lists["item_id"]).reshape(len(users), 8)
        found.append(intra_list_diversity(places, profiles).mean())
    assert found[0] < found[1] < found[2]


def test_calibrated_lists_are_nearer_to_the_history(model, panel, table):
    users = panel.users_with("films")[:60]
    had = joined(table, panel.to_frame()[["user_id", "item_id"]].astype({"item_id": str}))
    wanted = had.assign(g=had["genre"].str[:2]).groupby(["user_id", "g"]).size().unstack(fill_value=0)
    wanted = wanted.div(wanted.sum(axis=1), axis=0).loc[users]

    def distance(found):
        lists = joined(table, found)
        shares = lists.assign(g=lists["genre"].str[:2]).groupby(["user_id", "g"]).size().unstack(fill_value=0)
        shares = shares.div(shares.sum(axis=1), axis=0).reindex_like(wanted).fillna(0)
        return (shares - wanted).abs().to_numpy().mean()

    plain, calibrated = model.recommend(users, 8), model.recommend(users, 8, calibrate={"genre": 0.9})
    assert distance(calibrated) < 0.7 * distance(plain)


def test_draws_differ_by_seed_and_shrink_with_the_scale(model, panel):
    users = panel.users.ids[:80]
    plain = model.recommend(users, 8)["item_id"]
    one, two = (model.recommend(users, 8, explore=1.0, random_state=seed)["item_id"] for seed in (0, 1))
    little = model.recommend(users, 8, explore=0.05)["item_id"]
    assert (one != two).mean() > 0.1
    assert (plain != little).mean() < (plain != one).mean()


def test_new_items_get_their_places(model, panel):
    new = set(OPTIONS["new"]["new_items"])
    had = panel.to_frame()
    found = model.recommend(panel.users.ids, 8, **OPTIONS["new"])
    left = 9 - had[had["item_id"].isin(new)].groupby("user_id").size().reindex(panel.users.ids, fill_value=0)
    count = found["item_id"].isin(new).groupby(found["user_id"]).sum()
    assert (count >= np.minimum(3, left)).all()
    assert found.groupby("user_id").size().eq(8).all()


def test_items_with_few_users_are_new_without_a_list_of_them(panel, table, tmp_path):
    model = tb.InterestMapper("films", n_components=8).fit(panel)
    rows = [(10_000 + at, f"films:new {at}", "films") for at in range(3)]
    rows += [(10_000 + at, "books:01", "books") for at in range(3)]
    model.update(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    counts = panel.to_frame().query("category == 'films'").groupby("item_id", observed=True).size()
    counts = pd.concat([counts, pd.Series(1, [f"films:new {at}" for at in range(3)])])
    few = set(counts.index[1 + counts <= (1 + counts.median()) / 4])
    assert len(few) >= 3
    users = panel.users.ids[:30]
    plain, found = model.recommend(users, 8), model.recommend(users, 8, min_new=2)
    assert found["item_id"].isin(few).groupby(found["user_id"]).sum().min() >= 2
    assert plain["item_id"].isin(few).groupby(plain["user_id"]).sum().min() < 2
    pd.testing.assert_frame_equal(found, model.recommend(users, 8, min_new=2, new_items=sorted(few)))
    both = tb.InterestMapper(["films", "books"], n_components=8).fit(panel)
    assert len(both.recommend(users, 8, min_new=1)) == 8 * len(users)  # none has few users: lists as they are


def test_labels_survive_an_update_a_compression_and_forgetting(panel, table, tmp_path):
    model = tb.InterestMapper("films", n_components=8).fit(panel).set_item_groups(table)
    rows = [(10_000, "books:01", "books"), (10_000, "a new film", "films")]
    model.update(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    found = joined(table, model.recommend(panel.users.ids[:20], 6, per_group={"studio": 2}))
    assert found.groupby(["user_id", "studio"]).size().max() == 2
    small = model.compress(8)
    assert small.item_groups_.equals(model.item_groups_)
    model.forget(panel.users.ids[:2], refit_items=True)
    assert len(model.item_groups_) == len(small.item_groups_)


def test_several_targets_follow_the_rules_too(panel, table, tmp_path):
    model = tb.InterestMapper(["films", "books"], n_components=8).fit(panel).set_item_groups(table)
    users = panel.users.ids[:50]
    for name, options in {**OPTIONS, "categories": {"calibrate": {"category": 0.9}}}.items():
        whole = model.recommend(users, 8, **options)
        parts = [model.recommend(users[rows], 8, **options) for rows in (slice(7), slice(7, None))]
        pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True))
        assert not whole.duplicated(["user_id", "item_id"]).any(), name
    caps = joined(table, model.recommend(users, 8, per_group={"studio": 2}))
    assert caps.groupby(["user_id", "studio"]).size().max() == 2
    new = model.recommend(users, 8, min_new=2, new_items=OPTIONS["new"]["new_items"])
    assert new["item_id"].isin(OPTIONS["new"]["new_items"]).groupby(new["user_id"]).sum().min() >= 2
    model.save(tmp_path / "model", with_users=True)
    loaded = tb.load(tmp_path / "model").recommend(users, 8, **OPTIONS["all"])
    pd.testing.assert_frame_equal(loaded, model.recommend(users, 8, **OPTIONS["all"]))
    with pytest.warns(TastebridgeWarning, match="left for them within the caps of per_group"):
        model.recommend(users[:1], 30, per_group={"studio": 1})
    with pytest.raises(InvalidParameterError, match="by='score'"):
        model.recommend(users, 8, by="category", diversity=0.3)
    one = model.mappers_["films"].recommend(users, 5, per_group={"studio": 1}, deny=["films:01"])
    assert len(one)


def test_item_neighbours_take_labels_and_refuse_vectors(panel, table):
    model = tb.ItemNeighbours("films").fit(panel).set_item_groups(table)
    found = joined(table, model.recommend(panel.users.ids[:20], 5, per_group={"studio": 1}))
    assert found.groupby(["user_id", "studio"]).size().max() == 1
    for options in ({"diversity": 0.3}, {"explore": 1.0}):
        with pytest.raises(InvalidParameterError, match="item neighbours have none"):
            model.recommend(panel.users.ids[:2], 5, **options)


def test_a_column_that_is_not_there_is_named(model, panel):
    with pytest.raises(InvalidParameterError, match=r"'genres'.*'genre'.*Did you mean 'genre'"):
        model.recommend(panel.users.ids[:2], 5, per_group={"genres": 1})
    plain = tb.Popularity("films").fit(panel)
    with pytest.raises(InvalidParameterError, match="set_item_groups"):
        plain.recommend(panel.users.ids[:2], 5, calibrate="genre")
    with pytest.raises(AttributeError):
        plain.item_groups_  # noqa: B018


def test_a_resumed_batch_with_other_rules_is_refused(model, history, tmp_path):
    history.to_parquet(tmp_path / "events.parquet", index=False)
    given = (model, tmp_path / "events.parquet", tmp_path / "out", 8)
    recommend_all(*given, diversity=0.3)
    with pytest.raises(OutputError, match="lists was"):
        recommend_all(*given, diversity=0.4)


@pytest.mark.parametrize(
    ("cells", "category", "error", "words"),
    [
        ({"brand": ["a"]}, None, InvalidDataError, "column item_id"),
        ({"item_id": ["films:01"]}, None, InvalidDataError, "column of labels"),
        ({"item_id": ["nothing"], "brand": ["a"]}, None, InvalidDataError, "describes no item"),
        ({"item_id": [7], "brand": ["a"]}, None, InvalidDataError, "describes no item"),
        ({"item_id": ["films:01"], "brand": [None]}, None, InvalidDataError, "describes no item"),
        ({"item_id": ["films:01"], "brand": ["a"]}, "filmz", UnknownCategoryError, "films"),
    ],
)
def test_tables_that_describe_nothing_are_refused(model, cells, category, error, words):
    before = model.item_groups_
    with pytest.raises(error, match=words):
        model.set_item_groups(pd.DataFrame(cells), category)
    assert model.item_groups_ is before


def test_cells_of_labels_are_read_as_they_are_meant(panel):
    model = tb.JointALS("films").fit(panel)
    table = pd.DataFrame(
        {
            "item_id": ["films:01", "films:02", "books:03", "films:04"],
            "category": ["films", "films", "books", "books"],
            "tags": [["war", "drama"], None, ["war"], ["never"]],
            "year": [1999.0, np.nan, 2001.0, 2000.0],
            "text": ["a| b||a", "", "c", "d"],
            "plot": ["x" * 500, "", "", ""],
        }
    )
    with pytest.warns(TastebridgeWarning, match="'plot'"):
        found = model.set_item_groups(table).item_groups_
    rows = set(found.itertuples(index=False, name=None))
    assert rows == {
        ("films", "films:01", "tags", "war"),
        ("films", "films:01", "tags", "drama"),
        ("films", "films:01", "year", "1999"),
        ("films", "films:01", "text", "a"),
        ("films", "films:01", "text", "b"),
        ("books", "books:03", "tags", "war"),
        ("books", "books:03", "year", "2001"),
        ("books", "books:03", "text", "c"),
    }


def test_labels_mean_the_same_in_all_categories(panel, table):
    # one genre over both categories, and another for two items: a list of unlike labels holds one of the two
    model = tb.InterestMapper(["films", "books"], n_components=8).fit(panel)
    ids = table["item_id"].tolist()
    rare = {"films:05", "books:07"}
    genres = pd.DataFrame({"item_id": ids, "genre": ["rare" if one in rare else "usual" for one in ids]})
    model.set_item_groups(genres)
    events = panel.to_frame()
    free = np.setdiff1d(panel.users.ids, events.loc[events["item_id"].isin(rare), "user_id"])[:20]
    found = model.recommend(free, 4, diversity={"genre": 0.9})
    per_user = found["item_id"].isin(rare).groupby(found["user_id"]).sum()
    assert (per_user == 1).all()


@pytest.mark.parametrize("change", ["column", "cell"])
def test_damaged_labels_of_a_saved_model_are_refused(panel, table, tmp_path, change):
    model = tb.Popularity("films").fit(panel).set_item_groups(table)
    state = model.targets_["films"]
    good = state.tables["item_groups_"]
    bad = good.rename(columns={"label": "name"}) if change == "column" else good.assign(label=1)
    model.targets_ = {"films": replace(state, tables={**state.tables, "item_groups_": bad})}
    model.save(tmp_path / "model")
    with pytest.raises(ModelFileError, match="labels of items"):
        tb.load(tmp_path / "model")


def test_new_items_of_which_none_is_known_are_a_warning(model, panel):
    users = panel.users.ids[:3]
    with pytest.warns(TastebridgeWarning, match="none of the 2 ids in new_items is an item of 'films'"):
        found = model.recommend(users, 5, min_new=2, new_items=["no film", "none either"])
    pd.testing.assert_frame_equal(found, model.recommend(users, 5))


def test_new_items_unknown_to_all_targets_are_a_warning(panel):
    fitted = tb.InterestMapper(["films", "books"], n_folds=1, n_components=8).fit(panel)
    users = panel.users.ids[:3]
    with pytest.warns(TastebridgeWarning, match="an item of 'films', 'books' that the model knows"):
        fitted.recommend(users, 5, min_new=2, new_items=["no film"])
