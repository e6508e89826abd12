import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from tastebridge.data import ItemFeatures, Panel, Vocabulary
from tastebridge.exceptions import InvalidDataError, UnknownCategoryError

ROWS = [
    ("ada", "dune", "books"),
    ("ada", "emma", "books"),
    ("eva", "emma", "books"),
    ("eva", "alien", "films"),
]
PANEL = Panel.from_frame(pd.DataFrame(ROWS, columns=["user_id", "item_id", "category"]))
PAGES = pd.DataFrame({"item_id": ["ulysses", "emma", "dune"], "pages": [730, 474, 412], "new": [0.0, 1, 0]})


def rows_of(features):
    dense = features.matrix.toarray() if sparse.issparse(features.matrix) else features.matrix
    return dict(zip(features.items.ids.tolist(), dense.tolist(), strict=True))


def test_rows_stand_by_their_item_whatever_their_order_and_container():
    wanted = {"dune": [412.0, 0.0], "emma": [474.0, 1.0], "ulysses": [730.0, 0.0]}
    ids, matrix = PAGES["item_id"], PAGES[["pages", "new"]].to_numpy()
    made = [
        ItemFeatures.read(PAGES),
        ItemFeatures.read(PAGES.iloc[::-1]),
        ItemFeatures.read(pl.from_pandas(PAGES)),
        ItemFeatures.read(pl.from_pandas(PAGES).lazy()),
        ItemFeatures.read(matrix, ids),
        ItemFeatures.read(sparse.coo_matrix(matrix), ids),
    ]
    assert all(rows_of(features) == wanted for features in made)
    assert made[0].columns == ("pages", "new")
    assert made[4].columns is None


def test_an_item_without_a_row_has_the_mean_or_in_a_sparse_matrix_nothing():
    items = ItemFeatures.read(PAGES).items
    few = PAGES[PAGES["item_id"] != "emma"]
    dense = ItemFeatures.read(few).over(items)
    assert rows_of(dense)["emma"] == [571.0, 0.0]
    assert dense.described.tolist() == [True, False, True]
    thin = ItemFeatures.read(sparse.csr_matrix(few[["pages", "new"]].to_numpy()), few["item_id"]).over(items)
    assert rows_of(thin)["emma"] == [0.0, 0.0]
    assert rows_of(thin)["ulysses"] == [730.0, 0.0]
    assert thin.described.tolist() == [True, False, True]
    again = dense.over(PANEL["books"].items).over(items)
    assert rows_of(again)["ulysses"] == [412.0, 0.0], (
        "what was left out is forgotten, and the mean is of the rest"
    )


def test_described_items_join_the_category_and_events_stay():
    panel = PANEL.with_item_features("books", PAGES, name="size")
    assert panel["books"].items.ids.tolist() == ["dune", "emma", "ulysses"]
    assert panel["books"].matrix.getnnz(axis=0).tolist() == [1, 2, 0]
    pd.testing.assert_frame_equal(panel.to_frame(), PANEL.to_frame())
    kept = PANEL.with_item_features("books", PAGES, new_items=False)
    assert kept["books"].items == PANEL["books"].items
    assert len(kept.item_features["books"]["features"].items) == 2


def test_kinds_of_features_share_the_items_and_the_last_of_a_name_counts():
    panel = PANEL.with_item_features("books", PAGES[1:], name="a").with_item_features(
        "books", PAGES, name="b"
    )
    kinds = panel.item_features["books"]
    assert kinds["a"].items == kinds["b"].items == panel["books"].items
    assert kinds["a"].described.tolist() == [True, True, False]
    assert panel.with_item_features("books", PAGES, name="a").item_features["books"]["a"].described.all()


def test_a_matrix_without_ids_stands_for_the_items_in_order():
    panel = PANEL.with_item_features("books", np.array([[1.0], [2.0]]))
    assert rows_of(panel.item_features["books"]["features"]) == {"dune": [1.0], "emma": [2.0]}
    with pytest.raises(InvalidDataError, match="a row for each of 2 item_ids"):
        PANEL.with_item_features("books", np.eye(3))


