import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from numpy.testing import assert_array_equal
from threadpoolctl import threadpool_limits

import tastebridge as tb
from tastebridge.baselines.rating import KINDS, RatingBaseline
from tastebridge.datasets import make_panel
from tastebridge.exceptions import DataWarning, InvalidDataError, InvalidParameterError, TastebridgeWarning
from tastebridge.splits import cold_users, leave_last

N, M, K = 400, 60, 2


def _frame(seed=0, shared=True, mild=0.7):
    """Ratings with planted effects and taste; ``shared``: the same people's in both categories, or others."""
    rng = np.random.default_rng(seed)
    parts = []
    effect, taste = rng.normal(0, mild, N), rng.normal(size=(N, K))
    for name in ("books", "films"):
        if not shared:
            effect, taste = rng.normal(0, mild, N), rng.normal(size=(N, K))
        V = rng.normal(0, 0.5, (M, K)) @ np.linalg.qr(rng.normal(size=(K, K)))[0]
        whole = 3.2 + effect[:, None] + rng.normal(0, 0.5, M) + taste @ V.T + rng.normal(0, 0.4, (N, M))
        user, item = np.nonzero(rng.random((N, M)) < 0.3)
        rated = np.clip(np.round(whole[user, item]), 1, 5)
        ids = [f"{name}:{one:02d}" for one in item]
        parts.append(pd.DataFrame({"user_id": user, "item_id": ids, "category": name, "weight": rated}))
    return pd.concat(parts, ignore_index=True)


PANEL = tb.Panel.from_frame(_frame())
SPLIT = cold_users(PANEL, "films", 0.3)


@pytest.fixture(scope="module")
def mapper():
    return tb.RatingMapper("films").fit(SPLIT.train)


def _figures(models, split, baseline=None, fit=True):
    table = tb.evaluate_ratings(models, split, baseline=baseline, n_resamples=200, fit=fit)
    return table.set_index(["model", "metric"])


def test_planted_effects_and_taste_carry_over_to_people_who_are_new(mapper):
    models = {"ours": mapper} | {kind: RatingBaseline("films", kind).fit(SPLIT.train) for kind in KINDS}
    found = _figures(models, SPLIT, KINDS[2], fit=False)
    for metric in ("rmse", "mae"):
        means = found.xs(metric, level="metric")["mean"]
        assert means["ours"] < 0.95 * means[KINDS[2]] < means[KINDS[1]] < means[KINDS[0]]
        assert found.loc[("ours", metric), "difference_high"] < 0
    table = mapper.transfer_.iloc[0]
    assert (table["verdict"], table["kept"]) == ("helps", True)
    errors = mapper.errors_.set_index("people")
    assert errors.loc["cold", "rmse"] == pytest.approx(found.loc[("ours", "rmse"), "mean"], rel=0.1)


def test_people_with_ratings_in_the_target_are_served_better(mapper):
    split = leave_last(PANEL, "films", 2)
    found = _figures({"ours": tb.RatingMapper("films"), "bias": RatingBaseline("films")}, split)
    assert found.loc[("ours", "rmse"), "mean"] < 0.9 * found.loc[("bias", "rmse"), "mean"]


def test_a_source_of_other_people_does_no_harm():
    split = cold_users(tb.Panel.from_frame(_frame(shared=False)), "films", 0.3)
    mapper = tb.RatingMapper("films")
    found = _figures({"ours": mapper, "items": RatingBaseline("films", "item mean")}, split)
    assert found.loc[("ours", "rmse"), "mean"] < 1.01 * found.loc[("items", "rmse"), "mean"]
    assert mapper.transfer_["verdict"][0] != "helps"


def test_predictions_are_calibrated(mapper):
    predicted = mapper.predict(SPLIT.truth)
    given = SPLIT.truth["weight"].to_numpy()
    slope, intercept = np.polyfit(predicted, given, 1)
    assert slope == pytest.approx(1.0, abs=0.12)
    assert given.mean() == pytest.approx(predicted.mean(), abs=0.12)
    assert intercept == pytest.approx(0.0, abs=0.4)


@pytest.mark.bits
def test_predictions_stay_within_the_scale_and_are_the_scores_of_lists():
    mapper = tb.RatingMapper("films").fit(_frame(mild=2.0))
    found = mapper.recommend(n=5)
    assert found["score"].max() == 5.0
    assert (mapper.user_vectors().vectors @ mapper.item_vectors().vectors.T).max() > 5.0
    assert_array_equal(mapper.predict(found), found["score"])
    assert found.groupby("user_id")["score"].is_monotonic_decreasing.all()
    best = found[found["score"] == 5.0].iloc[0]
    parts = mapper.explain(best["user_id"], best["item_id"])
    assert parts["contribution"].sum() == pytest.approx(5.0, abs=1e-5)
    assert "limits of the scale" in set(parts["route"])


