"""Evaluation judges models whose marks are known beforehand."""

import numpy as np
import pandas as pd
import pytest

from tastebridge.data import Panel
from tastebridge.evaluation import draw_negatives, evaluate, evaluate_ratings, evaluate_sampled, user_scores
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.splits import Split, cold_users, leave_last

COLUMNS = ["split", "model", "metric", "mean", "low", "high", "n_users"]
COLUMNS += ["difference", "difference_low", "difference_high"]
COLUMNS += [f"{name}_without_twins" for name in COLUMNS[3:]] + ["fit_seconds", "score_seconds"]


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"user_id": rng.integers(0, 60, 900), "item_id": rng.integers(0, 50, 900)})
    rows["category"] = rng.choice(["books", "films"], 900)
    rare = pd.DataFrame({"user_id": range(5), "item_id": range(900, 905), "category": "films"})
    return cold_users(Panel.from_frame(pd.concat([rows, rare])), "films", 0.4)


class Oracle:
    """Knows the truth; ``lost`` of the people are forgotten."""

    def __init__(self, split, lost=0):
        self.truth = split.truth[split.truth["user_id"].isin(split.user_ids[lost:])]

    def fit(self, panel):
        self.fitted = panel
        return self

    def recommend(self, user_ids, n=10):
        rank = self.truth.groupby("user_id").cumcount() + 1
        frame = self.truth.assign(rank=rank, score=1.0 / rank)[rank <= n]
        return frame[frame["user_id"].isin(user_ids)].sample(frac=1, random_state=0)

    def predict(self, pairs):
        known = set(zip(self.truth["user_id"], self.truth["item_id"], strict=True))
        return np.array(
            [float(pair in known) for pair in zip(pairs["user_id"], pairs["item_id"], strict=True)]
        )


class Fixed:
    """Scores every pair alike and recommends the same items to everyone."""

    def __init__(self, items=(), score=0.0):
        self.items, self.score = list(items), score

    def fit(self, panel):
        return self

    def recommend(self, user_ids, n=10):
        lists = pd.DataFrame({"item_id": self.items[:n], "rank": np.arange(1, len(self.items[:n]) + 1)})
        return pd.DataFrame({"user_id": user_ids}).merge(lists, how="cross")

    def predict(self, pairs):
        return np.full(len(pairs), self.score)


def test_evaluate_gives_the_oracle_full_marks_and_a_tidy_frame(split):
    metrics = ("ndcg@10", "hr@10", "mrr", "recall@100")
    table = evaluate({"oracle": Oracle(split), "nothing": Fixed()}, split, metrics, baseline="nothing")
    assert list(table.columns) == COLUMNS
    assert table.groupby("model")["mean"].agg(["min", "max"]).T.to_dict("list") == {
        "oracle": [1.0, 1.0],
        "nothing": [0.0, 0.0],
    }
    assert (table["n_users"] == len(split.user_ids)).all()
    oracle, nothing = (table[table["model"] == name] for name in ("oracle", "nothing"))
    assert (oracle["difference"] == 1).all()
    assert nothing["difference"].isna().all()
    assert (table[["fit_seconds", "score_seconds"]] >= 0).all(axis=None)


def test_evaluate_counts_people_without_recommendations_as_missed(split):
    table = evaluate({"forgetful": Oracle(split, lost=6)}, split, ["hr@10"])
    assert table["mean"][0] == pytest.approx(1 - 6 / len(split.user_ids))
    assert table["low"][0] < table["mean"][0] < table["high"][0]


def test_evaluate_counts_items_unknown_to_the_training_as_missed(split):
    everything = split.train["films"].items.ids[split.train["films"].matrix.sum(axis=0).A1 > 0]
    assert split.truth["item_id"].isin(range(900, 905)).any()
    found = user_scores(Fixed(everything), split, ["recall@1000"])["recall@1000"]
    unknown = (~split.truth["item_id"].isin(everything)).groupby(split.truth["user_id"]).mean()
    np.testing.assert_allclose(found, 1 - unknown)


