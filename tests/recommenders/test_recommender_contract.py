"""Every recommender, the mapper and the baselines, keeps the contract."""

import copy
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from threadpoolctl import threadpool_limits

import tastebridge as tb
from contracts.recommender import assert_same_lists, best_by_hand, had
from contracts.states import with_part
from tastebridge import baselines
from tastebridge._numerics.threads import together
from tastebridge.datasets import make_panel
from tastebridge.evaluation import user_scores
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    TastebridgeWarning,
    UnknownIdError,
)
from tastebridge.factors import SVDFactors
from tastebridge.model import LinearModel
from tastebridge.routes import JointRoute, NeighbourRoute, TargetRoute, TransferRoute
from tastebridge.splits import cold_users

SMALL = [
    TransferRoute(SVDFactors(8), SVDFactors(12, filter="power")),
    NeighbourRoute(50),
    TargetRoute(SVDFactors(12)),
    JointRoute(SVDFactors(10)),
]
MODELS = [
    tb.Popularity("films"),
    tb.RecentPopularity("films"),
    tb.TargetOnly("films", SVDFactors(8)),
    tb.TargetOnly("films"),
    tb.JointALS("films"),
    tb.ItemNeighbours("films"),
    tb.ItemNeighbours("films", n_neighbours=5, shrinkage=0.0),
    tb.InterestMapper("films", routes=SMALL, n_folds=2),
    tb.RatingMapper("films", n_components=3, item_shrinkage=2.0),
]


def _rated(panel):
    """The same events with ratings, which only a model of ratings looks at; no prediction is near 1 or 5."""
    frame = panel.to_frame()
    chance = np.random.default_rng(0).choice(5, len(frame), p=[0.05, 0.25, 0.4, 0.25, 0.05])
    item = pd.factorize(frame["item_id"], sort=True)[0] * 11 % 7 > 3
    return tb.Panel.from_frame(frame.assign(weight=np.clip(0.5 + chance + item, 1.0, 5.0)))


PANEL = _rated(make_panel(n_users=240, n_items=40, events_per_user=8, timestamps=True, random_state=0)[0])
OTHER = _rated(make_panel(n_users=90, n_items=30, events_per_user=6, timestamps=True, random_state=1)[0])
ITEMS = PANEL["films"].items.ids
PEOPLE = PANEL.users.ids
QUICK = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@pytest.fixture(scope="module", params=MODELS, ids=lambda model: str(model)[:40])
def model(request):
    return clone(request.param).fit(PANEL)


@pytest.fixture(scope="module")
def popular():
    return tb.Popularity("films").fit(PANEL)


def best_for_strangers(model, popular, n):
    """What people took most; of a model of ratings, what they rated highest."""
    if isinstance(model, tb.RatingMapper):
        effects = model.model_.spaces["items"][:, 0]
        return ITEMS[np.argsort(-effects, kind="stable")[:n]].tolist()
    return popular.recommend([-1], n=n, missing="popular")["item_id"].tolist()


def test_contract_covers_every_baseline():
    kinds = {type(model) for model in MODELS}
    predicts_only = {"RatingBaseline"}
    assert kinds == {getattr(baselines, name) for name in baselines.__all__ if name not in predicts_only} | {
        tb.InterestMapper,
        tb.RatingMapper,
    }


@pytest.mark.bits
def test_recommend_equals_a_full_sort_of_predict(model):
    found = model.recommend(n=7)
    assert_same_lists(found, best_by_hand(model, PANEL, PEOPLE, 7))
    assert found["score"].dtype == np.float32
    assert found.groupby("user_id").size().max() <= 7


def test_recommend_is_short_and_says_so_where_no_more_items_are_left(model):
    with pytest.warns(TastebridgeWarning, match="240 of 240 users get fewer"):
        found = model.recommend(n=len(ITEMS) + 5)
    own = had(PANEL, "films")
    counts = found.groupby("user_id").size()
    assert counts.to_dict() == {user: len(ITEMS) - len(own[user]) for user in PEOPLE}