@pytest.mark.bits
def test_fresh_histories_get_the_same_ratings(mapper):
    some = SPLIT.train[:40]
    fresh, known = mapper.recommend_from(some, n=4), mapper.recommend(some.users.ids, n=4)
    pd.testing.assert_frame_equal(fresh, known, check_exact=True)


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_ranking_by_preference_keeps_ratings_for_predictions(tmp_path):
    panel = SPLIT.train[:150]
    both, rated = (tb.RatingMapper("films", rank_by=kind).fit(panel) for kind in ("preference", "rating"))
    pairs = SPLIT.truth[SPLIT.truth["user_id"].isin(panel.users.ids)]
    assert_array_equal(both.predict(pairs), rated.predict(pairs))
    preferred = tb.InterestMapper("films").fit(panel).recommend(n=3)
    pd.testing.assert_frame_equal(both.recommend(n=3), preferred, check_exact=True)
    both.save(tmp_path / "model", with_users=True)
    loaded = tb.load(tmp_path / "model")
    assert_array_equal(loaded.predict(pairs), both.predict(pairs))
    pd.testing.assert_frame_equal(loaded.recommend(n=3), preferred, check_exact=True)


def test_a_saved_mapper_of_ratings_gives_the_same_bits(mapper, tmp_path):
    mapper.save(tmp_path / "model", with_users=True)
    loaded = tb.load(tmp_path / "model")
    assert_array_equal(loaded.predict(SPLIT.truth), mapper.predict(SPLIT.truth))
    pd.testing.assert_frame_equal(loaded.errors_, mapper.errors_)
    pd.testing.assert_frame_equal(loaded.chosen_, mapper.chosen_)
    mapper.save(tmp_path / "bare")
    pd.testing.assert_frame_equal(
        tb.load(tmp_path / "bare").recommend_from(SPLIT.train[:9]), mapper.recommend_from(SPLIT.train[:9])
    )


def test_the_same_seed_gives_the_same_ratings_whatever_the_threads(mapper):
    with threadpool_limits(2):
        again = tb.RatingMapper("films").fit(SPLIT.train.to_frame().sample(frac=1, random_state=1))
    assert_array_equal(again.predict(SPLIT.truth[:300]), mapper.predict(SPLIT.truth[:300]))


def test_of_two_ratings_in_a_frame_the_later_counts():
    frame = _frame()
    again = frame.iloc[:1].assign(weight=1.0)
    mapper = tb.RatingMapper("films").fit(pd.concat([frame, again]))
    row = again.iloc[0]
    books = mapper.panel_["books"]
    at = mapper.panel_.users.numbers([row["user_id"]])[0], books.items.numbers([row["item_id"]])[0]
    assert books.matrix[at] == 1.0


def test_few_linked_people_leave_the_items_and_what_is_known_of_the_person():
    frame = _frame()
    few = frame[(frame["category"] == "books") <= (frame["user_id"] < 20)]
    mapper = tb.RatingMapper("films").fit(few)
    assert mapper.errors_.empty
    assert mapper.transfer_[["verdict", "kept"]].to_numpy().tolist() == [["no evidence", False]]
    rows = few[few["category"] == "films"]
    assert np.corrcoef(mapper.predict(rows), rows["weight"])[0, 1] > 0.6


def test_what_is_not_a_rating_is_refused():
    with pytest.raises(InvalidDataError, match=r"all ratings of 'films' are 1.*use InterestMapper"):
        tb.RatingMapper("films").fit(_frame().assign(weight=1.0))
    with pytest.raises(InvalidParameterError, match="Did you mean 'preference'"):
        tb.RatingMapper("films", rank_by="preferences").fit(PANEL)
    with pytest.raises(InvalidParameterError, match="item_shrinkage"):
        tb.RatingMapper("films", item_shrinkage=-1.0).fit(PANEL)


class Always:
    def __init__(self, rating):
        self.rating = rating

    def fit(self, panel):
        return self

    def predict(self, pairs):
        return np.full(len(pairs), self.rating)


