"""The top-k kernel against a full sort, and the same bits however the work is cut."""

import subprocess
import sys
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from threadpoolctl import threadpool_limits

from tastebridge._numerics import catalogue as _catalogue
from tastebridge._numerics import topk as _topk
from tastebridge._numerics.best import Found, unpack
from tastebridge._numerics.topk import Masks, pair_scores, top_k
from tastebridge._numerics.topk import _compiled_keep as compiled_keep
from tastebridge.exceptions import InvalidDataError, InvalidParameterError


def full_sort(users, items, k, open_):
    """Return the oracle: every pair scored by itself, sorted by (-score, item number)."""
    scores = np.array([pair_scores(np.tile(u, (len(items), 1)), items) for u in users])
    found = np.full((len(users), k), -1), np.full((len(users), k), -np.inf, dtype=np.float32)
    for user, row in enumerate(scores):
        best = [i for i in np.lexsort((np.arange(len(items)), -row)) if open_[user, i]][:k]
        found[0][user, : len(best)], found[1][user, : len(best)] = best, row[best]
    return found


@pytest.fixture(params=["numpy", "compiled"], autouse=True)
def _scan_of_tiles(request):
    """Run every test with the scan of numpy and with the compiled one."""
    keep = None
    if request.param == "compiled":
        keep = pytest.importorskip("tastebridge._numerics.compiled", exc_type=ImportError).keep
    with mock.patch.object(_topk, "_compiled_keep", return_value=keep):
        yield


def some(rng, n_users, n_items, density):
    return sparse.csr_matrix(rng.random((n_users, n_items)) < density, dtype=np.float32)


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_users, n_items, d = draw(st.integers(1, 12)), draw(st.integers(1, 40)), draw(st.integers(1, 9))
    users, items = rng.normal(size=(n_users, d)), rng.normal(size=(n_items, d))
    if draw(st.booleans()):  # whole numbers: many ties
        users, items = users.round(), items.round()
    users, items = users.astype(np.float32), items.astype(np.float32)
    masks, open_ = {}, np.ones((n_users, n_items), dtype=bool)
    for name, density in (("seen", 0.3), ("deny_per_user", 0.2), ("allow_per_user", 0.6)):
        if draw(st.booleans()):
            masks[name] = some(rng, n_users, n_items, density)
            stored = masks[name].toarray() > 0
            open_ &= stored if name.startswith("allow") else ~stored
    for name in ("allow", "deny"):
        if draw(st.booleans()):
            masks[name] = np.flatnonzero(rng.random(n_items) < 0.5)
            listed = np.isin(np.arange(n_items), masks[name])
            open_ &= listed if name == "allow" else ~listed
    return users, items, draw(st.integers(1, 50)), masks, open_


def test_the_compiled_scan_is_taken_where_it_pays():
    _topk._load_keep.cache_clear()
    assert compiled_keep(_topk.WORTH - 1, 16) is None
    assert compiled_keep(10 * _topk.WORTH, _topk.MOST + 1) is None
    with mock.patch.dict(sys.modules, {"tastebridge._numerics.compiled": None}):
        assert compiled_keep(_topk.WORTH, 16) is None  # numba is not installed
    _topk._load_keep.cache_clear()
    pytest.importorskip("numba")
    assert compiled_keep(_topk.WORTH, 16) is compiled_keep(1, 16) is not None  # once loaded, for all


def test_a_small_search_loads_no_compiler():
    program = "import sys, numpy as np; from tastebridge._numerics.topk import top_k; "
    program += "top_k(np.eye(3), np.eye(3), 2)"
    asked = subprocess.run(
        [sys.executable, "-c", f"{program}; print('numba' in sys.modules)"], capture_output=True, check=True
    )
    assert asked.stdout.split() == [b"False"]


