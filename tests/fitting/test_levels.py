"""Scores of users of all segments on one scale."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import tastebridge as tb
from tastebridge.batch import audience_all
from tastebridge.datasets import make_panel
from tastebridge.fitting.levels import logistic

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")


def test_logistic_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    scores = rng.normal(3.0, 5.0, 20_000)
    y = rng.random(len(scores)) < expit(0.4 * scores - 6.0)
    weights = np.where(y, 1.0, 3.0)
    slope, offset = logistic(scores, y, weights)
    expected = LogisticRegression(C=np.inf, tol=1e-10).fit(scores[:, None], y, sample_weight=weights)
    np.testing.assert_allclose([slope, offset], [expected.coef_[0, 0], expected.intercept_[0]], rtol=5e-3)


@pytest.mark.parametrize("sign", [0.0, -1.0, 1e6])
def test_the_slope_keeps_the_order_and_is_finite_whatever_the_scores(sign):
    rng = np.random.default_rng(0)
    y = np.arange(1000) < 100
    for scores in (sign * y + 1e-3 * rng.normal(size=1000), np.full(1000, 0.1)):
        slope, offset = logistic(scores, y, np.ones(1000))
        assert 0.0 < slope < np.inf
        assert np.isfinite(offset)


@pytest.fixture(scope="module")
def fitted():
    """A training frame, the film hidden of each user, and a mapper; a third of users have no other films."""
    panel, _ = make_panel(n_users=600, n_items=30, random_state=1, events_per_user=6, overlap=0.8)
    events, rng = panel.to_frame(), np.random.default_rng(1)
    films = events[events["category"] == "films"].sample(frac=1, random_state=1)
    linked = np.intersect1d(films["user_id"], events.loc[events["category"] == "books", "user_id"])
    cold = films["user_id"].isin(rng.choice(linked, len(linked) // 3, replace=False))
    several = films.groupby("user_id")["item_id"].transform("size") >= 2
    one_each = films[~cold & several].groupby("user_id").head(1)
    train = events.drop(films[cold].index).drop(one_each.index)
    hidden = pd.concat([films[cold].groupby("user_id").head(1), one_each])
    return train, hidden, tb.InterestMapper("films").fit(train)


def test_users_of_both_kinds_are_ranked_nearly_as_well_together_as_apart(fitted):
    train, hidden, mapper = fitted
    items, kind = mapper.items_["films"].ids, train.loc[train["category"] == "films", "user_id"].unique()
    found = mapper.audience(items, n=600)
    found = found[found["user_id"].isin(hidden["user_id"])]
    found["taken"] = pd.MultiIndex.from_frame(found[["user_id", "item_id"]]).isin(
        pd.MultiIndex.from_frame(hidden[["user_id", "item_id"]])
    )
    found["warm"] = found["user_id"].isin(kind)

    def auc(table):
        per_item = [
            roc_auc_score(one["taken"], one["score"])
            for _, one in table.groupby("item_id")
            if one["taken"].nunique() == 2
        ]
        return np.mean(per_item)

    apart = [auc(part) for _, part in found.groupby("warm")]
    assert auc(found) > min(apart) - 0.03
    first = found[found.groupby("item_id").cumcount() < 20]
    assert 0.3 < first["warm"].mean() < 0.97  # of those who took one 0.7


def test_levels_change_no_list_and_are_in_vectors_predictions_and_explanations(fitted):
    _, _, mapper = fitted
    model = mapper.model_
    plain = replace(model, levels={})
    assert plain.item_vectors().shape[1] == model.item_vectors().shape[1] - 1
    assert (model.item_vectors()[:, -1] == 1.0).all()
    users = mapper.panel_.users.ids
    lists = mapper.recommend(users, n=10)
    vectors, items = mapper.user_vectors(users), mapper.item_vectors()
    at = np.searchsorted(vectors.ids, lists["user_id"]), np.searchsorted(items.ids, lists["item_id"])
    inner = np.einsum("ij,ij->i", vectors.vectors[at[0]], items.vectors[at[1]])
    np.testing.assert_allclose(lists["score"], inner, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(mapper.predict(lists[["user_id", "item_id"]]), lists["score"])
    without = np.einsum("ij,ij->i", vectors.vectors[at[0], :-1], items.vectors[at[1], :-1])
    order = pd.Series(without).groupby(lists["user_id"].to_numpy())
    assert (order.diff().dropna() < 1e-4).all()
    for user in users[:5]:
        told = mapper.explain(user, items.ids[0])["contribution"].sum()
        asked = pd.DataFrame({"user_id": [user], "item_id": items.ids[:1]})
        np.testing.assert_allclose(told, mapper.predict(asked)[0], rtol=1e-4, atol=1e-5)
    assert model.levels["cold"] == 0.0


def test_levels_are_saved_and_a_batch_compares_users_alike(fitted, tmp_path):
    train, _, mapper = fitted
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    assert loaded.model_.levels == mapper.model_.levels
    train.to_parquet(tmp_path / "events.parquet", index=False)
    items = mapper.items_["films"].ids[:3].tolist()
    expected = mapper.audience_from(train, items, 50)
    audience_all(
        loaded, tmp_path / "events.parquet", items, tmp_path / "out.parquet", 50, memory="8GB", n_jobs=2
    )
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), expected, check_exact=True)


def test_a_compressed_model_keeps_its_levels_and_the_components_asked_for(fitted):
    _, _, mapper = fitted
    small = mapper.compress(8)
    assert small.model_.levels == mapper.model_.levels
    assert small.item_vectors().vectors.shape[1] == 8
    assert (small.item_vectors().vectors[:, -1] == 1.0).all()
