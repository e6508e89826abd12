"""Models trained elsewhere in a fit of several targets: sources of the others, and spaces of targets."""

import warnings

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.batch import recommend_all
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    TastebridgeWarning,
    UnknownCategoryError,
)
from tastebridge.factors import ALSFactors, PretrainedFactors
from tastebridge.persist.fingerprint import fingerprint
from tastebridge.routes import RouteKind

SEVERAL = ["books", "films", "music"]
PANEL, _ = make_panel(600, 60, SEVERAL, relatedness=0.95, overlap=0.6, popularity=0.5, random_state=0)


def given(category, k=6, panel=PANEL, **settings):
    """A model of a category, its vectors in another order than the panel's, and with one item more."""
    Y = ALSFactors(k).fit(panel[category].matrix).item_factors_
    order = np.random.default_rng(k).permutation(len(Y))
    ids = [*panel[category].items.ids[order].tolist(), f"{category}:zz"]
    Y = np.vstack([Y[order], np.full((1, k), 0.01)]).astype(np.float32)
    return PretrainedFactors(ids, Y, 0.1, 5.0, **settings)


BOOKS, FILMS, MUSIC = given("books", 5), given("films", 6), given("music", 7)
SPACES = {"films": FILMS, "music": MUSIC}


@pytest.fixture(scope="module")
def mapper():
    """Books have a model as a source, films one as a source and as a space, music a space alone."""
    models = {"books": BOOKS, "films": FILMS}
    return tb.InterestMapper(SEVERAL, source_models=models, target_model=SPACES, n_folds=2).fit(PANEL)


def starts(mapper, target, source):
    """The first parts of the names of the maps from a source to a target."""
    routes = (r for r in mapper.model_[target].routes if r.sources == (source,))
    return {route.name.split(" → ")[1] for route in routes if route.kind is RouteKind.MAPPED}


def test_a_source_model_is_the_start_of_the_maps_to_every_other_target(mapper):
    for target, source, k in (("films", "books", 5), ("music", "books", 5), ("books", "films", 6)):
        assert starts(mapper, target, source) == {f"Pretrained {k}"}
    for target in ("books", "films"):
        own = starts(mapper, target, "music")
        assert own
        assert not any("Pretrained" in name for name in own)


def test_a_target_without_a_model_keeps_all_its_routes(mapper):
    kinds = {route.kind for route in mapper.model_["books"].routes}
    assert {RouteKind.JOINT, RouteKind.MAPPED, RouteKind.POPULARITY, RouteKind.WITHIN} <= kinds
    assert mapper.model_["books"].levels
    for target, k in (("films", 6), ("music", 7)):
        assert not mapper.model_[target].levels
        assert mapper.item_vectors(category=target).vectors.shape == (61, k)
        assert {route.kind for route in mapper.model_[target].routes} <= {
            RouteKind.POPULARITY, RouteKind.MAPPED, RouteKind.WITHIN
        }  # fmt: skip


@pytest.mark.parametrize(("target", "index"), SPACES.items(), ids=SPACES)
def test_the_index_of_each_shop_gives_the_scores_by_brute_force(mapper, target, index):
    users = np.concatenate([PANEL.users_without(target)[:30], PANEL.users_with(target)[:30]])
    vectors = mapper.user_vectors(users, category=target).vectors
    scores = vectors @ index.factors.T  # all items of the shop, in its own order
    rows = PANEL[target].matrix[PANEL.users.numbers(users)]
    single = mapper.mappers_[target].recommend(users, n=8, twins="keep").groupby("user_id", sort=False)
    mixed = mapper.recommend(users, n=8, categories=target, twins="keep").groupby("user_id", sort=False)
    for at, user in enumerate(users.tolist()):
        had = set(PANEL[target].items.ids[rows[at].indices].tolist())
        ranked = [index.items[place] for place in np.argsort(-scores[at]) if index.items[place] not in had]
        found = single.get_group(user)
        assert found["item_id"].tolist() == ranked[:8]
        assert mixed.get_group(user)["item_id"].tolist() == ranked[:8]
        expected = [scores[at][index.items.index(item)] for item in ranked[:8]]
        np.testing.assert_allclose(found["score"], expected, rtol=1e-4, atol=1e-5)
    later = mapper.user_vectors_from(PANEL[:20], category=target)
    np.testing.assert_array_equal(later.vectors, mapper.user_vectors(later.ids, category=target).vectors)


