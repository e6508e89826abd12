"""The price of list options: figures as by hand, next to plain lists."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.evaluation import evaluate_lists, user_scores
from tastebridge.exceptions import InvalidParameterError
from tastebridge.metrics import intra_list_diversity
from tastebridge.splits import cold_users

OPTIONS = {"diverse": {"diversity": 0.6}, "unlike": {"diversity": 1.0}}


@pytest.fixture(scope="module")
def split():
    return cold_users(make_panel(n_users=300, n_items=60, random_state=1)[0], "films", test_size=60)


@pytest.fixture(scope="module")
def model(split):
    return tb.JointALS("films").fit(split.train)


@pytest.fixture(scope="module")
def table(model, split):
    return evaluate_lists(model, split, OPTIONS, n=6).set_index(["lists", "metric"])


def test_plain_lists_have_the_accuracy_of_evaluate(model, split, table):
    values = user_scores(model, split, ["ndcg@6", "hr@6"])
    assert table.loc[("plain", "ndcg"), "mean"] == pytest.approx(values["ndcg@6"].mean())
    assert table.loc[("plain", "hr"), "mean"] == pytest.approx(values["hr@6"].mean())
    assert table.loc["plain", "difference"].isna().all()


def test_diversity_and_coverage_are_those_of_the_lists(model, split, table):
    items, users = split.train["films"].items, split.user_ids
    had = split.train["films"].matrix.toarray().T > 0
    for name, options in {"plain": {}, **OPTIONS}.items():
        lists = model.recommend(users, 6, **options)
        numbers = items.numbers(lists["item_id"]).reshape(len(users), 6)
        cosines = [
            (had[a] & had[b]).sum() / np.sqrt(had[a].sum() * had[b].sum())
            for row in numbers
            for at, a in enumerate(row)
            for b in row[:at]
        ]
        assert table.loc[(name, "diversity"), "mean"] == pytest.approx(1 - np.mean(cosines))
        assert table.loc[(name, "coverage"), "mean"] == len(np.unique(numbers)) / len(items)


def test_differences_are_paired_and_show_the_price(table):
    for metric in ("ndcg", "hr", "novelty", "diversity", "popularity_bias", "coverage"):
        for name in OPTIONS:
            row, plain = table.loc[(name, metric)], table.loc[("plain", metric)]
            assert row["difference"] == pytest.approx(row["mean"] - plain["mean"])
    assert table.loc[("unlike", "diversity"), "difference_low"] > 0
    assert table.loc[("unlike", "ndcg"), "difference"] < 0


def test_wrong_names_are_refused_before_any_list(split):
    with pytest.raises(InvalidParameterError, match="'plain'"):
        evaluate_lists(object(), split, {"plain": {}})
    with pytest.raises(InvalidParameterError, match="ndgc"):
        evaluate_lists(object(), split, {}, metrics=["ndgc"])
    for options in ([{"diversity": 0.5}], {"diverse": 0.5}):
        with pytest.raises(InvalidParameterError, match="options must be a mapping of name to options"):
            evaluate_lists(object(), split, options)


def test_sparse_vectors_give_the_diversity_of_dense_ones():
    rng = np.random.default_rng(0)
    vectors = rng.random((9, 5)) * (rng.random((9, 5)) < 0.4)
    lists = np.array([[0, 1, 2], [3, 4, -1], [5, -1, -1], [6, 7, 8]])
    dense = intra_list_diversity(lists, vectors)
    np.testing.assert_allclose(intra_list_diversity(lists, sparse.csr_matrix(vectors)), dense, atol=1e-12)


def test_short_lists_and_unknown_items_are_judged(split):
    class Short:
        def recommend(self, user_ids, n=10, **options):
            rows = {
                "user_id": np.repeat(user_ids, 2),
                "item_id": ["no such film", "films:01"] * len(user_ids),
            }
            return pd.DataFrame(rows).assign(rank=[1, 2] * len(user_ids))

    table = evaluate_lists(Short(), split, {}).set_index("metric")["mean"]
    assert table["coverage"] == 1 / len(split.train["films"].items)
    assert np.isnan(table["diversity"])
    truth = split.truth.groupby("user_id")["item_id"].agg(lambda items: "films:01" in set(items))
    assert table["hr"] == pytest.approx(truth.mean())
