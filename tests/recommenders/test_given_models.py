"""Mappers that are given models trained elsewhere: the start of their maps, and the space they end in."""

import json
import warnings

import numpy as np
import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    ModelFileError,
    NoLinkedUsersError,
    TastebridgeWarning,
    UnknownCategoryError,
)
from tastebridge.factors import ALSFactors, PretrainedFactors
from tastebridge.persist.fingerprint import fingerprint
from tastebridge.routes import RouteKind, TransferRoute

PANEL, _ = make_panel(n_users=500, n_items=60, random_state=0)
READERS = PANEL.users_without("films")


def given(category, users=None, k=8, shift=0):
    """A model of a category, its vectors in another order than the panel's, and with one item more."""
    model = ALSFactors(k, random_state=shift).fit(PANEL[category].matrix)
    order = np.random.default_rng(shift).permutation(len(model.item_factors_))
    ids = [*PANEL[category].items.ids[order].tolist(), f"{category}:zz"]
    Y = np.vstack([model.item_factors_[order], np.full((1, k), 0.01)]).astype(np.float32)
    more = {} if users is None else {"users": PANEL.users.ids, "user_factors": users}
    return PretrainedFactors(ids, Y, 0.1, 5.0, **more)


BOOKS, FILMS = given("books"), given("films")


@pytest.fixture(scope="module")
def from_source():
    return tb.InterestMapper("films", source_models={"books": BOOKS}).fit(PANEL)


@pytest.fixture(scope="module")
def into_space():
    return tb.InterestMapper("films", source_models={"books": BOOKS}, target_model=FILMS).fit(PANEL)


@pytest.fixture(scope="module")
def space_alone():
    return tb.InterestMapper("films", target_model=FILMS).fit(PANEL)


def test_maps_start_at_the_given_vectors_and_nothing_else_is_lost(from_source):
    mapped = [route for route in from_source.model_.routes if route.kind is RouteKind.MAPPED]
    assert mapped
    names = from_source.routes_["route"].tolist()
    own = [name for name in names if name.startswith("books →") and "neighbours" not in name]
    assert len(own) >= 2
    assert all("Pretrained 8" in name for name in own)
    assert any("neighbours" in name for name in names)
    assert any("joint" in name for name in names)
    assert from_source.transfer_["verdict"].tolist() == ["helps"]


def test_vectors_in_another_order_give_the_same_mapper(from_source):
    order = np.argsort(np.asarray(BOOKS.items, dtype=object))
    sorted_model = PretrainedFactors(np.asarray(BOOKS.items, object)[order], BOOKS.factors[order], 0.1, 5.0)
    other = tb.InterestMapper("films", source_models={"books": sorted_model}).fit(PANEL)
    assert other.recommend(READERS).equals(from_source.recommend(READERS))


@pytest.mark.parametrize("name", ["into_space", "space_alone"])
def test_item_vectors_are_the_given_ones_exactly(name, request):
    mapper = request.getfixturevalue(name)
    ids, vectors = mapper.item_vectors()
    index = dict(zip(FILMS.items, FILMS.factors, strict=True))
    assert sorted(index) == ids.tolist()
    np.testing.assert_array_equal(vectors, np.stack([index[one] for one in ids]))


@pytest.mark.parametrize("name", ["into_space", "space_alone"])
def test_a_shops_own_index_ranks_as_recommend_does(name, request):
    mapper = request.getfixturevalue(name)
    users = np.concatenate([READERS[:40], PANEL.users_with("films")[:40]])
    found = mapper.user_vectors(users)
    scores = found.vectors @ FILMS.factors.T  # the index of the shop, in its own order
    lists = mapper.recommend(users, n=5, twins="keep")
    had = {user: set() for user in users.tolist()}
    rows = PANEL["films"].matrix[PANEL.users.numbers(users)]
    for at, user in enumerate(users.tolist()):
        had[user] = set(PANEL["films"].items.ids[rows[at].indices].tolist())
    at = {user: place for place, user in enumerate(found.ids.tolist())}
    for user, part in lists.groupby("user_id", sort=False):
        own = scores[at[user]]
        ranked = [FILMS.items[place] for place in np.argsort(-own, kind="stable")]
        assert part["item_id"].tolist() == [one for one in ranked if one not in had[user]][:5]
        order = {one: place for place, one in enumerate(FILMS.items)}
        expected = [own[order[one]] for one in part["item_id"]]
        np.testing.assert_allclose(part["score"], expected, rtol=1e-5, atol=1e-5)