@pytest.mark.bits
@settings(max_examples=150, deadline=None)
@given(problems(), st.sampled_from([(256, 2048, 512), (3, 4, 2), (2, 7, 7)]), st.sampled_from([1, 2]))
def test_top_k_equals_full_sort(problem, tiles, n_jobs):
    users, items, k, masks, open_ = problem
    with (
        mock.patch.multiple(_topk, TILE_USERS=tiles[0], TILE_ITEMS=tiles[1], SEGMENT=tiles[2]),
        mock.patch.object(_catalogue, "TILE_ITEMS", tiles[1]),
    ):
        found = top_k(users, items, k, masks=Masks(**masks), n_jobs=n_jobs, block_bytes=1)
    for got, want in zip(found, full_sort(users, items, k, open_), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.bits
@pytest.mark.parametrize("d", [3, 64, 200])
def test_top_k_one_person_equals_many(d):
    rng = np.random.default_rng(d)
    users, items = rng.normal(size=(700, d)), rng.normal(size=(5000, d)) * rng.lognormal(size=(5000, 1))
    items[2500:2600] = items[:100]  # twins tie exactly
    seen = some(rng, 700, 5000, 0.01)
    whole = top_k(users, items, 20, masks=Masks(seen))
    for threads, rows in ((1, slice(0, 1)), (2, slice(650, 651)), (2, slice(100, 391)), (1, slice(1, 3))):
        with threadpool_limits(threads, "blas"):
            part = top_k(users[rows], items, 20, masks=Masks(seen[rows]), n_jobs=threads)
        for got, want in zip(part, whole, strict=True):
            np.testing.assert_array_equal(got, want[rows])


def test_top_k_scores_equal_pair_scores():
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(40, 31)).astype("f4"), rng.normal(size=(3000, 31)).astype("f4")
    found, scores = top_k(users, items, 7)
    rows = np.arange(40).repeat(7)
    np.testing.assert_array_equal(pair_scores(users[rows], items[found.ravel()]), scores.ravel())


def test_top_k_skips_items_out_of_reach():
    rng = np.random.default_rng(0)
    items = rng.normal(size=(20 * _topk.TILE_ITEMS, 8))
    items[_topk.TILE_ITEMS :] *= 1e-3
    with mock.patch.object(_topk, "_mask", wraps=_topk._mask) as masked:
        top_k(rng.normal(size=(10, 8)), items, 5)
    assert 0 < masked.call_count < 4