def test_evaluation_of_ratings_is_that_by_hand(mapper):
    found = _figures({"four": Always(4.0), "nine": Always(9.0)}, SPLIT, "four")
    errors = {4.0: 4.0 - SPLIT.truth["weight"], 5.0: 5.0 - SPLIT.truth["weight"]}  # held within the scale
    for name, rating in (("four", 4.0), ("nine", 5.0)):
        assert found.loc[(name, "rmse"), "mean"] == pytest.approx(np.sqrt(np.mean(errors[rating] ** 2)))
        assert found.loc[(name, "mae"), "mean"] == pytest.approx(np.abs(errors[rating]).mean())
    gap = found.loc[("nine", "rmse")]
    assert gap["difference"] == pytest.approx(gap["mean"] - found.loc[("four", "rmse"), "mean"])
    assert gap["difference_low"] < gap["difference"] < gap["difference_high"]
    with pytest.raises(InvalidDataError, match="must return a finite rating"):
        tb.evaluate_ratings({"none": Always(np.nan)}, SPLIT)
    with pytest.raises(InvalidParameterError, match="Did you mean 'rmse'"):
        tb.evaluate_ratings({"four": Always(4.0)}, SPLIT, ["rmes"])


@pytest.mark.parametrize(
    ("unit", "offset"), [(0.1, 0.0), (20.0, 0.0), (1.0, -1.0), (0.5, -1.5), (25.0, -25.0)]
)
def test_predictions_follow_the_unit_and_the_zero_of_the_ratings(mapper, unit, offset):
    events = SPLIT.train.to_frame()
    policy = tb.CleaningPolicy(duplicates="last")
    panel = tb.Panel.from_frame(events.assign(weight=events["weight"] * unit + offset), policy=policy)
    other = tb.RatingMapper("films").fit(panel)
    expected = mapper.predict(SPLIT.truth)
    np.testing.assert_allclose((other.predict(SPLIT.truth) - offset) / unit, expected, atol=2e-3)
    # inner products and explanations are in the unit of the ratings too
    lists = other.recommend(SPLIT.user_ids[:5], n=3)
    users, items = other.user_vectors(SPLIT.user_ids[:5]), other.item_vectors()
    at = {one: place for place, one in enumerate(items.ids)}
    for row in lists.itertuples():
        inner = users.vectors[list(users.ids).index(row.user_id)] @ items.vectors[at[row.item_id]]
        assert np.clip(inner, *other.chosen_.loc[0, ["low", "high"]]) == pytest.approx(row.score, abs=1e-4)
        parts = other.explain(row.user_id, row.item_id)["contribution"]
        assert parts.sum() == pytest.approx(row.score, abs=1e-4 * unit + 1e-5)


def test_the_unit_of_a_source_makes_no_difference(mapper):
    events = SPLIT.train.to_frame()
    books = (events["category"] == "books").to_numpy()
    other = tb.RatingMapper("films").fit(events.assign(weight=events["weight"] * np.where(books, 20.0, 1.0)))
    np.testing.assert_allclose(other.predict(SPLIT.truth), mapper.predict(SPLIT.truth), atol=2e-3)


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
@pytest.mark.parametrize("ends", [(0.0, 1.0), (-1.0, 1.0), (1.0, 5.0)])
@pytest.mark.parametrize("rank_by", ["rating", "preference"])
def test_thumbs_are_ratings_whatever_they_are_called(ends, rank_by, tmp_path):
    events = SPLIT.train[:250].to_frame()
    thumbs = np.where(events["weight"] >= 4, ends[1], ends[0])
    mapper = tb.RatingMapper("films", rank_by=rank_by).fit(events.assign(weight=thumbs))
    assert mapper.chosen_.loc[0, ["low", "high"]].tolist() == list(ends)
    assert sum(part.matrix.nnz for part in mapper.panel_.interactions.values()) == len(events)
    reference = tb.RatingMapper("films", rank_by=rank_by).fit(
        events.assign(weight=np.where(events["weight"] >= 4, 5.0, 1.0))
    )
    films = events[events["category"] == "films"]
    found = (mapper.predict(films) - ends[0]) / (ends[1] - ends[0])
    np.testing.assert_allclose(found, (reference.predict(films) - 1.0) / 4.0, atol=2e-3)
    # what was disliked is had, and never recommended again
    lists = mapper.recommend(n=len(mapper.items_["films"]) - 1, missing="popular")
    assert not len(lists.merge(films, on=["user_id", "item_id"]))
    mapper.save(tmp_path / "model", with_users=True)
    loaded = tb.load(tmp_path / "model")
    assert_array_equal(loaded.predict(films), mapper.predict(films))
    fresh = events[events["user_id"].isin(events["user_id"].unique()[:20])].assign(
        weight=thumbs[events["user_id"].isin(events["user_id"].unique()[:20])]
    )
    pd.testing.assert_frame_equal(
        loaded.recommend_from(fresh, n=4), mapper.recommend(fresh["user_id"].unique(), n=4), check_exact=True
    )