def test_all_routes_end_in_the_space_and_no_component_is_added(into_space):
    model = into_space.model_
    assert len(model.spaces) == 1
    assert not model.levels
    assert model.item_vectors().shape == (61, 8)
    kinds = {route.kind for route in model.routes}
    assert kinds == {RouteKind.POPULARITY, RouteKind.MAPPED, RouteKind.WITHIN}


def test_it_is_judged_out_of_fold_and_helps(into_space, space_alone):
    for mapper in (into_space, space_alone):
        assert mapper.transfer_["verdict"].tolist() == ["helps"]
        assert {"cold", "warm"} <= set(mapper.evidence_)


def test_users_without_a_history_get_what_the_space_tells_of_popularity(into_space):
    counts = PANEL["films"].matrix.getnnz(axis=0)
    nobody = PANEL[:1].to_frame()[:1].assign(user_id=-1, item_id="books:unknown", category="books")
    with pytest.warns(TastebridgeWarning):
        top = into_space.recommend_from(nobody, n=10)["item_id"]
    taken = counts[PANEL["films"].items.numbers(top[top != "films:zz"].to_numpy())]
    assert taken.mean() > counts.mean()


@pytest.mark.bits
@pytest.mark.parametrize("name", ["from_source", "into_space"])
def test_a_users_vector_has_the_same_bits_in_any_batch(name, request):
    mapper = request.getfixturevalue(name)
    whole = mapper.user_vectors(PANEL.users.ids).vectors
    for user in (0, 7, 123):
        one = mapper.user_vectors(PANEL.users.ids[[user]]).vectors
        np.testing.assert_array_equal(one[0], whole[user])


@pytest.mark.parametrize("name", ["from_source", "into_space"])
def test_saved_and_loaded_it_answers_alike_and_holds_no_arrays_of_its_parameters(name, request, tmp_path):
    mapper = request.getfixturevalue(name)
    mapper.save(tmp_path / "model", updatable=True)
    loaded = tb.load(tmp_path / "model")
    assert loaded.recommend_from(PANEL[:50]).equals(mapper.recommend_from(PANEL[:50]))
    assert fingerprint(loaded) == fingerprint(mapper)
    assert loaded.source_models["books"].factors is None
    assert loaded.source_models["books"].alpha == 5.0
    with pytest.raises(InvalidParameterError, match="give them again for another fit"):
        loaded.fit(PANEL)


def test_batches_give_the_same_lists(into_space, tmp_path):
    from tastebridge.batch import recommend_all

    PANEL.to_frame().to_parquet(tmp_path / "events.parquet")
    recommend_all(into_space, tmp_path / "events.parquet", tmp_path / "out.parquet", n=5)
    import pandas as pd

    found = pd.read_parquet(tmp_path / "out.parquet").sort_values(["user_id", "rank"], ignore_index=True)
    expected = into_space.recommend(n=5).sort_values(["user_id", "rank"], ignore_index=True)
    assert found["item_id"].tolist() == expected["item_id"].tolist()


@pytest.mark.parametrize("finer", [0.0, 1e-9])
def test_update_and_forget_undo_each_other_in_the_space(finer):
    half = PANEL[np.arange(len(PANEL)) < 400]
    # vectors of double precision, which the space of the mapper rounds
    films = PretrainedFactors(FILMS.items, FILMS.factors.astype(np.float64) * (1 + finer), 0.1, 5.0)
    mapper = tb.InterestMapper("films", target_model=films).fit(half)
    before = mapper.user_vectors(half.users.ids).vectors
    mapper.update(PANEL[np.arange(len(PANEL)) >= 400])
    assert not np.array_equal(mapper.user_vectors(half.users.ids).vectors, before)
    mapper.forget(PANEL.users.ids[400:])
    np.testing.assert_array_equal(mapper.user_vectors(half.users.ids).vectors, before)