@pytest.mark.bits
@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 7, 59, 60]),
    st.sampled_from([1e-15, 1.0, 1e15]),
    st.sampled_from([1, 6]),
    st.booleans(),
)
def test_top_k_of_the_same_item_many_times_over(seed, k, size, margin, masked):
    rng = np.random.default_rng(seed)
    items = rng.permutation(rng.normal(size=(3, 5)).repeat(20, axis=0) * size).astype(np.float32)
    users = (rng.normal(size=(9, 5)) * rng.choice([0.0, 1e-3, 1.0, 1e12], (9, 1))).astype(np.float32)
    seen = some(rng, 9, 60, 0.5) if masked else None
    open_ = np.ones((9, 60), dtype=bool) if seen is None else seen.toarray() == 0
    with (
        mock.patch.multiple(_topk, TILE_USERS=4, TILE_ITEMS=16, SEGMENT=4, MARGIN=margin),
        mock.patch.object(_catalogue, "TILE_ITEMS", 16),
    ):
        found = top_k(users, items, k, masks=Masks(seen))
    for got, want in zip(found, full_sort(users, items, k, open_), strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.bits
@pytest.mark.parametrize(("copies", "again"), [(1, []), (40, [1])])
def test_top_k_searches_once_more_whom_a_margin_is_too_narrow_for(copies, again):
    rng = np.random.default_rng(0)
    items = rng.normal(size=(6000, 16))
    items[100 : 100 + copies] = 1.2 * items[0]
    users = np.concatenate([rng.normal(size=(30, 16)), items[:1]])
    with mock.patch.object(_topk, "_scan", wraps=_topk._scan) as scan:
        found, _ = top_k(users, items, 5)
    assert [len(call.args[0]) for call in scan.call_args_list] == [31, *again]
    if copies > 1:
        assert found[30].tolist() == [100, 101, 102, 103, 104]


def test_top_k_scores_few_pairs_again():
    rng = np.random.default_rng(0)
    with mock.patch.object(_topk, "pair_scores", wraps=pair_scores) as scored:
        top_k(rng.normal(size=(100, 32)), rng.normal(size=(9000, 32)), 10)
    assert sum(len(call.args[0]) for call in scored.call_args_list) < 100 * 11


def test_top_k_who_saw_everything_gets_nothing():
    items, scores = top_k(
        np.ones((2, 2)), np.ones((3, 2)), 5, masks=Masks(sparse.csr_matrix([[1, 1, 1], [0, 0, 1]]))
    )
    assert items.tolist() == [[-1] * 5, [0, 1, -1, -1, -1]]
    assert np.isneginf(scores[items < 0]).all()


@pytest.mark.parametrize("value", [0.0, -0.0])
def test_top_k_zero_vectors_tie_by_item_number(value):
    items, _ = top_k(np.full((1, 4), value), np.random.default_rng(0).normal(size=(5000, 4)), 3)
    assert items.tolist() == [[0, 1, 2]]


def test_top_k_no_users_and_no_open_items():
    assert top_k(np.zeros((0, 2)), np.ones((3, 2)), 2)[0].shape == (0, 2)
    assert top_k(np.ones((1, 2)), np.ones((3, 2)), 2, masks=Masks(allow=[]))[0].tolist() == [[-1, -1]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"user_vectors": np.ones((2, 5))}, "5 components"),
        ({"user_vectors": [[np.nan, 1.0]]}, "row 0"),
        ({"item_vectors": np.ones(3)}, "shape"),
        ({"masks": Masks(seen=sparse.csr_matrix((3, 2)))}, "seen must be"),
        ({"masks": Masks(seen=np.ones((2, 3)))}, "sparse"),
        ({"masks": Masks(allow=[3])}, "from 0 to 2"),
        ({"masks": Masks(deny=[-1])}, "from 0 to 2"),
        ({"masks": Masks(deny=["a"])}, "item numbers"),
    ],
)
def test_top_k_refuses_bad_input(change, words):
    good = {"user_vectors": np.ones((2, 2)), "item_vectors": np.ones((3, 2)), "k": 1}
    with pytest.raises(InvalidDataError, match=words):
        top_k(**(good | change))


def test_top_k_refuses_k_zero():
    with pytest.raises(InvalidParameterError, match="k must be"):
        top_k(np.ones((1, 1)), np.ones((1, 1)), 0)


@pytest.mark.bits
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.booleans())
def test_columns_that_are_nearly_all_0_change_nothing(seed, k, masked):
    rng = np.random.default_rng(seed)
    thick, links = rng.normal(size=(90, 4)), np.zeros((90, 60))
    links[rng.integers(90, size=40), rng.integers(60, size=40)] = rng.normal(size=40) * 3
    items = np.concatenate([thick, links], axis=1)[:, rng.permutation(64)].astype(np.float32)
    users = (rng.normal(size=(7, 64)) * (rng.random((7, 64)) < 0.5)).astype(np.float32)
    seen = some(rng, 7, 90, 0.3) if masked else None
    catalogue = _topk.catalogue_of(items)
    assert len(catalogue.thin) > 30
    open_ = np.ones((7, 90), dtype=bool) if seen is None else seen.toarray() == 0
    expected = full_sort(users, items, k, open_)
    for one in (items, catalogue):
        found = top_k(users, one, k, masks=Masks(seen))
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(
        top_k(users, catalogue, k, masks=Masks(deny=[3]))[0], top_k(users, items, k, masks=Masks(deny=[3]))[0]
    )


