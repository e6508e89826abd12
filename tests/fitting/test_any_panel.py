"""A default fit ends on whatever data there are, and is nowhere worse than popularity."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tastebridge as tb
from tastebridge._numerics.scaling import deviations
from tastebridge.exceptions import InvalidDataError
from tastebridge.fitting.training_lists import relative_to_first
from tastebridge.splits import cold_users

QUIET = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")


@st.composite
def panels(draw):
    """Small panels of odd shapes: few items, one event each, an item of all, nobody linked, repeated rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.sampled_from(["any", "one each", "one item", "disjoint", "one linked", "all have all"]))
    shared_ids, largest = draw(st.booleans()), draw(st.sampled_from([3, 8, 20, 60, 120]))
    rows = []
    for place, category in enumerate(["books", "films", "music"][: draw(st.integers(2, 3))]):
        n_users, n_items = int(rng.integers(1, largest + 1)), draw(st.sampled_from([1, 2, 5, 12, 40]))
        users = np.arange(n_users) + (1000 * place if shape in ("disjoint", "one linked") else 0)
        for user in np.append(users, 0) if shape == "one linked" else users:
            n = 1 if shape in ("one each", "one item") else int(rng.integers(1, min(n_items, 8) + 1))
            items = np.arange(n) if shape == "one item" else rng.choice(n_items, n, replace=False)
            items = np.arange(min(n_items, 8)) if shape == "all have all" else items
            rows += [(int(user), int(item), category) for item in items]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
    if not shared_ids:
        frame["item_id"] = frame["category"] + frame["item_id"].astype(str)
    return pd.concat([frame, frame.sample(frac=draw(st.sampled_from([0.0, 0.5])), random_state=0)])


@QUIET
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(frame=panels())
def test_no_clean_panel_ends_a_default_fit(frame):
    panel = tb.Panel.from_frame(frame)
    films = set(panel["films"].items.ids)
    try:
        mapper = tb.InterestMapper("films").fit(panel)
    except InvalidDataError:
        # one table under two names: there is no other category to learn from
        assert all(set(panel[name].items.ids) <= films for name in panel.categories)
        return
    n_items = len(panel["films"].items)
    lists = mapper.recommend(panel.users.ids, n=n_items, twins="keep")
    assert np.isfinite(lists["score"]).all()
    assert len(lists) == len(panel.users) * n_items - panel["films"].matrix.nnz
    # a source under a second name of the target's items is left out, and a warning says so
    told = mapper.transfer_["source"].tolist()
    sources = [name for name in panel.categories if name != "films" and name in told]
    assert told == sources + (["all together"] if len(sources) > 1 else [])
    assert all(set(panel[name].items.ids) <= films for name in panel.categories if name not in told)


@QUIET
@pytest.mark.parametrize("seed", range(3))
def test_one_event_per_user_and_category(seed):
    rng = np.random.default_rng(seed)
    books = pd.DataFrame(
        {"user_id": np.arange(700), "item_id": rng.integers(0, 600, 700), "category": "books"}
    )
    films = pd.DataFrame(
        {"user_id": np.arange(640, 1300), "item_id": 600 + rng.integers(0, 600, 660), "category": "films"}
    )
    mapper = tb.InterestMapper("films").fit(pd.concat([books, films]))
    assert mapper.transfer_["verdict"].tolist() == ["no evidence"]


def panel_of_lengths(shortest, longest, n_users=600, n_items=60):
    """Users with a taste and histories of these lengths in books and films; only half have any films."""
    rng = np.random.default_rng(0)
    taste, rows = rng.normal(size=(n_users, 4)), []
    for category in ("books", "films"):
        V, popular = rng.normal(size=(n_items, 4)), -0.5 * np.log(np.arange(1, n_items + 1))
        for user in range(n_users):
            if category == "films" and rng.random() > 0.5:
                continue
            order = np.argsort(-(taste[user] @ V.T + popular + rng.gumbel(size=n_items)))
            length = shortest + user % (longest - shortest + 1)
            rows += [(user, f"{category}{item:03d}", category) for item in order[:length]]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "category"])