def test_probabilities_of_all_targets_add_up_and_rank_as_the_index_does(mapper):
    users = PANEL.users.ids[:15]
    with pytest.warns(TastebridgeWarning, match="no more items are left for them"):
        whole = mapper.recommend(users, n=190, twins="keep")
    np.testing.assert_allclose(whole.groupby("user_id")["score"].sum(), 1.0, atol=1e-4)
    scores = mapper.user_vectors(users, category="music").vectors @ MUSIC.factors.T
    for at, user in enumerate(users.tolist()):
        own = whole[(whole["user_id"] == user) & (whole["category"] == "music")]["item_id"].tolist()
        left = [MUSIC.items[place] for place in np.argsort(-scores[at]) if MUSIC.items[place] in set(own)]
        assert own == left


def test_contributions_sum_to_the_inner_product_with_the_index(mapper):
    user = PANEL.users_without("music")[0]
    score = mapper.user_vectors([user], category="music").vectors[0] @ MUSIC.factors[3]
    parts = mapper.explain(user, MUSIC.items[3], category="music")
    assert parts["contribution"].sum() == pytest.approx(score, abs=1e-5)
    assert {"books", "films"} & set(parts["source_category"])


@pytest.mark.bits
def test_a_users_vector_has_the_same_bits_in_any_batch(mapper):
    for target in SEVERAL:
        whole = mapper.user_vectors(category=target).vectors
        for user in (0, 7, 123):
            one = mapper.user_vectors(PANEL.users.ids[[user]], category=target).vectors
            np.testing.assert_array_equal(one[0], whole[user])


def test_saved_and_loaded_it_answers_alike_and_holds_no_arrays_of_its_parameters(mapper, tmp_path):
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    assert loaded.recommend_from(PANEL[:50]).equals(mapper.recommend_from(PANEL[:50]))
    assert fingerprint(loaded) == fingerprint(mapper)
    assert sorted(loaded.target_model) == ["films", "music"]
    assert loaded.target_model["music"].factors is None
    np.testing.assert_array_equal(
        loaded.item_vectors(category="music").vectors, mapper.item_vectors(category="music").vectors
    )
    with pytest.raises(InvalidParameterError, match="give them again for another fit"):
        loaded.fit(PANEL)


def test_batches_give_the_same_lists(mapper, tmp_path):
    PANEL.to_frame().to_parquet(tmp_path / "events.parquet")
    music = mapper.mappers_["music"]
    recommend_all(music, tmp_path / "events.parquet", tmp_path / "out.parquet", n=5)
    order = ["user_id", "rank"]
    found = pd.read_parquet(tmp_path / "out.parquet").sort_values(order, ignore_index=True)
    expected = music.recommend(n=5).sort_values(order, ignore_index=True)
    assert found["item_id"].tolist() == expected["item_id"].tolist()


def test_the_mapper_of_one_target_has_its_own_models_and_can_be_fitted_again(mapper):
    parts = mapper.mappers_
    assert parts["films"].target_model is not None
    assert parts["films"].target_model.n_components == 6
    assert sorted(parts["films"].source_models) == ["books"]
    assert sorted(parts["music"].source_models) == ["books", "films"]
    assert parts["books"].target_model is None
    parts["music"].fit(PANEL).item_vectors()


def test_updates_and_forgetting_are_refused_with_the_reason(mapper):
    for one in (mapper, mapper.mappers_["music"]):
        with pytest.raises(InvalidDataError, match="can neither be updated nor forget users"):
            one.update(PANEL[:5])
        with pytest.raises(InvalidDataError, match="can neither be updated nor forget users"):
            one.forget(PANEL.users.ids[:2])


def test_vectors_of_users_are_mapped_into_the_space_of_the_target_named(mapper):
    assert mapper.map_vectors(np.ones((2, 5)), "books", category="music").shape == (2, 7)
    assert mapper.map_vectors(np.ones((2, 6)), "films", category="music").shape == (2, 7)
    with pytest.raises(InvalidParameterError, match="no route starts at a model given for 'music'"):
        mapper.map_vectors(np.ones((2, 7)), "music", category="films")
    with pytest.raises(InvalidParameterError, match="Name one: category="):
        mapper.map_vectors(np.ones((2, 5)), "books")


def test_only_targets_without_a_space_are_compressed(mapper):
    with pytest.raises(InvalidParameterError, match="would change the space"):
        mapper.compress(4)
    assert mapper.mappers_["books"].compress(8).item_vectors().vectors.shape[1] == 8


def test_a_list_of_one_target_takes_one_model():
    one = tb.InterestMapper(["music"], target_model=MUSIC, n_folds=2).fit(PANEL)
    assert one.item_vectors().vectors.shape == (61, 7)
    same = tb.InterestMapper("music", target_model={"music": MUSIC}, n_folds=2).fit(PANEL)
    assert same.item_vectors().vectors.shape == (61, 7)


