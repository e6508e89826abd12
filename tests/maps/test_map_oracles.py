"""The maps against scikit-learn, scipy, and each other."""

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from sklearn.cross_decomposition import CCA
from sklearn.linear_model import LinearRegression, Ridge

from contracts.map import paired
from tastebridge.exceptions import InvalidParameterError
from tastebridge.maps import CCAMap, ProcrustesMap, RidgeMap


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.1, 3.0])
def test_ridge_equals_scikit_learn(alpha, fit_intercept):
    X, Y = paired()
    centred = X - X.mean(axis=0) if fit_intercept else X
    penalty = alpha * (centred**2).sum() / X.shape[1]
    peer = Ridge(alpha=penalty, fit_intercept=fit_intercept, solver="svd").fit(X, Y)
    ours = RidgeMap(alpha=alpha, fit_intercept=fit_intercept).fit(X, Y)
    np.testing.assert_allclose(ours.coef_, peer.coef_.T, rtol=1e-8)
    np.testing.assert_allclose(ours.predict(X), peer.predict(X), rtol=1e-8)


def test_ridge_without_penalty_takes_the_least_norm_where_singular():
    X, Y = paired()
    X = np.hstack([X, X[:, :2]])
    centred = X - X.mean(axis=0)
    expected = np.linalg.lstsq(centred, Y - Y.mean(axis=0), rcond=1e-10)[0]
    np.testing.assert_allclose(RidgeMap(alpha=0.0).fit(X, Y).coef_, expected, atol=1e-7)


def test_cca_finds_the_correlations_of_scikit_learn():
    X, Y = paired(n=200)
    ours = CCAMap(n_components=3, regularization=0.0).fit(X, Y)
    A, B = CCA(n_components=3, tol=1e-12, max_iter=20_000).fit_transform(X, Y)
    expected = [np.corrcoef(A[:, i], B[:, i])[0, 1] for i in range(3)]
    np.testing.assert_allclose(ours.canonical_correlations_, expected, rtol=1e-6)


def test_cca_variates_are_white_and_correlate_pairwise():
    X, Y = paired(n=200)
    cca = CCAMap(regularization=0.0).fit(X, Y)
    A, B = (X - X.mean(axis=0)) @ cca.x_weights_, (Y - Y.mean(axis=0)) @ cca.y_weights_
    np.testing.assert_allclose(A.T @ A, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(B.T @ B, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(A.T @ B, np.diag(cca.canonical_correlations_), atol=1e-9)


@pytest.mark.parametrize("r", [0.0, 0.1, 2.0])
def test_cca_with_all_components_is_ridge(r):
    X, Y = paired(p=6, q=3)
    ours, ridge = CCAMap(regularization=r).fit(X, Y), RidgeMap(alpha=r).fit(X, Y)
    # p > q: the q canonical directions carry all of S_xy, so nothing is dropped.
    np.testing.assert_allclose(ours.coef_, ridge.coef_, atol=1e-9)


def test_cca_of_lower_rank_finds_the_planted_directions():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 6))
    B = np.outer(rng.normal(size=6), rng.normal(size=5))
    Y = X @ B + 0.5 * rng.normal(size=(4000, 5))
    one, full = (np.linalg.norm(m.fit(X, Y).coef_ - B) for m in (CCAMap(1, 0.0), LinearRegressionMap()))
    assert one < 0.6 * full


class LinearRegressionMap:
    """Ordinary least squares with coefficients the way round of the maps."""

    def fit(self, X, Y):
        self.coef_ = LinearRegression().fit(X, Y).coef_.T
        return self


@pytest.mark.parametrize("scaling", [True, False])
def test_procrustes_equals_scipy(scaling):
    X, Y = paired(p=4, q=4)
    A, B = X - X.mean(axis=0), Y - Y.mean(axis=0)
    Q, gain = orthogonal_procrustes(A, B)
    expected = Q * (gain / (A**2).sum() if scaling else 1.0)
    np.testing.assert_allclose(ProcrustesMap(scaling=scaling).fit(X, Y).coef_, expected, atol=1e-10)


@pytest.mark.parametrize(("p", "q"), [(6, 3), (3, 6)])
def test_procrustes_is_semi_orthogonal_where_sizes_differ(p, q):
    Q = ProcrustesMap(scaling=False).fit(*paired(p=p, q=q)).coef_
    small = Q.T @ Q if p > q else Q @ Q.T
    np.testing.assert_allclose(small, np.eye(3), atol=1e-10)


def test_procrustes_recovers_a_planted_rotation():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 5))
    Q = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    model = ProcrustesMap().fit(X, 3.0 * X @ Q + 1.0)
    np.testing.assert_allclose(model.coef_, 3.0 * Q, atol=1e-10)
    assert model.scale_ == pytest.approx(3.0)


def test_cca_rank_above_the_factors_or_people_names_the_maximum():
    with pytest.raises(InvalidParameterError, match="at most 4"):
        CCAMap(n_components=5).fit(*paired())
    with pytest.raises(InvalidParameterError, match="needs at least 4 linked users; there are 3"):
        CCAMap(n_components=4).fit(*paired(n=3))


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (RidgeMap(alpha=-1), "alpha"),
        (RidgeMap(fit_intercept="yes"), "fit_intercept"),
        (CCAMap(n_components=0), "n_components"),
        (CCAMap(regularization=-0.1), "regularization"),
        (ProcrustesMap(scaling=None), "scaling"),
    ],
)
def test_bad_parameter_is_named(model, name):
    with pytest.raises(InvalidParameterError, match=name):
        model.fit(*paired())
