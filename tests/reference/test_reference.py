"""The parts of a fit against the slow, plain reference of `plain`: weights, factors, maps, blend."""

import numpy as np
import pandas as pd
import plain
import pytest
from mappers import pairs_of
from scipy import sparse

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.maps import CCAMap, ProcrustesMap, RidgeMap
from tastebridge.model.blend import StackingBlend

QUIET = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
SEEDS = pytest.mark.parametrize("seed", range(3))
THREE = ("books", "films", "music")


def random_histories(seed, shape=(60, 25)):
    """Weights of some pairs, with users and items of very different activity."""
    rng = np.random.default_rng(seed)
    chance = 0.4 * rng.beta(1, 2, shape[0])[:, None] + 0.4 * rng.beta(1, 2, shape[1])
    R = (rng.random(shape) < chance) * rng.choice([1.0, 2.0, 0.5, 3.0], shape)
    R[0], R[1:, 0] = 0.0, np.maximum(R[1:, 0], 1.0)  # a user without a history, an item that all others have
    return R


def dense(panel):
    return {name: panel[name].matrix.toarray().astype(np.float64) for name in panel.categories}


@SEEDS
@pytest.mark.parametrize("scheme", ["none", "binary", "log", "tfidf", "bm25", "l2"])
def test_weights(seed, scheme):
    rows, columns = np.nonzero(R := random_histories(seed))
    frame = pd.DataFrame(
        {"user_id": rows, "item_id": columns, "category": "films", "weight": R[rows, columns]}
    )
    films = tb.Panel.from_frame(frame)["films"]
    users, items = films.users.ids if hasattr(films, "users") else np.unique(rows), films.items.ids
    found = tb.data.Weighting(scheme).apply(films).toarray()
    wanted = plain.weighted(R[np.ix_(users, items)], scheme)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)


@SEEDS
@pytest.mark.parametrize(
    ("k", "beta", "a", "b"), [(5, 0.0, 0.5, 0.5), (12, 1.0, 0.5, 0.5), (7, 0.5, 0.3, 0.8)]
)
def test_svd_factors(seed, k, beta, a, b):
    R, ours = random_histories(seed), SVDFactors(k, a, b, "power" if beta else "ideal", beta)
    ours.fit(sparse.csr_matrix(R))
    theirs, fresh = plain.SVD(R, k, beta, a, b), random_histories(seed + 100)
    np.testing.assert_allclose(ours.singular_values_, theirs.s, rtol=1e-9)
    found = ours.transform(sparse.csr_matrix(fresh)) @ ours.item_factors_.T
    np.testing.assert_allclose(found, theirs.encode(fresh) @ theirs.items.T, atol=1e-8)


@SEEDS
def test_ease_factors(seed):
    R, fresh = random_histories(seed), random_histories(seed + 100)
    ours = EASEFactors(8, 5.0).fit(R)
    theirs = plain.EASE(R, 8, 5.0)
    np.testing.assert_allclose(
        ours.transform(fresh) @ ours.item_factors_.T, theirs.encode(fresh) @ theirs.items.T, atol=1e-8
    )
    whole = EASEFactors(R.shape[1], 5.0).fit(R)
    found = whole.transform(fresh) @ whole.item_factors_.T
    np.testing.assert_allclose(found[fresh == 0], (fresh @ plain.exact_ease(R, 5.0))[fresh == 0], atol=1e-8)


@SEEDS
def test_als_factors_fold_in_and_minimise(seed):
    R, fresh = random_histories(seed), random_histories(seed + 100)
    ours = ALSFactors(4, regularization=1.0, alpha=3.0, iterations=200, n_jobs=1).fit(R)
    theirs = plain.ALS(ours.item_factors_.astype(np.float64), 3.0, 1.0)
    np.testing.assert_allclose(ours.transform(fresh), theirs.encode(fresh), atol=1e-6)
    Z = ours.transform(R)
    reached = plain.als_loss(R, Z, ours.item_factors_, 3.0, 1.0)
    least = plain.als_loss(
        R, *plain.exact_als(R, ours.item_factors_.astype(np.float64), 3.0, 1.0, 30), 3.0, 1.0
    )
    assert least <= reached < 1.002 * least


