"""Out of fold: who is hidden, what is left, and what the lists hold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from contracts.estimator import dense
from tastebridge.factors import ALSFactors, SVDFactors
from tastebridge.fitting import folds as stacking
from tastebridge.fitting.folds import build_fold, held_out, number_of_folds, without
from tastebridge.fitting.training_lists import lists_of
from tastebridge.maps import RidgeMap
from tastebridge.routes import (
    FitContext,
    JointRoute,
    NeighbourRoute,
    PopularityRoute,
    TargetRoute,
    TransferRoute,
)

ROUTES = [
    PopularityRoute(),
    TransferRoute(SVDFactors(4), SVDFactors(5, filter="power"), RidgeMap(1.0)),
    NeighbourRoute(30),
    TargetRoute(SVDFactors(5)),
]


def histories(seed=0, n=120, widths=(("books", 20), ("films", 25))):
    rng = np.random.default_rng(seed)
    return {
        name: sparse.csr_matrix(((rng.random((n, m)) < 0.2) * (rng.random((n, 1)) < 0.7)).astype(np.float32))
        for name, m in widths
    }


def linked_of(rows):
    return np.flatnonzero(np.all([np.diff(part.indptr) > 0 for part in rows.values()], axis=0))


def folds_of(seed=0, n_folds=5, cap=1000):
    rows = histories(seed)
    rng = np.random.default_rng(seed)
    return rows, list(held_out(rows["films"], linked_of(rows), n_folds, cap, rng))


@pytest.fixture(scope="module")
def built():
    rows, parts = folds_of(n_folds=2)
    context = FitContext(rows, "films", 5)
    names = [route.name for kind in ROUTES for route in kind.build(context)]
    found = []
    for held in parts:
        hidden = FitContext({**rows, "films": without(rows["films"], held)}, "films", 5, parent=context)
        found += build_fold(ROUTES, hidden, held, names)
    return rows, names, found


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), cap=st.sampled_from([5, 1000]))
def test_hidden_people_and_rows(seed, cap):
    rows, folds = folds_of(seed, cap=cap)
    target, linked = rows["films"], linked_of(rows)
    seen = np.concatenate([cold.people for cold, _ in folds])
    assert len(np.unique(seen)) == len(seen)
    assert np.isin(seen, linked).all()
    assert cap < 1000 or len(seen) == len(linked)
    for cold, warm in folds:
        assert (cold.segment, warm.segment) == ("cold", "warm")
        assert max(len(cold.people), len(warm.people)) <= cap
        assert not np.intersect1d(cold.people, warm.people).size
        assert (cold.hidden != target[cold.people]).nnz == 0
        counts, hidden = np.diff(target.indptr)[warm.people], np.diff(warm.hidden.indptr)
        np.testing.assert_array_equal(hidden, np.ones_like(counts))
        assert (counts >= 2).all()
        assert (warm.hidden > target[warm.people]).nnz == 0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_without_takes_exactly_what_is_hidden(seed):
    rows, folds = folds_of(seed)
    for held in folds:
        left = without(rows["films"], held).toarray()
        expected = rows["films"].toarray()
        for part in held:
            expected[part.people] -= part.hidden.toarray()
        np.testing.assert_array_equal(left, expected)


def test_as_many_folds_as_judge_enough_people():
    assert [number_of_folds(n) for n in (10, 1000, 1001, 2500, 5000, 10**6)] == [5, 5, 5, 2, 1, 1]


def test_a_fold_scores_as_its_routes_do(built):
    _, names, folds = built
    assert [fold.held.segment for fold in folds] == ["cold", "warm", "cold", "warm"]
    for fold in folds:
        assert len(fold.vectors) == len(fold.spaces) == len(names)
        weights = np.random.default_rng(0).random((len(fold.held.people), len(names)))
        expected = sum(
            weights[:, [column]] * (Z @ dense(fold.items[space])[:, : Z.shape[1]].T)
            for column, (Z, space) in enumerate(zip(fold.vectors, fold.spaces, strict=True))
        )
        rows = np.arange(0, len(weights), 2)
        np.testing.assert_allclose(fold.scores(rows, weights[rows]), expected[rows], rtol=1e-4, atol=1e-5)


def test_cold_people_have_nothing_left_and_warm_ones_something(built):
    _, _, folds = built
    for fold in folds:
        left = np.diff(fold.seen.indptr)
        assert (left > 0).all() if fold.held.segment == "warm" else not left.any()
        assert not fold.seen.multiply(fold.held.hidden).nnz


def test_lists_hold_a_hidden_item_first_and_others_nobody_had(built):
    _, names, folds = built
    cold = [fold for fold in folds if fold.held.segment == "cold"]
    lists = lists_of(cold, 10_000, 12, np.random.default_rng(0))
    n = sum(fold.held.hidden.nnz for fold in cold)
    assert lists.X.shape == (n * 13, len(names))
    assert lists.y.reshape(n, 13).tolist() == [[1.0] + [0.0] * 12] * n
    assert np.array_equal(lists.groups, np.repeat(np.arange(n), 13))
    assert lists.gates.shape == (n * 13, 3)
    popularity = lists.X[:, names.index("popularity")].reshape(n, 13)
    at = 0
    for fold in cold:
        V = dense(fold.items[fold.spaces[names.index("popularity")]])[:, 0]
        hidden = fold.held.hidden
        for row, person in enumerate(fold.held.people):
            own = hidden.indices[hidden.indptr[row] : hidden.indptr[row + 1]]
            here = slice(at, at + len(own))
            assert (lists.users[here] == person).all()
            np.testing.assert_allclose(np.sort(popularity[here, 0]), np.sort(V[own]), rtol=1e-5)
            at += len(own)


def test_lists_are_at_most_what_is_asked_for(built):
    _, _, folds = built
    lists = lists_of(folds, 20, 7, np.random.default_rng(0))
    assert len(lists.users) == 20
    assert len(lists.y) == 20 * 8
    again = lists_of(folds, 20, 7, np.random.default_rng(0))
    np.testing.assert_array_equal(lists.X, again.X)


def test_a_fold_without_a_source_is_that_of_people_with_no_history_there():
    rows, parts = folds_of(n_folds=1)
    context = FitContext({**rows, "films": without(rows["films"], parts[0])}, "films", 5)
    fitted = stacking.fit_routes([*ROUTES, JointRoute(ALSFactors(3))], context)
    told = stacking.folds_of(context, parts[0], fitted, list(fitted), ["books"])
    unknown = FitContext({**context.histories, "books": sparse.csr_matrix(rows["books"].shape)}, "films", 5)
    unknown.encoders, unknown.spaces = context.encoders, context.spaces
    for fold, expected in zip(told, stacking.folds_of(unknown, parts[0], fitted, list(fitted)), strict=True):
        less = fold.lacking["books"]
        np.testing.assert_allclose(less.gates, expected.gates, rtol=1e-5)
        for mine, other in zip(less.vectors, expected.vectors, strict=True):
            np.testing.assert_allclose(mine, other, atol=1e-6)
        assert np.abs(less.vectors[-1] - fold.vectors[-1]).max() > 0.01
        assert less.seen is fold.seen


def test_a_route_that_a_fold_lacks_is_silent():
    rows, parts = folds_of(n_folds=1)
    context = FitContext({**rows, "films": without(rows["films"], parts[0])}, "films", 5)
    (fold, _) = build_fold(ROUTES[:1], context, parts[0], ["popularity", "from nowhere"])
    weights = np.ones((len(fold.held.people), 2))
    everyone = np.arange(len(weights))
    both, one = fold.scores(everyone, weights), fold.scores(everyone, weights * [1.0, 0.0])
    np.testing.assert_array_equal(both, one)


@pytest.mark.bits
def test_lists_like_others_are_those_drawn_anew(built):
    _, _, folds = built
    cold = [fold for fold in folds if fold.held.segment == "cold"]
    before = lists_of(cold, 60, 7, np.random.default_rng(5))
    changed = [replace(fold, vectors=[2 * fold.vectors[0], *fold.vectors[1:]]) for fold in cold]
    anew = lists_of(changed, 60, 7, np.random.default_rng(5))
    like = lists_of(changed, 60, 7, np.random.default_rng(5), (cold, before))
    assert (anew.X[:, 0] != before.X[:, 0]).any()
    for one, two in zip(like, anew, strict=True):
        np.testing.assert_array_equal(one, two)