@QUIET
@pytest.mark.parametrize(("shortest", "longest", "short"), [(12, 12, 0), (12, 12, 1), (12, 12, 3), (5, 6, 0)])
def test_no_length_of_history_is_served_worse_than_by_popularity(shortest, longest, short):
    """Lengths the fit never saw, or saw of a few users; the users are new to the target."""
    split = cold_users(tb.Panel.from_frame(panel_of_lengths(shortest, longest)), "films", 100)
    train = split.train.to_frame()
    linked = np.intersect1d(*(train.loc[train["category"] == name, "user_id"] for name in ("books", "films")))
    some = train[(train["category"] == "books") & train["user_id"].isin(linked[:short])]
    known = train.drop(some.groupby("user_id").head(1).index)
    mapper, popular = (model.fit(known) for model in (tb.InterestMapper("films"), tb.Popularity("films")))
    wanted = split.truth.groupby("user_id")["item_id"].apply(set)
    books = panel_of_lengths(40, 40)  # by the same tastes
    books = books[(books["category"] == "books") & books["user_id"].isin(wanted.index)]
    for length in (1, 2, 8, 12, 40):
        source = books if length > longest else train[train["user_id"].isin(wanted.index)]
        history = source.groupby("user_id").head(length)
        ours, baseline = (hits(model.recommend_from(history, n=10), wanted) for model in (mapper, popular))
        assert (ours - baseline).mean() > -0.02, f"{length} books"


def hits(lists, wanted):
    """Return for every user the share of the ten items recommended that the user took."""
    found = [item in wanted[user] for user, item in zip(lists["user_id"], lists["item_id"], strict=True)]
    return pd.Series(found).groupby(lists["user_id"].to_numpy()).mean()


@QUIET
def test_ratings_by_histories_of_other_lengths_are_no_worse_than_item_means():
    """All with 15 ratings in both: then users with 1 to 40 in the source are asked about."""
    rng, n_users, n_items = np.random.default_rng(0), 240, 50
    taste = rng.normal(size=(n_users, 2))
    rows = {}
    for category, n in (("books", 40), ("films", 15)):
        V, quality = rng.normal(size=(n_items, 2)), rng.normal(size=n_items)
        ratings = np.clip(
            np.round(3.2 + 0.6 * quality + taste @ V.T + 0.5 * rng.normal(size=(n_users, n_items))), 1, 5
        )
        chosen = np.argsort(rng.random((n_users, n_items)), axis=1)[:, :n]
        rows[category] = pd.DataFrame(
            {
                "user_id": np.repeat(np.arange(n_users), n),
                "item_id": [f"{category}{item}" for item in chosen.ravel()],
                "category": category,
                "weight": np.take_along_axis(ratings, chosen, axis=1).ravel(),
            }
        )
    known = rows["films"]["user_id"] < 190
    fitted = pd.concat(
        [rows["books"][rows["books"]["user_id"] < 190].groupby("user_id").head(15), rows["films"][known]]
    )
    mapper = tb.RatingMapper("films").fit(fitted)
    asked = rows["films"][~known]
    means = asked["item_id"].map(rows["films"][known].groupby("item_id")["weight"].mean())
    worst = np.sqrt(((asked["weight"] - means) ** 2).mean())
    for length in (1, 5, 15, 40):
        history = rows["books"][rows["books"]["user_id"] >= 190].groupby("user_id").head(length)
        lists = mapper.recommend_from(history, n=n_items)
        told = asked.merge(lists, on=["user_id", "item_id"])
        assert len(told) == len(asked)
        assert np.sqrt(((told["weight"] - told["score"]) ** 2).mean()) < worst + 0.02, length


def test_columns_beside_a_useless_first_one_have_finite_weights():
    X = np.random.default_rng(0).normal(size=(100, 3))
    for weights in (np.array([0.0, 1.0, 2.0]), np.array([1e-300, 1.0, 2.0])):
        found = relative_to_first(weights, X)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found[1] / found[0], 2.0)
        assert found[1] * deviations(X)[2] <= 1000.0 * deviations(X)[0] * (1 + 1e-12)
    np.testing.assert_allclose(relative_to_first(np.array([2.0, 1.0, 3.0]), X), [0.5, 1.5])
