"""A category with events of few users takes memory of these users, and is the same bit by bit."""

import gc
import pickle
import tracemalloc
import warnings
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.data import Panel, compact_rows
from tastebridge.data.alignment import align
from tastebridge.data.compact_rows import CompactRows
from tastebridge.persist import fingerprint

N_USERS, N_CATEGORIES = 3000, 60


def events(n_users=N_USERS, n_categories=N_CATEGORIES, each=4):
    rng = np.random.default_rng(0)
    users = np.repeat(np.arange(n_users), each)
    categories = rng.integers(0, n_categories, len(users))
    # the first category has events of all users
    categories[::each] = 0
    return pd.DataFrame(
        {
            "user_id": users,
            "item_id": categories * 10 + rng.integers(0, 10, len(users)),
            "category": [f"c{number:04d}" for number in categories],
            "timestamp": 1_600_000_000 + rng.integers(0, 10_000_000, len(users)),
        }
    )


@pytest.fixture(scope="module")
def panel():
    return Panel.from_frame(events())


@pytest.fixture(scope="module")
def plain():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compact_rows, "_LEAST_ROWS", 10**9)
        return Panel.from_frame(events())


def held(part):
    return vars(part)["matrix"]


def assert_same(panel, plain):
    assert panel.categories == plain.categories
    for name in panel.categories:
        one, other = panel[name], plain[name]
        for array in ("data", "indices", "indptr"):
            a, b = getattr(one.matrix, array), getattr(other.matrix, array)
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        assert one.matrix.shape == other.matrix.shape
        assert one.matrix.has_canonical_format
        np.testing.assert_array_equal(one.times, other.times)
        for array in ("active_numbers", "rows"):
            a, b = getattr(one, array), getattr(other, array)
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        assert repr(one) == repr(other)


def test_a_panel_of_compact_rows_is_the_same(panel, plain):
    assert not any(isinstance(held(part), CompactRows) for part in plain.interactions.values())
    compact = [isinstance(held(part), CompactRows) for part in panel.interactions.values()]
    assert compact == [False, *[True] * (N_CATEGORIES - 1)]
    assert_same(panel, plain)
    pd.testing.assert_frame_equal(panel.to_frame(), plain.to_frame())
    pd.testing.assert_frame_equal(panel.overview(), plain.overview())
    np.testing.assert_array_equal(panel.users_without("c0003"), plain.users_without("c0003"))


@pytest.mark.parametrize("chosen", [slice(0, 0), slice(7, 8), slice(3, 500), slice(None, None, 2), [5, 2999]])
def test_some_users_are_the_same(panel, plain, chosen):
    assert_same(panel[chosen], plain[chosen])


def test_hidden_and_aligned_rows_are_the_same(panel, plain):
    some = panel.users.ids[::3]
    assert_same(panel.without("c0003", some), plain.without("c0003", some))
    items = panel["c0003"].items.extended(np.array([10**6]))[0]
    one, other = (align(of, "c0003", items)[0] for of in (panel, plain))
    assert one.shape == other.shape
    assert (one != other).nnz == 0


def test_copies_and_pickles_are_the_same(panel, plain):
    matrix = panel["c0003"].matrix  # a copy while the matrix is in use
    for copy in (pickle.loads(pickle.dumps(panel)), deepcopy(panel["c0003"])):
        part = copy["c0003"] if isinstance(copy, Panel) else copy
        assert isinstance(held(part), CompactRows)
        assert (part.matrix != matrix).nnz == 0


def test_a_fit_and_its_lists_are_the_same(panel, plain):
    lists, prints = [], []
    for of in (panel, plain):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            some = of[:1200].select(["c0000", "c0001", "c0002"])
            mapper = tb.InterestMapper("c0001", n_lists=100, n_negatives=5, n_components=4).fit(some)
        prints.append(fingerprint(mapper))
        lists.append(mapper.recommend(of.users.ids[:50].tolist(), n=5))
    assert prints[0] == prints[1]
    pd.testing.assert_frame_equal(*lists)


def test_the_matrix_is_one_object_while_it_is_in_use(panel):
    rows = held(panel["c0003"])
    matrix = panel["c0003"].matrix
    assert panel["c0003"].matrix is matrix
    assert matrix.data is rows.data
    del matrix
    gc.collect()
    assert rows._made() is None


def test_matrices_that_are_not_canonical_or_filled_stay_as_they_are():
    twice = sparse.csr_matrix((np.ones(2), np.array([1, 1]), np.append(np.zeros(4000), 2)), shape=(4000, 3))
    assert CompactRows.of(twice) is None
    assert CompactRows.of(sparse.eye(4000, format="csr")) is None
    none = CompactRows.of(sparse.csr_matrix((4000, 3)))
    assert none.whole().shape == (4000, 3)
    assert none.whole().nnz == none.nnz == 0


@pytest.mark.parametrize("n_categories", [100, 400])
def test_memory_does_not_grow_as_categories_times_users(n_categories):
    n_users = 10_000
    numbers = np.arange(n_users)
    frame = pd.DataFrame(
        {"user_id": numbers, "item_id": numbers, "category": (numbers % n_categories).astype(str)}
    )
    tracemalloc.start()
    try:
        panel = Panel.from_frame(frame)
        gc.collect()
        size = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(panel.categories) == n_categories
    # whole pointers alone would be 4 bytes per user and category
    assert size < n_users * 100 + n_categories * 6000 < 4 * n_users * n_categories