@SEEDS
@pytest.mark.parametrize("kind", ["ridge", "cca", "all of cca", "procrustes"])
@pytest.mark.parametrize("sizes", [(6, 4), (4, 6)])
def test_maps(seed, kind, sizes):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(50, sizes[0])) * rng.uniform(0.1, 3, sizes[0]) + 1.0
    Y = X @ rng.normal(size=sizes) + rng.normal(size=(50, sizes[1]))
    ours, theirs = {
        "ridge": lambda: (RidgeMap(0.7), plain.ridge(X, Y, 0.7)),
        "cca": lambda: (CCAMap(2, 0.1), plain.cca(X, Y, 2, 0.1)),
        "all of cca": lambda: (CCAMap(None, 0.3), plain.ridge(X, Y, 0.3)),
        "procrustes": lambda: (ProcrustesMap(), plain.procrustes(X, Y)),
    }[kind]()
    ours.fit(X, Y)
    np.testing.assert_allclose(ours.coef_, theirs[0], atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, theirs[1], atol=1e-9)


@SEEDS
@pytest.mark.parametrize(("focus", "n_gates"), [(0.5, 0), (0.5, 2), (0.0, 2)])
def test_blend_weights_are_of_least_loss(seed, focus, n_gates):
    rng = np.random.default_rng(seed)
    X, gates = rng.normal(size=(80, 12, 3)) * [1.0, 5.0, 0.2], rng.normal(size=(80, n_gates))
    X[:, 0, :2] += np.array([1.0, 4.0]) + (gates[:, [0]] if n_gates else 0.0)
    rows, hits = X.reshape(-1, 3), np.tile(np.eye(12)[0], 80)
    spread = np.repeat(gates, 12, axis=0) if n_gates else None
    ours = StackingBlend(focus=focus).fit(rows, hits, np.repeat(np.arange(80), 12), spread)
    np.testing.assert_allclose(ours.scale_, rows.std(axis=0), rtol=1e-9)
    low, high = ours.gate_low_, ours.gate_high_
    assert all(
        ((gates[:, g] < low[g]).sum() <= 2) & ((gates[:, g] > high[g]).sum() <= 2) for g in range(n_gates)
    )
    standard = (np.clip(gates, low, high) - ours.gate_mean_) / ours.gate_scale_
    np.testing.assert_allclose(standard.mean(axis=0), 0.0, atol=1e-9)
    np.testing.assert_allclose(standard.std(axis=0), 1.0, atol=1e-9)
    least = plain.fitted_blend(X / ours.scale_, standard, focus)
    reached = plain.listwise(ours.coef_.ravel(), X / ours.scale_, standard, focus, 0.01)
    assert reached <= least.fun + 2e-4
    raw = ours.predict(rows, spread).reshape(80, 12)
    np.testing.assert_allclose(raw, (X * plain.weights_of(ours, gates)[:, None]).sum(axis=2), atol=1e-9)


@QUIET
@SEEDS
def test_item_neighbours(seed):
    panel, _ = make_panel(80, 15, THREE, events_per_user=4, random_state=seed)
    model, histories = (
        tb.baselines.ItemNeighbours("films", n_neighbours=6, shrinkage=2.0).fit(panel),
        dense(panel),
    )
    X, Y = np.hstack(list(histories.values())) > 0, histories["films"] > 0
    start = histories["books"].shape[1]
    S = np.zeros((X.shape[1], Y.shape[1]))
    for j in range(Y.shape[1]):
        s = [(X[:, i] & Y[:, j]).sum() / (np.sqrt(X[:, i].sum() * Y[:, j].sum()) + 2.0) * (i != start + j)
             for i in range(X.shape[1])]  # fmt: skip
        nearest = sorted(range(len(s)), key=lambda i: (-s[i], i))[:6]
        S[nearest, j] = np.array(s)[nearest]
    n = Y.sum(axis=0)
    wanted = plain.power(X.sum(axis=1), -0.5)[:, None] * (X @ S) + 1e-6 * n / n.max()
    np.testing.assert_allclose(
        model.predict(pairs_of(panel, "films")).reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-8
    )
