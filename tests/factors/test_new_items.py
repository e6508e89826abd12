"""New items in fitted factors: the rows the training would give them, and nothing else changed."""

import numpy as np
import pytest
from scipy import sparse

from contracts.factors import histories
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors

MODELS = [
    SVDFactors(5),
    SVDFactors(5, filter="power", restore_popularity=False),
    EASEFactors(5, regularization=10.0),
    ALSFactors(5),
]


def extended(model, X, new, takers):
    """A model and the histories with an item more, at place ``new``, that some people of the fit took."""
    wide = np.insert(X.toarray(), new, 0.0, axis=1)
    wide[takers, new] = 1.0
    rows = sparse.csr_matrix(wide)
    model.fit(X)
    grown, factors = model.absorbed(X[takers], X[takers]).extended(rows[takers], np.array([new]))
    return grown, factors, rows


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("new", [0, 17, 40])
def test_what_was_there_stays(model, new):
    X = histories()
    takers = np.arange(0, 20, 2)
    grown, factors, rows = extended(model, X, new, takers)
    others = np.setdiff1d(np.arange(X.shape[0]), takers)
    np.testing.assert_allclose(
        grown.transform(rows[others]), model.transform(X[others]), rtol=1e-12, atol=1e-14
    )
    old = np.setdiff1d(np.arange(X.shape[1] + 1), [new])
    np.testing.assert_array_equal(grown.item_factors_[old], model.item_factors_)
    np.testing.assert_array_equal(grown.item_factors_[new], factors[0])
    assert grown.n_features_in_ == X.shape[1] + 1
    assert model.n_features_in_ == X.shape[1]


def test_svd_gives_an_item_taken_as_another_the_row_the_training_gave_that():
    X = histories()
    X.data[:] = 1.0
    model = SVDFactors(5, user_power=0.0, tol=0.0)
    grown, factors, _ = extended(model, X, 40, X[:, [8]].nonzero()[0])
    np.testing.assert_allclose(factors[0], model.item_factors_[8], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(grown.encoder_[40], model.encoder_[8], rtol=1e-6, atol=1e-8)


def test_ease_gives_an_item_the_column_of_the_ease_that_knew_it():
    X = histories()
    X.data[:] = 1.0
    some = np.unique(X.indices)[:20]
    X, takers = sparse.csr_matrix(X[:, some]), np.arange(0, 40, 3)
    grown, factors, rows = extended(EASEFactors(20, regularization=10.0, tol=0.0), X, 20, takers)
    P = np.linalg.inv((rows.T @ rows).toarray() + 10.0 * np.eye(21))
    column = -P[:20, 20] / P[20, 20]
    np.testing.assert_allclose(grown.encoder_[:20] @ factors[0], column, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_new_people_do_not_make_an_item_larger_than_what_they_had(model):
    X = histories()
    fresh = np.zeros((1, 41))
    fresh[0, [*range(12), 40]] = 1.0
    fresh = sparse.csr_matrix(fresh)
    nothing = sparse.csr_matrix((1, 40))
    model = model.fit(X).absorbed(sparse.csr_matrix(fresh[:, :40]), nothing)
    grown, factors = model.extended(fresh, np.array([40]))
    own = (grown.transform(fresh) @ factors[0]).item()
    scale = fresh.sum() ** getattr(model, "user_power", 0.0)
    assert 0 < own * scale < 1.5


def test_als_solves_the_least_squares_of_the_item():
    X = histories()
    X.data[:] = 1.0
    model, takers = ALSFactors(4, 0.7, alpha=3.0, iterations=8), np.arange(0, 20, 2)
    _, factors, _ = extended(model, X, 12, takers)
    Z = model.transform(X[takers])
    A = model.user_gram_ + 2.0 * Z.T @ Z + 0.7 * np.eye(4)
    np.testing.assert_allclose(factors[0], np.linalg.solve(A, 3.0 * Z.sum(axis=0)), rtol=1e-10)
    everybody = model.transform(X)
    np.testing.assert_allclose(model.user_gram_, everybody.T @ everybody, rtol=0.2)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_an_item_of_one_group_is_recommended_to_that_group(model):
    X = histories()
    even = np.arange(0, X.shape[0], 2)
    grown, factors, rows = extended(model, X, 40, even[:15])
    scores = grown.transform(rows) @ factors[0]
    assert scores[even[15:]].mean() > 2 * scores[1::2].mean()


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_people_come_and_go_in_the_gram_matrix(model):
    X = histories()
    fresh = sparse.csr_matrix(histories(20, 40, seed=3))
    fitted, nothing = model.fit(X), sparse.csr_matrix((20, 40))
    more = fitted.absorbed(fresh, nothing)
    Z = model._plain(fresh)
    np.testing.assert_allclose(more.user_gram_ - fitted.user_gram_, Z.T @ Z, atol=1e-9)
    np.testing.assert_allclose(more.absorbed(nothing, fresh).user_gram_, fitted.user_gram_, atol=1e-9)
