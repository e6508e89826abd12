"""EASE factors against the closed form they stand for."""

import numpy as np
import pytest

from contracts.factors import histories
from tastebridge.factors import EASEFactors


def closed_form(X, penalty):
    P = np.linalg.inv(X.T @ X + penalty * np.eye(X.shape[1]))
    B = -P / np.diag(P)
    np.fill_diagonal(B, 0.0)
    return B


@pytest.mark.parametrize("penalty", [0.5, 20.0])
def test_full_rank_scores_of_items_not_had_are_those_of_ease(penalty):
    X = histories(n=80, m=30)
    model = EASEFactors(n_components=30, regularization=penalty, tol=0.0).fit(X)
    scores, dense = model.transform(X) @ model.item_factors_.T, X.toarray()
    expected = dense @ closed_form(dense, penalty)
    np.testing.assert_allclose(scores[dense == 0], expected[dense == 0], atol=1e-8)


def test_lower_rank_is_the_best_of_its_directions():
    X = histories(n=80, m=30)
    whole, part = (EASEFactors(k, 5.0, tol=0.0).fit(X) for k in (30, 6))
    s = np.linalg.svd(X.toarray(), compute_uv=False)
    np.testing.assert_allclose(part.singular_values_, s[:6])
    np.testing.assert_allclose(np.abs(part.encoder_), np.abs(whole.encoder_[:, :6]), atol=1e-7)


def test_item_that_stands_alone_keeps_a_finite_score():
    X = np.zeros((5, 3))
    X[0, 0] = X[1, 0] = 1e3
    X[2:, 1:] = 1.0
    model = EASEFactors(n_components=2, regularization=1e-3).fit(X)
    assert np.isfinite(model.item_factors_).all()