@QUICK
@given(data=st.data())
def test_filters_hold_whatever_they_are(model, data):
    people = data.draw(st.lists(st.sampled_from(PEOPLE.tolist()), unique=True, min_size=1, max_size=6))
    n = data.draw(st.integers(1, 50))
    some = st.lists(st.sampled_from(ITEMS.tolist()), max_size=25)
    of_people = st.lists(st.tuples(st.sampled_from(people), st.sampled_from(ITEMS.tolist())), max_size=40)
    allow = data.draw(st.none() | some.filter(len) | of_people.filter(len))
    deny = data.draw(st.none() | some.filter(len) | of_people.filter(len))

    def holds(given, user, item):
        return (user, item) in given if isinstance(given[0], tuple) else item in given

    def open_to(user, item):
        wanted = allow is None or holds(allow, user, item)
        return wanted and not (deny is not None and holds(deny, user, item))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        found = model.recommend(people, n=n, allow=_frame(allow), deny=_frame(deny))
    assert_same_lists(found, best_by_hand(model, PANEL, people, n, open_to))


def _frame(given):
    if given is None or not isinstance(given[0], tuple):
        return given
    return pd.DataFrame(given, columns=["user_id", "item_id"])


@pytest.mark.bits
def test_one_person_or_many_get_the_same_numbers(model):
    people = PEOPLE[::12]
    many = model.recommend(people, n=5)
    one = pd.concat([model.recommend([user], n=5) for user in people])
    assert_same_lists(one, many)
    pairs = many[["user_id", "item_id"]]
    single = [model.predict(pairs.iloc[[row]])[0] for row in range(0, len(pairs), 7)]
    np.testing.assert_array_equal(single, model.predict(pairs)[::7])
    if hasattr(model.model_, "routes"):
        alone = np.concatenate([model.user_vectors([user]).vectors for user in people])
        np.testing.assert_array_equal(alone, model.user_vectors(people).vectors)


def test_people_come_in_the_order_asked_for(model):
    order = np.random.default_rng(0).permutation(PEOPLE)[:50]
    found = model.recommend(order, n=2)
    assert found["user_id"].drop_duplicates().tolist() == order.tolist()
    whole = model.recommend(n=2).set_index("user_id").loc[order].reset_index()
    assert_same_lists(found, whole)
    deny = pd.DataFrame({"user_id": found["user_id"], "item_id": found["item_id"]})
    again = model.recommend(order, n=2, deny=deny)
    assert not again.merge(deny).shape[0]


@pytest.mark.bits
def test_recommend_from_equals_recommend_for_the_same_history(model):
    people = PEOPLE[::5]
    history = PANEL.to_frame()
    history = history[history["user_id"].isin(people)].sample(frac=1, random_state=0)
    assert_same_lists(model.recommend_from(history, n=6), model.recommend(people, n=6))
    renamed = history.assign(user_id=history["user_id"] + 1_000_000)
    fresh = model.recommend_from(renamed, n=6)
    fresh["user_id"] -= 1_000_000
    assert_same_lists(fresh, model.recommend(people, n=6))


def test_vectors_multiply_to_the_scores(model):
    if not hasattr(model.model_, "routes"):
        with pytest.raises(InvalidParameterError, match="no vectors"):
            model.user_vectors()
        with pytest.raises(InvalidParameterError, match="no vectors"):
            model.item_vectors()
        return
    users, items = model.user_vectors(PEOPLE[:30]), model.item_vectors()
    assert users.ids.tolist() == PEOPLE[:30].tolist()
    assert items.ids.tolist() == ITEMS.tolist()
    assert users.vectors.dtype == items.vectors.dtype == np.float32
    pairs = pd.MultiIndex.from_product([users.ids, items.ids], names=["user_id", "item_id"])
    scores = model.predict(pairs.to_frame(index=False)).reshape(30, -1)
    np.testing.assert_allclose(users.vectors @ items.vectors.T, scores, rtol=1e-4, atol=1e-5)


def test_people_unknown_to_the_model_have_one_policy(model, popular):
    with pytest.raises(UnknownIdError, match="999999"):
        model.recommend([0, 999_999])
    assert model.recommend([0, 999_999], n=3, missing="skip")["user_id"].unique().tolist() == [0]
    both = model.recommend([999_999, 0], n=3, missing="popular")
    assert both["user_id"].unique().tolist() == [999_999, 0]
    assert both["item_id"][:3].tolist() == best_for_strangers(model, popular, 3)
    assert_same_lists(both[3:], model.recommend([0], n=3))