@pytest.mark.bits
@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 7, 230, 400]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([1, 40, 2048]),
)
def test_one_person_is_searched_by_a_sketch_with_the_same_bits(seed, k, masked, whole, head):
    rng = np.random.default_rng(seed)
    turn = rng.normal(size=(200, 200)) * 0.97 ** np.arange(200)[:, None]
    items, users = (rng.normal(size=(n, 200)) @ turn for n in (300, 6))
    if whole:  # many ties
        items, users = items.round(), users.round()
    links = np.zeros((300, 150))
    links[rng.integers(300, size=90), rng.integers(150, size=90)] = 5.0
    items = np.concatenate([items, links], axis=1).astype(np.float32)
    users = np.concatenate([users, rng.normal(size=(6, 150))], axis=1).astype(np.float32)
    masks = {}
    if masked:
        masks = {"seen": some(rng, 6, 300, 0.3), "allow_per_user": some(rng, 6, 300, 0.7)}
    short, plain = _topk.catalogue_of(items, users[:3]), _topk.catalogue_of(items)
    assert (short.sketch.turn is not None, plain.sketch.turn is not None) == (True, False)
    together = top_k(users, items, k, masks=Masks(**masks))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_topk, "HEAD", head)
        for user in range(6):
            own = {name: mask[[user]] for name, mask in masks.items()}
            for catalogue in (short, plain):
                found = top_k(users[[user]], catalogue, k, masks=Masks(**own))
                np.testing.assert_array_equal(found[0][0], together[0][user])
                np.testing.assert_array_equal(found[1][0], together[1][user])


def test_a_sketch_leaves_few_items_to_be_scored_in_full():
    rng = np.random.default_rng(0)
    turn = rng.normal(size=(200, 200)) * 0.93 ** np.arange(200)[:, None]
    items, users = ((rng.normal(size=(n, 200)) @ turn).astype(np.float32) for n in (2000, 50))
    items *= rng.lognormal(sigma=1.0, size=(2000, 1)).astype(np.float32)
    catalogue = _topk.catalogue_of(items, users)
    sketch = catalogue.sketch
    np.testing.assert_array_equal(sketch.rank[sketch.order], np.arange(2000))
    vectors = catalogue.vectors.astype(np.float64)[sketch.order]
    left, looked_at = [], []
    for user in users:
        own = sketch.person(user)
        near, off = sketch.bounds(own)
        exact = vectors @ user
        tenth = np.sort(exact)[-10]
        closer, left_off = sketch.closer(own, np.arange(2000), near)
        assert (np.abs(near - exact) <= off).all()
        assert (np.abs(closer - exact) <= left_off).all()
        assert left_off.mean() < 0.6 * off.mean()
        assert (np.flatnonzero(exact >= tenth) < sketch.reach(own, tenth)).all()
        left.append((near + off >= tenth).mean())
        looked_at.append(sketch.reach(own, tenth) / 2000)
    assert np.mean(left) < 0.1
    assert np.mean(looked_at) < 0.6


def test_the_columns_beyond_the_items_of_a_tile_are_not_read():
    scan = pytest.importorskip("tastebridge._numerics.compiled", exc_type=ImportError).keep
    scores = np.full((2, 100 + _topk.PAD), np.inf, dtype=np.float32)
    scores[:, :100] = np.random.default_rng(0).normal(size=(2, 100))
    found = Found(2, 3, 0, np.zeros(2))
    scan(scores, np.arange(2), np.arange(100), found.best, found.bounds, 0)
    wanted = np.sort(scores[:, :100], axis=1)[:, :-4:-1]
    np.testing.assert_array_equal(unpack(found.best)[1], wanted)


@pytest.mark.parametrize("n_users", [2**16, 2**16 + 1])
def test_more_users_than_a_short_integer_counts_keep_their_items_apart(n_users):
    found, users = Found(n_users, 2, 0, np.zeros(n_users)), np.array([0, 1, n_users - 1])
    for part in range(3):  # waits, and is merged as one
        found.add(users, users + 10 * part, np.float32([part, part + 1, part + 2]), 9)
    items, scores = unpack(found.best[users])
    np.testing.assert_array_equal(items, users[:, None] + [20, 10])
    np.testing.assert_array_equal(scores, [[2, 1], [3, 2], [4, 3]])
    np.testing.assert_array_equal(found.floor[users], [1, 2, 3])
