"""The item regression: its weights against a dense solution, its sums, and its place next to a blend."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.fitting import full_ranking, regression_choice
from tastebridge.fitting.folds import Fold, Held
from tastebridge.metrics.intervals import Interval
from tastebridge.model import GATES, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.routes import FitContext, ItemRegressionRoute, RouteKind
from tastebridge.routes.item_regression import NAME
from tastebridge.routes.partners import Rule
from tastebridge.routes.regressed import RegressionStatistics, joint_counts, regression

warnings.simplefilter("ignore")
RULE = Rule(5.0, 4, 12, 3)


def rows(seed, n_users=60, n_items=20):
    rng = np.random.default_rng(seed)
    X = (rng.random((n_users, n_items)) < 0.25).astype(np.float32)
    X[:20, 1] = X[:20, 0]
    return sparse.csr_matrix(X)


@pytest.fixture(scope="module")
def histories():
    return {"books": rows(0), "films": rows(1, n_items=15)}


def plain(histories, rule):
    """The weights by the words of the docstring: one dense ridge regression per target item."""
    X = np.hstack([histories[name].toarray() for name in histories]).astype(float)
    start = histories["books"].shape[1]
    X = X[X[:, start:].any(axis=1)]
    users, both = X.sum(axis=0), X.T @ X
    B = np.zeros((X.shape[1], X.shape[1] - start))
    enough = [
        [i for i in range(X.shape[1]) if i != start + j and both[i, start + j] >= rule.min_users]
        for j in range(B.shape[1])
    ]
    order = sorted((j for j in range(B.shape[1]) if enough[j]), key=lambda j: (-users[start + j], j))
    for j in order[: rule.n_targets]:
        cosine = {i: both[i, start + j] / (np.sqrt(users[i] * users[start + j]) + 2) for i in enough[j]}
        N = sorted(sorted(cosine, key=lambda i: (-cosine[i], i))[: rule.n_partners])
        ridge = np.vstack([X[:, N], np.sqrt(rule.regularization) * np.eye(len(N))])
        B[N, j] = np.linalg.lstsq(ridge, np.append(X[:, start + j], np.zeros(len(N))), rcond=None)[0]
    return B


@pytest.mark.parametrize("rule", [RULE, Rule(0.5, 50, 100, 1), Rule(50.0, 2, 5, 6), Rule(1.0, 3, 100, 10**6)])
def test_weights_are_the_ridge_regressions_on_partners(histories, rule):
    both = joint_counts(histories, histories, "films")
    found = regression(both, slice(20, 35), rule)
    np.testing.assert_allclose(found.toarray(), plain(histories, rule), atol=1e-10)
    if rule.min_users > 60:
        assert not found.nnz


def test_all_partners_of_one_category_are_ease_without_the_diagonal():
    """With every pair a partner, the column of an item is the exact column of EASE (Steck 2019)."""
    X = (np.random.default_rng(4).random((60, 15)) < 0.6).astype(float)
    P = np.linalg.inv(X.T @ X + 7.0 * np.eye(15))
    ease = -P / np.diag(P)
    np.fill_diagonal(ease, 0.0)
    full = sparse.csr_matrix(X.T @ X)
    assert (full.toarray() > 0).all()  # else some pairs would be no partners
    np.testing.assert_allclose(
        regression(full, slice(0, 15), Rule(7.0, 14, 15, 1)).toarray(), ease, atol=1e-10
    )


def test_systems_solved_in_many_calls_are_the_same_bit_by_bit(histories, monkeypatch):
    both = joint_counts(histories, histories, "films")
    once = regression(both, slice(20, 35), RULE)
    monkeypatch.setattr("tastebridge.routes.regressed._BATCH", 1)
    assert np.array_equal(once.data, regression(both, slice(20, 35), RULE).data)


def test_counts_searched_or_read_from_a_full_matrix_are_the_same(histories, monkeypatch):
    both = joint_counts(histories, histories, "films")
    once = regression(both, slice(20, 35), RULE)
    monkeypatch.setattr("tastebridge.routes.regressed._DENSE", 0)
    assert np.array_equal(once.data, regression(both, slice(20, 35), RULE).data)


def account(histories):
    sizes = {name: part.shape[1] for name, part in histories.items()}
    return RegressionStatistics(NAME, "films", sizes, RULE, joint_counts(histories, sizes, "films"))


def test_added_and_subtracted_users_leave_no_trace(histories):
    some = {name: part[:40] for name, part in histories.items()}
    rest = {name: part[40:] for name, part in histories.items()}
    added = account(some).plus(rest, {}, 1)
    assert (added.both != account(histories).both).nnz == 0
    back = added.plus(rest, {}, -1)
    assert np.array_equal(back.both.indices, account(some).both.indices)  # not even a stored zero
    assert np.array_equal(back.solved()[0].encoder_.data, account(some).solved()[0].encoder_.data)
    with pytest.raises(InvalidDataError, match="not all among the events"):
        account(rest).plus(histories, {}, -1)


def test_users_without_a_row_in_the_target_count_for_nothing(histories):
    more = {"books": sparse.vstack([histories["books"], rows(3)], format="csr")}
    more["films"] = sparse.vstack([histories["films"], sparse.csr_matrix((60, 15))], format="csr")
    assert (account(more).both != account(histories).both).nnz == 0


def test_a_pair_of_too_few_users_has_no_weight(histories):
    both = joint_counts(histories, histories, "films").toarray()
    B = regression(sparse.csr_matrix(both), slice(20, 35), RULE).toarray()
    assert (both[:, 20:][B != 0] >= 3).all()
    assert np.count_nonzero(B, axis=0).max() <= 4
    [route] = ItemRegressionRoute(min_users=3).build(context := FitContext(histories, "films"))
    assert context.encoders[route.encoder].model.min_users == 3
    assert route.kind is RouteKind.ITEM_REGRESSION
    assert not ItemRegressionRoute(min_users=61).build(FitContext(histories, "films"))


@pytest.mark.parametrize(
    "given",
    [
        {"regularization": 0.0},
        {"n_partners": 0},
        {"n_partners": 5001},
        {"n_targets": 0},
        {"min_users": 0},
    ],
)
def test_settings_out_of_range_are_named(histories, given):
    with pytest.raises(InvalidParameterError, match=next(iter(given))):
        ItemRegressionRoute(**given).build(FitContext(histories, "films"))


@pytest.fixture(scope="module")
def panel():
    return make_panel(n_users=300, n_items=60, random_state=1, events_per_user=10)[0]


@pytest.fixture(scope="module")
def mapper(panel):
    """A mapper that the route joins whatever its gain, which a panel of this size cannot show."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(full_ranking, "_FEWEST", 20)
        patch.setattr(full_ranking, "_read", lambda built, segment: ["books"])
        patch.setattr(regression_choice, "paired_difference", lambda *values: Interval(0.0, 0.0, 0.0))
        return tb.InterestMapper("films", n_folds=1, n_components=16).fit(panel)


