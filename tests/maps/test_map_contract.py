"""Every exported map keeps the contract, and scikit-learn's."""

import pytest
import sklearn
from sklearn.linear_model import Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from contracts.estimator import exported
from contracts.map import check_map
from tastebridge import maps
from tastebridge.exceptions import InvalidDataError
from tastebridge.maps import CCAMap, ProcrustesMap, RidgeMap, SklearnMap
from tastebridge.maps.moments import Moments

MAPS = [
    CCAMap(),
    CCAMap(n_components=2, regularization=0.0),
    ProcrustesMap(),
    ProcrustesMap(scaling=False),
    RidgeMap(),
    RidgeMap(alpha=0.0, fit_intercept=False),
    SklearnMap(Ridge(alpha=0.5)),
]


def test_contract_covers_every_exported_map():
    assert {type(model) for model in MAPS} == set(exported(maps))


@pytest.mark.bits
@pytest.mark.parametrize("model", MAPS, ids=str)
def test_map_keeps_the_contract(model):
    check_map(model)


def failed_by_scikit_learn(estimator):
    """The check that LinearRegression, the default of SklearnMap, fails itself in scikit-learn 1.6."""
    old = isinstance(estimator, SklearnMap) and sklearn.__version__.startswith("1.6.")
    return {"check_sample_weight_equivalence_on_dense_data": "mended in scikit-learn 1.7"} if old else {}


@parametrize_with_checks(
    [CCAMap(), ProcrustesMap(), RidgeMap(), SklearnMap()], expected_failed_checks=failed_by_scikit_learn
)
def test_map_is_a_scikit_learn_regressor(estimator, check):
    check(estimator)


@pytest.mark.parametrize("model", exported(maps))
def test_map_of_nobody_is_refused(model):
    with pytest.raises(InvalidDataError, match="needs users with weights above zero"):
        model().fit_moments(Moments.zeros(3, 2))
