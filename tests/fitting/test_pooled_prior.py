"""Weights of other targets: what they teach, and that nobody is judged by what they have said."""

from types import SimpleNamespace

import numpy as np
import pytest

from tastebridge.fitting import pooled_prior
from tastebridge.fitting.pooled_prior import kind_of, pooled_priors
from tastebridge.fitting.settings import FitSettings
from tastebridge.fitting.training_lists import Lists
from tastebridge.model.blend import StackingBlend
from tastebridge.routes import FittedRoute, RouteKind

NAMES = ["books", "films", "music", "games"]
TRUTH = {
    ("from a source: map", "mapped"): 2.0,
    ("within: own", "within"): 0.5,
    ("", "popularity"): 0.1,
    ("joint", "joint"): 1.0,
}


def route(kind, recipe, *sources):
    return FittedRoute(f"{sources} {recipe}", sources, "", None, None, "", kind=kind, recipe=recipe)


def routes_of(target):
    across = [route(RouteKind.MAPPED, "map", name) for name in NAMES if name != target]
    joint = route(RouteKind.JOINT, "joint", *NAMES)
    own = route(RouteKind.WITHIN, "own", target)
    return [route(RouteKind.POPULARITY, ""), own, *across, joint]


def make_lists(target, n, seed):
    """Lists whose positive was drawn by the softmax of the planted weights."""
    rng = np.random.default_rng(seed)
    routes = routes_of(target)
    X = rng.normal(size=(n, 30, len(routes))).astype(np.float32)
    weights = np.array([TRUTH[kind_of(one, target)] for one in routes])
    scores = X @ weights
    P = np.exp(scores - scores.max(axis=1, keepdims=True))
    taken = np.array([rng.choice(30, p=p / p.sum()) for p in P])
    rows = np.arange(n)
    X[rows, 0], X[rows, taken] = X[rows, taken], X[rows, 0].copy()
    y = np.tile(np.append(1.0, np.zeros(29)), n)
    gates = np.repeat(rng.normal(size=(n, 3)), 30, axis=0)
    return Lists(X.reshape(n * 30, -1), y, np.repeat(rows, 30), gates, rows)


@pytest.fixture
def priors(monkeypatch):
    def build(lists):
        monkeypatch.setattr(pooled_prior, "lists_of", lambda folds, *rest: lists[folds[0].target])
        fold = {
            name: SimpleNamespace(
                target=name,
                held=SimpleNamespace(segment="cold", hidden=SimpleNamespace(nnz=len(part.users))),
            )
            for name, part in lists.items()
        }
        built = {
            name: SimpleNamespace(
                folds=[fold[name]], fitted=routes_of(name), context=SimpleNamespace(target=name)
            )
            for name in lists
        }
        sources = {name: [other for other in NAMES if other != name] for name in lists}
        rng = np.random.default_rng(0)
        return pooled_priors(built, sources, FitSettings(StackingBlend(), 3000, 29, None, 0, 1), rng)

    return build


def test_others_teach_what_each_kind_of_route_is_worth(priors):
    lists = {name: make_lists(name, 300, seed) for seed, name in enumerate(NAMES)}
    found = priors(lists)["films"]["cold"]["all"]
    weights = np.logaddexp(0.0, found[0])
    truth = np.array([TRUTH[kind_of(one, "films")] for one in routes_of("films")])
    np.testing.assert_allclose(weights / weights[-1], truth / truth[-1], atol=0.15)
    few = make_lists("films", 40, 9)
    fresh = make_lists("films", 400, 10)

    def loss(blend):
        scores = blend.predict(fresh.X, fresh.gates).reshape(-1, 30)
        return float(-(scores[:, 0] - np.log(np.exp(scores).sum(axis=1))).mean())

    alone = StackingBlend().fit(few.X, few.y, few.groups, few.gates)
    taught = StackingBlend().fit(few.X, few.y, few.groups, few.gates, found)
    assert loss(taught) < loss(alone) - 0.02


def test_what_a_target_shows_has_no_say_in_its_own_prior(priors):
    lists = {name: make_lists(name, 60, seed) for seed, name in enumerate(NAMES)}
    before = priors(lists)
    after = priors({**lists, "films": make_lists("films", 60, 99)})
    for selection in ("all", "base", "with"):
        np.testing.assert_array_equal(before["films"]["cold"][selection], after["films"]["cold"][selection])
        assert not np.array_equal(before["books"]["cold"][selection], after["books"]["cold"][selection])


def test_with_one_target_there_is_nobody_to_learn_from(priors):
    assert priors({"films": make_lists("films", 60, 0)}) == {"films": {}}


def test_a_prior_counts_less_the_more_lists_there_are():
    far = np.full((4, 6), 3.0)
    gaps = []
    for n in (20, 2000):
        lists = make_lists("films", n, 3)
        arguments = lists.X, lists.y, lists.groups, lists.gates
        alone, drawn = StackingBlend().fit(*arguments), StackingBlend().fit(*arguments, far)
        gaps.append(np.abs(alone.weights() - drawn.weights()).max())
    assert gaps[0] > 5 * gaps[1]