def test_recent_popularity_joins_targets_without_a_space_alone():
    """Items of books and of music come into fashion one after the other."""
    rng = np.random.default_rng(0)
    rows = []
    for user in range(400):
        for category in ("books", "music"):
            day = rng.integers(0, 400)
            items = np.unique((day // 20 + rng.integers(0, 8, 6)) % 28)
            rows += [(user, f"{category}:{item:02d}", category, int(day) * 86_400) for item in items]
    panel = tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category", "timestamp"]))
    mapper = tb.InterestMapper("all", target_model={"music": given("music", 6, panel)}, n_folds=2)
    with warnings.catch_warnings():  # of sources that do not help
        warnings.simplefilter("ignore", TastebridgeWarning)
        mapper.fit(panel)
    recent = {
        name: [r for r in m.routes if r.kind is RouteKind.RECENT_POPULARITY]
        for name, m in mapper.model_.items()
    }
    assert recent["books"]
    assert not recent["music"]


def shared():
    """A panel in which books and films share ten items, with the same users."""
    frame = PANEL.to_frame()
    books = frame[frame["category"] == "books"]
    both = books[books["item_id"].isin(books["item_id"].unique()[:10])].assign(category="films")
    policy = tb.CleaningPolicy(several_categories="keep")
    return tb.Panel.from_frame(pd.concat([frame, both]), policy=policy)


def test_an_item_of_a_target_model_stays_in_its_target():
    panel = shared()
    films = given("films", 6, panel)
    mapper = tb.InterestMapper(["books", "films"], target_model={"films": films}, n_folds=2)
    with pytest.warns(TastebridgeWarning, match="items are in several categories"):
        mapper.fit(panel)
    both = set(mapper.targets_["books"].items.ids) & set(mapper.targets_["films"].items.ids)
    assert not both
    assert set(mapper.targets_["films"].items.ids) == set(films.items)
    with pytest.raises(
        InvalidDataError, match="has vectors of 10 items that are items of another target too"
    ):
        tb.InterestMapper(
            ["books", "films"], target_model={"films": films, "books": given("books", 5, panel)}
        ).fit(panel)


@pytest.mark.parametrize(
    ("parameters", "error", "told"),
    [
        ({"target_model": FILMS}, InvalidParameterError, "as there are 3 targets; got one model"),
        ({"target_model": 3}, InvalidParameterError, "target_model must be a Pretrained"),
        (
            {"target_model": {"films": "films.parquet"}},
            InvalidParameterError,
            r"target_model\['films'\] must be",
        ),
        ({"target_model": {"film": FILMS}}, UnknownCategoryError, "Did you mean 'films'"),
        (
            {"target_model": {"films": BOOKS}},
            InvalidDataError,
            r"target_model\['films'\] has no vector for any",
        ),
        ({"source_models": {"book": BOOKS}}, UnknownCategoryError, "Did you mean 'books'"),
        ({"source_models": {"books": FILMS}}, InvalidDataError, "no vector for any item of 'books'"),
        (
            {"target": ["books", "films"], "sources": ["music"], "source_models": {"books": BOOKS}},
            InvalidParameterError,
            "'books', which is a source of no target.*it is target_model={'books'",
        ),
        (
            {"target": ["books", "films"], "target_model": {"music": MUSIC}},
            UnknownCategoryError,
            "target_model='music' is not a category here; there are 'books', 'films'",
        ),
        ({"target_model": SPACES, "routes": []}, InvalidParameterError, "Leave one of them None"),
        ({"target_model": SPACES, "bridge": "items"}, InvalidParameterError, "bridge='users'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_models_that_cannot_be_used_are_refused_before_the_fit(parameters, error, told):
    with pytest.raises(error, match=told):
        tb.InterestMapper(**{"target": "all", **parameters}).fit(PANEL)


def test_a_source_model_that_no_target_reads_is_refused_for_a_single_target_too():
    with pytest.raises(InvalidParameterError, match="'music', which is a source of no target"):
        tb.InterestMapper("films", sources=["books"], source_models={"music": MUSIC}).fit(PANEL)


def test_warnings_name_the_model_and_its_target():
    few = PretrainedFactors(FILMS.items[:50], FILMS.factors[:50], 0.1, 5.0)
    users = np.eye(len(PANEL), 6)
    strange = given("music", 6, users=PANEL.users.ids, user_factors=users)
    mapper = tb.InterestMapper(["films", "music"], target_model={"films": few, "music": strange}, n_folds=1)
    with pytest.warns(TastebridgeWarning) as told:
        mapper.fit(PANEL)
    words = " ".join(str(one.message) for one in told)
    assert "target_model['films'] has no vector for the items of" in words
    assert "the users of target_model['music'] are folded in to vectors unlike those given" in words
    assert set(mapper.recommend(n=2, categories="films")["item_id"]) <= set(few.items)