def test_vectors_of_users_are_mapped_without_their_histories(into_space, from_source):
    for mapper in (into_space, from_source):
        rows = mapper.targets_["films"].encoder.rows(PANEL)["books"].astype(float)
        Z = next(
            encoder.model.transform(rows)
            for encoder in mapper.model_.encoders.values()
            if isinstance(encoder.model, PretrainedFactors) and encoder.categories == ("books",)
        )
        cold = PANEL.users.numbers(READERS)
        mapped = mapper.map_vectors(Z[cold], "books")
        items = mapper.item_vectors().vectors
        own = mapper.user_vectors(READERS).vectors @ items.T
        close = [np.corrcoef(a, b)[0, 1] for a, b in zip(mapped @ items.T, own, strict=True)]
        assert np.median(close) > 0.9
        np.testing.assert_array_equal(mapper.map_vectors(Z[cold[:1]], "books")[0], mapped[0])


@pytest.mark.parametrize(
    ("vectors", "source", "told"),
    [
        (np.ones((2, 8)), "music", "no route starts at a model given for 'music'"),
        (np.ones((2, 8)), "films", "no route starts at a model given for 'films'"),
        (np.ones((2, 3)), "books", r"must be of shape \(n, 8\)"),
        (np.ones(8), "books", r"must be of shape \(n, 8\)"),
        ("x", "books", "a matrix of numbers"),
        ([[1.0], [1.0, 2.0]], "books", "a matrix of numbers"),
    ],
)
def test_vectors_that_cannot_be_mapped_are_refused(into_space, vectors, source, told):
    with pytest.raises(InvalidParameterError, match=told):
        into_space.map_vectors(vectors, source)
    with pytest.raises(InvalidDataError, match="finite"):
        into_space.map_vectors(np.full((1, 8), np.nan), "books")


def test_a_mapper_into_a_space_says_why_it_cannot_ask(into_space):
    answered = {"films:01": "liked"}
    for call in (into_space.questions, lambda: into_space.recommend_from(None, answers=answered)):
        with pytest.raises(InvalidDataError, match="has a target_model whose space holds popularity too"):
            call()


def test_a_mapper_into_a_space_is_not_compressed(into_space):
    with pytest.raises(InvalidParameterError, match="would change the space"):
        into_space.compress(4)


def test_given_users_that_are_folded_in_elsewhere_are_warned_of():
    rows = PANEL["books"].matrix.copy()
    rows.data[:] = 1.0
    folded = given("books").over(PANEL["books"].items.numbers(BOOKS.items, missing="negative"), 60)
    right = folded.fit(rows).transform(rows)
    alike = given("books", users=right)
    tb.InterestMapper("films", source_models={"books": alike}, n_folds=1).fit(PANEL)
    turned = given("books", users=right[:, ::-1])
    with pytest.warns(TastebridgeWarning, match="unlike those given: their mean cosine"):
        tb.InterestMapper("films", source_models={"books": turned}, n_folds=1).fit(PANEL)


def test_events_on_items_without_a_vector_are_told_of():
    few = PretrainedFactors(BOOKS.items[:15], BOOKS.factors[:15], 0.1, 5.0)
    with pytest.warns(TastebridgeWarning, match=r"has vectors for the items of only \d+% of the events"):
        tb.InterestMapper("films", source_models={"books": few}, n_folds=1).fit(PANEL)
    some = PretrainedFactors(FILMS.items[:45], FILMS.factors[:45], 0.1, 5.0)
    with pytest.warns(TastebridgeWarning, match="target_model has no vector for the items of"):
        mapper = tb.InterestMapper("films", target_model=some, n_folds=1).fit(PANEL)
    assert set(mapper.recommend(READERS)["item_id"]) <= set(FILMS.items[:45])


RATINGS = PretrainedFactors(BOOKS.items, BOOKS.factors, rule="explicit")
NUMBERED = PretrainedFactors(list(range(61)), BOOKS.factors)
STRANGE = PretrainedFactors([f"x{n}" for n in range(61)], BOOKS.factors)