def test_a_history_below_the_scale_of_the_fit_is_refused(mapper):
    events = SPLIT.train[:3].to_frame()
    with pytest.raises(InvalidDataError, match=r"a rating of -1 is below the scale of the fit.*not rated"):
        mapper.recommend_from(events.assign(weight=-1.0))


def test_a_rating_of_zero_is_hidden_found_and_measured():
    frame = _frame()
    frame["weight"] -= 1.0
    panel = tb.Panel.from_frame(frame, policy=tb.CleaningPolicy(duplicates="last"))
    split = cold_users(panel, "films", 0.3)
    assert (split.truth["weight"] == 0).sum() == (SPLIT.truth["weight"] == 1).sum() > 0
    models = {kind: RatingBaseline("films", kind) for kind in KINDS}
    moved, whole = _figures(models, split), _figures(models, SPLIT)
    np.testing.assert_allclose(moved["mean"], whole["mean"], rtol=1e-6)


def test_ratings_that_were_added_up_are_warned_of():
    """The default policy of a panel sums repeated rows: two ratings of 4 become one of 8."""
    rows = [
        (u, f"{name}{i}", name, 1.0 + (u + i) % 5) for u in range(12) for i in range(4) for name in ("a", "b")
    ]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "weight"])
    twice = pd.concat([frame, frame[:3].assign(weight=4.0)])
    with pytest.warns(TastebridgeWarning, match=r"3 ratings were merged .* by 'sum'"):
        tb.RatingMapper("a").fit(tb.Panel.from_frame(twice))
    for fine in (
        twice,
        tb.Panel.from_frame(twice, policy=tb.RatingMapper.policy),
        tb.Panel.from_frame(frame),
    ):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            tb.RatingMapper("a").fit(fine)
        assert not [one for one in seen if "merged" in str(one.message)]


def test_errors_of_a_panel_without_ratings_are_a_warning():
    panel, _ = make_panel(n_users=60, n_items=20)
    split = cold_users(panel, "films", random_state=0)
    with pytest.warns(TastebridgeWarning, match="all training ratings of 'films' are 1.* same errors"):
        tb.evaluate_ratings({"one": Always(1.0)}, split, n_resamples=10)


@pytest.mark.parametrize("model", [tb.Popularity("films"), tb.ItemNeighbours("films")])
def test_scores_are_no_ratings_and_have_no_errors(model):
    with pytest.raises(InvalidDataError, match="predicts scores, which order items, and no ratings"):
        tb.evaluate_ratings({"it": model}, SPLIT)


@pytest.mark.parametrize("kind", ["pandas", "polars", "lazy", "arrow"])
def test_histories_without_ratings_are_refused(mapper, kind):
    events = SPLIT.train.to_frame()[["user_id", "item_id", "category"]].astype({"category": str}).head(3)
    frames = {
        "pandas": lambda: events,
        "polars": lambda: pl.from_pandas(events),
        "lazy": lambda: pl.from_pandas(events).lazy(),
        "arrow": lambda: pa.Table.from_pandas(events),
    }
    for verb in (mapper.recommend_from, mapper.user_vectors_from):
        with pytest.raises(InvalidDataError, match="reads ratings, and these events have none"):
            verb(frames[kind]())


def test_a_panel_without_ratings_is_a_warning_and_a_few_ones_are_none(mapper):
    events = SPLIT.train.to_frame().astype({"category": str})[["user_id", "item_id", "category"]]
    with pytest.warns(DataWarning, match="all 30 ratings of these histories are 1"):
        mapper.recommend_from(tb.Panel.from_frame(events.head(30)), n=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mapper.recommend_from(events.head(3).assign(rating=1.0), n=2)


def test_a_category_with_two_ratings_of_one_user_is_learned_from():
    frame = _frame()
    few = frame[(frame["category"] == "films") & (frame["user_id"] == 3)]
    few = few.assign(weight=np.where(np.arange(len(few)) % 2, 4.0, 2.0)).head(2)
    found = tb.RatingMapper("films").fit(pd.concat([frame[frame["category"] == "books"], few]))
    # nothing but the two items is known: each is near its one rating, and within the scale
    low, high = found.predict(pd.DataFrame({"user_id": 5, "item_id": few["item_id"]}))
    assert 2.0 <= low < high <= 4.0
