"""Spectral factors against the dense SVD of the normalised matrix."""

import numpy as np
import pytest
from scipy.linalg import expm

from contracts.factors import histories
from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors import SVDFactors


def normalized(X, a, b):
    R = X.toarray()
    left, right = R.sum(axis=1), R.sum(axis=0)
    scale = lambda d, p: np.where(d > 0, np.maximum(d, 1e-300) ** -p, 0.0)  # noqa: E731
    return scale(left, a)[:, None] * R * scale(right, b)[None, :]


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (0.0, 0.0), (1.0, 0.3)])
def test_embedding_equals_dense_svd(a, b):
    X = histories()
    model = SVDFactors(n_components=6, user_power=a, item_power=b).fit(X)
    U, s, Vt = np.linalg.svd(normalized(X, a, b))
    np.testing.assert_allclose(model.singular_values_, s[:6], rtol=1e-10)
    Z, expected = model.transform(X), U[:, :6] * s[:6]
    np.testing.assert_allclose(np.abs(Z), np.abs(expected), atol=1e-9)
    plain = SVDFactors(n_components=6, user_power=a, item_power=b, restore_popularity=False).fit(X)
    np.testing.assert_allclose(Z @ plain.item_factors_.T, expected @ Vt[:6], atol=1e-9)


def test_training_embedding_is_the_fold_in():
    X = histories()
    model = SVDFactors(n_components=4)
    np.testing.assert_array_equal(model.fit_transform(X), model.transform(X))


def test_embedding_is_linear_in_the_normalized_row():
    X = histories()
    model = SVDFactors(n_components=4, filter="power").fit(X)
    np.testing.assert_array_equal(model.transform(X), model.normalize_rows(X) @ model.encoder_)


def test_power_filter_weighs_by_relative_singular_value():
    X = histories()
    ideal = SVDFactors(n_components=4).fit(X)
    soft = SVDFactors(n_components=4, filter="power", beta=2.0).fit(X)
    weight = (ideal.singular_values_ / ideal.singular_values_[0]) ** 2
    np.testing.assert_allclose(soft.transform(X), ideal.transform(X) * weight, atol=1e-12)
    flat = SVDFactors(n_components=4, filter="power", beta=0.0).fit(X)
    np.testing.assert_array_equal(flat.transform(X), ideal.transform(X))


def test_heat_filter_is_the_heat_kernel_of_the_graph_of_users_and_items():
    """At full rank the scores are those of the matrix exponential of the normalised Laplacian."""
    X = (np.random.default_rng(0).random((30, 9)) < 0.4).astype(float) + np.eye(30, 9)
    time = 1.5
    model = SVDFactors(n_components=9, filter="heat", beta=time, tol=1e-10).fit(X)
    rows, columns = X.sum(axis=1), X.sum(axis=0)
    A = X / np.sqrt(np.outer(np.maximum(rows, 1.0), columns))
    kernel = expm(-time * (np.eye(9) - A.T @ A))
    scores = model.transform(X) @ model.item_factors_.T
    np.testing.assert_allclose(scores, A @ kernel * np.sqrt(columns), atol=1e-8)


def test_cut_factors_have_another_filter_without_a_new_fit():
    X = histories()
    wide = SVDFactors(n_components=6).fit(X)
    cut = wide.cut(4, "heat", 2.0)
    sigma = wide.singular_values_[:4] / wide.singular_values_[0]
    np.testing.assert_allclose(cut.encoder_, wide.encoder_[:, :4] * np.exp(2.0 * (sigma**2 - 1.0)))
    np.testing.assert_allclose(cut.cut(4).encoder_, wide.encoder_[:, :4])
    with pytest.raises(InvalidParameterError, match="filter"):
        SVDFactors(2, filter="warm").fit(X)


def test_popularity_comes_back_in_the_decoder():
    X = histories()
    on, off = (SVDFactors(n_components=4, restore_popularity=flag).fit(X) for flag in (True, False))
    factor = np.asarray(X.sum(axis=0)).ravel() ** 0.5
    np.testing.assert_allclose(on.item_factors_, off.item_factors_ * factor[:, None])


def test_directions_the_data_do_not_have_weigh_nothing():
    X = np.outer(np.ones(5), [1.0, 2.0, 3.0])
    model = SVDFactors(n_components=3).fit(X)
    assert not model.encoder_[:, 1:].any()
    assert model.encoder_[:, 0].any()