def weights_of(mapper, name):
    at = [route.name for route in mapper.model_.routes].index(NAME)
    blend, kept = mapper.model_.segments[name]
    return float((blend.weights() * kept)[at])


def test_it_joins_warm_users_only_and_explanations_sum(mapper, panel):
    assert weights_of(mapper, "warm") > 0
    assert weights_of(mapper, "cold") == 0
    user = panel.users.ids[:1]
    top = mapper.recommend(user, n=1)
    parts = mapper.explain(user[0], top["item_id"][0])
    np.testing.assert_allclose(parts["contribution"].sum(), top["score"][0], rtol=1e-5)


def test_a_user_alone_has_the_same_vector_as_in_a_batch(mapper, panel):
    ids = panel.users.ids[:40]
    together = mapper.user_vectors(ids).vectors
    alone = [mapper.user_vectors([one]).vectors[0] for one in ids]
    assert np.array_equal(together, np.stack(alone))


def test_saved_it_answers_updates_and_forgets_the_same(mapper, panel, tmp_path):
    mapper.save(tmp_path / "model", updatable=True)
    loaded = tb.load(tmp_path / "model")
    events = panel.to_frame()
    some = events[events["user_id"].isin(panel.users.ids[:30])]
    pd.testing.assert_frame_equal(
        loaded.recommend_from(some, n=5), mapper.recommend_from(some, n=5), check_exact=True
    )
    loaded.forget(panel.users.ids[:30], before=some)
    left = panel.to_frame()
    left = tb.Panel.from_frame(left[~left["user_id"].isin(panel.users.ids[:30])])
    own = loaded.targets_["films"].statistics.accounts[NAME]
    sizes = {name: len(loaded.items_[name]) for name in own.sizes}
    assert dict(own.sizes) == sizes
    counts = joint_counts({name: left[name].matrix for name in own.sizes}, own.sizes, "films")
    assert own.both.sum() == counts.sum()
    route = next(route for route in loaded.model_.routes if route.name == NAME)
    assert np.array_equal(
        loaded.model_.encoders[route.encoder].model.encoder_.toarray(), own.solved()[0].encoder_.toarray()
    )


