"""An item regression solved where counts changed: the same bits as solved anew."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.fitting import full_ranking, regression_choice
from tastebridge.metrics.intervals import Interval
from tastebridge.routes import regressed
from tastebridge.routes.item_regression import NAME
from tastebridge.routes.partners import Rule, partners_of
from tastebridge.routes.regressed import joint_counts, regression
from tastebridge.routes.resolving import Before, earlier, reached

warnings.simplefilter("ignore")
RULES = [Rule(5.0, 4, 12, 3), Rule(0.5, 50, 100, 1), Rule(50.0, 2, 5, 6)]
BLOCK = slice(20, 35)


def histories(seed, n=60):
    rng = np.random.default_rng(seed)
    parts = {"books": 20, "films": 15}
    return {name: sparse.csr_matrix((rng.random((n, k)) < 0.25).astype(float)) for name, k in parts.items()}


def counts(parts):
    return joint_counts(parts, parts, "films")


def slowly(both, block, rule):
    """The partners by a full sort of all pairs."""
    dense, users, found = both.toarray(), both.diagonal(), []
    enough = dense[:, block] >= rule.min_users
    enough[block.start + np.arange(enough.shape[1]), np.arange(enough.shape[1])] = False
    order = sorted(np.flatnonzero(enough.any(axis=0)), key=lambda j: (-users[block.start + j], j))
    for j in sorted(order[: rule.n_targets]):
        own = np.flatnonzero(enough[:, j])
        cosine = dense[own, block.start + j] / (np.sqrt(users[own] * users[block.start + j]) + 2.0)
        best = own[np.lexsort((own, -cosine))][: rule.n_partners]
        found += [(j, i, dense[i, block.start + j]) for i in sorted(best)]
    return found


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("cells", [1, 2**20])
def test_partners_are_the_first_of_a_full_sort(monkeypatch, rule, cells):
    monkeypatch.setattr("tastebridge.routes.partners._CELLS", cells)
    for seed in range(4):  # of few users many cosines are equal
        both = counts(histories(seed, 25))
        assert list(zip(*partners_of(both, BLOCK, rule), strict=True)) == slowly(both, BLOCK, rule)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n_changed", [0, 1, 2, 40])
def test_weights_are_those_of_the_counts_alone(rule, n_changed):
    old, more = histories(0), histories(1, n_changed)
    before, both = counts(old), counts({name: sparse.vstack([old[name], more[name]]) for name in old})
    weights = sparse.csc_matrix(regression(before, BLOCK, rule))
    weights.sort_indices()
    found, anew = regression(both, BLOCK, rule, Before(before, weights)), regression(both, BLOCK, rule)
    for part in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(found, part), getattr(anew, part))


def test_only_columns_with_a_changed_count_are_solved():
    rule, old = RULES[0], histories(0)
    before = counts(old)
    weights = sparse.csc_matrix(regression(before, BLOCK, rule))
    weights.sort_indices()
    found = partners_of(before, BLOCK, rule)
    assert not reached(Before(before, weights), before, found, BLOCK).any()
    column, item = int(found.columns[0]), int(found.items[0])
    changed = before.tolil()
    changed[item, column + 20] += 1
    changed[column + 20, item] += 1
    of_pair = reached(Before(before, weights), sparse.csr_matrix(changed), found, BLOCK)
    inside = [{*found.items[found.columns == j].tolist(), j + 20} for j in range(15)]
    assert of_pair.tolist() == [{item, column + 20} <= own for own in inside]
    assert 0 < of_pair.sum() < 15


def test_a_column_with_other_partners_is_solved():
    rule, both = RULES[0], counts(histories(0))
    weights = sparse.csc_matrix(regression(both, BLOCK, rule))
    weights.sort_indices()
    found = partners_of(both, BLOCK, rule)
    rest = np.arange(len(found.items)) > 0
    fewer = found.where(rest)
    other = reached(Before(both, weights), both, fewer, BLOCK)
    assert np.flatnonzero(other).tolist() == [int(found.columns[0])]
    swapped = found._replace(items=np.where(rest, found.items, 34))
    other = reached(Before(both, weights), both, swapped, BLOCK)
    assert np.flatnonzero(other).tolist() == [int(found.columns[0])]


def test_item_vectors_that_give_no_single_item_are_not_used():
    both, E = counts(histories(0)), sparse.csr_matrix((35, 2))
    assert earlier(both, E, sparse.csr_matrix(np.eye(15)[:, :2]), np.arange(35)) is not None
    assert earlier(both, E, sparse.csr_matrix(np.ones((15, 2))), np.arange(35)) is None
    assert earlier(both, E, sparse.csr_matrix(np.eye(15)[:, :3]), np.arange(35)) is None


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """An updatable model that the route joins whatever its gain, which a small panel cannot show."""
    panel = make_panel(n_users=300, n_items=60, random_state=1, events_per_user=10)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(full_ranking, "_FEWEST", 20)
        patch.setattr(full_ranking, "_read", lambda built, segment: ["books"])
        patch.setattr(regression_choice, "paired_difference", lambda *values: Interval(0.0, 0.0, 0.0))
        mapper = tb.InterestMapper("films", n_folds=1, n_components=16).fit(panel)
    folder = tmp_path_factory.mktemp("saved") / "model"
    mapper.save(folder, updatable=True, with_users=True)
    return folder


def test_updates_and_forgets_equal_a_regression_of_all_users_anew(saved, monkeypatch):
    mapper, solved = tb.load(saved), []
    plain = regressed._solved
    monkeypatch.setattr(regressed, "_solved", lambda *given: solved.append(given[1]) or plain(*given))
    users = mapper.panel_.users.ids
    known = [str(item) for item in mapper.items_["films"].ids[:2]]
    changes = [
        lambda: mapper.update(_events([(users[0], item, "films") for item in known])),
        lambda: mapper.update(_events([(10_000 + n, "a new book", "books") for n in range(5)])),
        lambda: mapper.update(_events([(10_000 + n, "a new film", "films") for n in range(5)])),
        lambda: mapper.forget([users[1]]),
        lambda: mapper.forget(users[2:80]),
        lambda: mapper.update(_events([(users[90], known[0], "films"), (users[91], known[1], "films")])),
    ]
    for change in changes:
        change()
        part = mapper.targets_["films"].statistics.accounts[NAME]
        rows = {name: mapper.panel_[name].matrix for name in part.sizes}
        both = joint_counts(rows, part.sizes, "films")
        assert (both != part.both).nnz == 0
        B = regression(both, part.block, part.rule).toarray()
        route = next(route for route in mapper.model_.routes if route.name == NAME)
        E, V = mapper.model_.encoders[route.encoder].model.encoder_, mapper.model_.spaces[route.space]
        V = V.toarray() if sparse.issparse(V) else np.asarray(V)
        assert np.array_equal(E.toarray() @ V.T.astype(np.float64), B)
    # one user's two events reach some columns, and the other ones are kept
    all_columns = len(np.unique(partners_of(both, part.block, part.rule).columns))
    assert 0 < len(np.unique(solved[0].columns)) < all_columns


def _events(rows):
    return pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
