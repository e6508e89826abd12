"""What joins two categories: people, items or features; and popularity where there is nothing."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.data import Panel
from tastebridge.datasets import make_panel
from tastebridge.diagnostics.relatedness import chance_agreement
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.factors import EASEFactors, SVDFactors
from tastebridge.fitting.folds import Held, fit_routes
from tastebridge.fitting.plan import Plan, numbered_from_zero, shared_items
from tastebridge.fitting.pseudo_overlap import pseudo_overlap_folds
from tastebridge.routes import (
    FitContext,
    LikenessRoute,
    PopularityRoute,
    SharedItemsRoute,
    TargetRoute,
    TransferRoute,
    known_to,
)

FEW = {"n_lists": 400, "n_negatives": 30, "n_folds": 2}
ROUTES = [TargetRoute(SVDFactors(8)), SharedItemsRoute(SVDFactors(16)), LikenessRoute("look")]


def two_shops(seed=0):
    """One catalogue in two shops, each with users of its own; for those of shop a, their events in shop b."""
    frame = make_panel(600, 60, ("books",), events_per_user=14, random_state=seed)[0].to_frame()
    frame = frame.astype({"user_id": str, "category": str})
    rng = np.random.default_rng(seed)
    of_a, later = frame["user_id"].astype(int) % 2 == 1, rng.random(len(frame)) < 0.4
    frame["category"] = np.where(of_a & ~later, "a", "b")
    return frame[~(of_a & later)], frame[of_a & later]


def two_categories(seed=0):
    """People in one category each; items of both described in the space of the people's taste."""
    panel, truth = make_panel(600, 60, n_components=3, relatedness=1.0, overlap=1.0, random_state=seed)
    frame = panel.to_frame()
    of_books = frame["user_id"] % 2 == 1
    seen = frame[of_books == (frame["category"] == "books")]
    train = Panel.from_frame(seen)
    for name in train.categories:
        look = truth.item_factors[name] @ truth.rotations[name].T
        train = train.with_item_features(name, look, item_ids=panel[name].items.ids, name="look")
    return train, frame[of_books & (frame["category"] == "films")]


def quietly(call, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        return call(*args)


def fit(mapper, events):
    return quietly(mapper.fit, events)


def lift(mapper, events, truth, deny=None):
    """Hits among the first ten of people of a source, over those of what is popular."""
    popular = fit(tb.Popularity(mapper.target), events)
    people = truth["user_id"].unique()
    found = []
    for model in (mapper, popular):
        listed = model.recommend(people, n=10, deny=deny)[["user_id", "item_id"]]
        hits = listed.merge(truth[["user_id", "item_id"]].drop_duplicates())
        found.append(len(hits) / len(people))
    return found[0] - found[1]


@pytest.mark.parametrize("bridge", ["auto", "items"])
def test_people_of_one_shop_are_served_in_another_by_the_items_of_both(bridge):
    events, later = two_shops()
    mapper = fit(tb.InterestMapper("b", routes=ROUTES, bridge=bridge, **FEW), events)
    row = mapper.transfer_.iloc[0]
    assert (row["linked"], row["verdict"], row["kept"], row["bridge"]) == (0, "no evidence", True, "items")
    assert row["canonical_correlation"] > 0.5
    had = events.loc[events["category"] == "a", ["user_id", "item_id"]]
    assert lift(mapper, events, later, deny=had[had["user_id"].isin(later["user_id"])]) > 0.4


def test_people_of_one_category_are_served_in_another_by_what_items_are_like(tmp_path):
    panel, later = two_categories()
    for bridge in ("auto", "features"):
        mapper = fit(tb.InterestMapper("films", routes=ROUTES, bridge=bridge, **FEW), panel)
        assert mapper.transfer_["bridge"].tolist() == ["features"]
        assert mapper.routes_.set_index("route").loc["books ≈ look", "bridge"] == "features"
        assert lift(mapper, panel, later) > 0.4
    assert "yes (features)" in mapper.report(tmp_path / "report.html").read_text("utf-8")
    assert "cold" not in mapper.evidence_
    mapper.save(tmp_path / "model")
    some = panel[:40]
    loaded = tb.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.recommend_from(some), mapper.recommend_from(some), check_exact=True)
    assert np.isnan(mapper.confidence(later["user_id"].unique()[:3])["confidence"]).all()


def test_items_that_only_have_the_same_number_are_no_bridge():
    events, _ = two_shops()
    ids = events["item_id"].unique()
    other = dict(zip(ids, np.random.default_rng(1).permutation(ids), strict=True))
    there = events["category"] == "b"
    events = events.assign(item_id=events["item_id"].where(there, events["item_id"].map(other)))
    panel = quietly(Panel.from_frame, events)
    with pytest.warns(TastebridgeWarning, match="no source helps"):
        mapper = tb.InterestMapper("b", routes=ROUTES, **FEW).fit(panel)
    assert not mapper.transfer_["kept"].any()
    assert_popular(mapper, events)