def test_items_unknown_to_the_model_have_one_policy(model):
    for name in ("allow", "deny"):
        with pytest.raises(UnknownIdError, match="nowhere"):
            model.recommend([0], n=1, **{name: ["nowhere", ITEMS[0]]})
        frame = pd.DataFrame({"user_id": [0], "item_id": ["nowhere"]})
        with pytest.raises(UnknownIdError, match="nowhere"):
            model.recommend([0], n=1, **{name: frame})
    allowed = model.recommend([0], n=1, allow=["nowhere", *ITEMS], missing="skip")
    assert_same_lists(allowed, model.recommend([0], n=1))


def test_predict_has_one_policy_for_the_unknown(model):
    pairs = pd.DataFrame({"user_id": [0, 999_999, 0], "item_id": [ITEMS[0], ITEMS[0], "nowhere"]})
    with pytest.raises(UnknownIdError):
        model.predict(pairs)
    scores = model.predict(pairs, missing="nan")
    assert np.isnan(scores).tolist() == [False, True, True]
    assert scores[0] == model.predict(pairs[:1])[0]


def test_a_person_of_whom_nothing_is_known_gets_what_is_popular(model, popular):
    history = pd.DataFrame(
        {"user_id": [7], "item_id": ["unheard of"], "category": ["films"], "weight": [1.0]}
    )
    with pytest.warns(TastebridgeWarning, match="1 of 'films'"):
        found = model.recommend_from(history, n=4)
    assert found["item_id"].tolist() == best_for_strangers(model, popular, 4)
    with pytest.raises(UnknownIdError, match="missing='skip'"):
        model.recommend_from(history, n=4, missing="error")


def one_by_one(model, frames):
    return pd.concat([model.recommend_from(frame, n=5) for frame in frames], ignore_index=True)


@pytest.mark.bits
def test_a_person_alone_gets_what_they_get_among_others(model):
    frame = PANEL[:60].to_frame()
    alone = one_by_one(model, [rows for _, rows in frame.groupby("user_id")])
    pd.testing.assert_frame_equal(alone, model.recommend_from(frame, n=5), check_exact=True)
    columns = [pl.from_pandas(rows) for _, rows in frame.groupby("user_id")]
    pd.testing.assert_frame_equal(alone, one_by_one(model, columns), check_exact=True)


@pytest.mark.bits
def test_threads_at_once_give_what_one_gives(model):
    frames = [rows for _, rows in PANEL[:40].to_frame().groupby("user_id")]
    expected = one_by_one(model, frames)
    fresh = copy.deepcopy(model)
    if isinstance(fresh.model_, LinearModel):
        with_part(fresh, replace(fresh.model_))  # nothing is made ready: all threads meet it so
    for found in together([lambda: one_by_one(fresh, frames)] * 4, 4):
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_the_same_seed_gives_the_same_model_whatever_threads_and_rows(model):
    shuffled = PANEL.to_frame().sample(frac=1, random_state=3)
    with threadpool_limits(1):
        again = clone(model).fit(shuffled)
    assert_same_lists(again.recommend(n=5), model.recommend(n=5))


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_a_fit_forgets_the_last_one(model):
    again = clone(model).fit(OTHER).fit(PANEL)
    assert_same_lists(again.recommend(n=5), model.recommend(n=5))
    assert vars(again).keys() == vars(model).keys()


def test_clone_and_parameters(model):
    copied = clone(model)
    assert str(copied.get_params(deep=False)) == str(model.get_params(deep=False))
    assert not [name for name in vars(copied) if name.endswith("_")]
    with pytest.raises(Exception, match="not fitted"):
        copied.recommend([0])


def test_explanations_sum_to_the_score(model):
    pairs = model.recommend(PEOPLE[::30], n=3)
    for user, item, score in pairs[["user_id", "item_id", "score"]].itertuples(index=False):
        table = model.explain(user, item)
        assert table.columns.tolist() == ["source_category", "source_item", "route", "contribution", "twin"]
        assert table["contribution"].is_monotonic_decreasing
        assert table["contribution"].sum() == pytest.approx(score, rel=1e-4, abs=1e-6)


