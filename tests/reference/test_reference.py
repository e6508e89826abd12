"""Fits and lists of small panels against the slow, plain reference of `plain`."""

import numpy as np
import pandas as pd
import plain
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.maps import CCAMap, ProcrustesMap, RidgeMap
from tastebridge.model.blend import StackingBlend
from tastebridge.routes import JointRoute, NeighbourRoute, TargetRoute, TransferRoute

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


# ------------------------------------------------------------------------------------------ whole mappers


def factors(histories, categories, model, label):
    """The reference of factors of some categories by their label, such as ``SVD 128 σ^1``."""
    R = np.hstack([histories[name] for name in categories])
    kind, k = label.split()[:2]
    if kind == "SVD":
        return plain.SVD(R, int(k), beta=1.0 if "σ^1" in label else 0.0)
    if kind == "EASE":
        return plain.EASE(R, int(k))
    [encoder] = [
        one.model
        for one in model.encoders.values()
        if one.categories == tuple(categories) and type(one.model) is ALSFactors
        and f"{one.model.n_components} {one.model.alpha:g}" == label.removeprefix("ALS ").split(" reg")[0]
    ]  # fmt: skip
    return plain.ALS(encoder.item_factors_.astype(np.float64), encoder.alpha, encoder.regularization)


def reference_of(route, histories, target, model):
    """The reference of one fitted route, by its recipe."""
    steps = route.recipe.removeprefix("joint → ").split(" → ")
    sources = [name for name in histories if name != target]
    if route.recipe == "neighbours":
        return plain.Neighbours(histories, route.sources[0], target)
    if not route.sources:
        return plain.Popularity(histories, target, sources if "linked" in route.name else None)
    if len(steps) == 1:
        encoder = factors(histories, route.sources, model, steps[0])
        if len(route.sources) > 1:
            return plain.joint(histories, target, encoder)
        return plain.Route(route.sources, encoder, encoder.items)
    [source] = route.sources
    here, there = (
        factors(histories, (source,), model, steps[0]),
        factors(histories, (target,), model, steps[2]),
    )
    kind, number = (*steps[1].split(), None)[:2]
    learn = {
        "Ridge": lambda X, Y: plain.ridge(X, Y, float(number)),
        "CCA": lambda X, Y: plain.cca(X, Y, int(number), 0.1),
        "Procrustes": plain.procrustes,
    }[kind]
    return plain.transfer(histories, source, target, here, there, learn)


class Reference:
    """The scores of a mapper of one target by its weights and the reference's routes."""

    def __init__(self, model, histories):
        self.model, self.histories, self.target = model, histories, model.target
        self.routes = {
            route.name: reference_of(route, histories, model.target, model) for route in model.routes
        }

    def segments(self, histories):
        known = np.any([R.any(axis=1) for R in histories.values()], axis=0)
        return np.where(histories[self.target].any(axis=1), "warm", np.where(known, "cold", "empty"))

    def weights(self, histories):
        """(n_users, n_routes) by the gates of each user and the blend of the user's segment."""
        links = [route for route in self.routes.values() if isinstance(route, plain.Neighbours)]
        gates = plain.gates_of(histories, self.target, links)
        by_segment = {
            name: plain.weights_of(blend, gates) * kept for name, (blend, kept) in self.model.segments.items()
        }
        return np.array([by_segment[name][u] for u, name in enumerate(self.segments(histories))])

    def levels(self, histories):
        return np.array([self.model.levels[name] for name in self.segments(histories)])

    def scores(self, histories):
        W = self.weights(histories)
        parts = [W[:, [r]] * route.scores(histories) for r, route in enumerate(self.routes.values())]
        return np.sum(parts, axis=0) + self.levels(histories)[:, None]


def pairs_of(panel, target):
    items = panel[target].items.ids
    product = pd.MultiIndex.from_product([panel.users.ids, items], names=["user_id", "item_id"])
    return product.to_frame(index=False)


def fresh_frame(panel, seed):
    """Users with other histories, some of them in one category only."""
    rng = np.random.default_rng(seed)
    frame = panel.to_frame()
    frame = frame.assign(user_id=rng.integers(0, 40, len(frame)))[rng.random(len(frame)) < 0.04]
    lonely = (frame["user_id"] < 15) & (frame["category"] != rng.choice(panel.categories))
    return frame[~lonely].drop_duplicates(["user_id", "item_id", "category"])


def dense_frame(frame, panel):
    """Histories over the items of a panel, users sorted."""
    users = np.unique(frame["user_id"])
    out = {name: np.zeros((len(users), len(panel[name].items))) for name in panel.categories}
    for user, item, name in frame[["user_id", "item_id", "category"]].to_numpy():
        out[name][np.searchsorted(users, user), panel[name].items.ids.tolist().index(item)] = 1.0
    return users, out


@pytest.fixture(scope="module", params=["default", "named", "unrelated"])
def case(request):
    """A panel, a mapper, and the reference of it."""
    related = 0.0 if request.param == "unrelated" else 0.8
    panel, _ = make_panel(150, 30, THREE, relatedness=related, events_per_user=6, random_state=1)
    routes = [
        TargetRoute(SVDFactors(10)),
        TransferRoute(SVDFactors(8), SVDFactors(12, filter="power"), CCAMap(5)),
        TransferRoute(ALSFactors(6), SVDFactors(8), ProcrustesMap()),
        NeighbourRoute(),
        JointRoute(EASEFactors(20)),
    ]
    given = {"routes": routes} if request.param == "named" else {}
    mapper = tb.InterestMapper("films", **given).fit(panel)
    return panel, mapper, Reference(mapper.model_, dense(panel))