def test_an_update_with_new_items_widens_it(mapper, panel, tmp_path):
    mapper.save(tmp_path / "model", updatable=True)
    loaded = tb.load(tmp_path / "model")
    users = np.repeat(np.arange(10_000, 10_004), 2)
    items, names = ["a new book", "a new film"] * 4, ["books", "films"] * 4
    fresh = pd.DataFrame({"user_id": users, "item_id": items, "category": names})
    loaded.update(fresh)
    own = loaded.targets_["films"].statistics.accounts[NAME]
    assert dict(own.sizes) == {name: len(loaded.items_[name]) for name in own.sizes}
    book = int(loaded.items_["books"].numbers(["a new book"])[0])
    film = int(loaded.items_["films"].numbers(["a new film"])[0])
    starts = dict(zip(own.sizes, np.cumsum([0, *own.sizes.values()]), strict=False))
    assert own.both[starts["books"] + book, starts["films"] + film] == 4
    weights = regression(own.both, own.block, own.rule)
    assert weights[starts["books"] + book, film] > 0  # the new pair has enough users


def test_given_routes_are_blended_as_they_are(panel):
    given = [tb.routes.PopularityRoute(), tb.routes.NeighbourRoute()]
    fitted = tb.InterestMapper("films", routes=given, n_folds=1).fit(panel)
    assert NAME not in [route.name for route in fitted.model_.routes]


@pytest.mark.parametrize(
    ("name", "value"),
    [("_FEWEST", 10**6), ("_pairs", lambda *given: 1e9), ("_LINKED", 1.1)],
)
def test_it_is_left_out_without_enough_users_links_or_pairs(panel, monkeypatch, name, value):
    all_read = {"_FEWEST": 20, "_read": lambda built, segment: ["books"]}
    for setting, number in (all_read | {name: value}).items():
        monkeypatch.setattr(full_ranking, setting, number)
    fitted = tb.InterestMapper("films", n_folds=1, n_components=8).fit(panel)
    assert NAME not in [route.name for route in fitted.model_.routes]


