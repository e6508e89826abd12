"""Ranking metrics against trec_eval's definitions in ir-measures, the others against their formulas."""

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, Success, nDCG
from scipy import sparse

from tastebridge import metrics
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.metrics import RANK_METRICS, RANKING_METRICS, parse_metric

ORACLES = {"hr": Success, "map": AP, "mrr": RR, "ndcg": nDCG, "precision": P, "recall": R}


def random_lists(rng, n_users, n_items, width):
    """Return random rankings, some shorter than others, and random relevant items, some users with none."""
    lists = np.full((n_users, width), -1)
    for row in lists:
        n = rng.integers(0, min(width, n_items) + 1)
        row[:n] = rng.permutation(n_items)[:n]
    return lists, sparse.csr_matrix(rng.random((n_users, n_items)) < rng.choice([0.05, 0.3, 0.9]))


def by_ir_measures(measure, lists, relevant):
    """Return ir-measures' value of each user; a user it passes over got an empty list: 0."""
    qrels = [ir_measures.Qrel(str(u), str(i), 1) for u, i in zip(*relevant.nonzero(), strict=True)]
    run = [
        ir_measures.ScoredDoc(str(u), str(item), -float(place))
        for u, row in enumerate(lists)
        for place, item in enumerate(row)
        if item >= 0
    ]
    values = np.where(np.diff(relevant.indptr) > 0, 0.0, np.nan)
    if qrels and run:
        for found in ir_measures.iter_calc([measure], qrels, run):
            values[int(found.query_id)] = found.value
    return values


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 25), st.integers(1, 40))
def test_ranking_metrics_agree_with_ir_measures(seed, n_items, width, k):
    rng = np.random.default_rng(seed)
    lists, relevant = random_lists(rng, 8, n_items, width)
    for name, oracle in ORACLES.items():
        ours = RANKING_METRICS[name](lists, relevant, k)
        np.testing.assert_allclose(ours, by_ir_measures(oracle @ k, lists, relevant), atol=1e-9, err_msg=name)


@pytest.mark.parametrize("name", RANKING_METRICS)
def test_ranking_metrics_lie_between_0_and_1_even_when_k_exceeds_the_catalogue(name):
    rng = np.random.default_rng(0)
    values = RANKING_METRICS[name](*random_lists(rng, 300, 5, 20), k=20)
    assert np.nanmin(values) >= 0
    assert np.nanmax(values) <= 1


@pytest.mark.parametrize("name", RANKING_METRICS)
def test_ranking_metrics_without_relevant_items_are_nan_and_with_an_empty_list_0(name):
    values = RANKING_METRICS[name](np.array([[0], [-1]]), sparse.csr_matrix([[0, 0], [0, 1]]), 5)
    np.testing.assert_array_equal(values, [np.nan, 0.0])


@pytest.mark.parametrize("name", sorted(set(RANKING_METRICS) - {"precision"}))
def test_ranking_metrics_of_the_perfect_list_are_1(name):
    assert RANKING_METRICS[name](np.array([[2, 0, 1]]), sparse.csr_matrix([[1, 0, 1]]), 3).tolist() == [1.0]


@pytest.mark.parametrize("name", RANKING_METRICS)
def test_ranking_metrics_of_lists_without_places_are_0(name):
    assert RANKING_METRICS[name](np.zeros((1, 0), dtype=int), sparse.csr_matrix([[1]])).tolist() == [0.0]


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ([[0, 0]], "repeats"),
        ([[2]], "from 0 to 1"),
        ([[-2]], "from 0 to 1"),
        ([[0], [1]], "2 users"),
        ([[0.5]], "integer"),
        ([0], "2-d"),
    ],
)
def test_ranking_metrics_refuse_bad_lists(lists, words):
    with pytest.raises(InvalidDataError, match=words):
        metrics.recall(np.array(lists), sparse.csr_matrix([[1, 0]]))


@pytest.mark.parametrize("text", ["ndgc@10", "ndcg@", "ndcg@0", "ndcg@x", "ndcg@-1", "ndcg@²", 10])
def test_parse_metric_refuses_nonsense(text):
    with pytest.raises(InvalidParameterError):
        parse_metric(text)


