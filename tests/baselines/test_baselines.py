"""The baselines: each equal to its formula, and refusing what it cannot use."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.baselines import ItemNeighbours, JointALS, Popularity, RecentPopularity, TargetOnly
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    NoLinkedUsersError,
    UnknownCategoryError,
)
from tastebridge.factors import ALSFactors, SVDFactors

PANEL, _ = make_panel(n_users=150, n_items=30, categories=["books", "films", "music"], events_per_user=6)
FILMS = PANEL["films"]
COLD = PANEL.users.ids_of(np.setdiff1d(np.arange(len(PANEL)), FILMS.active_numbers))
WARM = PANEL.users.ids_of(FILMS.active_numbers)
SOURCED = [JointALS, ItemNeighbours]


def scores_of(model, people):
    items = PANEL["films"].items.ids
    pairs = pd.MultiIndex.from_product([people, items], names=["user_id", "item_id"]).to_frame(index=False)
    return model.predict(pairs).reshape(len(people), -1)


def test_popularity_orders_by_people():
    model = Popularity("films").fit(PANEL)
    counts = FILMS.matrix.getnnz(axis=0)
    order = np.argsort(-counts, kind="stable")
    found = model.recommend(COLD[:1], n=30)["item_id"].tolist()
    assert found == FILMS.items.ids[order].tolist()
    expected = np.log((counts + 0.5) / (counts + 0.5).mean())
    np.testing.assert_allclose(scores_of(model, COLD[:1])[0], expected, rtol=1e-5)


def test_popularity_of_nobody_comes_last():
    panel = PANEL.without("films", WARM[WARM % 2 == 0])
    model = Popularity("films").fit(panel)
    counts = panel["films"].matrix.getnnz(axis=0)
    found = model.recommend(COLD[:1], n=30)["item_id"].tolist()
    assert found == FILMS.items.ids[np.argsort(-counts, kind="stable")].tolist()


def test_target_only_is_its_factors_and_popularity_for_the_cold():
    factors = SVDFactors(6)
    model = TargetOnly("films", factors).fit(PANEL)
    X = FILMS.matrix.astype(bool).astype(float)
    fitted = SVDFactors(6).fit(X[FILMS.active_numbers])
    expected = fitted.transform(X[FILMS.active_numbers]) @ fitted.item_factors_.T
    np.testing.assert_allclose(scores_of(model, WARM), expected, rtol=1e-4, atol=1e-5)
    popular = Popularity("films").fit(PANEL)
    np.testing.assert_array_equal(scores_of(model, COLD), scores_of(popular, COLD))


def test_target_only_does_not_read_the_sources():
    alone = TargetOnly("films", SVDFactors(6)).fit(PANEL.select(["films"]))
    both = TargetOnly("films", SVDFactors(6)).fit(PANEL)
    np.testing.assert_array_equal(scores_of(alone, WARM), scores_of(both, WARM))


def test_joint_is_one_factorisation_of_all_categories():
    model = JointALS("films", factors=ALSFactors(6, alpha=5.0)).fit(PANEL)
    names = list(model.items_)
    X = np.hstack([PANEL[name].matrix.toarray() > 0 for name in names]).astype(float)
    fitted = ALSFactors(6, alpha=5.0).fit(X)
    start = sum(len(PANEL[name].items) for name in names[: names.index("films")])
    expected = fitted.transform(X) @ fitted.item_factors_[start : start + len(FILMS.items)].T
    np.testing.assert_allclose(scores_of(model, PANEL.users.ids), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("n_neighbours", [None, 4])
def test_neighbours_are_shrunk_cosines(n_neighbours):
    model = ItemNeighbours("films", shrinkage=3.0, n_neighbours=n_neighbours).fit(PANEL)
    parts = [PANEL[name].matrix.toarray() > 0 for name in ("books", "films", "music")]
    X, Y = np.hstack(parts).astype(float), parts[1].astype(float)
    S = (X.T @ Y) / (np.sqrt(np.outer(X.sum(axis=0), Y.sum(axis=0))) + 3.0)
    first, m = parts[0].shape[1], Y.shape[1]
    S[first + np.arange(m), np.arange(m)] = 0.0
    if n_neighbours:
        rank = np.argsort(np.argsort(-S, axis=0, kind="stable"), axis=0, kind="stable")
        S = np.where(rank < n_neighbours, S, 0.0)
    counts = Y.sum(axis=0)
    expected = X @ S / np.sqrt(X.sum(axis=1))[:, None] + 1e-6 * counts / counts.max()
    np.testing.assert_allclose(scores_of(model, PANEL.users.ids), expected, rtol=1e-5)


def test_neighbours_are_the_same_in_any_amount_of_memory(monkeypatch):
    model = ItemNeighbours("films").fit(PANEL)
    whole, scores = model.recommend(n=5), scores_of(model, WARM)
    monkeypatch.setattr("tastebridge.model.scorers._SCORES", 100)
    pd.testing.assert_frame_equal(model.recommend(n=5), whole)
    np.testing.assert_array_equal(scores_of(model, WARM), scores)


@pytest.mark.parametrize("kind", SOURCED)
def test_sources_can_be_chosen(kind):
    assert sorted(kind("films", sources=["books"]).fit(PANEL).items_) == ["books", "films"]
    assert sorted(kind("films").fit(PANEL).items_) == ["books", "films", "music"]


@pytest.mark.parametrize("kind", SOURCED)
@pytest.mark.parametrize(
    ("sources", "error", "message"),
    [
        ("books", InvalidParameterError, r"Write \['books'\]"),
        ([], InvalidParameterError, "Name at least one"),
        (["boks"], UnknownCategoryError, "Did you mean 'books'"),
        (["films"], InvalidParameterError, "Name another category"),
    ],
)
def test_bad_sources_are_refused(kind, sources, error, message):
    with pytest.raises(error, match=message):
        kind("films", sources=sources).fit(PANEL)


@pytest.mark.parametrize("kind", SOURCED)
def test_no_linked_people_is_refused(kind):
    panel = PANEL.select(["books", "films"]).without("books", WARM)
    with pytest.raises(NoLinkedUsersError, match="no user is both in a source"):
        kind("films").fit(panel)


@pytest.mark.parametrize("kind", [Popularity, TargetOnly, *SOURCED])
def test_an_unknown_target_is_refused(kind):
    with pytest.raises(UnknownCategoryError, match="Did you mean 'films'"):
        kind("flims").fit(PANEL)


@pytest.mark.parametrize("kind", [TargetOnly, JointALS])
def test_ranks_above_the_data_are_refused(kind):
    with pytest.raises(InvalidParameterError, match=r"n_components=500.*Lower n_components"):
        kind("films", factors=ALSFactors(500)).fit(PANEL)
    with pytest.raises(InvalidParameterError, match=r"n_components=500.*Lower n_components"):
        kind("films", factors=SVDFactors(500)).fit(PANEL)


def test_bad_numbers_are_refused():
    with pytest.raises(InvalidParameterError, match="shrinkage"):
        ItemNeighbours("films", shrinkage=-1.0).fit(PANEL)
    with pytest.raises(InvalidParameterError, match="n_neighbours"):
        ItemNeighbours("films", n_neighbours=0).fit(PANEL)
    with pytest.raises(InvalidParameterError, match="prior"):
        Popularity("films", prior=0.0).fit(PANEL)


def _dated(drift, seed=0):
    """Events over 300 days; with ``drift``, the popular items of each 20 days are others."""
    rng = np.random.default_rng(seed)
    day = rng.uniform(0, 300, 6000)
    favourite = (day // 20).astype(int) if drift else np.zeros(6000, dtype=int)
    item = np.where(
        rng.random(6000) < 0.7, 3 * favourite + rng.integers(0, 3, 6000), rng.integers(0, 60, 6000)
    )
    frame = pd.DataFrame({"user_id": rng.integers(0, 900, 6000), "item_id": item, "category": "films"})
    return frame.assign(timestamp=1e9 + 86_400 * day)


def test_recent_popularity_is_its_formula():
    frame = _dated(True)
    half_life, prior = 30.0, 0.25
    model = RecentPopularity("films", half_life, prior=prior).fit(frame)
    last = frame.groupby(["user_id", "item_id"])["timestamp"].max().reset_index()
    age = (last["timestamp"].max() - last["timestamp"]) / 86_400
    counts = (0.5 ** (age / half_life)).groupby(last["item_id"]).sum().sort_index() + prior
    expected = np.log(counts / counts.mean())
    items = model.item_vectors()
    np.testing.assert_allclose(items.vectors[:, 0], expected.loc[items.ids], rtol=1e-4, atol=1e-5)
    share = RecentPopularity("films", share=0.1).fit(frame).recency_
    assert share["half_life"][0] == pytest.approx(np.ptp(frame["timestamp"]) / 864_000)
    assert np.isnan(share["ndcg"][0])
    # an endless half-life is plain popularity
    plain, endless = Popularity("films").fit(frame), RecentPopularity("films", 1e9).fit(frame)
    np.testing.assert_allclose(endless.item_vectors().vectors, plain.item_vectors().vectors, atol=1e-5)


@pytest.mark.parametrize(("drift", "good"), [(True, [1 / 30]), (False, [1 / 2, 1 / 8])])
def test_the_half_life_is_chosen_in_time(drift, good):
    table = RecentPopularity("films").fit(_dated(drift)).recency_
    assert table["share"].tolist() == [1 / 2, 1 / 8, 1 / 30]
    assert table.loc[table["chosen"], "share"].item() in good
    assert table["ndcg"].idxmax() == np.flatnonzero(table["chosen"])[0]


def test_recent_popularity_is_saved_and_loaded(tmp_path):
    frame = _dated(True)
    model = RecentPopularity("films").fit(frame)
    model.save(tmp_path / "model", with_users=True)
    loaded = tb.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.recommend(n=5), model.recommend(n=5), check_exact=True)
    pd.testing.assert_frame_equal(loaded.recency_, model.recency_)
    assert loaded.get_params() == model.get_params()


def test_recent_popularity_says_what_it_cannot_use():
    frame = _dated(True)[:200]
    with pytest.raises(InvalidDataError, match="needs the times of events, and 'films' has none"):
        RecentPopularity("films").fit(frame.drop(columns="timestamp"))
    with pytest.raises(InvalidParameterError, match="Give one of them"):
        RecentPopularity("films", half_life=3.0, share=0.5).fit(frame)
    with pytest.raises(InvalidParameterError, match="half_life"):
        RecentPopularity("films", half_life=0.0).fit(frame)
    still = RecentPopularity("films").fit(frame.assign(timestamp=1e9))
    plain = Popularity("films").fit(frame)
    np.testing.assert_allclose(still.item_vectors().vectors, plain.item_vectors().vectors, atol=1e-6)