@QUIET
def test_scores_of_all_pairs(case):
    panel, mapper, reference = case
    wanted = reference.scores(reference.histories)
    found = mapper.predict(pairs_of(panel, "films")).reshape(wanted.shape)
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-4 * wanted.std())


@QUIET
def test_lists(case):
    panel, mapper, reference = case
    wanted = np.where(reference.histories["films"] > 0, -np.inf, reference.scores(reference.histories))
    lists = mapper.recommend(panel.users.ids, n=7)
    place = {item: number for number, item in enumerate(panel["films"].items.ids)}
    for user, (_, part) in enumerate(lists.groupby("user_id", sort=True)):
        best = np.sort(wanted[user])[::-1][:7]
        np.testing.assert_allclose(wanted[user, part["item_id"].map(place)], best, rtol=5e-4, atol=1e-3)
        np.testing.assert_allclose(part["score"], best, rtol=5e-4, atol=1e-3)


@QUIET
def test_scores_of_fresh_histories(case):
    panel, mapper, reference = case
    frame = fresh_frame(panel, 5)
    users, histories = dense_frame(frame, panel)
    wanted = np.where(histories["films"] > 0, -np.inf, reference.scores(histories))
    lists = mapper.recommend_from(frame, n=30)
    place = {item: number for number, item in enumerate(panel["films"].items.ids)}
    found = np.full(wanted.shape, -np.inf)
    found[np.searchsorted(users, lists["user_id"]), lists["item_id"].map(place)] = lists["score"]
    np.testing.assert_allclose(found, wanted, rtol=5e-4, atol=1e-3)


@QUIET
def test_explanations(case):
    """Every contribution of every past item by every route."""
    panel, mapper, reference = case
    rng, histories = np.random.default_rng(0), reference.histories
    W, items = reference.weights(histories), panel["films"].items.ids
    for user in rng.choice(len(panel.users), 12, replace=False):
        item = int(rng.integers(len(items)))
        own = {name: R[user] for name, R in histories.items()}
        wanted = {}
        for weight, (name, route) in zip(W[user], reference.routes.items(), strict=True):
            if isinstance(route, plain.Popularity):
                wanted["(popularity)", None, name] = weight * route.log_shares[item]
                continue
            parts, baseline = route.parts(own, item)
            ids = [(category, one) for category in route.categories for one in panel[category].items.ids]
            wanted |= {(*key, name): weight * part for key, part in zip(ids, parts, strict=True) if part}
            if baseline:
                wanted[route.categories[0], None, name] = weight * baseline
        if level := reference.levels(histories)[user]:
            wanted["(popularity)", None, "level"] = level
        table = mapper.explain(panel.users.ids[user], items[item])
        found = {
            (category, one if isinstance(one, str) else None, name): part
            for category, one, name, part, _ in table.to_numpy()
        }
        assert len(found) == len(table)
        for key in wanted.keys() | found.keys():
            assert found.get(key, 0.0) == pytest.approx(wanted.get(key, 0.0), rel=1e-3, abs=1e-3), key


@pytest.fixture(scope="module", params=[0.8, 0.0])
def several(request):
    panel, _ = make_panel(200, 25, THREE, relatedness=request.param, events_per_user=6, random_state=2)
    return panel, tb.InterestMapper(["films", "music"], n_components=10, n_folds=2).fit(panel)


@QUIET
def test_chances_over_several_targets(several):
    """The probability of a category times the softmax within it, over the items that are left."""
    panel, mapper = several
    histories, joint = dense(panel), mapper.joint_
    counts = np.column_stack([(R > 0).sum(axis=1) for R in histories.values()]).astype(float)
    P = np.array([plain.category_chances(joint.category_model, row) for row in counts])
    P = P * np.column_stack([(R == 0).any(axis=1) for R in histories.values()])
    P, total = P / P.sum(axis=1, keepdims=True), 0.0
    for place, name in enumerate(histories):
        if name == "books":  # no target, but a category that may come next
            total += P[:, place]
            continue
        scores = Reference(mapper.model_[name], histories).scores(histories)
        n = (histories[name] > 0).sum(axis=0)
        known = joint.temperatures[name]
        for user in range(len(panel.users)):
            kind = "warm" if histories[name][user].any() else "cold"
            kappa = known.get(f"{kind} popularity", 0.0)
            had = histories[name][user] > 0
            scores[user] = P[user, place] * plain.chances_within(scores[user], had, known[kind], kappa, n)
        pairs = pairs_of(panel, name)
        found = mapper.predict(pairs.assign(category=name)).reshape(scores.shape)
        unseen = histories[name] == 0
        np.testing.assert_allclose(found[unseen], scores[unseen], rtol=1e-3, atol=1e-7)
        total += (found * unseen).sum(axis=1)
    np.testing.assert_allclose(total, 1.0, atol=1e-4)


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