def test_without_any_bridge_everybody_of_a_source_gets_what_is_popular():
    panel, _ = make_panel(300, 40, events_per_user=8)
    frame = panel.to_frame()
    frame["user_id"] = frame["category"].astype(str) + frame["user_id"].astype(str)
    with pytest.warns(TastebridgeWarning, match="no source helps"):
        mapper = tb.InterestMapper("films", routes=ROUTES, **FEW).fit(frame)
    assert mapper.transfer_["bridge"].tolist() == [""]
    assert_popular(mapper, frame)


def assert_popular(mapper, events):
    panel = mapper.panel_
    source = next(name for name in panel.categories if name != mapper.target)
    people = panel.users.ids_of(panel[source].active_numbers[:20])
    popular = fit(tb.Popularity(mapper.target), events).recommend(people)
    assert mapper.recommend(people)["item_id"].tolist() == popular["item_id"].tolist()


def test_a_handful_of_people_in_both_tell_what_features_cannot():
    """Features that mean nothing leave all to forty people in both, who show it beside popularity."""
    panel, _ = make_panel(500, 40, n_components=3, relatedness=1.0, overlap=1.0, random_state=3)
    frame = panel.to_frame()
    source = frame["category"] == "books"
    later = frame[~source & (frame["user_id"] < 200)]
    fresh = frame["user_id"].where(source | (frame["user_id"] >= 460), frame["user_id"] + 1000)
    train = Panel.from_frame(frame.assign(user_id=fresh))
    for name in train.categories:
        noise = np.random.default_rng(0).normal(size=(len(train[name].items), 5))
        train = train.with_item_features(name, noise, item_ids=train[name].items.ids, name="look")
    routes = [LikenessRoute("look"), TransferRoute(SVDFactors(3), SVDFactors(3))]
    mapper = fit(tb.InterestMapper("films", routes=routes, **FEW), train)
    row = mapper.transfer_.iloc[0]
    assert (row["linked"], row["verdict"]) == (40, "no evidence")
    assert "users" in row["bridge"]
    assert lift(mapper, train, later) > 0.2
    alone = fit(tb.InterestMapper("films", routes=routes[:1], **FEW), train)
    assert lift(mapper, train, later) > lift(alone, train, later) + 0.2


@pytest.mark.parametrize("alike", [True, False])
def test_a_handful_of_people_in_both_see_whether_taste_carries_over(alike):
    """What stand-ins find within the target does not hold of a source whose people want something else."""
    train, _ = two_categories()
    frame = train.to_frame()
    linked = np.arange(0, 80, 2)  # of films; as many of books become the same people, chance by chance
    other = np.random.default_rng(1).permutation(np.arange(101, 599, 2))[:40]
    frame["user_id"] = frame["user_id"].replace(dict(zip(other, linked, strict=True)))
    if alike:
        whole = make_panel(600, 60, n_components=3, relatedness=1.0, overlap=1.0, random_state=0)[
            0
        ].to_frame()
        own = whole[whole["user_id"].isin(linked) & (whole["category"] == "books")]
        frame = pd.concat([frame[~(frame["user_id"].isin(linked) & (frame["category"] == "books"))], own])
    events = Panel.from_frame(frame)
    for name, kinds in train.item_features.items():
        events = events.with_item_features(name, kinds["look"], name="look")
    mapper = fit(tb.InterestMapper("films", routes=ROUTES, **FEW), events)
    row = mapper.transfer_.iloc[0]
    assert row["linked"] == 40
    assert ("features" in row["bridge"]) == row["kept"] == alike


def test_a_plan_takes_what_there_is():
    events, _ = two_shops()
    contexts = quietly(Panel.from_frame, events)
    described, _ = two_categories()
    linked, _ = make_panel(200, 30)
    apart = described.select(["books", "films"])
    assert Plan.of("auto", contexts, "b", ["a"])[:2] == ("other", True)
    assert Plan.of("auto", apart, "films", ["books"])[:2] == ("other", True)
    assert Plan.of("auto", linked, "films", ["books"])[:2] == ("all", False)
    assert Plan.of("users", linked, "films", ["books"])[:2] == ("users", False)
    some = linked.without("books", linked.users.ids_of(linked.linked("books", "films")[3:]))
    assert Plan.of("auto", some, "films", ["books"])[:2] == ("all", False), "three people, and nothing else"


def test_ids_of_another_kind_are_never_shared():
    rows = [(1, 7, "books"), (2, 7, "films"), (1, 8, "films")]
    panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    ((here, there),) = shared_items(panel, "films", ["books"]).values()
    assert (here.tolist(), there.tolist()) == ([0], [0])


