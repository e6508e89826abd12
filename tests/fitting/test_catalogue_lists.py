"""Lists that stand for the whole catalogue: which items they hold, and what each of them stands for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from tastebridge.fitting import catalogue_lists as module
from tastebridge.fitting.catalogue_lists import catalogue_lists
from tastebridge.fitting.folds import Fold, Held
from tastebridge.model.losses import Problem

N_USERS, N_ITEMS, WIDTH = 30, 400, 3


@pytest.fixture
def fold() -> Fold:
    """Users with one hidden item and five known ones; two routes, of which one has many equal scores."""
    rng = np.random.default_rng(0)
    had = np.array([rng.permutation(N_ITEMS)[:6] for _ in range(N_USERS)])
    hidden, seen = (
        sparse.csr_matrix((np.ones(part.size), part.ravel(), np.arange(N_USERS + 1) * part.shape[1]), shape)
        for part, shape in ((had[:, :1], (N_USERS, N_ITEMS)), (np.sort(had[:, 1:]), (N_USERS, N_ITEMS)))
    )
    links = sparse.random(N_ITEMS, WIDTH, 0.02, "csr", random_state=1, dtype=np.float32)
    items = {"dense": rng.normal(size=(N_ITEMS, WIDTH)).astype(np.float32), "links": links}
    vectors = [rng.normal(size=(N_USERS, WIDTH)).astype(np.float32) for _ in items]
    held = Held("warm", np.arange(N_USERS) + 100, hidden)
    return Fold(held, rng.normal(size=(N_USERS, 2)), vectors, list(items), items, seen)


def all_scores(fold: Fold, column: int) -> np.ndarray:
    V = fold.items[fold.spaces[column]]
    return fold.vectors[column] @ (V if isinstance(V, np.ndarray) else V.toarray()).T


def shaped(lists):
    n = len(lists.users)
    return lists.X.reshape(n, -1, lists.X.shape[1]), lists.offsets.reshape(n, -1)


@pytest.mark.parametrize("n_negatives", [12, 40])
def test_the_entries_of_a_list_stand_for_all_items_a_user_does_not_have(fold, n_negatives):
    lists = catalogue_lists([fold], 1000, n_negatives, np.random.default_rng(0))
    _, offsets = shaped(lists)
    assert len(lists.users) == N_USERS
    assert not offsets[:, 0].any()
    # the whole catalogue fits in the pool: hard negatives stand for themselves, the others for the rest
    np.testing.assert_allclose(np.exp(offsets[:, 1:]).sum(axis=1), N_ITEMS - 6, rtol=1e-9)


def test_the_first_items_of_each_route_are_there_and_stand_for_themselves(fold):
    lists = catalogue_lists([fold], 1000, 40, np.random.default_rng(0))
    X, offsets = shaped(lists)
    for row in range(N_USERS):
        scores = all_scores(fold, 0)[row]
        closed = np.append(fold.held.hidden[row].indices, fold.seen[row].indices)
        first = np.sort(np.delete(scores, closed))[-10:]
        alone = X[row, 1:, 0][offsets[row, 1:] == 0.0]
        assert np.isin(first.round(4), alone.round(4)).all()
        counted = X[row, 1:, 0][offsets[row, 1:] > module._NEVER]
        assert not np.isin(scores[closed].round(5), counted.round(5)).any()
        assert len(np.unique(counted)) == len(counted)


def test_a_sum_over_a_list_has_the_expected_value_of_the_sum_over_the_catalogue(fold, monkeypatch):
    monkeypatch.setattr(module, "POOL", 100)
    monkeypatch.setattr(module, "_ASKED", 2)
    expected = np.zeros(N_USERS)
    for row in range(N_USERS):
        closed = np.append(fold.held.hidden[row].indices, fold.seen[row].indices)
        expected[row] = np.tanh(np.delete(all_scores(fold, 0)[row], closed)).sum()
    found = []
    for seed in range(300):
        X, offsets = shaped(catalogue_lists([fold], 1000, 20, np.random.default_rng(seed)))
        found.append((np.exp(offsets[:, 1:]) * np.tanh(X[:, 1:, 0])).sum(axis=1))
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - expected) < 4.5 * error).all()
    assert (error > 0).all()


def test_lists_do_not_depend_on_the_block_of_users(fold, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", N_USERS)
    one = catalogue_lists([fold, fold], 20, 30, np.random.default_rng(3))
    again = catalogue_lists([fold, fold], 20, 30, np.random.default_rng(3))
    np.testing.assert_array_equal(one.X, again.X)
    assert len(one.users) == 20
    assert set(one.users) <= set(fold.held.people)


def test_an_entry_costs_as_many_ranks_as_the_items_it_stands_for():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 5, 2)), np.array([1.0, 0.0, 0.0, 0.0, 0.0])
    spelled_out = X[:, [0, 1, 1, 1, 2, 3, 4]]  # an entry that stands for three items, and three of it
    offsets = np.log([1.0, 3.0, 1.0, 1.0, 1.0])
    theta = np.array([0.3, -0.4, 0.0])
    found = [
        Problem(
            rows.reshape(-1, 2), np.tile(np.append(1.0, np.zeros(width - 1)), 40), np.arange(40) * width,
            np.ones((40 * width, 1)), "ndcg", 0.0, 0.0, offsets=more,
        )(theta)
        for rows, width, more in ((X, len(y), np.tile(offsets, 40)), (spelled_out, 7, None))
    ]  # fmt: skip
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-4)
    bare = Problem(X.reshape(-1, 2), np.tile(y, 40), np.arange(40) * 5, np.ones((200, 1)), "ndcg", 0.0, 0.0)
    assert bare(theta)[0] < found[0][0] - 0.01


def test_with_sharp_weights_the_loss_is_the_ndcg_of_the_hidden_item():
    scores = np.array([[3.0, 1.0, 5.0, 4.0], [9.0, 2.0, 1.0, 0.0]]).reshape(-1, 1) * 1000.0
    y = np.tile([1.0, 0.0, 0.0, 0.0], 2)
    problem = Problem(scores, y, np.array([0, 4]), np.ones((8, 1)), "ndcg", 0.0, 0.0)
    # ranks 3 and 1
    assert problem(np.array([1.0, 0.0]))[0] == pytest.approx(1.0 - (0.5 + 1.0) / 2)
