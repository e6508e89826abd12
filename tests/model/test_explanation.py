"""Explanations: they sum to the score, and say what an item without its neighbour would lose."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.baselines.base import fixed
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, TastebridgeWarning, UnknownIdError
from tastebridge.factors import ALSFactors, SVDFactors
from tastebridge.maps import RidgeMap
from tastebridge.model import LinearModel
from tastebridge.model.explanation import LEVEL, POPULARITY, parts_of, sums_of, take_apart
from tastebridge.recommenders.attributes import encoder_of
from tastebridge.routes import FitContext, TransferRoute

CATEGORIES = ["books", "films", "music"]
PANEL, _ = make_panel(400, 50, CATEGORIES, relatedness=0.95, overlap=0.7, events_per_user=10)


@pytest.fixture(scope="module")
def mapper():
    return tb.InterestMapper("films", n_folds=2).fit(PANEL)


def random_pairs(n, seed=0):
    rng = np.random.default_rng(seed)
    items = rng.choice(PANEL["films"].items.ids, n)
    return pd.DataFrame({"user_id": rng.choice(PANEL.users.ids, n), "item_id": items})


def test_explanations_of_all_default_routes_sum_to_the_score(mapper):
    pairs = random_pairs(200)
    scores = mapper.predict(pairs)
    sums = [mapper.explain(*pair)["contribution"].sum() for pair in pairs.itertuples(index=False)]
    # scores are sums in float32: where parts cancel, the error is that of the parts
    np.testing.assert_allclose(sums, scores, rtol=1e-4, atol=1e-5 * np.abs(scores).mean())
    kept = {route.name for route in mapper.model_.routes} | {LEVEL}
    said = {name for pair in pairs.itertuples(index=False) for name in mapper.explain(*pair)["route"]}
    assert said <= kept
    assert {name.split(" →")[0] for name in said} >= {"books", "music", "films", "joint", "popularity"}


def test_rows_are_past_items_baselines_and_popularity(mapper):
    user = PANEL.users.ids[PANEL.linked("books", "films")[0]]
    table = mapper.explain(user, PANEL["films"].items.ids[0])
    past = PANEL.to_frame()
    past = past[past["user_id"] == user]
    items = table.dropna(subset="source_item")[["source_category", "source_item"]].drop_duplicates()
    own = set(zip(past["category"], past["item_id"], strict=True))
    assert set(items.itertuples(index=False, name=None)) <= own
    rest = table[table["source_item"].isna()]
    said = rest.loc[rest["source_category"] == POPULARITY, "route"]
    assert sorted(said) == [LEVEL, "popularity", "popularity among linked people"]
    others = rest[rest["source_category"] != POPULARITY]
    assert others["route"].str.contains("Ridge").all()
    assert others["source_category"].isin(["books", "music"]).all()


def test_explain_from_is_explain_for_the_same_history(mapper):
    user, item = PANEL.users.ids[4], PANEL["films"].items.ids[3]
    rows = PANEL.to_frame()
    rows = rows[rows["user_id"] == user]
    pd.testing.assert_frame_equal(mapper.explain_from(rows, item), mapper.explain(user, item))
    with pytest.raises(InvalidDataError, match="one user; this one has 400"):
        mapper.explain_from(PANEL, item)
    with pytest.raises(UnknownIdError):
        mapper.explain(999_999, item)


def test_a_person_of_whom_nothing_is_known_has_popularity_alone(mapper):
    history = pd.DataFrame({"user_id": [7], "item_id": ["unheard of"], "category": ["books"]})
    with pytest.warns(TastebridgeWarning, match="are ignored"):
        table = mapper.explain_from(history, PANEL["films"].items.ids[3])
    assert table["source_category"].unique().tolist() == [POPULARITY]
    assert table["route"].tolist() == [LEVEL, "popularity"]


def without(history, item):
    return history[history["item_id"] != item]


def scored(model, history, item):
    table = model.explain_from(history, item)
    return table["contribution"].sum(), table.set_index("source_item")["contribution"]


def test_without_an_item_a_linear_route_loses_its_part_and_the_others_grow():
    """The score of a history of d items less one is ((d / (d - 1)) ** a) * (score - contribution)."""
    power = 0.5
    model = tb.TargetOnly("films", SVDFactors(10, user_power=power)).fit(PANEL)
    user, item = PANEL.users.ids[PANEL["films"].active_numbers[1]], PANEL["films"].items.ids[7]
    rows = PANEL.select(["films"]).to_frame()
    rows = rows[rows["user_id"] == user]
    score, parts = scored(model, rows, item)
    d = len(rows)
    for past in rows["item_id"]:
        left, _ = scored(model, without(rows, past), item)
        expected = (d / (d - 1)) ** power * (score - parts[past])
        assert left == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_without_an_item_an_als_route_moves_within_a_stated_bound():
    """Exactly, by Sherman-Morrison: with the person's system A, without item j of confidence c

    z' = z - A^-1 y (c - (c - 1) y'z) / (1 - (c - 1) y'A^-1 y), and the contribution is that of c A^-1 y.
    """
    factors = ALSFactors(8, regularization=1.0, alpha=5.0)
    model = tb.TargetOnly("films", factors).fit(PANEL)
    encoder = next(e.model for e in model.model_.encoders.values() if isinstance(e.model, ALSFactors))
    user, item = PANEL.users.ids[PANEL["films"].active_numbers[1]], 7
    rows = PANEL.select(["films"]).to_frame()
    rows = rows[rows["user_id"] == user]
    score, parts = scored(model, rows, PANEL["films"].items.ids[item])
    numbers = PANEL["films"].items.numbers(rows["item_id"])
    Y, c = encoder.item_factors_, encoder.alpha
    A = encoder.gram_ + (c - 1) * Y[numbers].T @ Y[numbers]
    z = np.linalg.solve(A, c * Y[numbers].sum(axis=0))
    for past, number in zip(rows["item_id"], numbers, strict=True):
        left, _ = scored(model, without(rows, past), PANEL["films"].items.ids[item])
        y = Y[number]
        factor = (1 - (c - 1) / c * y @ z) / (1 - (c - 1) * y @ np.linalg.solve(A, y))
        assert score - left == pytest.approx(factor * parts[past], rel=1e-4, abs=1e-6)


def test_factors_that_cannot_be_taken_apart_are_one_row():
    class Opaque:
        def transform(self, X):
            return X @ np.ones((X.shape[1], 2))

    row = PANEL["books"].matrix[:1]
    past = take_apart(Opaque(), row)
    assert past.items.tolist() == [-1]
    np.testing.assert_allclose(past.vectors, Opaque().transform(row))


@pytest.mark.parametrize("model", [SVDFactors(5), ALSFactors(5)], ids=str)
def test_a_history_taken_apart_sums_to_the_factors(model):
    X = PANEL["books"].matrix.astype(float)
    model.fit(X)
    for row in range(0, 60, 7):
        past = take_apart(model, X[row])
        vectors = past.vectors.toarray() if hasattr(past.vectors, "toarray") else past.vectors
        whole = model.transform(X[row])
        whole = whole.toarray() if hasattr(whole, "toarray") else whole
        np.testing.assert_allclose(vectors.sum(axis=0), whole[0], atol=1e-10)


def test_a_map_has_its_intercept_as_baseline():
    histories = {name: PANEL[name].matrix for name in ("books", "films")}
    context = FitContext(histories, "films")
    routes = TransferRoute(SVDFactors(4), SVDFactors(4), RidgeMap(1.0)).build(context)
    model = LinearModel.of(context, routes, fixed(cold=[True], warm=[True]))
    reader = PANEL.linked("books", "films")[:1]
    parts = parts_of(model, {name: rows[reader] for name, rows in histories.items()}, 5)
    baseline = [part for part in parts if part.item < 0]
    expected = routes[0].intercept @ model.spaces[routes[0].space][5]
    assert [part.category for part in baseline] == ["books"]
    assert baseline[0].contribution == pytest.approx(expected)


def test_sums_of_many_items_are_those_of_their_explanations(mapper):
    people = PANEL.linked("books", "music")[:5]
    histories = encoder_of(mapper).rows_of(mapper.panel_, people)
    weights, items = mapper.model_.weights(histories), [0, 7, 30]
    for row in range(len(people)):
        mine = {name: part[row] for name, part in histories.items()}
        sums = sums_of(mapper.model_, mine, weights[row], items)
        for at, item in enumerate(items):
            told = pd.DataFrame(parts_of(mapper.model_, mine, item))
            told = told[(told["item"] >= 0) | (told["category"] == POPULARITY)]
            told = told[told["route"] != LEVEL]  # the same for every item and every history
            oracle = told.groupby(["category", "item"])["contribution"].sum()
            for (category, number), value in oracle.items():
                past = mine[category].indices.tolist().index(number) if number >= 0 else 0
                assert sums[category][past, at] == pytest.approx(value, rel=1e-9, abs=1e-12)
            assert sum(part[:, at].sum() for part in sums.values()) == pytest.approx(oracle.sum())


def with_a_common_item():
    """A panel with an item that every user has, so that its weight is exactly 0 by TF-IDF and BM25."""
    panel, _ = make_panel(
        250, 40, relatedness=0.95, overlap=0.9, events_per_user=8, random_state=6, timestamps=True
    )
    events = panel.to_frame()
    events["weight"] = np.random.default_rng(0).integers(1, 6, len(events)).astype(float)
    common = pd.DataFrame({"user_id": panel.users.ids, "item_id": "books:99", "category": "books"})
    return pd.concat([events, common.assign(weight=3.0, timestamp=events["timestamp"].min())])


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
@pytest.mark.parametrize(
    "weighting",
    [
        tb.Weighting("none", center=True),
        tb.Weighting("binary", half_life=0.5),
        tb.Weighting("tfidf"),
        tb.Weighting("bm25"),
    ],
    ids=["center", "half-life", "tfidf", "bm25"],
)
def test_events_of_weight_zero_have_no_part_in_scores_and_explanations(weighting):
    mapper = tb.InterestMapper("films", weighting=weighting, n_folds=1).fit(with_a_common_item())
    users, items = mapper.panel_.users.ids[:8], mapper.items_["films"].ids[:3]
    pairs = pd.DataFrame([(user, item) for user in users for item in items], columns=["user_id", "item_id"])
    scores = mapper.predict(pairs)
    told = [mapper.explain(*pair) for pair in pairs.itertuples(index=False)]
    sums = [table["contribution"].sum() for table in told]
    np.testing.assert_allclose(sums, scores, rtol=1e-4, atol=1e-5 * np.abs(scores).mean())
    if weighting.scheme in ("tfidf", "bm25"):
        assert not any((table["source_item"] == "books:99").any() for table in told)
    histories = mapper._rows(mapper._state("explain", None), np.arange(1))
    model, listed = mapper.model_, [0, 5]
    sums = sums_of(model, histories, model.weights(histories)[0], listed)
    for name, part in sums.items():
        if name in histories:
            assert part.shape == (histories[name].nnz, 2)
            assert not part[histories[name].data == 0].any()
            whole = [
                sum(
                    p.contribution
                    for p in parts_of(model, histories, item)
                    if p.category == name and p.item >= 0
                )
                for item in listed
            ]
            np.testing.assert_allclose(part.sum(axis=0), whole, rtol=1e-6, atol=1e-9)
