import copy
import json
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.base import clone

from tastebridge.exceptions import InvalidDataError, InvalidParameterError, PrivacyBudgetError
from tastebridge.privacy import Budget, PrivateMoments, noise_multiplier_for
from tastebridge.privacy.budget import epsilon_of


def exact_delta(noise, epsilon):
    """The exact delta of one Gaussian mechanism (Balle and Wang, ICML 2018, theorem 8)."""
    a, b = 1 / (2 * noise), epsilon * noise
    return stats.norm.cdf(a - b) - np.exp(epsilon) * stats.norm.cdf(-a - b)


@pytest.mark.parametrize("epsilon", [0.1, 1.0, 3.0, 10.0])
@pytest.mark.parametrize("n_releases", [1, 4])
def test_calibrated_noise_keeps_the_exact_bound_and_wastes_little(epsilon, n_releases):
    noise = noise_multiplier_for(epsilon, 1e-6, n_releases) / n_releases**0.5
    assert exact_delta(noise, epsilon) <= 1e-6
    assert exact_delta(0.85 * noise, epsilon) > 1e-6


def test_releases_compose_to_less_than_their_sum():
    noise = noise_multiplier_for(1.0, 1e-6)
    assert 1.0 < epsilon_of([noise] * 4, 1e-6) < 4.0
    assert epsilon_of([noise] * 4, 1e-6) == pytest.approx(epsilon_of([noise / 2], 1e-6))


def test_a_budget_refuses_to_be_overspent_and_nothing_is_spent_then():
    budget = Budget(1.0, 1e-6)
    moments = PrivateMoments(0.8, 1e-6, budget=budget)
    X = np.ones((5, 2))
    moments.release(X, X)
    spent = budget.spent
    with pytest.raises(PrivacyBudgetError, match=r"would spend epsilon=\S+ of 1"):
        moments.release(X, X)
    assert budget.spent == spent
    assert budget.spent_epsilon <= 1.0


def test_copies_and_clones_are_the_same_ledger():
    budget = Budget(3.0, 1e-6)
    twin = clone(PrivateMoments(1.0, 1e-6, budget=budget)).budget
    for other in (twin, copy.copy(budget), copy.deepcopy(budget)):
        assert other is budget
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(budget)


def test_threads_cannot_spend_it_twice():
    budget = Budget(1.0, 1e-6)
    noise = noise_multiplier_for(1.0, 1e-6)

    def spend(_):
        try:
            budget.spend(noise)
        except PrivacyBudgetError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(spend, range(16))) == 1


def test_a_ledger_survives_its_file(tmp_path):
    budget = Budget(3.0, 1e-6)
    budget.spend(2.0)
    budget.write(tmp_path / "budget.json")
    back = Budget.read(tmp_path / "budget.json")
    assert back.get_params() == budget.get_params()
    with pytest.raises(PrivacyBudgetError):
        back.spend(2.0)
    assert [path.name for path in tmp_path.iterdir()] == ["budget.json"]


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=4), lambda x: st.lists(x, max_size=3)
)


@given(
    st.binary(max_size=60)
    | st.fixed_dictionaries(
        {"package": st.just("tastebridge"), "kind": st.just("privacy budget") | JSON},
        optional={"epsilon": JSON, "delta": JSON, "spent": JSON},
    ).map(lambda record: json.dumps(record).encode())
)
@settings(deadline=None, max_examples=60)
def test_a_broken_ledger_is_refused_never_taken_for_unspent(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("budget") / "budget.json"
    path.write_bytes(content)
    try:
        budget = Budget.read(path)
    except InvalidDataError:
        return
    record = json.loads(content)
    assert list(budget.spent) == record["spent"]
    assert budget.epsilon == record["epsilon"]


@pytest.mark.parametrize(
    ("epsilon", "delta"), [(0, 1e-6), (-1, 1e-6), (float("nan"), 1e-6), (1, 0), (1, 1), ("1", 0.1)]
)
def test_epsilon_and_delta_that_mean_nothing_are_refused(epsilon, delta):
    for make in (Budget, noise_multiplier_for, lambda *both: PrivateMoments(*both).release([[1.0]], [[1.0]])):
        with pytest.raises(InvalidParameterError):
            make(epsilon, delta)