def planted(seed, own, n=600, n_items=50, good=2.0, twins=0):
    """Folds of warm users who have one of a blend's good items each, and the choice of a second route.

    Each of ``own`` is the part of the hidden item in the scores of a second route, and their noise. The
    hidden items of the last users are twins, and the only ones a second route finds if there are any.
    """
    rng = np.random.default_rng(seed)
    hidden = rng.integers(n_items, size=n)
    held = Held("warm", np.arange(n), sparse.csr_matrix((np.ones(n), (np.arange(n), hidden)), (n, n_items)))
    found = held.hidden.toarray()
    blend = rng.normal(size=(n, n_items)) + good * found
    is_twin = (np.arange(n) >= n - twins)[:, None]
    apart = sparse.csr_matrix(found * is_twin) if twins else None
    half = Segment(StackingBlend.equal(1, len(GATES)), np.array([True]))
    V = {name: np.eye(n_items, dtype=np.float32) for name in "ab"}
    tried = []
    for part, noise in own:
        Z = part * found * (is_twin if twins else 1.0) + noise * rng.normal(size=(n, n_items))
        vectors = [blend.astype(np.float32), Z.astype(np.float32)]
        seen = sparse.csr_matrix((n, n_items))
        tried.append([Fold(held, np.zeros((n, len(GATES))), vectors, ["a", "b"], V, seen, twins=apart)])
    return tried, regression_choice.choose(tried, (half, half), np.arange(n // 2))


def share_of(tried, chosen):
    blend, own = tried[chosen.rule][0].vectors
    return chosen.weight * own.std(axis=1).mean() / blend.std(axis=1).mean()


@pytest.mark.parametrize("seed", range(3))
def test_the_share_is_the_best_one_and_none_where_complete_rankings_lose(seed):
    # two independent scores of the same quality count the same, and a better one counts more
    tried, equal = planted(seed, [(2.0, 1.0)], n=2000)
    assert share_of(tried, equal) == pytest.approx(1.0, rel=0.05)
    tried, better = planted(seed, [(2.0, 1.0)], n=2000, good=0.3)
    assert share_of(tried, better) >= 1.9
    assert planted(seed, [(-1.0, 0.0)])[1] is None
    assert planted(seed, [])[1] is None


@pytest.mark.parametrize("seed", range(3))
def test_a_route_that_says_little_has_an_eighth_at_most(seed):
    tried, weak = planted(seed, [(0.0, 1.0)])
    assert weak is None or share_of(tried, weak) <= 0.13


@pytest.mark.parametrize("seed", range(3))
def test_hidden_rows_with_a_twin_say_nothing_of_the_share(seed):
    tried, chosen = planted(seed, [(3.0, 1.0)], twins=200)
    assert chosen is None or share_of(tried, chosen) <= 0.13
    tried, misled = planted(seed, [(3.0, 1.0)], twins=0)
    assert share_of(tried, misled) >= 0.5


@pytest.mark.parametrize("seed", range(3))
def test_the_better_of_two_regressions_is_chosen(seed):
    for own, rule in (([(0.3, 1.0), (3.0, 1.0)], 1), ([(3.0, 1.0), (0.3, 1.0)], 0)):
        assert planted(seed, own)[1].rule == rule


def test_on_dense_data_more_partners_are_tried(panel, monkeypatch):
    monkeypatch.setattr(full_ranking, "_FEWEST", 20)
    monkeypatch.setattr(full_ranking, "_read", lambda built, segment: ["books"])
    tried = []
    monkeypatch.setattr(full_ranking, "choose", lambda folds, *rest: tried.append(folds))
    for many, partners, expected in ((20, 1.0, 2), (20, 1e3, 1), (10**6, 1.0, 1)):
        monkeypatch.setattr(full_ranking, "_MANY", many)
        monkeypatch.setattr(full_ranking, "_PARTNERS", partners)
        tb.InterestMapper("films", n_folds=1, n_components=8).fit(panel)
        assert len(tried[-1]) == expected
        assert all(fold.held.segment == "warm" for fold in tried[-1][0])


def test_the_mean_number_of_possible_partners(histories):
    both = joint_counts(histories, histories, "films").toarray()
    own = both[:, 20:].copy()
    own[20 + np.arange(15), np.arange(15)] = 0  # an item is no partner of its own
    counts = (own >= RULE.min_users).sum(axis=0)
    users = np.diag(both)[20:]
    most = sorted(range(15), key=lambda j: (-users[j] * (counts[j] > 0), j))[: RULE.n_targets]
    assert account(histories).partners == counts[most].mean()


@pytest.mark.filterwarnings("ignore")
def test_each_of_several_targets_has_it(panel, monkeypatch):
    monkeypatch.setattr(full_ranking, "_FEWEST", 20)
    monkeypatch.setattr(full_ranking, "_read", lambda built, segment: list(built.context.sources)[:1])
    monkeypatch.setattr(regression_choice, "paired_difference", lambda *values: Interval(0.0, 0.0, 0.0))
    fitted = tb.InterestMapper(["films", "books"], n_folds=1, n_components=8).fit(panel)
    for name, state in fitted.targets_.items():
        assert NAME in [route.name for route in state.scorer.model.routes], name
    user = panel.users.ids[:1]
    top = fitted.recommend(user, n=1, categories="films")
    assert np.isfinite(fitted.explain(user[0], top["item_id"][0])["contribution"]).all()
