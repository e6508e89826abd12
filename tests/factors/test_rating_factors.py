import numpy as np
import pytest
from scipy import sparse

from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors.rating import RatingFactors
from tastebridge.factors.rating_als import alternate, posterior
from tastebridge.factors.rating_effects import item_effects, item_features


def _ratings(n=120, m=40, k=2, share=0.4, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    people, items = rng.normal(0, 0.5, n), rng.normal(0, 0.7, m)
    U, V = rng.normal(size=(n, k)), rng.normal(0, 0.6, (m, k))
    whole = 3.0 + people[:, None] + items + U @ V.T + rng.normal(0, noise, (n, m))
    return sparse.csr_matrix(np.where(rng.random((n, m)) < share, whole, 0.0)), whole


def test_effects_are_those_of_a_dense_ridge_regression():
    R, _ = _ratings(30, 12)
    Y = item_features(R, 3, 0)
    mean, items, people = item_effects(R, Y, 4.0, 2.0, 7.0)
    rows, columns = R.nonzero()
    D = np.concatenate([np.eye(30)[rows], np.eye(12)[columns], np.ones((R.nnz, 1)), Y[columns]], axis=1)
    penalty = np.r_[np.full(30, 4.0), np.full(12, 2.0), 1e-6, np.full(Y.shape[1], 7.0)]
    w = np.linalg.solve(D.T @ D + np.diag(penalty), D.T @ (R.data - R.data.mean()))
    assert mean == pytest.approx(R.data.mean())
    np.testing.assert_allclose(people, w[:30], atol=1e-4)
    np.testing.assert_allclose(items, w[30:42] + w[42] + Y @ w[43:], atol=1e-4)


def test_posterior_is_the_ridge_regression_of_every_row():
    R, _ = _ratings()
    V = np.random.default_rng(1).normal(size=(40, 3))
    penalties = np.array([1.0, 2.0, 5.0])
    found = posterior(R, V, penalties)
    for row in (0, 17, 119):
        A, e = V[R[row].indices], R[row].data
        expected = np.linalg.solve(A.T @ A + np.diag(penalties), A.T @ e)
        np.testing.assert_allclose(found[row], expected, rtol=1e-10)
    np.testing.assert_array_equal(posterior(R[5:6], V, penalties), found[5:6])


def test_alternating_least_squares_finds_planted_factors():
    rng = np.random.default_rng(0)
    U, V = rng.normal(size=(150, 2)), rng.normal(size=(60, 2))
    seen = rng.random((150, 60)) < 0.5
    E = sparse.csr_matrix(np.where(seen, U @ V.T, 0.0))
    W = alternate(E, 2, 0.01, 20, 0)
    found = posterior(E, W, np.full(2, 0.01)) @ W.T
    assert np.abs((found - U @ V.T)[~seen]).mean() < 0.05


def test_taste_is_predicted_where_it_was_hidden_and_beats_effects_alone():
    R, whole = _ratings(noise=0.2)
    hidden = R.toarray() == 0

    def error(n_components):
        model = RatingFactors(n_components, penalty=1.0, feature_rank=0).fit(R)
        found = model.offsets_.T + model.transform(R) @ model.item_factors_.T
        return np.sqrt(np.mean((found - whole)[hidden] ** 2))

    assert error(2) < 0.75 * error(0)


def test_an_item_of_few_ratings_is_near_items_of_the_same_people():
    rng = np.random.default_rng(0)
    group, kind = np.arange(200) % 2, np.arange(60) % 2  # each circle of people rates one kind of items more
    seen = rng.random((200, 60)) < np.where(group[:, None] == kind, 0.4, 0.05)
    whole = 2.0 + 2.0 * kind + rng.normal(0, 0.1, (200, 60))
    seen[:, :2], whole[:, :2] = (
        False,
        3.0,
    )  # the first two items have eight ratings each
    seen[np.arange(0, 16, 2), 0] = seen[np.arange(1, 16, 2), 1] = True
    R = sparse.csr_matrix(np.where(seen, whole, 0.0))
    like, alone = (
        RatingFactors(0, item_shrinkage=10.0, feature_rank=rank, feature_shrinkage=1.0).fit(R).offsets_[:2, 0]
        for rank in (2, 0)
    )
    assert alone[1] - alone[0] < 0.0  # three is little from people who give many fours
    assert like[1] - like[0] > 0.4


def test_parts_sum_to_the_person():
    R, _ = _ratings()
    model = RatingFactors(3).fit(R)
    row = R[7]
    np.testing.assert_allclose(model.parts(row).sum(axis=0), model.transform(row)[0], rtol=1e-9)


def test_bad_ratings_and_parameters_are_refused():
    R, _ = _ratings(8, 5)
    with pytest.raises(InvalidParameterError, match="Lower n_components to at most 5"):
        RatingFactors(6).fit(R)
    with pytest.raises(InvalidParameterError, match="item_shrinkage"):
        RatingFactors(2, item_shrinkage=0.0).fit(R)
    with pytest.raises(InvalidDataError, match="there are none"):
        RatingFactors(2).fit(sparse.csr_matrix((8, 5)))
