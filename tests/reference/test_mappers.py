"""Whole mappers against the reference: scores, lists, fresh histories, explanations, chances."""

import numpy as np
import plain
import pytest
from mappers import Data, Reference, dense, dense_frame, fresh_frame, pairs_of
from panels import CASES, THREE

import tastebridge as tb
from tastebridge.datasets import make_panel

QUIET = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")


@pytest.fixture(scope="module", params=list(CASES))
def case(request):
    """A panel, a mapper, and the reference of it."""
    panel, parameters, data, kinds = CASES[request.param]()
    mapper = tb.InterestMapper("films", **parameters).fit(panel)
    found = {route.kind for route in mapper.model_.routes}
    assert kinds <= found, f"{kinds - found} are not in the model, so nothing of them is compared"
    return panel, mapper, Reference(mapper.model_, data)


@QUIET
def test_scores_of_all_pairs(case):
    panel, mapper, reference = case
    wanted = reference.scores(reference.histories)
    found = mapper.predict(pairs_of(panel, "films")).reshape(wanted.shape)
    np.testing.assert_allclose(found, wanted, rtol=2e-4, atol=2e-4 * wanted.std())


@QUIET
def test_lists(case):
    """The best items of each user, without those the user has and their twins."""
    panel, mapper, reference = case
    had = reference.histories["films"] > 0
    for source, pairs in reference.data.twins.items():
        had |= (reference.histories[source] > 0) @ pairs
    wanted = np.where(had, -np.inf, reference.scores(reference.histories))
    lists = mapper.recommend(panel.users.ids, n=7)
    place = {item: number for number, item in enumerate(panel["films"].items.ids)}
    parts = dict(list(lists.groupby("user_id", sort=True)))
    for user, one in enumerate(panel.users.ids):
        part, best = parts[one], np.sort(wanted[user])[::-1][:7]
        np.testing.assert_allclose(wanted[user, part["item_id"].map(place)], best, rtol=5e-4, atol=1e-3)
        np.testing.assert_allclose(part["score"], best, rtol=5e-4, atol=1e-3)


@QUIET
def test_scores_of_fresh_histories(case):
    panel, mapper, reference = case
    frame = fresh_frame(panel, 5)
    users, histories = dense_frame(frame, panel)
    had = histories["films"] > 0
    for source, pairs in reference.data.twins.items():
        had |= (histories[source] > 0) @ pairs
    wanted = np.where(had, -np.inf, reference.scores(histories))
    lists = mapper.recommend_from(frame, n=50)
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
                score = route.scores({key: row[None] for key, row in own.items()})[0, item]
                wanted["(popularity)", None, name] = weight * score
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


@QUIET
def test_twins_are_the_pairs_of_the_formula(case):
    """Every planted pair, and no other pair of items."""
    _, mapper, reference = case
    data, table = reference.data, mapper.twins_
    wanted = {
        (source, data.ids[source][i], data.ids["films"][j])
        for source, pairs in data.twins.items()
        for i, j in np.argwhere(pairs)
    }
    assert set(table[["source", "source_item", "item"]].itertuples(index=False, name=None)) == wanted
    assert len(wanted) == 6 * bool(data.twins)


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
        scores = Reference(mapper.model_[name], Data(panel, name)).scores(histories)
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
