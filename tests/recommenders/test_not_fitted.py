"""The error of an estimator before its fit is one of the package, and scikit-learn's."""

import numpy as np
import pandas as pd
import pytest
import sklearn.exceptions
from scipy import sparse

import tastebridge as tb
from tastebridge import plots
from tastebridge.baselines.rating import RatingBaseline
from tastebridge.exceptions import NotFittedError, TastebridgeError
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.factors.rating import RatingFactors
from tastebridge.features import NumberEncoder, TagEncoder, TextEncoder
from tastebridge.maps import CCAMap, ProcrustesMap, RidgeMap

ROWS = sparse.csr_matrix(np.eye(3, dtype=np.float32))
PAIRS = pd.DataFrame({"user_id": [1], "item_id": ["x"]})


@pytest.mark.parametrize(
    "ask",
    [
        *(lambda model=model: model("films").recommend([1]) for model in (tb.Popularity, tb.TargetOnly)),
        lambda: tb.InterestMapper("films").recommend([1]),
        lambda: tb.RatingMapper("films").predict(PAIRS),
        lambda: tb.PrivateMapper("films").item_vectors(),
        lambda: tb.RecentPopularity("films").save("nowhere"),
        lambda: RatingBaseline("films", "mean").predict(PAIRS),
        *(lambda model=model: model().transform(ROWS) for model in (ALSFactors, EASEFactors, RatingFactors)),
        lambda: SVDFactors().cut(2),
        *(lambda model=model: model().predict(ROWS.toarray()) for model in (RidgeMap, CCAMap, ProcrustesMap)),
        lambda: TextEncoder().encode(["a"]),
        lambda: NumberEncoder().encode([1.0]),
        lambda: TagEncoder().encode(["a"]),
        lambda: plots.transfer(tb.InterestMapper("films")),
    ],
)
def test_the_error_before_a_fit_is_of_both_trees(ask):
    with pytest.raises(NotFittedError, match="not fitted") as told:
        ask()
    assert isinstance(told.value, TastebridgeError)
    assert isinstance(told.value, sklearn.exceptions.NotFittedError)
    # the message is scikit-learn's, without a trace of it as a cause
    assert told.value.__cause__ is None
