"""Mappers of several targets, and models of other categories, in the evaluation of one target."""

import warnings

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.evaluation import evaluate_lists
from tastebridge.exceptions import InvalidDataError, UnknownCategoryError
from tastebridge.splits import cold_users


@pytest.fixture(scope="module", params=["ids of their own", "ids of both"])
def case(request):
    panel, _ = make_panel(n_users=400, n_items=30, random_state=1)
    frame = panel.to_frame().astype({"category": str})
    if request.param == "ids of both":  # as where every category counts its items from 0
        frame["item_id"] = frame["item_id"].str[-2:].astype(int)
    split = cold_users(tb.Panel.from_frame(frame), "films", test_size=50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few users, and equal ids: neither matters here
        model = tb.InterestMapper(["books", "films"], n_components=8, n_folds=1, n_lists=200, n_jobs=1).fit(
            split.train
        )
    return split, model


def by_hand(split, lists, depth=10):
    """Return the mean NDCG of lists of item ids."""
    found = []
    for user, rows in split.truth.groupby("user_id"):
        hidden = set(rows["item_id"])
        gains = [1 / np.log2(2 + at) for at, item in enumerate(lists[user][:depth]) if item in hidden]
        found.append(sum(gains) / sum(1 / np.log2(2 + at) for at in range(min(depth, len(hidden)))))
    return float(np.mean(found))


def test_a_mapper_of_several_targets_is_judged_by_its_lists_of_the_split_s_target(case):
    split, model = case
    pairs = pd.MultiIndex.from_product([split.user_ids, split.train["films"].items.ids])
    pairs = pairs.to_frame(index=False, name=["user_id", "item_id"]).assign(category="films")
    pairs["score"] = model.predict(pairs)
    best = pairs.sort_values("score", ascending=False, kind="stable").groupby("user_id")["item_id"].agg(list)
    table = tb.evaluate({"all": model}, split, ["ndcg@10"], fit=False)
    assert table["mean"][0] == pytest.approx(by_hand(split, best))
    prices = evaluate_lists(model, split, {"diverse": {"diversity": 0.2}}).set_index(["lists", "metric"])
    assert prices.loc[("plain", "ndcg"), "mean"] == pytest.approx(table["mean"][0])


def test_a_mapper_of_several_targets_ranks_items_of_the_target_among_others_of_it(case):
    split, model = case
    one = model.mappers_["films"]
    both = tb.evaluate_sampled({"all": model, "one": one}, split, ["ndcg@10"], fit=False, n_negatives=9)
    assert both["mean"][0] == pytest.approx(both["mean"][1], abs=1e-3)  # popularity may have a part


@pytest.mark.parametrize("make", [tb.Popularity, tb.InterestMapper])
def test_a_model_of_another_category_is_refused(make):
    panel, _ = make_panel(n_users=200, n_items=30, random_state=1)
    split = cold_users(panel, "films", test_size=50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make("books").fit(split.train)
    for judge in (tb.evaluate, tb.evaluate_sampled):
        with pytest.raises((InvalidDataError, UnknownCategoryError), match="'books'"):
            judge({"m": model}, split, fit=False)
    with pytest.raises((InvalidDataError, UnknownCategoryError), match="'books'"):
        evaluate_lists(model, split, {})
