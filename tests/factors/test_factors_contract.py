"""Every exported factor model keeps the contract, and scikit-learn's."""

import numpy as np
import pytest
from sklearn.decomposition import TruncatedSVD
from sklearn.utils.estimator_checks import parametrize_with_checks

from contracts.estimator import exported
from contracts.factors import check_factors, histories
from tastebridge import factors
from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors import ALSFactors, EASEFactors, PretrainedFactors, SklearnFactors, SVDFactors

MODELS = [
    ALSFactors(n_components=3, alpha=5.0),
    EASEFactors(n_components=3, regularization=2.0),
    SVDFactors(n_components=3),
    SVDFactors(n_components=5, user_power=0.3, item_power=0.7, filter="power", restore_popularity=False),
    SklearnFactors(TruncatedSVD(3)),
]
RANKED = [ALSFactors, EASEFactors, SVDFactors]


def test_contract_covers_every_exported_model():
    # vectors made elsewhere have the width of their own items, and tests of their own
    assert {type(model) for model in MODELS} == set(exported(factors)) - {PretrainedFactors}


@pytest.mark.bits
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_model_keeps_the_contract(model):
    check_factors(model)


@parametrize_with_checks(
    [
        ALSFactors(n_components=1, n_jobs=1),
        EASEFactors(n_components=1),
        SVDFactors(n_components=1),
        SklearnFactors(TruncatedSVD(1)),
    ]
)
def test_model_is_a_scikit_learn_transformer(estimator, check):
    check(estimator)


@pytest.mark.parametrize("model", RANKED)
def test_rank_above_the_data_names_the_maximum(model):
    with pytest.raises(InvalidParameterError, match="at most 40"):
        model(n_components=41).fit(histories(n=60, m=40))


@pytest.mark.parametrize("model", RANKED)
@pytest.mark.parametrize("value", [0, -1, 2.5, "many", None, True])
def test_rank_that_is_no_count_is_refused(model, value):
    with pytest.raises(InvalidParameterError, match="n_components"):
        model(n_components=value).fit(histories())


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (ALSFactors(n_components=2, regularization=0.0), "regularization"),
        (ALSFactors(n_components=2, alpha=-1), "alpha"),
        (ALSFactors(n_components=2, iterations=0), "iterations"),
        (ALSFactors(n_components=2, n_jobs=0), "n_jobs"),
        (ALSFactors(n_components=2, random_state=None), "random_state"),
        (EASEFactors(n_components=2, regularization=0.0), "regularization"),
        (EASEFactors(n_components=2, tol=-1.0), "tol"),
        (SVDFactors(n_components=2, user_power=-0.1), "user_power"),
        (SVDFactors(n_components=2, filter="idael"), "Did you mean 'ideal'"),
        (SVDFactors(n_components=2, beta=float("nan")), "beta"),
        (SVDFactors(item_power=float("inf")), "item_power"),
    ],
)
def test_bad_parameter_is_named(model, name):
    with pytest.raises(InvalidParameterError, match=name):
        model.fit(histories())


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_transform_refuses_another_width_and_negative_weights(model):
    fitted = model.fit(histories())
    with pytest.raises(ValueError, match="40 features"):
        fitted.transform(np.ones((2, 39)))
    with pytest.raises(ValueError, match="Negative"):
        fitted.transform(-np.ones((2, 40)))