def test_bad_questions_are_refused(model):
    for n in (0, -1, 2.5, "many", True):
        with pytest.raises(InvalidParameterError, match="n must be a whole number"):
            model.recommend([0], n=n)
    with pytest.raises(InvalidDataError, match="each user once; 3 comes 2 times"):
        model.recommend([3, 0, 3])
    with pytest.raises(InvalidDataError, match="each user once"):
        model.recommend([999_999, 999_999], missing="popular")
    with pytest.raises(InvalidParameterError, match="Did you mean 'popular'"):
        model.recommend([0], missing="populer")
    with pytest.raises(InvalidDataError, match="item_id is missing"):
        model.predict(pd.DataFrame({"user_id": [0]}))
    with pytest.raises(InvalidDataError, match="item_id is missing"):
        model.recommend([0], allow=pd.DataFrame({"user_id": [0]}))
    with pytest.raises(InvalidDataError, match="kind int"):
        model.recommend(["0"])
    with pytest.raises(UnknownIdError, match="nowhere"):
        model.explain(0, "nowhere")


def test_a_model_without_people_serves_fresh_histories_only(model):
    bare = copy.copy(model)
    bare.panel_ = None
    with pytest.raises(InvalidDataError, match="recommend_from"):
        bare.recommend([0])
    with pytest.raises(InvalidDataError, match="recommend_from"):
        bare.predict(pd.DataFrame({"user_id": [0], "item_id": ITEMS[:1]}))
    history = PANEL.to_frame()
    history = history[history["user_id"] == 0]
    assert_same_lists(bare.recommend_from(history, n=3), model.recommend([0], n=3))


def test_nobody_asked_for_gives_an_empty_frame(model):
    found = model.recommend([], n=3)
    assert found.columns.tolist() == ["user_id", "item_id", "score", "rank"]
    assert len(found) == 0
    assert len(model.predict(found)) == 0


def test_score_is_the_mean_ndcg_of_held_out_rows(model):
    split = cold_users(PANEL, "films", 0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        fitted = clone(model).fit(split.train)
        expected = user_scores(fitted, split, ["ndcg@10"])["ndcg@10"].mean()
    rows = split.truth.assign(category="films")
    assert fitted.score(rows) == pytest.approx(expected)
    strangers = rows.assign(user_id=rows["user_id"] + 1_000_000)
    histories = PANEL.to_frame().merge(split.truth[["user_id"]].drop_duplicates())
    histories = histories[histories["category"] == "books"].drop(columns="timestamp")
    histories["user_id"] += 1_000_000
    assert fitted.score(pd.concat([strangers, histories])) == pytest.approx(expected)


@pytest.mark.bits
def test_an_audience_is_a_full_sort_of_predict_without_those_who_have_it(model):
    items, own = ITEMS[[3, 30, 1]], had(PANEL, "films")
    found = model.audience(items, n=9)
    assert found["score"].dtype == np.float32
    for item in items:
        pairs = pd.DataFrame({"user_id": PEOPLE, "item_id": item})
        pairs["score"] = model.predict(pairs)
        pairs = pairs[[item not in own[user] for user in pairs["user_id"]]]
        wanted = pairs.sort_values("score", ascending=False, kind="stable").head(9)
        part = found[found["item_id"] == item]
        assert part["user_id"].tolist() == wanted["user_id"].tolist()
        np.testing.assert_array_equal(part["score"].to_numpy(), wanted["score"].to_numpy())
        assert part["rank"].tolist() == list(range(1, 10))
    assert found["item_id"].drop_duplicates().tolist() == items.tolist()


def test_an_audience_can_be_sought_among_some_or_among_fresh_people(model):
    people = PEOPLE[::7]
    some = model.audience(ITEMS[0], n=300, user_ids=people)
    everybody = model.audience(ITEMS[0], n=300)
    wanted = everybody[everybody["user_id"].isin(people)].reset_index(drop=True)
    assert_same_lists(some.drop(columns="rank").assign(rank=0), wanted.assign(rank=0))
    assert len(some) < len(people)
    history = PANEL.to_frame()
    fresh = model.audience_from(
        history[history["user_id"].isin(people)].sample(frac=1, random_state=0), ITEMS[0]
    )
    assert_same_lists(fresh, some.head(100))
    with pytest.raises(UnknownIdError, match="nowhere"):
        model.audience("nowhere")
    with pytest.raises(InvalidDataError, match="each item once"):
        model.audience([ITEMS[0], ITEMS[0]])
