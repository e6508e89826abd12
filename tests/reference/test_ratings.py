"""Predicted ratings against the reference: effects, tastes, every route, and whole predictions."""

import numpy as np
import plain
import pytest
from mappers import as_stored, pairs_of, ratings_of

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.factors import SVDFactors
from tastebridge.factors.rating import RatingFactors

QUIET = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")


def rated_panel(lowest, seed=0):
    """Ratings on a scale of five steps, of tastes that two categories share."""
    panel, truth = make_panel(260, 25, ("books", "films"), 2, 0.9, 0.8, events_per_user=9, random_state=seed)
    frame, rng = panel.to_frame(), np.random.default_rng(seed)
    liked = {name: truth.tastes[name] @ truth.item_factors[name].T for name in panel.categories}
    places = zip(frame["category"], frame["user_id"], frame["item_id"].str[-2:].astype(int), strict=True)
    raw = np.array([liked[name][user, item] for name, user, item in places])
    steps = np.clip(np.rint(2.0 + raw / 2 + rng.normal(size=len(raw)) / 2), 0, 4)
    return frame.assign(weight=steps + lowest)


def alternated(E, V, penalty):
    """One side of the factors by the rated entries (not NaN) of each row."""
    return plain.Ratings(np.zeros(len(V)), V, penalty, penalty).encode(E)


@pytest.mark.parametrize("seed", range(3))
def test_factors(seed):
    rng = np.random.default_rng(seed)
    R = np.where(rng.random((50, 18)) < 0.3, rng.integers(1, 6, (50, 18)), np.nan)
    R[:, 4] = np.nan  # an item without ratings has no effect
    R[1, :2] = [1.0, 5.0]
    ours = RatingFactors(3, 2.0, 5.0, penalty=2.0, feature_rank=6, feature_shrinkage=20.0)
    ours.fit(as_stored(R))
    mean, effects, users = plain.item_effects(R, plain.item_features(R, 6), 5.0, 2.0, 20.0)
    effects[4] = 0.0
    np.testing.assert_allclose(ours.offsets_[:, 0], mean + effects, atol=2e-4)
    theirs = plain.Ratings(ours.offsets_[:, 0], ours.item_factors_, 5.0, 2.0)
    np.testing.assert_allclose(ours.transform(as_stored(R)), theirs.encode(R), atol=1e-8)
    left = (R - mean - effects - users[:, None]) / np.nanstd(R)
    V = np.random.default_rng(0).normal(scale=0.1, size=(18, 3))
    for _ in range(8):
        V = alternated(left.T, alternated(left, V, 2.0), 2.0)
    np.testing.assert_allclose(ours.item_factors_[:, 1:], V, atol=2e-3)


def parts_of(model, histories, target, shrinkage, shift):
    """The part (n_users, n_items) of each route in the ratings, by the formula of RatingRoute."""
    R, n = {name: np.nan_to_num(rows) for name, rows in histories.items()}, (~np.isnan(histories[target]))
    fitted = {}
    for name, rows in histories.items():
        [one] = [
            part.model
            for part in model.encoders.values()
            if part.categories == (name,) and isinstance(part.model, RatingFactors)
        ]
        features = plain.item_features(rows, min(64, min(rows.shape) - 1))
        items = shrinkage if name == target else 3.0
        mean, effects, _ = plain.item_effects(rows, features, 10.0, items, 300.0)
        fitted[name] = plain.Ratings(mean + effects * ~np.isnan(rows).all(axis=0), one.item_factors_)
        if name == target:
            parts = {"mean": np.full(rows.shape, mean), "items": fitted[name].offsets + 0.0 * R[name] - mean}
    V, w = fitted[target].items, n.sum(axis=1) / (n.sum(axis=1) + 10.0)
    parts |= {"scale": np.full(n.shape, -shift)} if shift else {}
    Y = fitted[target].encode(histories[target])
    effect, taste = Y[:, :1], Y * (np.arange(Y.shape[1]) > 0)
    parts |= {f"{target} → effect": effect @ V[:, :1].T, f"{target} → taste": taste @ V.T}
    for source in (name for name in histories if name != target):
        known = R[source].any(axis=1)
        both = known & n.any(axis=1)
        X = fitted[source].encode(histories[source])
        rank = max(
            one.model.n_components for one in model.encoders.values() if isinstance(one.model, SVDFactors)
        )
        Z = plain.SVD(R[source], rank).encode(R[source])
        for name, read, wanted in (
            ("effect", X[:, :1], effect),
            ("taste", X, taste),
            ("what was rated → effect", Z, effect),
            ("what was rated → taste", Z, taste),
        ):
            B, b = plain.ridge(read[both], wanted[both], 0.5 if read.shape[1] > 1 else 0.0, w[both])
            vectors = (read @ B + b) * known[:, None]
            parts[f"{source} → {name}"] = vectors @ V[:, : vectors.shape[1]].T
    return parts


@QUIET
@pytest.mark.parametrize("lowest", [1.0, 0.0])
def test_predictions(lowest):
    """Every predicted rating, on scales from 1 to 5 and from 0 to 4."""
    panel = tb.Panel.from_frame(rated_panel(lowest), policy=tb.CleaningPolicy(duplicates="last"))
    mapper = tb.RatingMapper("films", item_shrinkage=2.0).fit(panel)
    shift = 0.0 if lowest else 1.0  # a fourth of the scale
    histories, model = ratings_of(panel, shift), mapper.model_
    known = {name: np.nan_to_num(R) for name, R in histories.items()}
    parts = parts_of(model, histories, "films", 2.0, shift)
    segments = np.where(known["films"].any(axis=1), "warm", "cold")
    gates = plain.gates_of(known, "films", [])
    weights = {name: plain.weights_of(blend, gates) * kept for name, (blend, kept) in model.segments.items()}
    W = np.where((segments == "warm")[:, None], weights["warm"], weights["cold"])
    used = {route.name for route in model.routes}
    assert {"mean", "items", "films → taste", "books → taste", "books → what was rated → effect"} <= used
    raw = sum(W[:, [at]] * parts[route.name] for at, route in enumerate(model.routes))
    found = mapper.predict(pairs_of(panel, "films")).reshape(raw.shape)
    np.testing.assert_allclose(found, np.clip(raw, lowest, lowest + 4.0), atol=2e-3)
    assert ((raw > lowest) & (raw < lowest + 4.0)).mean() > 0.8