@pytest.mark.parametrize("factors", [SVDFactors(5), EASEFactors(5)], ids=repr)
def test_the_route_over_shared_items_is_that_of_one_matrix(factors):
    rng = np.random.default_rng(0)
    X = (rng.random((40, 12)) < 0.4).astype(np.float32)
    left, right = [0, 1, 2, 3, 4, 5, 6, 7], [5, 6, 7, 8, 9, 10, 11]
    of_left = np.arange(40) < 20
    rows = {
        "a": sparse.csr_matrix(X[:, left] * of_left[:, None]),
        "b": sparse.csr_matrix(X[:, right] * ~of_left[:, None]),
    }
    context = FitContext(rows, "b", same={"a": (np.array([5, 6, 7]), np.array([0, 1, 2]))})
    (route,) = SharedItemsRoute(factors).build(context)
    Z = route.vectors(context.encoders[route.encoder].encode(rows), known_to(route.sources, rows))
    seen = np.where(of_left[:, None], np.isin(np.arange(12), left), np.isin(np.arange(12), right))
    whole = sparse.csr_matrix((X * seen)[:, [*right, *left[:5]]])
    model = factors.fit(whole)
    expected = model.transform(whole) @ model.item_factors_[:7].T
    np.testing.assert_allclose(Z @ context.spaces[route.space].T, expected, rtol=1e-4, atol=1e-6)


def test_pseudo_overlapping_users_are_seen_by_half_of_their_items_and_must_find_the_rest():
    events, _ = two_shops()
    panel = quietly(Panel.from_frame, events)
    rows = {name: panel[name].matrix for name in panel.categories}
    context = FitContext(rows, "b", same=shared_items(panel, "b", ["a"]))
    people = panel["b"].active_numbers[:30]
    held = [Held("cold", people, rows["b"][people])]
    fitted = fit_routes(
        [PopularityRoute(), SharedItemsRoute(SVDFactors(8)), TargetRoute(SVDFactors(8))], context
    )
    (fold,) = pseudo_overlap_folds(context, held, fitted, list(fitted))
    assert ((fold.seen + fold.held.hidden) != rows["b"][people]).nnz == 0
    counts = np.diff(rows["b"][people].indptr)
    np.testing.assert_array_equal(np.diff(fold.seen.indptr), counts // 2)
    assert not fold.vectors[list(fitted).index("b → SVD 8")].any(), "nothing is known of them in the target"
    route = fitted["a = items → SVD 8"]
    here, there = context.same["a"]
    shown = {
        "a": sparse.lil_matrix((30, rows["a"].shape[1])),
        "b": sparse.csr_matrix((30, rows["b"].shape[1])),
    }
    shown["a"][:, here] = fold.seen[:, there]
    shown["a"] = sparse.csr_matrix(shown["a"])
    expected = route.vectors(context.encoders[route.encoder].encode(shown), known_to(route.sources, shown))
    np.testing.assert_allclose(fold.vectors[list(fitted).index(route.name)], expected, rtol=1e-5, atol=1e-6)


def numbered(seed, related):
    """Two shops without shared users, whose items are numbered from 0: the same items, or others."""
    names = ("films",) if related else ("books", "films")
    frame = make_panel(600, 60, names, overlap=0.0, relatedness=0.0, random_state=seed)[0].to_frame()
    if related:
        frame["category"] = np.where(frame["user_id"] % 2, "films", "books")
    frame["item_id"] = frame["item_id"].str.split(":").str[1].astype(int)
    if not related:  # numbers in no order of popularity
        deal = {name: np.random.default_rng(seed + at).permutation(60) for at, name in enumerate(names)}
        frame["item_id"] = [deal[c][i] for c, i in zip(frame["category"], frame["item_id"], strict=True)]
    frame["user_id"] += 1000 * (frame["category"] == "books")
    return Panel.from_frame(frame[["user_id", "item_id", "category"]])


@pytest.mark.parametrize("related", [True, False])
def test_items_numbered_alike_by_chance_are_not_taken_for_the_same(related):
    trusted = []
    for seed in range(4):
        panel = numbered(seed, related)
        assert numbered_from_zero(panel, "films", "books")
        plan = Plan.of("auto", panel, "films", ["books"])
        rows = {name: panel[name].matrix for name in panel.categories}
        context = FitContext(rows, "films", same=plan.matches)
        trusted.append(chance_agreement(context, "books", 0) <= 0.005)
    assert trusted == [related] * 4
    mapper = tb.InterestMapper("films", routes=ROUTES[:2], **FEW)
    answer = "are taken" if related else "are not taken"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mapper.fit(panel)
    told = [str(one.message) for one in caught if "numbered from 0" in str(one.message)]
    assert len(told) == 1
    assert answer in told[0]


def test_ids_that_say_what_they_are_raise_no_alarm():
    events, _ = two_shops()
    assert not numbered_from_zero(quietly(Panel.from_frame, events), "b", "a")
    rows = [(1, 9_780_141, "books"), (2, 9_780_141, "films"), (1, 9_990_001, "films")]
    sparse_numbers = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    assert not numbered_from_zero(sparse_numbers, "films", "books")