def test_parse_metric_suggests_the_nearest_name():
    with pytest.raises(InvalidParameterError, match="Did you mean 'ndcg'"):
        parse_metric("ndgc@10")


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.integers(0, 3))
def test_sampled_ranks_are_the_mean_over_orders_of_ties(negatives, positive):
    negatives = np.array(negatives)
    best, worst = 1 + (negatives > positive).sum(), 1 + (negatives >= positive).sum()
    assert metrics.sampled_ranks([positive], [negatives]).tolist() == [(best + worst) / 2]


def test_sampled_ranks_pass_over_nan_negatives_and_refuse_nan_positives():
    assert metrics.sampled_ranks([1.0], [[np.nan, 2.0]]).tolist() == [2.0]
    with pytest.raises(InvalidDataError, match="row 1"):
        metrics.sampled_ranks([0.0, np.nan], [[1.0], [1.0]])


@pytest.mark.parametrize("name", RANK_METRICS)
def test_rank_metrics_agree_with_ranking_metrics_for_one_relevant_item(name):
    ranks = np.arange(1, 8)
    lists, relevant = np.tile(np.arange(7), (7, 1)), sparse.csr_matrix(np.eye(7))
    np.testing.assert_allclose(RANK_METRICS[name](ranks, k=4), RANKING_METRICS[name](lists, relevant, 4))


def test_rank_metrics_of_an_unknown_item_are_0():
    assert [metric(np.array([np.inf])).tolist() for metric in RANK_METRICS.values()] == [[0.0]] * 3


def test_beyond_accuracy_metrics_equal_their_formulas():
    rng = np.random.default_rng(0)
    lists, _ = random_lists(rng, 40, 30, 8)
    popularity, vectors = rng.integers(0, 9, 30), rng.normal(size=(30, 4))
    vectors[3] = 0
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    percentile = [((popularity < c).sum() + (popularity == c).sum() / 2) / 30 for c in popularity]
    found = [
        metrics.novelty(lists, popularity, 100),
        metrics.average_popularity(lists, popularity),
        metrics.popularity_bias(lists, popularity),
        metrics.intra_list_diversity(lists, vectors),
    ]
    for user, row in enumerate(lists):
        row = row[row >= 0]
        cosines = (units[row] @ units[row].T)[np.triu_indices(len(row), 1)]
        want = [
            np.mean([-np.log2(max(popularity[i], 1) / 100) for i in row]) if len(row) else np.nan,
            np.mean(popularity[row]) if len(row) else np.nan,
            np.mean([percentile[i] for i in row]) if len(row) else np.nan,
            1 - cosines.mean() if len(cosines) else np.nan,
        ]
        np.testing.assert_allclose([values[user] for values in found], want)
    assert metrics.catalogue_coverage(lists, 30) == len(set(lists.ravel()) - {-1}) / 30


def test_beyond_accuracy_metrics_refuse_items_without_values():
    with pytest.raises(InvalidDataError, match="below 2"):
        metrics.novelty(np.array([[2]]), [1, 1], 5)


def test_rating_metrics_agree_with_scikit_learn_pooled_and_per_user():
    from sklearn.metrics import mean_absolute_error, root_mean_squared_error

    rng = np.random.default_rng(0)
    actual, predicted, users = rng.integers(1, 6, 200), rng.normal(3, 1, 200), rng.integers(0, 7, 200)
    for pooled, per_user, oracle in (
        (metrics.rmse, metrics.user_rmse, root_mean_squared_error),
        (metrics.mae, metrics.user_mae, mean_absolute_error),
    ):
        assert pooled(actual, predicted) == pytest.approx(oracle(actual, predicted))
        want = [oracle(actual[users == u], predicted[users == u]) for u in range(7)] + [np.nan]
        np.testing.assert_allclose(per_user(actual, predicted, users, 8), want)


@pytest.mark.parametrize("predicted", [[1.0], [1.0, np.nan], []])
def test_rating_metrics_refuse_bad_predictions(predicted):
    with pytest.raises(InvalidDataError, match="predicted"):
        metrics.rmse([1.0, 2.0], predicted)


def test_metrics_exports_are_sorted():
    assert sorted(metrics.__all__, key=lambda name: (name.upper() != name, name)) == metrics.__all__