def test_a_panel_takes_its_features_along():
    panel = PANEL.with_item_features("books", PAGES)
    for one in (
        panel[[0]],
        panel.select(["books"]),
        panel.without("books", ["ada"]),
        pickle.loads(pickle.dumps(panel)),
    ):
        assert rows_of(one.item_features["books"]["features"])["ulysses"] == [730.0, 0.0]
    assert not panel.select(["films"]).item_features


def test_one_space_is_the_same_columns():
    pages = ItemFeatures.read(PAGES)
    assert pages.shares_space_with(ItemFeatures.read(PAGES[:1]))
    assert not pages.shares_space_with(ItemFeatures.read(PAGES.rename(columns={"new": "old"})))
    assert not pages.shares_space_with(ItemFeatures.read(np.eye(3), ["a", "b", "c"]))
    assert ItemFeatures.read(np.eye(3), [1, 2, 3]).shares_space_with(
        ItemFeatures.read(np.eye(3)[:2], ["a", "b"])
    )


@pytest.mark.parametrize(
    ("features", "ids", "message"),
    [
        (PAGES.drop(columns="item_id"), None, "need the column item_id"),
        (PAGES.assign(title="x"), None, "the column 'title' holds"),
        (PAGES.assign(pages=np.nan), None, r"finite numbers.*column 'pages'"),
        (pd.concat([PAGES, PAGES[:1]]), None, "1 of 4 rows repeat"),
        (PAGES[["item_id"]], None, "an item and a feature at least"),
        (PAGES[:0], None, "an item and a feature at least"),
        (np.eye(3), ["a", "b"], "a row for each of 2"),
        (np.array([["x"]]), ["a"], "numbers only"),
        (np.array([[np.inf, 0]]), ["a"], r"finite numbers.*column 0"),
        (sparse.csr_matrix([[np.nan]]), ["a"], "finite numbers"),
        (PAGES.assign(item_id=[1, 2, 3]), None, "of kind str here"),
        (PAGES.assign(item_id=["x", "y", "z"]), None, "describe no item of category 'books'"),
        ([1, 2], None, "must be a pandas or polars"),
    ],
)
def test_features_that_cannot_be_used_are_refused(features, ids, message):
    with pytest.raises(InvalidDataError, match=message):
        PANEL.with_item_features("books", features, item_ids=ids)


def test_an_unknown_category_is_refused():
    with pytest.raises(UnknownCategoryError, match="Did you mean 'books'"):
        PANEL.with_item_features("boks", PAGES)


def test_a_panel_refuses_features_of_other_items():
    with pytest.raises(InvalidDataError, match="describe other items"):
        Panel(
            PANEL.users, PANEL.interactions, PANEL.cleaning, None, {"books": {"a": ItemFeatures.read(PAGES)}}
        )


@pytest.mark.parametrize("thin", [False, True])
def test_joined_features_are_those_of_all_items_at_once(thin):
    rng = np.random.default_rng(0)
    matrix = (rng.random((8, 3)) * (rng.random((8, 3)) < 0.6)).astype(np.float32)
    ids = np.arange(8)
    read = [
        ItemFeatures.read(sparse.csr_matrix(matrix[at]) if thin else matrix[at], ids[at])
        for at in ([0, 3, 4, 6], [1, 5, 7], [0, 1, 3, 4, 5, 6, 7])
    ]
    items = Vocabulary(ids)  # of item 2 nothing is known
    joined, whole = (
        read[0].joined(read[1].over(Vocabulary(np.array([1, 2, 5, 7]))), items),
        read[2].over(items),
    )
    np.testing.assert_array_equal(joined.described, whole.described)
    known = np.delete(ids, 2)
    for one in (joined, whole):
        rows = one.matrix.toarray() if thin else one.matrix
        np.testing.assert_array_equal(rows[known], matrix[known])
