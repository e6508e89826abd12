"""The route of recent popularity, against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from tastebridge.data.ages import SPANS
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.estimators import describe_factors, revive_factors
from tastebridge.routes import FitContext, RecentPopularityRoute
from tastebridge.routes.recent import CURRENT_AGES, Current, counts_of

AGES = np.array([[0.0, 0.3, np.nan], [np.nan, 0.9, 0.05], [0.6, np.nan, np.nan], [np.nan, np.nan, np.nan]])


def rows(ages: np.ndarray = AGES) -> sparse.csr_matrix:
    weights = np.where(np.isnan(ages), 0.0, np.exp2(-np.nan_to_num(ages) / SPANS))
    return sparse.csr_matrix(weights.astype(np.float32))


@pytest.mark.parametrize("share", [0.5, 0.125, 1 / 30])
def test_scores_are_the_change_of_the_logarithm_of_shares(share):
    context = FitContext({"books": rows(), "films": rows()}, "films")
    route = RecentPopularityRoute(share, prior=0.5).build(context)[0]
    n = np.nansum(np.exp2(-AGES / share), axis=0) + 0.5
    m = (~np.isnan(AGES)).sum(axis=0) + 0.5
    expected = np.log(n / n.mean()) - np.log(m / m.mean())
    np.testing.assert_allclose(context.spaces[route.space][:, 0], expected, atol=2e-4)


def test_users_count_by_the_age_of_their_last_event():
    ages = np.array([[0.9, 0.25], [0.375, np.nan], [0.5, 0.9], [np.nan, np.nan]])
    np.testing.assert_allclose(Current().transform(rows(ages))[:, 0], [1.0, 0.5, 0.0, 1.0], atol=1e-3)


def test_the_age_of_a_current_user_can_be_lower():
    ages = np.array([[0.9, 0.125], [0.1875, np.nan], [0.25, 0.9], [np.nan, np.nan]])
    np.testing.assert_allclose(Current(1 / 8).transform(rows(ages))[:, 0], [1.0, 0.5, 0.0, 1.0], atol=1e-3)


@pytest.mark.parametrize("age", CURRENT_AGES)
def test_the_age_of_a_current_user_is_saved(age):
    record = describe_factors("current", Current(age), Arrays({}))
    assert revive_factors("current", record, Arrays({}), 3).age == age
    older = {**record, "parameters": {}}
    assert revive_factors("current", older, Arrays({}), 3).age == CURRENT_AGES[0]
    with pytest.raises(InvalidParameterError, match="age"):
        revive_factors("current", {**record, "parameters": {"age": -1}}, Arrays({}), 3)


def test_a_user_is_as_current_alone_as_among_others():
    X = rows(np.random.default_rng(0).random((40, 30)))
    together = Current().transform(X)
    for row in range(40):
        assert Current().transform(X[row]) == together[row]


def test_sums_are_exact_in_any_order():
    X = rows(np.random.default_rng(1).random((500, 7)))
    whole = counts_of(X, 0.125)
    parts = [counts_of(X[part], 0.125) for part in (slice(300, 500), slice(0, 300))]
    for at in range(2):
        np.testing.assert_array_equal(whole[at], parts[0][at] + parts[1][at])


def test_what_was_never_there_cannot_be_taken_out():
    context = FitContext({"books": rows(), "films": rows()}, "films")
    name = RecentPopularityRoute().build(context)[0].name
    account = context.accounts[name]
    with pytest.raises(InvalidDataError, match="not all among the events"):
        account.plus({"films": sparse.vstack([rows(), rows()]).tocsr()}, {}, -1)


def test_parameters_are_checked():
    context = FitContext({"books": rows(), "films": rows()}, "films")
    for parameters in ({"share": 0.0}, {"prior": 0.0}):
        with pytest.raises(InvalidParameterError):
            RecentPopularityRoute(**parameters).build(context)
