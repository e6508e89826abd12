"""The checks shipped for maps and factor models of others: a broken promise is named."""

import numpy as np
import pytest
from sklearn.decomposition import NMF, PCA, TruncatedSVD
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import ElasticNet, HuberRegressor, Lasso, LinearRegression, Ridge, RidgeCV

import tastebridge as tb
from contracts.factors import histories
from contracts.map import paired
from tastebridge import factors, maps
from tastebridge.exceptions import InvalidParameterError, TastebridgeWarning
from tastebridge.factors import SVDFactors
from tastebridge.maps import LinearMap, RidgeMap
from tastebridge.routes import TransferRoute
from tastebridge.testing import check_factors, check_map


class _Shifted(RidgeMap):
    """Predicts another line than its coefficients."""

    def predict(self, X):
        return super().predict(X) + 1.0


class _ByBatch(RidgeMap):
    """Centres each batch."""

    def predict(self, X):
        Y = super().predict(X)
        return Y + 1e-9 * np.asarray(X).mean()


class _Stores(RidgeMap):
    """Changes a parameter in the constructor."""

    def __init__(self, alpha=1.0):
        super().__init__(alpha * 2)


@pytest.mark.parametrize(
    ("model", "broken"),
    [
        (_Shifted(), "predict.* must be X @ coef_"),
        (_ByBatch(), "bit by bit, in any batch"),
        (_Stores(), "get_params|clone"),
    ],
    ids=lambda value: "",
)
def test_a_broken_promise_of_a_map_is_named(model, broken):
    with pytest.raises((AssertionError, RuntimeError, AttributeError), match=broken):
        check_map(model)


class _KeepsUsers(SVDFactors):
    """Keeps the factors of its users."""

    def _fit(self, R):
        super()._fit(R)
        self.users_ = np.zeros(R.shape[0])


class _FillsEmpty(SVDFactors):
    """Gives users without a history a vector."""

    def _transform(self, R):
        return super()._transform(R) + 1.0


class _ScaledByBatch(SVDFactors):
    """Divides by the most active user of a batch."""

    def _transform(self, R):
        return super()._transform(R) / max(R.sum(axis=1).max(), 1.0)


@pytest.mark.parametrize(
    ("model", "broken"),
    [
        (_KeepsUsers(3), r"keep no user; \['users_'\]"),
        (_FillsEmpty(3), "an empty history must become zeros"),
        (_ScaledByBatch(3), "bit by bit, in any batch"),
    ],
    ids=lambda value: "",
)
def test_a_broken_promise_of_a_factor_model_is_named(model, broken):
    with pytest.raises(AssertionError, match=broken):
        check_factors(model)


def test_objects_of_another_kind_are_told_what_they_lack():
    with pytest.raises(InvalidParameterError, match="Ridge lacks fit_moments"):
        check_map(Ridge())
    with pytest.raises(InvalidParameterError, match="TruncatedSVD lacks fold_in, absorbed"):
        check_factors(TruncatedSVD())


@pytest.mark.parametrize(
    "regressor",
    [LinearRegression(), Ridge(3.0), Ridge(3.0, fit_intercept=False), Lasso(0.01), ElasticNet(0.01)],
    ids=str,
)
def test_a_regressor_as_a_map_is_the_regressor_itself(regressor):
    X, Y = paired()
    mapped = maps.from_sklearn(regressor).fit(X, Y)
    np.testing.assert_allclose(mapped.predict(X), regressor.fit(X, Y).predict(X), atol=1e-4)


@pytest.mark.parametrize(
    ("thing", "told"),
    [
        (HuberRegressor(), "no linear regressor of several outputs"),
        (RandomForestRegressor(2), "no linear regressor"),
        (TruncatedSVD(), "TruncatedSVD lacks predict"),
        ("ridge", "str lacks fit"),
        (RidgeCV(), "RidgeCV chooses parameters by splitting rows"),
        (Ridge, "Ridge is a class"),
        (LinearRegression(positive=True), ""),
    ],
    ids=lambda value: "",
)
def test_what_is_no_linear_regressor_is_refused(thing, told):
    if not told:
        maps.from_sklearn(thing)  # of second moments alone, too
        return
    with pytest.raises(InvalidParameterError, match=told):
        maps.from_sklearn(thing)


def test_a_decomposition_that_is_not_linear_is_refused_with_the_reason():
    with pytest.raises(InvalidParameterError, match="Ridge lacks transform"):
        factors.from_sklearn(Ridge())
    with pytest.raises(InvalidParameterError, match="TruncatedSVD is a class"):
        factors.from_sklearn(TruncatedSVD)
    for model in (NMF(2, max_iter=1000), PCA(2)):
        with pytest.raises(InvalidParameterError, match="is not linear in the history"):
            factors.from_sklearn(model).fit(histories())
    with pytest.raises(InvalidParameterError, match="cannot be fitted on 60 users and 40 items"):
        factors.from_sklearn(TruncatedSVD(400, algorithm="arpack")).fit(histories())


class _Mean(LinearMap):
    """The mean of the target factors."""

    def _check(self, moments):
        pass

    def _solve(self, S):
        return np.zeros_like(S.Sxy)


def test_a_mapper_of_wrapped_parts_is_saved_and_one_of_your_own_stays_in_memory(tmp_path):
    from tastebridge.datasets import make_panel

    panel, _ = make_panel(n_users=300, n_items=40, random_state=0)
    wrapped = TransferRoute(factors.from_sklearn(TruncatedSVD(8)), SVDFactors(8), maps.from_sklearn(Ridge()))
    mapper = tb.InterestMapper("films", routes=[wrapped]).fit(panel)
    assert mapper.transfer_["verdict"].tolist() == ["helps"]
    mapper.save(tmp_path / "model", updatable=True)
    loaded = tb.load(tmp_path / "model")
    assert loaded.recommend_from(panel[:20]).equals(mapper.recommend_from(panel[:20]))
    assert loaded.update(panel[:5].to_frame().assign(user_id=[9_000] * len(panel[:5].to_frame())))
    own = tb.InterestMapper("films", routes=[TransferRoute(SVDFactors(8), SVDFactors(8), _Mean())])
    with pytest.warns(TastebridgeWarning, match="no source helps"):
        own.fit(panel)  # one vector for all users is no more than popularity
    assert len(own.recommend(panel.users_without("films")[:2], n=3)) == 6
    with pytest.raises(InvalidParameterError, match="cannot be saved"):
        own.save(tmp_path / "own")