def test_evaluate_takes_named_splits_and_fits_each(split):
    last = leave_last(split.train, "films")
    model = Oracle(split)
    table = evaluate({"oracle": model}, {"cold": split, "last": last}, ["hr@5"])
    assert table["split"].tolist() == ["cold", "last"]
    assert model.fitted is last.train


def test_evaluate_leaves_fitted_models_alone(split):
    model = Oracle(split)
    assert evaluate({"oracle": model}, split, ["hr@5"], fit=False)["fit_seconds"].isna().all()
    assert not hasattr(model, "fitted")


def test_evaluate_refuses_bad_questions_and_bad_answers(split):
    with pytest.raises(InvalidParameterError, match="baseline"):
        evaluate({"a": Fixed()}, split, baseline="b")
    with pytest.raises(InvalidParameterError, match="Did you mean 'ndcg'"):
        evaluate({"a": Fixed()}, split, ["ndgc@10"])
    with pytest.raises(InvalidParameterError, match="models"):
        evaluate({}, split)
    with pytest.raises(InvalidDataError, match="repeats"):
        evaluate({"a": Fixed([1, 1])}, split)
    stranger, wordless = Fixed([1]), Fixed([1])
    stranger.recommend = lambda user_ids, n: pd.DataFrame({"user_id": [-5], "item_id": [1], "rank": [1]})
    wordless.recommend = lambda user_ids, n: pd.DataFrame({"user_id": [], "item_id": []})
    with pytest.raises(InvalidDataError, match="returned user_id -5"):
        evaluate({"a": stranger}, split)
    listless = Fixed([1])
    listless.recommend = lambda user_ids, n: [1, 2]
    with pytest.raises(InvalidDataError, match="it returned a list"):
        evaluate({"a": listless}, split)
    with pytest.raises(InvalidParameterError, match="the class Fixed"):
        evaluate({"a": Fixed}, split)
    with pytest.raises(InvalidDataError, match="'rank'"):
        evaluate({"a": wordless}, split)


def test_draw_negatives_are_trained_items_drawn_once_without_the_persons_own(split):
    drawn = draw_negatives(split, 20)
    part = split.train["films"]
    trained = np.flatnonzero(part.matrix.getnnz(axis=0))
    assert drawn.shape == (len(split.truth), 20)
    assert np.isin(drawn, trained).all()
    for user, rows in split.truth.groupby("user_id").indices.items():
        own = part.items.numbers(split.truth["item_id"][split.truth["user_id"] == user])
        assert not np.isin(drawn[rows], own).any()
    assert all(len(set(row)) == 20 for row in drawn)
    assert not np.array_equal(drawn, draw_negatives(split, 20, random_state=1))


def test_draw_negatives_are_uniform(split):
    first = split.truth["user_id"] == split.user_ids[0]
    drawn = np.concatenate([draw_negatives(split, 5, random_state=seed)[first] for seed in range(60)])
    part = split.train["films"]
    own = part.items.numbers(split.truth["item_id"][first])
    open_ = np.setdiff1d(np.flatnonzero(part.matrix.getnnz(axis=0)), own)
    numbers, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_array_equal(numbers, open_)
    assert counts.std() < 1.5 * np.sqrt(counts.mean())


def test_draw_negatives_stop_where_there_are_no_more(split):
    drawn = draw_negatives(split, 999)
    assert set((drawn >= 0).sum(axis=1)) != {999}
    assert (drawn[:, -1] == -1).all()


def test_evaluate_sampled_counts_ties_half_and_unknown_items_as_missed(split):
    models = {"oracle": Oracle(split), "indifferent": Fixed()}
    table = evaluate_sampled(models, split, ["mrr", "hr@1"], n_negatives=10, baseline="indifferent")
    trained = split.train["films"].items.ids[split.train["films"].matrix.getnnz(axis=0) > 0]
    known = split.truth["item_id"].isin(trained).mean()
    assert known < 1
    np.testing.assert_allclose(table["mean"], [known, known, known / 6, 0.0])
    assert list(table.columns) == COLUMNS
    assert (table["n_users"] == len(split.user_ids)).all()


