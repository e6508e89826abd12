"""Whom a fold hides: other people in every target, each with the rows of their sources."""

import numpy as np
import pytest
from scipy import sparse

from tastebridge.fitting.fold_assignment import held_for_all, hidden_histories


@pytest.mark.parametrize("n_targets", [2, 6, 10])
def test_in_a_fold_nobody_is_cold_in_two_targets(n_targets):
    histories, linked = _everybody(n_targets)
    folds = held_for_all(histories, linked, 3, 1000, np.random.default_rng(0))
    for fold in folds:
        cold = np.concatenate([held[0].people for held in fold.values()])
        assert len(np.unique(cold)) == len(cold)
        hidden = hidden_histories(histories, fold)
        for name, held in fold.items():
            assert not hidden[name][held[0].people].nnz
            assert (histories[name] - hidden[name]).nnz == sum(part.hidden.nnz for part in held)
    for name in histories:
        people = np.concatenate([fold[name][0].people for fold in folds])
        assert len(np.unique(people)) == len(people)


def test_beyond_ten_targets_the_people_of_a_target_differ_from_those_of_any_other():
    histories, linked = _everybody(12)
    (fold,) = held_for_all(histories, linked, 1, 1000, np.random.default_rng(0))
    sets = [set(held[0].people.tolist()) for held in fold.values()]
    assert all(len(part) == 30 for part in sets)
    assert all(len(a & b) < 15 for at, a in enumerate(sets) for b in sets[:at])


def test_only_linked_people_are_cold():
    histories, _ = _everybody(3)
    linked = {"0": np.arange(0, 300, 2), "1": np.arange(100), "2": np.arange(300)}
    folds = held_for_all(histories, linked, 2, 1000, np.random.default_rng(0))
    for fold in folds:
        for name, held in fold.items():
            assert set(held[0].people) <= set(linked[name])
            assert len(held[0].people) > 10


def _everybody(n_targets):
    rng = np.random.default_rng(1)
    histories = {
        str(name): sparse.csr_matrix((rng.random((300, 20)) < 0.3).astype(np.float32))
        for name in range(n_targets)
    }
    histories = {name: _filled(rows) for name, rows in histories.items()}
    return histories, {name: np.arange(300) for name in histories}


def _filled(rows):
    rows = rows.tolil()
    rows[:, 0] = 1
    return rows.tocsr()
