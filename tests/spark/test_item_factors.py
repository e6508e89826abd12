"""The fold-in of a model of MLlib is its own: user factors are the least squares of its item factors."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from tastebridge.factors import from_spark, read_factors


@pytest.fixture(scope="module")
def events():
    rng = np.random.default_rng(0)
    X = (rng.random((60, 25)) < 0.25) * rng.integers(1, 5, (60, 25))
    X[:, 0], X[0] = 1, 1  # so that every user and item has an event
    return X.astype(float)


@pytest.mark.parametrize("implicit", [True, False])
def test_users_are_folded_in_as_mllib_does(session, spark_frame, events, implicit, tmp_path):
    recommendation = pytest.importorskip("pyspark.ml.recommendation")
    user, item = np.nonzero(events)
    rows = pd.DataFrame({"user": user, "item": item, "rating": events[user, item]})
    als = recommendation.ALS(
        rank=4, maxIter=3, regParam=0.05, alpha=3.0, implicitPrefs=implicit, seed=1,
        userCol="user", itemCol="item", ratingCol="rating",
    )  # fmt: skip
    model = als.fit(spark_frame(rows))
    expected = np.stack(model.userFactors.toPandas().sort_values("id")["features"].to_numpy())
    model.save(str(tmp_path / "als"))
    for given in (model, tmp_path / "als"):
        found = from_spark(given, 0.05, 3.0, implicit)
        assert list(found.items) == list(range(25))
        Z = found.fit(sparse.csr_matrix(events)).transform(events)
        np.testing.assert_allclose(Z, expected, atol=2e-4)
    assert read_factors(tmp_path / "als").n_components == 4
