"""The mapper as a whole: never worse, nothing leaks, bad input is refused, a grid search reaches all."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold

import tastebridge as tb
from contracts.estimator import dense
from tastebridge.data import Interactions, Panel
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    NoLinkedUsersError,
    TastebridgeWarning,
    UnknownCategoryError,
)
from tastebridge.factors import SVDFactors
from tastebridge.fitting import target_fit
from tastebridge.routes import JointRoute, NeighbourRoute, TargetRoute, TransferRoute
from tastebridge.splits import cold_users

COLUMNS = ["source", "linked", "lift", "lift_low", "lift_high", "canonical_correlation", "verdict", "kept"]
COLUMNS += ["lift_without_twins", "lift_low_without_twins", "lift_high_without_twins"]
COLUMNS += ["marginal", "marginal_low", "marginal_high", "gain", "gain_low", "gain_high", "bridge"]
SIZE = {"n_users": 500, "n_items": 60, "events_per_user": 12}


def small_routes():
    return [
        TransferRoute(SVDFactors(8), SVDFactors(12, filter="power")),
        NeighbourRoute(50),
        TargetRoute(SVDFactors(12)),
        JointRoute(SVDFactors(10)),
    ]


def cold(panel, target):
    return panel.users.ids_of(np.setdiff1d(np.arange(len(panel)), panel[target].active_numbers))


@pytest.fixture(scope="module")
def related():
    panel, _ = make_panel(**SIZE, random_state=0)
    return panel, tb.InterestMapper("films", n_folds=2).fit(panel)


@pytest.fixture(scope="module")
def mixed():
    shares = {"books": 0.9, "films": 0.9, "noise": 0.0}
    panel, _ = make_panel(**SIZE, categories=list(shares), relatedness=shares, random_state=1)
    return panel, tb.InterestMapper("films", routes=small_routes(), n_folds=3).fit(panel)


def test_transfer_says_what_each_source_gives(related):
    _, mapper = related
    table = mapper.transfer_
    assert table.columns.tolist() == COLUMNS
    row = table.set_index("source").loc["books"]
    assert row["verdict"] == "helps"
    assert row["kept"]
    assert 0 < row["lift_low"] < row["lift"] < row["lift_high"]
    assert 0.4 < row["canonical_correlation"] <= 1.0
    assert mapper.evidence_["cold"].baseline == "popularity"


def test_a_related_source_serves_people_it_did_not_learn_from(related):
    panel, _ = related
    split = cold_users(panel, "films", 0.2)
    models = {
        "mapper": tb.InterestMapper("films", routes=small_routes(), n_folds=2),
        "popularity": tb.Popularity("films"),
    }
    table = tb.evaluate(models, split, ["ndcg@10"], baseline="popularity")
    assert table["difference_low"][0] > 0


@pytest.mark.parametrize("seed", range(3))
def test_an_unrelated_source_is_found_out_and_costs_nothing(seed):
    panel, _ = make_panel(**SIZE, relatedness=0.0, random_state=seed)
    with pytest.warns(TastebridgeWarning, match="no source helps for 'films'"):
        mapper = tb.InterestMapper("films", routes=small_routes(), n_folds=3).fit(panel)
    assert not mapper.transfer_["kept"].any()
    assert mapper.transfer_["verdict"][0] != "helps"
    assert abs(mapper.transfer_["canonical_correlation"][0]) < 0.3
    within = [NeighbourRoute(50), TargetRoute(SVDFactors(12))]
    with pytest.warns(TastebridgeWarning, match="no source helps"):
        fallback = tb.InterestMapper("films", routes=within, n_folds=3).fit(panel)
    people = cold(panel, "films")
    pd.testing.assert_frame_equal(mapper.recommend(people, n=60), fallback.recommend(people, n=60))


def test_of_a_useful_and_a_useless_source_only_the_useful_one_is_kept(mixed):
    _, mapper = mixed
    table = mapper.transfer_.set_index("source")
    assert table["kept"].to_dict() == {"books": True, "noise": False, "all together": True}
    assert table["verdict"].to_dict() == {"books": "helps", "noise": "no evidence", "all together": "helps"}
    assert table["canonical_correlation"]["books"] > 0.4 > table["canonical_correlation"]["noise"]
    weights = mapper.routes_.set_index("route")["cold"]
    assert not weights[weights.index.str.startswith("noise →")].any()


def test_two_useful_sources_are_both_kept():
    panel, _ = make_panel(**SIZE, categories=["books", "films", "music"], relatedness=0.9, random_state=2)
    mapper = tb.InterestMapper("films", routes=small_routes(), n_folds=3).fit(panel)
    assert mapper.transfer_["kept"].all()
    assert (mapper.transfer_["verdict"] == "helps").all()


def test_sources_not_asked_for_are_not_read(mixed):
    panel, _ = mixed
    mapper = tb.InterestMapper("films", sources=["books"], routes=small_routes(), n_folds=1).fit(panel)
    assert mapper.transfer_["source"].tolist() == ["books"]
    assert sorted(mapper.items_) == ["books", "films"]


def test_held_out_rows_reach_no_fit_weight_or_popularity(monkeypatch):
    panel, _ = make_panel(**SIZE, random_state=3)
    folds = _folds(monkeypatch, panel)
    held = folds[0].held
    assert held.segment == "cold"
    matrix = panel["films"].matrix.tolil(copy=True)
    for person in held.people:
        own = matrix.rows[person]
        matrix.rows[person] = sorted(np.random.default_rng(person).choice(60, len(own), replace=False))
    changed = Interactions("films", panel.users, panel["films"].items, matrix.tocsr())
    again = _folds(monkeypatch, Panel(panel.users, {**panel.interactions, "films": changed}, panel.cleaning))
    assert (folds[0].held.hidden != again[0].held.hidden).nnz > 100
    for one, two in zip(folds[:2], again[:2], strict=True):
        np.testing.assert_array_equal(one.held.people, two.held.people)
        np.testing.assert_array_equal(one.gates, two.gates)
        for a, b in zip(_arrays(one), _arrays(two), strict=True):
            np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(*pair) for pair in zip(_arrays(folds[2]), _arrays(again[2]), strict=True))


def _arrays(fold):
    return [dense(array) for array in (*fold.vectors, *fold.items.values())]


def _folds(monkeypatch, panel):
    """Every fold of a fit, as the mapper made it."""
    found, build = [], target_fit.folds_of

    def spy(*args, **kinds):
        folds = build(*args, **kinds)
        found.extend(folds)
        return folds

    monkeypatch.setattr(target_fit, "folds_of", spy)
    tb.InterestMapper("films", routes=small_routes(), n_folds=2).fit(panel)
    monkeypatch.undo()
    return found


def test_a_useless_route_among_given_ones_does_not_replace_popularity():
    panel, _ = make_panel(**SIZE, random_state=0)
    mapper = tb.InterestMapper("films", routes=[TargetRoute(SVDFactors(8))], n_folds=1)
    with pytest.warns(TastebridgeWarning, match="no source helps"):
        mapper.fit(panel)
    assert "popularity" in mapper.routes_["route"].tolist()


def test_too_few_linked_people_to_judge_means_popularity():
    panel, _ = make_panel(n_users=60, n_items=12, overlap=0.05, events_per_user=3, random_state=0)
    with pytest.warns(TastebridgeWarning, match="no source helps"):
        mapper = tb.InterestMapper("films", routes=[TransferRoute(SVDFactors(2), SVDFactors(2))]).fit(panel)
    assert mapper.transfer_.columns.tolist() == COLUMNS
    assert mapper.transfer_["verdict"].tolist() == ["no evidence"]
    popular = tb.Popularity("films").fit(panel)
    people = cold(panel, "films")
    assert (
        mapper.recommend(people, n=5)["item_id"].tolist()
        == popular.recommend(people, n=5)["item_id"].tolist()
    )


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_grid_search_over_people_and_over_rows():
    panel, _ = make_panel(n_users=150, n_items=25, events_per_user=6, random_state=0)
    mapper = tb.InterestMapper("films", routes=small_routes()[1:], n_folds=1, weighting=tb.Weighting())
    mapper.set_params(routes=[TransferRoute(SVDFactors(4), SVDFactors(4)), NeighbourRoute(20)])
    grid = {"weighting__scheme": ["binary", "log"], "n_lists": [30]}
    people = GridSearchCV(mapper, grid, cv=KFold(3, shuffle=True, random_state=0), error_score="raise")
    people.fit(panel)
    assert 0 < people.best_score_ < 1
    rows = GridSearchCV(mapper, grid, cv=KFold(2, shuffle=True, random_state=0), error_score="raise")
    rows.fit(panel.to_frame())
    assert 0 < rows.best_score_ < 1
    assert rows.best_estimator_.recommend(n=2)["rank"].max() == 2


def test_weighting_changes_what_is_learned():
    panel, _ = make_panel(n_users=300, n_items=60, overlap=0.9, random_state=0)
    rows = panel.to_frame()
    rows["weight"] = np.random.default_rng(0).integers(1, 6, len(rows))
    panel = Panel.from_frame(rows)
    routes = [TransferRoute(SVDFactors(4), SVDFactors(4)), JointRoute(SVDFactors(4))]
    one, two, three = (
        tb.InterestMapper("films", routes=routes, n_folds=5, weighting=weighting).fit(panel)
        for weighting in (None, tb.Weighting("binary"), tb.Weighting("log"))
    )
    assert one.recommend(n=1).equals(two.recommend(n=1))
    assert not one.recommend(n=1).equals(three.recommend(n=1))
    assert three.weighting_.scheme == "log"


def events(panel):
    rows = panel.to_frame().drop(columns="weight")
    rows["event"] = np.random.default_rng(0).choice(["view", "purchase"], len(rows))
    return rows


def test_worth_of_event_types_is_a_parameter(tmp_path):
    panel, _ = make_panel(n_users=300, n_items=60, overlap=0.9, random_state=0)
    rows = events(panel)
    mapper = tb.InterestMapper(
        "films",
        routes=small_routes(),
        n_folds=5,
        weighting=tb.Weighting(),
        event_weights={"view": 1, "purchase": 9},
    )
    one = clone(mapper).fit(rows)
    two = clone(mapper).set_params(event_weights={"view": 9, "purchase": 1}).fit(rows)
    films = rows[rows["category"] == "films"]
    assert not np.array_equal(one.predict(films), two.predict(films))
    one.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    assert loaded.event_weights == {"view": 1, "purchase": 9}
    some = rows[rows["user_id"] < 20]
    pd.testing.assert_frame_equal(loaded.recommend_from(some, n=2), one.recommend_from(some, n=2))


def test_centred_ratings_are_learned_from_and_never_recommended_again():
    panel, _ = make_panel(n_users=300, n_items=60, overlap=0.9, random_state=0)
    rows = panel.to_frame()
    rows["weight"] = np.random.default_rng(0).integers(1, 6, len(rows))
    mapper = tb.InterestMapper("films", routes=small_routes(), n_folds=5, weighting=tb.Weighting(center=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        given = mapper.fit(rows).recommend(n=60)
    had = set(zip(rows["user_id"], rows["item_id"], strict=True))
    assert not had & set(zip(given["user_id"], given["item_id"], strict=True))


def test_fit_is_the_same_on_any_number_of_threads(mixed):
    panel, _ = mixed
    one, two = (tb.InterestMapper("films", n_folds=2, n_jobs=n, random_state=3).fit(panel) for n in (1, 2))
    np.testing.assert_array_equal(one.item_vectors().vectors, two.item_vectors().vectors)
    np.testing.assert_array_equal(one.user_vectors().vectors, two.user_vectors().vectors)
    pd.testing.assert_frame_equal(one.transfer_, two.transfer_)
    pd.testing.assert_frame_equal(one.confidence().round(12), two.confidence().round(12))


def test_n_components_bounds_the_default_routes(related):
    panel, _ = related
    mapper = tb.InterestMapper("films", n_components=8, n_folds=2).fit(panel)
    assert max(encoder.model.n_components for encoder in _factor_models(mapper)) == 8
    with pytest.raises(InvalidParameterError, match=r"n_components=500\).*the data allow \d+"):
        clone(mapper).set_params(n_components=500).fit(panel)


def _factor_models(mapper):
    return [e for e in mapper.model_.encoders.values() if hasattr(e.model, "n_components")]


EVENTS = pd.DataFrame(
    [(user, f"{name}{user % 5}", name) for user in range(20) for name in ("books", "films")],
    columns=["user_id", "item_id", "category"],
)


@pytest.mark.parametrize(
    ("changes", "events", "error", "message"),
    [
        ({"target": "flims"}, EVENTS, UnknownCategoryError, "Did you mean 'films'"),
        ({"sources": ["boks"]}, EVENTS, UnknownCategoryError, "Did you mean 'books'"),
        ({"sources": "books"}, EVENTS, InvalidParameterError, r"Write \['books'\]"),
        ({"sources": []}, EVENTS, InvalidParameterError, "Name at least one"),
        ({"sources": ["films"]}, EVENTS, InvalidParameterError, "Name another category"),
        ({}, EVENTS[EVENTS["category"] == "films"], InvalidDataError, "besides the target"),
        ({}, EVENTS.iloc[:0], InvalidDataError, "row"),
        ({}, EVENTS.assign(weight=np.nan), InvalidDataError, "every weight is missing"),
        (
            {"bridge": "users"},
            EVENTS.assign(user_id=EVENTS["user_id"] + 100 * (EVENTS["category"] == "films")),
            NoLinkedUsersError,
            "same user_id",
        ),
        ({"bridge": "people"}, EVENTS, InvalidParameterError, "bridge must be one of"),
        ({"bridge": "items"}, EVENTS, InvalidDataError, "same item_id in a source"),
        ({"bridge": "features"}, EVENTS, InvalidDataError, "with_item_features"),
        ({"n_components": 99}, EVENTS, InvalidParameterError, "Lower n_components"),
        ({"n_components": 0}, EVENTS, InvalidParameterError, "n_components must be"),
        ({"n_folds": 6}, EVENTS, InvalidParameterError, "n_folds must be"),
        ({"n_lists": 1}, EVENTS, InvalidParameterError, "n_lists must be"),
        ({"n_negatives": 0}, EVENTS, InvalidParameterError, "n_negatives must be"),
        ({"random_state": None}, EVENTS, InvalidParameterError, "random_state must be"),
        ({"verbose": "yes"}, EVENTS, InvalidParameterError, "verbose must be"),
        ({"blend": tb.StackingBlend("listwize")}, EVENTS, InvalidParameterError, "Did you mean 'listwise'"),
        ({"weighting": tb.Weighting("bm52")}, EVENTS, InvalidParameterError, "Did you mean 'bm25'"),
    ],
)
def test_bad_input_is_refused_before_any_work(monkeypatch, changes, events, error, message):
    def work(*args, **kwargs):
        raise AssertionError("work was done")

    monkeypatch.setattr("tastebridge.recommenders.single_fit.FitContext", work)
    with pytest.raises(error, match=message):
        tb.InterestMapper(**{"target": "films", **changes}).fit(events)


def test_a_target_without_events_is_refused():
    panel = Panel.from_frame(EVENTS)
    hidden = panel.without("films", panel.users.ids)
    for model in (tb.InterestMapper("films"), tb.Popularity("films"), tb.TargetOnly("films")):
        with pytest.raises(InvalidDataError, match="no events left"):
            model.fit(hidden)


def test_the_model_holds_no_person(related):
    panel, mapper = related
    arrays = [array for route in mapper.model_.routes for array in (route.coef, route.intercept)]
    arrays += list(mapper.model_.spaces.values())
    arrays += [array for part in mapper.interests_.values() for array in part.values()]
    for encoder in mapper.model_.encoders.values():
        arrays += [value for value in vars(encoder.model).values() if isinstance(value, np.ndarray)]
    assert not [array.shape for array in arrays if array is not None and len(panel) in array.shape]


def test_factors_left_to_the_default_share_one_svd_with_the_others():
    left = [TransferRoute(SVDFactors(8), SVDFactors(8)), TargetRoute(), JointRoute(SVDFactors(8))]
    wide, _ = make_panel(300, 80, events_per_user=12, relatedness=0.9, overlap=0.9, random_state=0)
    mapper = tb.InterestMapper("films", routes=left, n_folds=1).fit(wide)
    told = [left[0], TargetRoute(SVDFactors(64)), left[2]]
    other = tb.InterestMapper("films", routes=told, n_folds=1).fit(wide)
    pd.testing.assert_frame_equal(mapper.recommend(n=2), other.recommend(n=2), check_exact=True)


def test_two_routes_of_one_name_are_refused(related):
    panel, _ = related
    with pytest.raises(InvalidParameterError, match="two routes are 'films → SVD 8'"):
        tb.InterestMapper("films", routes=[TargetRoute(SVDFactors(8))] * 2).fit(panel)
