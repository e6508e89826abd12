"""Evaluation with and without twins, against counts in plain Python."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from contracts import twin_shop
from tastebridge.baselines import Popularity
from tastebridge.evaluation import draw_negatives, evaluate, evaluate_sampled, user_scores
from tastebridge.evaluation.twins import SplitTwins
from tastebridge.splits import cold_users


class Listing:
    """Recommends to each user, best first: all twins of what the user has, then all films by name."""

    def __init__(self, split):
        self.films, self.split = split.train["films"].items.ids.tolist(), split
        frame = split.train.to_frame().astype({"category": str})
        twins = {}
        for book, film in sorted(twin_shop.pairs_by_hand(frame)):
            for user in frame.loc[frame["item_id"] == book, "user_id"]:
                twins.setdefault(user, []).append(film)
        self.twins = twins

    def fit(self, panel):
        return self

    def order(self, user):
        mine = self.twins.get(user, [])
        return [*mine, *(film for film in self.films if film not in mine)]

    def recommend(self, user_ids, n=10):
        lists = {user: self.order(user)[:n] for user in user_ids}
        return pd.DataFrame(
            [(user, item, place + 1) for user, items in lists.items() for place, item in enumerate(items)],
            columns=["user_id", "item_id", "rank"],
        )

    def predict(self, pairs):
        places = {
            user: {item: -at for at, item in enumerate(self.order(user))} for user in set(pairs["user_id"])
        }
        return np.array(
            [places[user][item] for user, item in zip(pairs["user_id"], pairs["item_id"], strict=True)], float
        )


@pytest.fixture(scope="module")
def split():
    return cold_users(tb.Panel.from_frame(twin_shop.events(600)), "films", 0.3, 0)


@pytest.fixture(scope="module")
def again(split):
    frame = split.train.to_frame().astype({"category": str})
    found = twin_shop.rows_by_hand(split.truth, frame)
    assert 0 < found.sum() < len(found)
    return found


def test_rows_that_are_twins_are_those_of_a_loop(split, again):
    assert SplitTwins(split).rows.tolist() == again.tolist()


def test_recall_with_and_without_twins_is_that_of_a_loop(split, again):
    model = Listing(split)
    table = evaluate({"listing": model}, split, ["recall@10"])
    whole, apart = [], []
    for user, rows in split.truth.groupby("user_id"):
        wanted = set(rows["item_id"])
        whole.append(len(wanted & set(model.order(user)[:10])) / len(wanted))
        if left := wanted - set(rows["item_id"][again[rows.index]]):
            mine = [item for item in model.order(user) if item not in model.twins.get(user, [])]
            apart.append(len(left & set(mine[:10])) / len(left))
    assert table["mean"].item() == pytest.approx(np.mean(whole))
    assert table["mean_without_twins"].item() == pytest.approx(np.mean(apart))
    assert table["n_users_without_twins"].item() == len(apart) <= table["n_users"].item() == len(whole)
    assert table["low_without_twins"].item() <= np.mean(apart) <= table["high_without_twins"].item()


def test_user_scores_without_twins_leave_users_with_nothing_to_find_unknown(split, again):
    found = user_scores(Listing(split), split, ["hr@10"], twins="leave out")["hr@10"]
    left = set(split.truth.loc[~again, "user_id"])
    assert set(found.index[found.notna()]) == left
    assert found.index.tolist() == split.user_ids.tolist()
    with pytest.raises(tb.exceptions.InvalidParameterError, match="twins"):
        user_scores(Listing(split), split, twins="drop")


def test_ranks_among_negatives_are_those_of_a_loop(split, again):
    model, seed = Listing(split), 3
    table = evaluate_sampled({"listing": model}, split, ["mrr"], n_negatives=40, random_state=seed)
    negatives, films = draw_negatives(split, 40, seed), split.train["films"].items
    trained = set(films.ids_of(np.unique(split.train["films"].matrix.indices)))
    whole, apart = [], []
    for at, (user, item) in enumerate(zip(split.truth["user_id"], split.truth["item_id"], strict=True)):
        order = model.order(user)
        others = films.ids_of(negatives[at][negatives[at] >= 0]).tolist()
        better = [other for other in others if order.index(other) < order.index(item)]
        whole.append(1 / (1 + len(better)) if item in trained else 0.0)
        if not again[at]:
            better = [other for other in better if other not in model.twins.get(user, [])]
            apart.append(1 / (1 + len(better)) if item in trained else 0.0)
    assert table["mean"].item() == pytest.approx(np.mean(whole))
    assert table["mean_without_twins"].item() == pytest.approx(np.mean(apart))


def test_a_mapper_is_judged_by_both_of_its_lists(split):
    mapper = tb.InterestMapper("films", n_lists=300, n_negatives=20, n_folds=1, n_components=8)
    models = {"mapper": mapper, "popular": Popularity("films")}
    table = evaluate(models, split, ["hr@10"], baseline="popular").set_index("model")
    assert table.loc["mapper", "mean"] > table.loc["mapper", "mean_without_twins"]
    lists = mapper.recommend(split.user_ids, 10)
    twins = SplitTwins(split)
    hits = lists.merge(split.truth[~twins.rows], on=["user_id", "item_id"])["user_id"].nunique()
    users = split.truth.loc[~twins.rows, "user_id"].nunique()
    assert table.loc["mapper", "mean_without_twins"] == pytest.approx(hits / users)
    gap = table.loc["mapper", "mean_without_twins"] - table.loc["popular", "mean_without_twins"]
    assert table.loc["mapper", "difference_without_twins"] == pytest.approx(gap)


def test_without_twins_in_the_data_both_figures_are_the_same():
    panel, _ = tb.datasets.make_panel(200, 40, events_per_user=8)
    table = evaluate({"popular": Popularity("films")}, cold_users(panel, "films", 0.3, 0))
    for name in ("mean", "low", "high", "n_users"):
        assert table[name].tolist() == table[f"{name}_without_twins"].tolist()
