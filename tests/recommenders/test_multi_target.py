"""A mapper of several targets: one pass, one list, and the same answers as mappers of one target."""

import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    TastebridgeWarning,
    UnknownCategoryError,
    UnknownIdError,
)
from tastebridge.factors import EASEFactors, SVDFactors
from tastebridge.fitting import shared_fit
from tastebridge.model import list_rules
from tastebridge.recommenders.multi_target.lists import Models
from tastebridge.routes import JointRoute, NeighbourRoute, TargetRoute, TransferRoute
from tastebridge.splits import leave_last

NAMES = ["books", "films", "music"]


def small_routes():
    return [
        TransferRoute(SVDFactors(8), SVDFactors(12, filter="power")),
        NeighbourRoute(50),
        TargetRoute(SVDFactors(12)),
        JointRoute(EASEFactors(10)),
    ]


def make(**options):
    shares = {"books": 0.9, "films": 0.9, "music": 0.9}
    size = {"n_users": 400, "n_items": 40, "events_per_user": 10}
    return make_panel(**size, categories=NAMES, relatedness=shares, random_state=0, **options)[0]


def mapper(target="all", **options):
    few = {"n_folds": 1, "n_lists": 300, "n_negatives": 30}
    return tb.InterestMapper(target, routes=small_routes(), **few, **options)


@pytest.fixture(scope="module")
def fitted():
    panel = make()
    return panel, mapper(n_jobs=1).fit(panel)


def pairs_of(panel, users):
    frames = [
        pd.MultiIndex.from_product([users, panel[name].items.ids], names=["user_id", "item_id"])
        .to_frame(index=False)
        .assign(category=name)
        for name in NAMES
    ]
    return pd.concat(frames, ignore_index=True)


def test_chances_of_a_user_have_the_same_bits_beside_one_who_has_a_whole_category(fitted):
    panel, model = fitted
    usual = panel.to_frame().query("user_id < 100")
    books = panel["books"].items.ids
    whole = pd.DataFrame({"user_id": 10**6, "item_id": books, "category": "books", "weight": 1.0})
    models, fold_in = Models(model.targets_, model.joint_), model.joint_.encoder.fold_in
    for target in NAMES:
        _, alone = fold_in(usual, "skip")
        _, together = fold_in(pd.concat([usual, whole]), "skip")
        expected = models.shares(target, alone)
        np.testing.assert_array_equal(models.shares(target, together)[:-1], expected)


def not_had(panel, pairs):
    events = panel.to_frame()[["user_id", "item_id"]].assign(had=True)
    return pairs.merge(events, how="left", on=["user_id", "item_id"])["had"].isna().to_numpy()


def test_a_list_is_what_sorting_all_chances_by_hand_gives(fitted):
    panel, model = fitted
    users = panel.users.ids[[5, 1, 300]]
    pairs = pairs_of(panel, users)
    pairs["score"] = model.predict(pairs)
    pairs = pairs[not_had(panel, pairs)]
    found = model.recommend(users, n=7)
    assert found.columns.tolist() == ["user_id", "item_id", "category", "score", "rank"]
    assert found["user_id"].tolist() == np.repeat(users, 7).tolist()
    for user, rows in found.groupby("user_id", sort=False):
        mine = pairs[pairs["user_id"] == user].sort_values("score", ascending=False, kind="stable")
        assert rows["item_id"].tolist() == mine["item_id"].tolist()[:7]
        np.testing.assert_array_equal(rows["score"], mine["score"][:7])
        assert rows["rank"].tolist() == list(range(1, 8))


def test_the_chances_of_what_a_person_does_not_have_add_up_to_one(fitted):
    panel, model = fitted
    pairs = pairs_of(panel, panel.users.ids[:20])
    pairs["score"] = model.predict(pairs).astype(np.float64)
    sums = pairs[not_had(panel, pairs)].groupby("user_id")["score"].sum()
    np.testing.assert_allclose(sums, 1.0, rtol=1e-5)


@pytest.mark.bits
def test_chances_do_not_depend_on_who_stands_beside(fitted):
    panel, model = fitted
    users = panel.users.ids
    order = model.recommend(n=6).set_index("user_id")
    for some in (users[[3]], users[[7, 2]], users[5:22], users[100:391]):
        pd.testing.assert_frame_equal(
            model.recommend(some, n=6), order.loc[some].reset_index(), check_exact=True
        )
    pairs = pairs_of(panel, users[:60])
    chances = model.predict(pairs)
    for user in users[[0, 33, 59]]:
        own = (pairs["user_id"] == user).to_numpy()
        np.testing.assert_array_equal(model.predict(pairs[own]), chances[own])


