"""Twins: planted pairs are found, chance makes none, and lists leave them out."""

from itertools import product

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.batch import RecommendationKernel, nest
from tastebridge.datasets import make_panel
from tastebridge.factors import SVDFactors
from tastebridge.routes import NeighbourRoute, TransferRoute
from tastebridge.routes.twins import MIN_SIMILARITY, MIN_USERS, Twins, twin_table

ROUTES = [TransferRoute(SVDFactors(6), SVDFactors(6)), NeighbourRoute(60)]
pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")


def random_rows(rng, n_users, n_items, share):
    return sparse.csr_matrix((rng.random((n_users, n_items)) < share).astype(np.float32))


def by_hand(X, Y):
    """Every pair of columns, counted in plain Python."""
    found = set()
    for i, j in product(range(X.shape[1]), range(Y.shape[1])):
        a, b = set(X[:, [i]].nonzero()[0]), set(Y[:, [j]].nonzero()[0])
        if len(a & b) >= MIN_USERS and len(a & b) >= MIN_SIMILARITY * len(a | b):
            found.add((i, j, len(a & b)))
    return found


@pytest.mark.parametrize("seed", range(5))
def test_planted_twins_are_those_counted_by_hand(seed):
    rng = np.random.default_rng(seed)
    X, Y = random_rows(rng, 60, 12, 0.15).tolil(), random_rows(rng, 60, 9, 0.15).tolil()
    Y[:, 3], Y[:, 5] = X[:, 7], X[:, 2]
    X, Y = X.tocsr(), Y.tocsr()
    table = twin_table(X, Y, "books", seed)
    found = set(zip(table["source_item"], table["item"], table["users"], strict=True))
    assert {(7, 3), (2, 5)} <= {pair[:2] for pair in found}
    assert found == by_hand(X, Y)


def test_chance_pairs_of_a_tiny_category_are_no_twins():
    told = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        told += len(twin_table(random_rows(rng, 8, 40, 0.5), random_rows(rng, 8, 40, 0.5), "books", seed))
    assert told <= 20 * 0.05 * 20  # by the bare rule some 40 of a panel's 1,600 pairs are alike by chance


def test_what_is_reached_is_what_a_loop_reaches():
    table = pd.DataFrame(
        {"source": ["b", "b"], "source_item": [0, 2], "item": [1, 1], "users": 3, "jaccard": 1.0}
    )
    twins = Twins.of_table(table, {"b": 3, "f": 2}, "f")
    had = {"b": sparse.csr_matrix([[1.0, 0, 5.0], [0, 1.0, 0]]), "f": sparse.csr_matrix((2, 2))}
    assert (twins.reached(had).toarray() > 0).tolist() == [[False, True], [False, False]]
    assert Twins().reached(had) is None


@pytest.mark.parametrize("seed", range(8))
def test_the_lookup_reaches_the_product_of_matrices(seed):
    rng = np.random.default_rng(seed)
    n_users, n_items = (1, 40) if seed % 2 else (30, 25)
    sizes = {"a": 12, "b": 33, "empty": 4}
    pairs = {
        name: sparse.random(size, n_items, 0.2 * (name != "empty"), format="csr", random_state=rng)
        for name, size in sizes.items()
    }
    had = {
        name: sparse.random(n_users, size, 0.15, format="csr", random_state=rng)
        for name, size in sizes.items()
    }
    expected = sum(((had[name] > 0).astype(int) @ (pairs[name] > 0).astype(int)).toarray() for name in sizes)
    reached = Twins(pairs).reached(had)
    assert reached.has_canonical_format
    assert (reached.toarray() == (expected > 0)).all()
    assert Twins(pairs).met(had) == bool(reached.nnz)
    alone = Twins({"absent": sparse.csr_matrix((3, n_items))}).reached(had)
    assert alone.shape == (n_users, n_items)
    assert not alone.nnz
    assert not Twins({"absent": sparse.csr_matrix((3, n_items))}).met(had)


