"""Factors trained elsewhere: users are folded in exactly as the model's own package does."""

from copy import deepcopy

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from sklearn.base import clone

from contracts.factors import check_factors, histories
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors import ALSFactors, PretrainedFactors, from_implicit

X = histories()
Y = np.random.default_rng(0).normal(size=(40, 5))
Y[-1] = 0.0


VECTORS = ALSFactors(3, alpha=5.0).fit(X).item_factors_


@pytest.mark.bits
@pytest.mark.parametrize(
    "settings",
    [
        {"alpha": 5.0},
        {"alpha": 5.0, "base_confidence": 1.0, "scale_regularization": True},
        {"rule": "explicit"},
        {"rule": "explicit", "scale_regularization": True, "item_biases": np.full(40, 0.01)},
        {"rule": "mean"},
    ],
    ids=str,
)
def test_every_rule_keeps_the_contract(settings):
    check_factors(PretrainedFactors(factors=VECTORS, **settings))


def test_the_fold_in_is_that_of_implicit():
    als = AlternatingLeastSquares(
        6, regularization=0.3, alpha=4.0, iterations=3, random_state=0, num_threads=1, dtype=np.float64
    )
    als.fit(X, show_progress=False)
    found = from_implicit(als, items=range(40)).fit(X).transform(X)
    expected = als.recalculate_user(np.arange(60), X)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_the_fold_in_is_that_of_our_own_factors():
    own = ALSFactors(4).fit(X)
    given = PretrainedFactors(factors=own.item_factors_, regularization=0.1, alpha=5.0).fit(X)
    np.testing.assert_array_equal(given.transform(X), own.transform(X))


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("rule", ["implicit", "explicit"])
def test_a_vector_solves_the_least_squares_of_its_formula(rule, scaled):
    biases = np.linspace(-1, 1, 40) if rule == "explicit" else None
    model = PretrainedFactors(
        factors=Y, regularization=0.7, alpha=3.0, rule=rule, base_confidence=1.0,
        scale_regularization=scaled, item_biases=biases,
    ).fit(X)  # fmt: skip
    for user, z in enumerate(model.transform(X)):
        items, r = X[user].indices, X[user].data
        V, ridge = Y[items], 0.7 * (len(items) if scaled else 1)
        if rule == "implicit":
            c = 1.0 + 3.0 * r
            A, b = Y.T @ Y + (V.T * (c - 1.0)) @ V, V.T @ c
        else:
            A, b = V.T @ V, V.T @ (r - biases[items])
        expected = np.linalg.solve(A + ridge * np.eye(5), b) if len(items) else np.zeros(5)
        np.testing.assert_allclose(z, expected, atol=1e-10)


def test_the_mean_weighs_by_the_events():
    model = PretrainedFactors(factors=[[1.0, 0.0], [0.0, 1.0]], rule="mean")
    assert model.fit([[1.0, 3.0]]).transform([[1.0, 3.0]]).tolist() == [[0.25, 0.75]]


@pytest.mark.parametrize("rule", ["implicit", "explicit", "mean"])
def test_an_item_without_a_vector_is_passed_over(rule):
    model = PretrainedFactors(factors=Y, rule=rule, scale_regularization=True).fit(X)
    more = X.tolil()
    more[:, -1] = 2.0
    np.testing.assert_array_equal(model.transform(more), model.transform(X))


def test_models_are_laid_over_the_items_of_a_panel():
    order = np.random.default_rng(2).permutation(40)
    model = PretrainedFactors(
        [f"item {n}" for n in order], Y[order], item_biases=np.zeros(40), rule="explicit"
    )
    numbers = np.where(order < 30, order + 5, -1)
    laid = model.over(numbers, 45)
    expected = np.zeros((45, 5))
    expected[5:35] = Y[:30]
    np.testing.assert_array_equal(laid.factors, expected)
    assert laid.items is None
    assert len(laid.item_biases) == 45
    assert model.items is not None


@pytest.mark.parametrize("rule", ["implicit", "explicit", "mean"])
def test_new_items_get_the_least_squares_of_the_item_side(rule):
    model = PretrainedFactors(factors=Y[:-1], regularization=0.5, alpha=2.0, rule=rule).fit(X[:, :-1])
    before = model.transform(X[:, :-1])
    rows = sparse.csr_matrix(np.column_stack([X[:, :-1].toarray(), np.arange(60) % 3 == 0]))
    kept = rows.copy()
    whole, factors = model.extended(rows, np.array([39]))
    assert (rows != kept).nnz == 0
    Z, had = before, np.arange(60) % 3 == 0
    if rule == "implicit":
        A = model.user_gram_ + (Z[had].T * (2.0 - 1.0)) @ Z[had] + 0.5 * np.eye(5)
        expected = np.linalg.solve(A, 2.0 * Z[had].sum(axis=0))
    elif rule == "explicit":
        expected = np.linalg.solve(Z[had].T @ Z[had] + 0.5 * np.eye(5), Z[had].sum(axis=0))
    else:
        expected = Z[had].mean(axis=0)
    np.testing.assert_allclose(factors[0], expected, atol=1e-8)
    np.testing.assert_allclose(whole.transform(rows)[~had], before[~had], atol=1e-12)


def test_copies_share_the_arrays_and_are_told_apart_by_them():
    model = PretrainedFactors(factors=Y)
    assert clone(model).factors is Y
    assert deepcopy({"books": model})["books"].factors is Y
    assert repr(clone(model)) == repr(model)
    other = Y.copy()
    other[3, 1] += 1e-9
    assert repr(PretrainedFactors(factors=other)) != repr(model)
    assert repr(PretrainedFactors(factors=Y, alpha=2.0)) != repr(model)
    assert repr(clone(model).set_params(factors=other)) == repr(PretrainedFactors(factors=other))


NAN = Y.copy()
NAN[7, 2] = np.nan


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "needs factors"),
        ({"factors": Y[0]}, r"factors must be a matrix .* shape \(5,\)"),
        ({"factors": Y.astype(str)}, "factors must be a matrix of numbers"),
        ({"factors": np.zeros((0, 3))}, r"shape \(0, 3\)"),
        ({"factors": Y, "items": ["a", "b"]}, "one id for each of the 40 rows of factors"),
        ({"factors": Y, "rule": "implizit"}, "Did you mean 'implicit'"),
        ({"factors": Y, "regularization": 0.0}, "regularization"),
        ({"factors": Y, "alpha": -1.0}, "alpha"),
        ({"factors": Y, "base_confidence": float("nan")}, "base_confidence"),
        ({"factors": Y, "scale_regularization": "yes"}, "scale_regularization"),
        ({"factors": Y, "item_biases": np.zeros(40)}, "need rule='explicit'"),
        ({"factors": Y, "item_biases": np.zeros(3), "rule": "explicit"}, "40 finite numbers"),
        ({"factors": Y, "users": ["ada"]}, "belong together"),
        ({"factors": Y, "users": ["ada"], "user_factors": np.ones((1, 4))}, "must have 5 columns"),
        ({"factors": Y, "users": ["ada"], "user_factors": np.ones((2, 5))}, "one id for each of the 2 rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_settings_that_cannot_be_used_are_named(settings, told):
    with pytest.raises(InvalidParameterError, match=told):
        PretrainedFactors(**settings).fit(X)


def test_vectors_that_are_not_finite_and_other_widths_are_refused():
    with pytest.raises(InvalidDataError, match="row 7 is not"):
        PretrainedFactors(factors=NAN).fit(X)
    with pytest.raises(InvalidDataError, match="40 item vectors, and the histories have 39"):
        PretrainedFactors(factors=Y).fit(X[:, :39])