def test_within_a_category_the_order_is_that_of_its_own_mapper_where_popularity_has_no_part(fitted):
    panel, model = fitted
    users = panel.users.ids[:15]
    found = model.recommend(users, n=5, by="category")
    scores_alone = [name for name in NAMES if len(model.joint_.temperatures[name]) == 2]
    assert scores_alone
    for name in scores_alone:
        alone = model.mappers_[name].recommend(users, n=5)
        ours = found[found["category"] == name]
        assert ours["item_id"].tolist() == alone["item_id"].tolist()
        assert ours["user_id"].tolist() == alone["user_id"].tolist()
        np.testing.assert_array_equal(
            model.recommend(users, n=5, categories=name)["item_id"], alone["item_id"]
        )


def test_a_persons_likeliest_categories_come_first(fitted):
    panel, model = fitted
    pairs = pairs_of(panel, panel.users.ids)
    pairs["score"] = model.predict(pairs)
    pairs = pairs[not_had(panel, pairs)]
    mass = pairs.groupby(["user_id", "category"])["score"].sum().unstack()
    expected = mass.rank(axis=1, ascending=False)
    found = model.recommend(n=2, by="category", n_categories=2)
    place = (found["rank"].to_numpy() - 1) // 2 + 1
    seen = expected.to_numpy()[
        mass.index.get_indexer(found["user_id"]), mass.columns.get_indexer(found["category"])
    ]
    np.testing.assert_array_equal(seen, place)
    assert found.groupby("user_id")["category"].nunique().eq(2).all()
    likeliest = mass.idxmax(axis=1)
    assert likeliest.nunique() == 3


def test_fresh_histories_and_saved_models_say_the_same(fitted, tmp_path):
    panel, model = fitted
    expected = model.recommend(n=4)
    pd.testing.assert_frame_equal(model.recommend_from(panel, n=4), expected)
    model.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.recommend_from(panel, n=4), expected)
    model.save(tmp_path / "model", with_users=True)
    loaded = tb.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.recommend(n=4), expected)
    pd.testing.assert_frame_equal(loaded.transfer_, model.transfer_)
    pd.testing.assert_frame_equal(loaded.interests([3]), model.interests([3]))
    item = panel["films"].items.ids[3]
    pd.testing.assert_frame_equal(loaded.explain(7, item), model.explain(7, item))
    args = {"n": 5, "category": "music"}
    pd.testing.assert_frame_equal(loaded.confidence([3, 4], **args), model.confidence([3, 4], **args))


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_threads_change_nothing_and_a_refit_forgets(fitted):
    panel, model = fitted
    again = clone(model).set_params(n_jobs=2).fit(panel)
    pd.testing.assert_frame_equal(again.recommend(n=4), model.recommend(n=4))
    pd.testing.assert_frame_equal(again.transfer_, model.transfer_)
    again.set_params(target="films", routes=[TargetRoute(SVDFactors(4))]).fit(panel)
    assert not hasattr(again, "mappers_")
    assert "category" not in again.recommend([1], n=2)
    with pytest.raises(UnknownCategoryError):
        again.recommend([1], categories="books")


def test_questions_about_one_category_are_those_of_its_mapper(fitted):
    panel, model = fitted
    one = model.mappers_["films"]
    item = panel["films"].items.ids[4]
    pd.testing.assert_frame_equal(model.explain(3, item), one.explain(3, item))
    assert model.explain(3, item)["contribution"].sum() == pytest.approx(
        float(one.predict(pd.DataFrame({"user_id": [3], "item_id": [item]}))[0]), rel=1e-5
    )
    pd.testing.assert_frame_equal(model.audience([item], 5, category="films"), one.audience([item], 5))
    vectors, items = model.user_vectors([3, 5], category="films"), model.item_vectors("films")
    assert (vectors.vectors @ items.vectors.T).shape == (2, 40)
    others = make_panel(200, 40, NAMES, random_state=9)[0].to_frame()
    held = others.assign(user_id=others["user_id"] + 10**6)
    assert model.score(held) == pytest.approx(np.mean([one.score(held) for one in model.mappers_.values()]))
    with pytest.raises(InvalidParameterError, match=r"user_vectors is about one category.*category='books'"):
        model.user_vectors([3])
    for changed in (model, one):
        with pytest.raises(InvalidDataError, match=r"Fit it again|without its ledger"):
            changed.forget([3])
    with pytest.raises(UnknownCategoryError, match="category"):
        one.explain(3, item, category="books")