@pytest.fixture(scope="module")
def shop():
    """A panel in which two films are books under another id, and a mapper."""
    events = make_panel(300, 40, events_per_user=10, random_state=2)[0].to_frame().astype({"category": str})
    linked = np.intersect1d(
        *(events.loc[events["category"] == name, "user_id"] for name in ("books", "films"))
    )
    copies = []
    for at, (book, film) in enumerate((("books:05", "film of 05"), ("books:17", "film of 17"))):
        owners = linked[at::2][:60]
        for item, category in ((book, "books"), (film, "films")):
            copies.append(pd.DataFrame({"user_id": owners, "item_id": item, "category": category}))
    events = events[~events["item_id"].isin(["books:05", "books:17"])]
    events = pd.concat([events[["user_id", "item_id", "category"]], *copies])
    mapper = tb.InterestMapper("films", routes=ROUTES, n_lists=300, n_negatives=20, n_folds=2).fit(events)
    newcomers = pd.DataFrame(
        {"user_id": [9001, 9002], "item_id": ["books:05", "books:17"], "category": "books"}
    )
    return events, mapper, newcomers


def test_a_mapper_names_the_twins_it_found(shop):
    _, mapper, _ = shop
    pairs = set(zip(mapper.twins_["source_item"], mapper.twins_["item"], strict=True))
    assert pairs == {("books:05", "film of 05"), ("books:17", "film of 17")}
    assert mapper.twins_["source"].eq("books").all()


def test_lists_leave_twins_out_unless_asked(shop):
    _, mapper, newcomers = shop
    kept = mapper.recommend_from(newcomers, n=50, twins="keep")
    owned = {(9001, "film of 05"), (9002, "film of 17")}
    assert owned <= set(zip(kept["user_id"], kept["item_id"], strict=True))
    lists = mapper.recommend_from(newcomers, n=50)
    assert not {(9001, "film of 05"), (9002, "film of 17")} & set(
        zip(lists["user_id"], lists["item_id"], strict=True)
    )
    mine = [pair in owned for pair in zip(kept["user_id"], kept["item_id"], strict=True)]
    rest = kept[~np.array(mine)]
    assert lists["item_id"].tolist() == rest["item_id"].tolist()
    with pytest.raises(tb.exceptions.InvalidParameterError, match="Did you mean 'leave out'"):
        mapper.recommend_from(newcomers, twins="leave_out")


def test_batches_and_saved_models_do_the_same(shop, tmp_path):
    _, mapper, newcomers = shop
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.twins_, mapper.twins_)
    for twins in ("keep", "leave out"):
        expected = mapper.recommend_from(newcomers, n=5, twins=twins)
        pd.testing.assert_frame_equal(loaded.recommend_from(newcomers, n=5, twins=twins), expected)
        rows = RecommendationKernel(loaded, n=5, twins=twins)(nest(pa.Table.from_pandas(newcomers))).rows
        assert rows.to_pandas()["item_id"].tolist() == expected["item_id"].tolist()


def test_twins_follow_their_items_when_new_ones_come(shop):
    events, _, newcomers = shop
    mapper = tb.InterestMapper("films", routes=ROUTES, n_lists=300, n_negatives=20, n_folds=1).fit(events)
    before = mapper.twins_
    fresh = [(9001, "a first book", "books"), (9001, "a first film", "films"), (9001, "books:05", "books")]
    mapper.update(pd.DataFrame(fresh, columns=["user_id", "item_id", "category"]))
    pd.testing.assert_frame_equal(mapper.twins_, before)
    assert "film of 05" not in set(mapper.recommend_from(newcomers[:1], n=8)["item_id"])


def test_several_targets_leave_twins_out_too(shop):
    events, _, newcomers = shop
    both = tb.InterestMapper(["films", "books"], routes=ROUTES, n_lists=300, n_negatives=20, n_folds=1).fit(
        events
    )
    assert set(both.twins_["target"]) == {"films", "books"}
    lists = both.recommend_from(newcomers, n=40)
    assert not {(9001, "film of 05"), (9002, "film of 17")} & set(
        zip(lists["user_id"], lists["item_id"], strict=True)
    )


def test_a_panel_without_twins_has_none():
    panel, _ = make_panel(200, 40, events_per_user=8)
    mapper = tb.InterestMapper("films", routes=ROUTES, n_lists=100, n_negatives=20, n_folds=1).fit(panel)
    assert not len(mapper.twins_)
    assert mapper.twins_.columns.tolist() == ["source", "source_item", "item", "users", "jaccard"]
