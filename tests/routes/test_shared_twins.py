"""Two items of the target with a twin in common are twins of each other, at every door."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.batch import RecommendationKernel, audience_all, nest, recommend_all
from tastebridge.datasets import make_panel
from tastebridge.evaluation.twins import SplitTwins
from tastebridge.routes.twins import Twins
from tastebridge.splits import Split

HARD, SOFT = "hardcover on film", "softcover on film"


def table_of(pairs):
    """A table of twins of pairs of a source, its item and an item of the target."""
    frame = pd.DataFrame(pairs, columns=["source", "source_item", "item"])
    return frame.assign(users=5, jaccard=1.0)


def test_items_that_share_a_twin_are_siblings_and_a_chain_goes_no_further():
    # films 0 and 1 share book 0, films 1 and 2 share song 3, and film 4 shares nothing
    twins = Twins.of_table(
        table_of([("b", 0, 0), ("b", 0, 1), ("s", 3, 1), ("s", 3, 2), ("b", 1, 4)]),
        {"b": 2, "s": 4, "f": 6},
        "f",
    )
    had = {"f": sparse.eye(6, format="csr")}
    closed = {(0, 1), (1, 0), (1, 2), (2, 1)}
    assert set(zip(*twins.left_out(had).nonzero(), strict=True)) == closed
    assert twins.met(had)
    assert twins.of_item(1) == {("b", 0), ("s", 3), ("f", 0), ("f", 2)}
    # a map is learned from rows of the target as before
    assert not twins.reached(had).nnz


@pytest.mark.parametrize("seed", range(6))
def test_siblings_are_those_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    n_items = 12
    pairs = {
        (str(rng.choice(["a", "b"])), int(rng.integers(8)), int(rng.integers(n_items))) for _ in range(14)
    }
    twins = Twins.of_table(table_of(sorted(pairs)), {"a": 8, "b": 8, "f": n_items}, "f")
    had = {name: sparse.random(20, 8, 0.2, format="csr", random_state=rng) for name in "ab"}
    had["f"] = sparse.random(20, n_items, 0.2, format="csr", random_state=rng)
    expected = np.zeros((20, n_items), dtype=bool)
    for name, item, film in pairs:
        for user in range(20):
            expected[user, film] |= bool(had[name][user, item])
        for other_name, other_item, other in pairs:
            if (other_name, other_item) == (name, item) and other != film:
                expected[:, other] |= had["f"][:, [film]].toarray()[:, 0] > 0
    assert (twins.left_out(had).toarray() > 0).tolist() == expected.tolist()


@pytest.fixture(scope="module")
def shop():
    """A book that is two films, and a mapper."""
    frame = make_panel(300, 40, events_per_user=10, random_state=2)[0].to_frame().astype({"category": str})
    linked = np.intersect1d(*(frame.loc[frame["category"] == name, "user_id"] for name in ("books", "films")))
    owners = linked[::2][:60]
    filed = [(item, category) for item, category in (("a book", "books"), (HARD, "films"), (SOFT, "films"))]
    copies = [pd.DataFrame({"user_id": owners, "item_id": item, "category": name}) for item, name in filed]
    events = pd.concat([frame[["user_id", "item_id", "category"]], *copies])
    return events, tb.InterestMapper("films", n_components=8, n_folds=2, random_state=0).fit(events)


NEW = pd.DataFrame({"user_id": ["ada", "bob"], "item_id": [HARD, SOFT], "category": "films"})


def listed(lists):
    return set(zip(lists["user_id"], lists["item_id"], strict=True))


@pytest.mark.filterwarnings("ignore:.* get fewer than n=100")
def test_lists_of_a_user_with_one_of_them_leave_the_other_out_at_every_door(shop, tmp_path):
    events, mapper = shop
    assert set(mapper.twins_["item"]) == {HARD, SOFT}
    others = {("ada", SOFT), ("bob", HARD)}
    everything = mapper.recommend_from(NEW, n=100, twins="keep")
    assert others <= listed(everything)
    mapper.save(tmp_path / "model")
    NEW.to_parquet(tmp_path / "new.parquet")
    recommend_all(mapper, tmp_path / "new.parquet", tmp_path / "out.parquet", n=100)
    kernel = RecommendationKernel(mapper, n=100)  # what Spark runs
    for lists in (
        mapper.recommend_from(NEW, n=100),
        tb.load(tmp_path / "model").recommend_from(NEW, n=100),
        pd.read_parquet(tmp_path / "out.parquet"),
        kernel(nest(pa.Table.from_pandas(NEW))).rows.to_pandas(),
    ):
        assert not others & listed(lists)
        assert len(lists) == len(everything) - 2
    # a user of the fit who has one of the films and not the book
    more = pd.concat(
        [events, NEW, pd.DataFrame({"user_id": ["ada"], "item_id": "books:03", "category": "books"})]
    )
    again = tb.InterestMapper("films", n_components=8, n_folds=2, random_state=0).fit(
        more.astype({"user_id": str})
    )
    assert ("ada", SOFT) not in listed(again.recommend(["ada"], n=100))
    assert ("ada", SOFT) in listed(again.recommend(["ada"], n=100, twins="keep"))


def test_audiences_and_explanations_know_them(shop, tmp_path):
    _, mapper = shop
    NEW.to_parquet(tmp_path / "new.parquet")
    assert set(mapper.audience_from(NEW, SOFT, n=5, twins="keep")["user_id"]) == {"ada"}
    assert not len(mapper.audience_from(NEW, SOFT, n=5))
    audience_all(mapper, tmp_path / "new.parquet", [HARD], tmp_path / "kept.parquet", n=5, twins="keep")
    assert pd.read_parquet(tmp_path / "kept.parquet")["user_id"].tolist() == ["bob"]
    audience_all(mapper, tmp_path / "new.parquet", [HARD], tmp_path / "out.parquet", n=5)
    assert not len(pd.read_parquet(tmp_path / "out.parquet"))
    parts = mapper.explain_from(NEW[:1], SOFT)
    assert set(parts.loc[parts["twin"], "source_item"]) == {HARD}


def test_a_held_out_row_of_the_other_is_not_to_be_found_without_twins(shop):
    events, _ = shop
    train = pd.concat([events, NEW]).astype({"user_id": str})
    truth = pd.DataFrame(
        {"user_id": ["ada", "bob", "ada"], "item_id": [SOFT, HARD, "films:01"], "weight": 1.0}
    )
    split = Split(tb.Panel.from_frame(train), "films", truth)
    assert SplitTwins(split).rows.tolist() == [True, True, False]