def test_a_source_of_noise_is_found_out_in_the_one_pass_too():
    shares = {"books": 0.9, "films": 0.9, "noise": 0.0}
    size = {"n_users": 400, "n_items": 60, "events_per_user": 12}
    panel, _ = make_panel(**size, categories=list(shares), relatedness=shares, random_state=1)
    few = {"n_folds": 2, "n_lists": 600, "n_negatives": 40}
    model = tb.InterestMapper(["films", "books"], routes=small_routes()[:1], **few).fit(panel)
    kept = model.transfer_.set_index(["target", "source"])["kept"].to_dict()
    assert kept == {
        ("films", "books"): True,
        ("films", "noise"): False,
        ("films", "all together"): True,
        ("books", "films"): True,
        ("books", "noise"): False,
        ("books", "all together"): True,
    }


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_held_rows_reach_no_fit_of_their_target(monkeypatch):
    panel = make()
    held, first = _folds(monkeypatch, panel)
    matrix = panel["films"].matrix.tolil(copy=True)
    for person in held["films"][0].people:
        matrix.rows[person] = sorted(
            np.random.default_rng(person).choice(40, len(matrix.rows[person]), replace=False)
        )
    changed = tb.data.Interactions("films", panel.users, panel["films"].items, matrix.tocsr())
    shuffled = tb.Panel(panel.users, {**panel.interactions, "films": changed}, panel.cleaning)
    again_held, again = _folds(monkeypatch, shuffled)
    assert (held["films"][0].hidden != again_held["films"][0].hidden).nnz > 100
    cold = ("films", "cold")
    np.testing.assert_array_equal(first[cold].held.people, again[cold].held.people)
    for one, two in zip(first[cold].vectors, again[cold].vectors, strict=True):
        np.testing.assert_array_equal(one, two)
    for name in first[cold].items:
        difference = first[cold].items[name] - again[cold].items[name]
        assert abs(difference).max() == 0


def _folds(monkeypatch, panel):
    """What one fold hides, and the folds by target and kind of people."""
    found, hidden = {}, []
    build, deal = shared_fit.folds_of, shared_fit.held_for_all

    def spy(shop, *args):
        folds = build(shop, *args)
        found.update({(shop.target, fold.held.segment): fold for fold in folds})
        return folds

    def keep(*args):
        hidden.extend(deal(*args))
        return hidden

    with monkeypatch.context() as patch:
        patch.setattr(shared_fit, "folds_of", spy)
        patch.setattr(shared_fit, "held_for_all", keep)
        mapper(["films", "books"], n_jobs=1).fit(panel)
    return hidden[0], found


def test_filters_name_items_of_any_category(fitted):
    panel, model = fitted
    films, books = panel["films"].items.ids[:8], panel["books"].items.ids[:8]
    only = model.recommend([1, 2], n=3, allow=[*films, *books])
    assert set(only["item_id"]) <= {*films, *books}
    rows = pd.DataFrame({"user_id": [1, 1], "item_id": only["item_id"].tolist()[:2]})
    left = model.recommend([1, 2], n=3, deny=rows)
    assert not set(rows["item_id"]) & set(left.loc[left["user_id"] == 1, "item_id"])
    with pytest.raises(UnknownIdError, match="'nix' not among the items of 'books', 'films', 'music'"):
        model.recommend([1], allow=["nix"])
    with pytest.warns(TastebridgeWarning, match="1 of 1 users get fewer than 10"):
        assert model.recommend_from(panel[[1]], allow=[films[0], "nix"]).shape[0] <= 1