def test_evaluate_sampled_works_in_bounded_memory(split, monkeypatch):
    whole = evaluate_sampled({"oracle": Oracle(split)}, split, n_negatives=10)
    monkeypatch.setattr("tastebridge.evaluation.sampled._PAIRS", 25)
    parts = evaluate_sampled({"oracle": Oracle(split)}, split, n_negatives=10)
    pd.testing.assert_series_equal(whole["mean"], parts["mean"])


def test_evaluate_sampled_refuses_scores_that_are_not_finite(split):
    with pytest.raises(InvalidDataError, match="Fixed returned"):
        evaluate_sampled({"nan": Fixed(score=np.nan)}, split)


def test_negatives_hold_nothing_the_user_has_and_are_as_many_as_before():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"user_id": np.repeat(np.arange(80), 20), "item_id": 0, "category": "films"})
    rows["item_id"] = np.concatenate([rng.choice(60, 20, replace=False) for _ in range(80)])
    split = leave_last(Panel.from_frame(rows), "films")
    part = split.train["films"]
    for power in (0.0, 0.75):
        drawn = draw_negatives(split, 30, popularity_power=power)
        assert (drawn >= 0).all()
        users = part.users.numbers(split.truth["user_id"])
        for user, item, row in zip(users, part.items.numbers(split.truth["item_id"]), drawn, strict=True):
            assert not set(row) & ({item} | set(part.matrix[user].indices))
            assert len(set(row)) == 30
    # of 60 items 19 are had and 1 is held out: of 50 asked for, 40 are left
    assert ((draw_negatives(split, 50) >= 0).sum(axis=1) == 40).all()


@pytest.mark.parametrize("power", [0.75, 2.0])
def test_weighted_negatives_are_drawn_as_one_after_another(power):
    """Pairs of two draws against the exact probability of sequential draws, by enumeration."""
    counts = np.array([1, 2, 3, 8])
    rows = [(f"u{n}", item) for item, count in enumerate(counts) for n in range(count)]
    panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id"]).assign(category="films"))
    truth = pd.DataFrame({"user_id": "somebody else", "item_id": range(100, 4100), "weight": 1.0})
    drawn = np.sort(draw_negatives(Split(panel, "films", truth), 2, popularity_power=power), axis=1)
    p = counts**power / (counts**power).sum()
    for a in range(4):
        for b in range(a + 1, 4):
            exact = p[a] * p[b] / (1 - p[a]) + p[b] * p[a] / (1 - p[b])
            found = ((drawn[:, 0] == a) & (drawn[:, 1] == b)).mean()
            assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 4000))


def test_popularity_weighted_negatives_leave_less_to_popularity(split):
    class Popular(Fixed):
        def fit(self, panel):
            self.counts = dict(
                zip(panel["films"].items.ids, panel["films"].matrix.getnnz(axis=0), strict=True)
            )
            return self

        def predict(self, pairs):
            return np.array([self.counts[item] for item in pairs["item_id"]], dtype=float)

    uniform, weighted = (
        evaluate_sampled({"popular": Popular()}, split, ["mrr"], n_negatives=15, popularity_power=power)
        for power in (0.0, 2.0)
    )
    assert weighted["mean"][0] < uniform["mean"][0]
    with pytest.raises(InvalidParameterError, match="popularity_power"):
        evaluate_sampled({"popular": Popular()}, split, popularity_power=-1.0)


@pytest.mark.filterwarnings("ignore:all training ratings")
@pytest.mark.parametrize("values", [None, ["1", "2"], [None, None], [1j, 2j]])
@pytest.mark.parametrize("judge", [evaluate_sampled, evaluate_ratings])
def test_predictions_that_are_no_numbers_are_one_error(judge, values):
    rows = [(user, item, name) for user in "abcde" for item, name in (("x", "films"), ("y", "books"))]
    panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))

    class Strange:
        def fit(self, panel):
            return self

        def predict(self, pairs):
            return values

    split = cold_users(panel, "films", test_size=2)
    with pytest.raises(InvalidDataError, match="predict must return a finite"):
        judge({"strange": Strange()}, split)
