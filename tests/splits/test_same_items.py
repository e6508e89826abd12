"""An item in several categories is one item: to hide, to learn from, to judge and to leave out."""

import warnings

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge import splits
from tastebridge.data.same_items import same_pairs, with_one_target_each, without_same_items
from tastebridge.exceptions import DataWarning, InvalidDataError, TastebridgeWarning

KINDS = ("Comedy", "Drama", "War")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Return the panel of a log and a table of films of one or two genres, all of which count."""
    folder, rng = tmp_path_factory.mktemp("films"), np.random.default_rng(0)
    rows = [(user, item) for user in range(80) for item in rng.choice(60, 9, replace=False)]
    pd.DataFrame(rows, columns=["user_id", "item_id"]).to_csv(folder / "log.csv", index=False)
    genres = {i: "|".join(KINDS[(i + step) % 3] for step in range(1 + i % 2)) for i in range(60)}
    pd.DataFrame(genres.items(), columns=["item_id", "genres"]).to_csv(folder / "films.csv", index=False)
    return tb.read_panel(folder / "log.csv", items=folder / "films.csv", categories="all")


def pairs(frame):
    return set(zip(frame["user_id"], frame["item_id"], strict=True))


@pytest.mark.parametrize("hide", [splits.cold_users, splits.leave_last])
def test_nothing_hidden_stands_in_another_category(films, hide):
    timed = films.to_frame().assign(timestamp=lambda frame: 1_500_000_000 + frame["item_id"] * 60)
    keep = tb.CleaningPolicy(several_categories="keep")
    panel = tb.Panel.from_frame(timed, policy=keep)
    split = hide(panel, "Drama")
    hidden, rows = pairs(split.truth), pairs(panel.to_frame().query("category != 'Drama'"))
    assert hidden & rows, "some of the hidden films have a second genre"
    assert not hidden & pairs(split.train.to_frame())
    others = {name: panel[name].matrix.nnz - split.train[name].matrix.nnz for name in ("Comedy", "War")}
    assert sum(others.values()) == len(hidden & rows)


def test_users_get_no_film_they_had_under_another_genre(films):
    split = splits.cold_users(films, "Drama", 0.3, 0)
    model = tb.Popularity("Drama").fit(split.train)
    history = split.train.to_frame().query("user_id in @split.user_ids")
    assert not pairs(model.recommend_from(history, n=10)) & pairs(history)


def test_a_source_has_no_item_of_the_target_in_a_fit(films):
    left = without_same_items(films, "Drama")
    drama = set(films["Drama"].items.ids.tolist())
    for name in ("Comedy", "War"):
        had = set(films[name].items.ids.tolist())
        assert had & drama
        assert set(left[name].items.ids.tolist()) == had - drama
        frame = films.to_frame().query("category == @name and item_id not in @drama")
        assert left[name].matrix.nnz == len(frame)
    assert left["Drama"].matrix.nnz == films["Drama"].matrix.nnz


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_lists_from_a_fresh_history_are_those_of_the_fit(films):
    mapper = tb.InterestMapper("Drama", random_state=0).fit(films)
    users = films.users.ids[:20]
    known = mapper.recommend(users, n=5)
    fresh = mapper.recommend_from(films.to_frame().query("user_id in @users"), n=5)
    pd.testing.assert_frame_equal(known, fresh)
    assert not pairs(known) & pairs(films.to_frame())


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_a_category_inside_the_target_is_no_source_and_it_is_said(films):
    frame = films.to_frame()
    inside = frame.query("category == 'Drama' and item_id % 4 == 1").assign(category="Noir")
    keep = tb.CleaningPolicy(several_categories="keep")
    panel = tb.Panel.from_frame(pd.concat([frame, inside]), policy=keep)
    left = without_same_items(panel, "Drama")
    assert left["Noir"].matrix.nnz == 0
    with pytest.warns(TastebridgeWarning, match="items of .Noir. are"):
        mapper = tb.InterestMapper("Drama", random_state=0).fit(panel)
    assert len(mapper.recommend(panel.users.ids[:2], n=2)) == 4


def test_ids_that_coincide_by_chance_stay():
    rng = np.random.default_rng(0)
    rows = [(u, int(i), c) for u in range(60) for c in ("a", "b") for i in rng.choice(40, 8, replace=False)]
    panel = tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    assert same_pairs(panel.interactions, "a") == {}
    assert splits.cold_users(panel, "a").train["b"].matrix.nnz == panel["b"].matrix.nnz


def test_of_several_targets_an_item_is_in_one(films):
    left, moved = with_one_target_each(films, ["War", "Drama", "Comedy"])
    items = [set(left[name].items.ids.tolist()) for name in KINDS]
    every = set().union(*(films[name].items.ids.tolist() for name in KINDS))
    assert set().union(*items) == every
    assert sum(map(len, items)) == len(every)
    assert moved == sum(len(films[name].items) for name in KINDS) - len(every)
    again, _ = with_one_target_each(films, KINDS)
    assert all(again[name].items.ids.tolist() == left[name].items.ids.tolist() for name in KINDS)
    smallest = min(KINDS, key=lambda name: (len(films[name].items), name))
    assert left[smallest].items.ids.tolist() == films[smallest].items.ids.tolist()


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_lists_of_several_targets_have_no_item_twice_and_none_the_user_has(films):
    with pytest.warns(DataWarning, match="items are in several categories"):
        mapper = tb.InterestMapper(["Drama", "War"], n_lists=60, n_negatives=10, random_state=0).fit(films)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        lists = mapper.recommend(n=8)
        fresh = mapper.recommend_from(films.to_frame(), n=8)
    for found in (lists, fresh):
        assert not found.duplicated(["user_id", "item_id"]).any()
        assert not pairs(found) & pairs(films.to_frame())
    drama, war = (set(mapper.items_[name].ids.tolist()) for name in ("Drama", "War"))
    assert not drama & war
    assert not set(mapper.items_["Comedy"].ids.tolist()) & (drama | war)


def test_a_target_inside_other_targets_is_refused(films):
    frame = films.to_frame()
    inside = frame.query("category == 'Drama'").assign(category="Art")
    keep = tb.CleaningPolicy(several_categories="keep")
    panel = tb.Panel.from_frame(pd.concat([frame, inside]), policy=keep)
    with pytest.raises(InvalidDataError, match="all items of 'Drama' are items of other targets"):
        tb.InterestMapper(["Drama", "Art"]).fit(panel)