@pytest.mark.filterwarnings("ignore:no source helps")
def test_an_item_of_two_categories_is_asked_for_by_category():
    frame = make().to_frame()
    frame["item_id"] = frame["item_id"].str[-2:].astype(int)
    panel = tb.Panel.from_frame(frame)
    model = tb.InterestMapper(["films", "books"], routes=small_routes()[:1], n_folds=1, n_lists=300).fit(
        panel
    )
    pairs = pd.DataFrame({"user_id": [1, 1], "item_id": [3, 3], "category": ["books", "films"]})
    one, two = model.predict(pairs)
    assert one != two
    with pytest.raises(InvalidDataError, match="item_id 3 is an item of 'films' and 'books'"):
        model.predict(pairs[["user_id", "item_id"]])
    with pytest.raises(InvalidDataError, match="is an item of"):
        model.explain(1, 3)
    assert len(model.explain(1, 3, category="books"))


def test_unknown_people_and_items_are_refused_or_nan(fitted):
    _, model = fitted
    pairs = pd.DataFrame({"user_id": [1, 9999, 1], "item_id": ["films:03", "films:03", "films:99"]})
    assert np.isnan(model.predict(pairs, missing="nan")).tolist() == [False, True, True]
    with pytest.raises(UnknownIdError):
        model.predict(pairs)
    with pytest.raises(UnknownIdError):
        model.recommend([9999])
    unknown = model.recommend([9999], n=3, missing="popular")
    assert unknown["user_id"].tolist() == [9999] * 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "taste"}, "by must be"),
        ({"n_categories": 2}, "by='category'"),
        ({"n": 0}, "n must be"),
        ({"categories": []}, "categories must name"),
    ],
)
def test_orders_that_make_no_list_are_refused(fitted, options, message):
    with pytest.raises(InvalidParameterError, match=message):
        fitted[1].recommend([1], **options)


def test_targets_that_cannot_be_used_are_refused():
    panel = make()
    with pytest.raises(UnknownCategoryError, match="films"):
        mapper(["film"]).fit(panel)
    for target in ([], ["films", "films"]):
        with pytest.raises(InvalidParameterError, match="target must be"):
            mapper(target).fit(panel)
    with pytest.raises(UnknownCategoryError):
        tb.InterestMapper("all things").fit(panel)


@pytest.mark.filterwarnings("ignore:no source helps")
def test_chances_of_small_catalogues_are_no_less_likely_than_those_of_popularity():
    """Of rows hidden from the fit, also where the scores of a blend tell little."""
    for seed, (size, events, kinship) in enumerate([(300, 4, 0.0), (600, 8, 0.0), (600, 8, 0.8)]):
        panel, _ = make_panel(size, 30, NAMES, relatedness=kinship, events_per_user=events, random_state=1)
        split = leave_last(panel, "films", random_state=seed)
        model = mapper().fit(split.train)
        part, truth = split.train["films"], split.truth
        pairs = pairs_of(split.train, split.user_ids)
        pairs = pairs[pairs["category"] == "films"]
        P = model.predict(pairs).astype(np.float64).reshape(len(split.user_ids), -1)
        had = part.matrix[part.users.numbers(split.user_ids)].toarray() > 0
        popular = np.bincount(part.matrix.indices, minlength=part.matrix.shape[1]) + 0.5
        at = np.searchsorted(split.user_ids, truth["user_id"]), part.items.numbers(truth["item_id"])
        log_likelihood = []
        for chances in (P, np.tile(popular, (len(P), 1))):
            chances = np.where(had, 0.0, chances)
            log_likelihood.append(np.log((chances / chances.sum(axis=1, keepdims=True))[at]))
        gain = log_likelihood[0] - log_likelihood[1]
        assert gain.mean() > -0.02 - 2 * gain.std() / np.sqrt(len(gain)), (size, kinship)
        assert gain.min() > -8.0  # no item is as good as impossible


@pytest.mark.filterwarnings("ignore:1 of 1 users get fewer")
def test_chances_add_up_to_one_for_users_who_have_all_of_a_category(fitted):
    panel, model = fitted
    events = panel.to_frame()
    own = events[events["user_id"] == 3]
    for names in (["books"], ["books", "music"]):
        rows = [events[events["category"] == name].drop_duplicates("item_id") for name in names]
        history = pd.concat([own, *rows]).assign(user_id=7).drop_duplicates(["category", "item_id"])
        found = model.recommend_from(history, n=200)
        assert not set(found["category"]) & set(names)
        assert found["score"].sum() == pytest.approx(1.0, abs=1e-4)
    everything = events.drop_duplicates(["category", "item_id"]).assign(user_id=7)
    with pytest.warns(TastebridgeWarning, match="no more items are left"):
        assert model.recommend_from(everything, n=3).empty