@pytest.mark.parametrize(
    ("parameters", "error", "told"),
    [
        ({"source_models": BOOKS}, InvalidParameterError, "must be a mapping of category"),
        ({"source_models": {"books": 3}}, InvalidParameterError, r"source_models\['books'\] must be"),
        ({"target_model": "films.parquet"}, InvalidParameterError, "target_model must be a Pretrained"),
        (
            {"source_models": {"books": PretrainedFactors(factors=BOOKS.factors)}},
            InvalidParameterError,
            "needs the ids of its items",
        ),
        ({"source_models": {"book": BOOKS}}, UnknownCategoryError, "Did you mean 'books'"),
        ({"source_models": {"films": FILMS}}, InvalidParameterError, "Pass it as target_model"),
        ({"source_models": {"books": FILMS}}, InvalidDataError, "no vector for any item of 'books'"),
        ({"target_model": STRANGE}, InvalidDataError, "ids are such as 'x0'"),
        (
            {"source_models": {"books": NUMBERED}},
            InvalidDataError,
            r"source_models\['books'\] has no vector for any item of 'books': its ids are such as 0",
        ),
        (
            {"target_model": PretrainedFactors([None, *BOOKS.items[1:]], BOOKS.factors)},
            InvalidDataError,
            "the ids of target_model: item_id has 1 missing ids",
        ),
        ({"source_models": {"books": RATINGS}}, InvalidParameterError, "only weighting="),
        ({"target_model": FILMS, "bridge": "items"}, InvalidParameterError, "bridge='users'"),
        ({"source_models": {"books": BOOKS}, "bridge": "features"}, InvalidParameterError, "is 'features'"),
        ({"routes": [TransferRoute(BOOKS)]}, InvalidParameterError, "source_factors has vectors by id"),
        ({"target_model": FILMS, "routes": []}, InvalidParameterError, "Leave one of them None"),
        (
            {"source_models": {"books": PretrainedFactors(["a", "a"], np.ones((2, 2)))}},
            InvalidParameterError,
            "has items twice",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_models_that_cannot_be_used_are_refused_before_the_fit(parameters, error, told):
    with pytest.raises(error, match=told):
        tb.InterestMapper(**{"target": "films", **parameters}).fit(PANEL)


def test_a_space_needs_shared_users():
    films = PANEL.without("books", PANEL.users_with("films"))
    with pytest.raises(NoLinkedUsersError):
        tb.InterestMapper("films", target_model=FILMS).fit(films)


@pytest.mark.parametrize("given", [{"source_models": {"books": BOOKS}}, {"target_model": FILMS}], ids=str)
def test_a_time_budget_leaves_popularity_and_a_map(given):
    mapper = tb.InterestMapper("films", time_budget=0.5, n_folds=1, **given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        mapper.fit(PANEL)
    assert len(mapper.routes_) >= 2
    assert len(mapper.recommend(READERS[:3], n=2)) == 6


def test_ratings_are_folded_in_from_weights_that_stay():
    weighted = tb.Weighting("none")
    mapper = tb.InterestMapper("films", source_models={"books": RATINGS}, weighting=weighted, n_folds=1)
    assert len(mapper.fit(PANEL).recommend(READERS[:3], n=2)) == 6


def records(content):
    """The records of pretrained factors anywhere in a manifest's model."""
    if isinstance(content, dict):
        if content.get("class") == "PretrainedFactors":
            yield content
        content = list(content.values())
    for part in content if isinstance(content, list) else ():
        yield from records(part)


DAMAGE = [("rule", "none"), ("alpha", "many"), ("regularization", 0), ("items", [1, 2])]


@pytest.mark.parametrize(("name", "value"), DAMAGE, ids=str)
def test_a_file_with_other_settings_is_refused(into_space, tmp_path, name, value):
    into_space.save(tmp_path / "model")
    manifest = tmp_path / "model" / "manifest.json"
    content = json.loads(manifest.read_text())
    found = list(records(content["model"]))
    assert len(found) == 2
    found[0]["parameters"][name] = value
    manifest.write_text(json.dumps(content))
    with pytest.raises(ModelFileError):
        tb.load(tmp_path / "model")