def test_what_is_predicted_for_some_users_is_what_is_predicted_for_all(fitted):
    panel, model = fitted
    pairs = pairs_of(panel, panel.users.ids[:90])
    whole = model.predict(pairs)
    assert np.isfinite(whole).all()
    for some in ([5], [0, 17, 44, 89], range(33)):
        rows = pairs["user_id"].isin(panel.users.ids[list(some)]).to_numpy()
        np.testing.assert_array_equal(model.predict(pairs[rows]), whole[rows])


def test_filters_are_taken_in_any_form_and_read_once(fitted):
    panel, several = fitted
    users, some = panel.users.ids[:4], [*panel["books"].items.ids[:6], *panel["music"].items.ids[:6]]
    expected = several.recommend(users, n=4, allow=some)
    assert set(expected["category"]) == {"books", "music"}
    for given in (iter(some), set(some), dict.fromkeys(some), pd.Series(some)):
        pd.testing.assert_frame_equal(several.recommend(users, n=4, allow=given), expected)
    best = several.recommend(users, n=1)["item_id"].tolist()
    denied = several.recommend(users, n=3, deny=iter(best))
    assert not set(denied["item_id"]) & set(best)
    rules = {"min_new": 2, "new_items": iter(some[-4:])}
    found = several.recommend(users, n=4, **rules)
    assert (found["item_id"].isin(some[-4:]).groupby(found["user_id"]).sum() >= 2).all()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m, u: m.recommend(u, n=1, allow="films:01"), "allow must be a list or column of ids"),
        (lambda m, u: m.recommend(u, n=1, deny=3, missing="popular"), "deny must be a list"),
        (lambda m, u: m.recommend(u, n=1, allow=[["films:01"]]), "one flat list"),
        (lambda m, u: m.recommend(u, n=1, allow=np.array([["films:01"]])), r"shape \(1, 1\)"),
        (lambda m, u: m.recommend(u, n=1, min_new=1, new_items="films:01"), "new_items must be a list"),
        (lambda m, u: m.predict([(u[0], "films:01")]), "pairs must be a data frame"),
    ],
)
def test_what_is_no_list_of_items_is_refused_as_with_one_target(fitted, call, said):
    panel, several = fitted
    with pytest.raises(InvalidDataError, match=said):
        call(several, panel.users.ids[:2])


def test_no_items_and_no_pairs_are_an_empty_answer(fitted):
    panel, several = fitted
    nothing = pd.DataFrame({"user_id": np.zeros(0, int), "item_id": np.zeros(0, object)})
    assert several.predict(nothing).shape == (0,)
    with pytest.warns(TastebridgeWarning, match="fewer than"):
        assert several.recommend(panel.users.ids[:2], n=1, allow=nothing).empty
    denied = several.recommend(panel.users.ids[:2], n=1, deny=nothing)
    pd.testing.assert_frame_equal(denied, several.recommend(panel.users.ids[:2], n=1))


def test_new_items_of_one_label_do_not_crowd_out_those_that_the_caps_allow(fitted, monkeypatch):
    panel, model = fitted
    # all items are among the best 200 of a catalogue as small as this, and need no search of their own
    monkeypatch.setattr(list_rules, "POOL", 10)
    users = panel.users.ids[:40]
    pairs = pairs_of(panel, users)[lambda rows: rows["category"] == "books"]
    mean = pd.Series(model.predict(pairs), pairs["item_id"]).groupby(level=0).mean().sort_values()
    new, table = mean.index[:20], pd.DataFrame({"item_id": mean.index})
    # the best of the new items have one brand, the others three
    table["brand"] = [
        *(f"rare {at % 3}" for at in range(10)),
        *["new"] * 10,
        *(f"old {at}" for at in range(20)),
    ]
    model = copy.copy(model).set_item_groups(table)
    found = model.recommend(
        users, 5, categories="books", per_group={"brand": 1}, min_new=3, new_items=new.tolist()
    )
    n_new = found["item_id"].isin(new).groupby(found["user_id"]).sum()
    own = panel.to_frame().query("category == 'books'")
    for user, count in n_new.items():
        left = table[
            table["item_id"].isin(new) & ~table["item_id"].isin(own.loc[own["user_id"] == user, "item_id"])
        ]
        assert count >= min(3, left["brand"].nunique())
