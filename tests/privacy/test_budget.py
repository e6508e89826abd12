import copy
import json
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
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


def test_a_release_without_noise_spends_everything():
    X = np.ones((5, 2))
    budget = Budget(100.0, 1e-6)
    with pytest.raises(PrivacyBudgetError, match="would spend epsilon=inf of 100"):
        PrivateMoments(float("inf"), 1e-6, budget=budget).release(X, X)
    assert budget.spent == ()
    free = Budget(float("inf"), 1e-6)
    PrivateMoments(1.0, 1e-6, budget=free).release(X, X)
    PrivateMoments(float("inf"), 1e-6, budget=free).release(X, X)
    assert free.spent[1] == 0.0
    assert free.spent_epsilon == float("inf")


def test_budgets_of_one_file_are_one(tmp_path):
    budget, path = Budget(3.0, 1e-6), tmp_path / "budget.json"
    budget.write(path)
    budget.write(path)  # again: it is there
    one, two = Budget.read(path), Budget.read(path)
    one.spend(2.0)
    for other in (budget, two, Budget.read(path)):
        assert other.spent == (2.0,)
        with pytest.raises(PrivacyBudgetError, match="would spend"):
            other.spend(2.0)
    assert [part.name for part in tmp_path.iterdir()] == ["budget.json"]


def test_a_ledger_is_never_overwritten(tmp_path):
    for path, text in ((tmp_path / "other", None), (tmp_path / "foreign", '{"a": 1}\n')):
        if text is None:
            Budget(3.0, 1e-6).write(path)
        else:
            path.write_text(text)
        before = path.read_bytes()
        with pytest.raises(InvalidDataError, match="never overwritten"):
            Budget(3.0, 1e-6).write(path)
        assert path.read_bytes() == before
    budget = Budget(3.0, 1e-6)
    budget.write(tmp_path / "mine")
    with pytest.raises(InvalidDataError, match="in one place"):
        budget.write(tmp_path / "second")


def test_a_copied_ledger_is_refused_and_a_moved_or_linked_one_is_not(tmp_path):
    budget, path = Budget(3.0, 1e-6), tmp_path / "budget.json"
    budget.write(path)
    shutil.copy(path, tmp_path / "copy.json")
    with pytest.raises(InvalidDataError, match="is a copy of"):
        Budget.read(tmp_path / "copy.json")
    (tmp_path / "link.json").symlink_to(path)
    Budget.read(tmp_path / "link.json").spend(2.0)
    assert budget.spent == (2.0,)
    path.rename(tmp_path / "moved.json")
    with pytest.raises(PrivacyBudgetError):
        Budget.read(tmp_path / "moved.json").spend(2.0)
    shutil.copy(tmp_path / "moved.json", path)
    with pytest.raises(InvalidDataError, match="is a copy of"):
        Budget.read(path)


def test_an_older_state_that_was_put_back_is_refused(tmp_path):
    budget, path = Budget(3.0, 1e-6), tmp_path / "budget.json"
    budget.write(path)
    backup = path.read_bytes()
    budget.spend(2.0)
    path.write_bytes(backup)
    for act in (lambda: budget.spend(9.0), lambda: budget.spent, lambda: Budget.read(path)):
        with pytest.raises(InvalidDataError, match="older copy was restored"):
            act()
    Budget(3.0, 1e-6).write(tmp_path / "other")
    shutil.copy(tmp_path / "other", path)
    with pytest.raises(InvalidDataError, match="another budget by now"):
        budget.spend(9.0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.parametrize("filed", [False, True])
def test_a_fork_cannot_spend_it_again(tmp_path, filed):
    budget = Budget(3.0, 1e-6)
    if filed:
        budget.write(tmp_path / "budget.json")
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()

    def spend():
        try:
            budget.spend(2.0)
            results.put("spent")
        except PrivacyBudgetError as error:
            results.put(str(error))

    workers = [context.Process(target=spend) for _ in range(3)]
    for worker in workers:
        worker.start()
    said = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    assert said.count("spent") == int(filed)
    assert filed or all("memory of another process" in text for text in said)
    assert budget.spent == ((2.0,) if filed else ())


def test_processes_that_share_a_file_spend_it_once(tmp_path):
    Budget(3.0, 1e-6).write(tmp_path / "budget.json")
    script = (
        "import sys; from tastebridge.privacy import Budget\n"
        "try: Budget.read(sys.argv[1]).spend(2.0)\n"
        "except Exception as error: print(type(error).__name__)\n"
        "else: print('spent')"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "budget.json")], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = sorted(worker.communicate()[0].strip() for worker in workers)
    assert said == ["PrivacyBudgetError", "PrivacyBudgetError", "spent"]


def test_a_budget_that_comes_with_a_model_is_a_record():
    budget = Budget(3.0, 1e-6, [2.0])
    record = Budget(**budget.get_params())
    assert (record.spent, record.spent_epsilon) == (budget.spent, budget.spent_epsilon)
    for act in (lambda: record.spend(100.0), lambda: record.write("nowhere.json")):
        with pytest.raises(PrivacyBudgetError, match="came with a saved model"):
            act()


def test_ledgers_of_earlier_versions_are_read_and_go_on(tmp_path):
    path = tmp_path / "budget.json"
    head = {"package": "tastebridge", "kind": "privacy budget", "epsilon": 3.0, "delta": 1e-6, "spent": [4.0]}
    path.write_text(json.dumps(head))
    one, two = Budget.read(path), Budget.read(path)
    one.spend(4.0)
    assert two.spent == (4.0, 4.0)
    with pytest.raises(PrivacyBudgetError):
        two.spend(2.0)


@pytest.mark.parametrize("cut", [1, 2, 10, 25])
def test_a_line_cut_off_by_a_crash_is_refused(tmp_path, cut):
    budget, path = Budget(9.0, 1e-6), tmp_path / "budget.json"
    budget.write(path)
    budget.spend(2.0)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    if cut == 1:  # only the end of the line is gone
        assert Budget.read(path).spent == (2.0,)
        budget.spend(3.0)
        assert Budget.read(path).spent == (2.0, 3.0)
    else:
        with pytest.raises(InvalidDataError, match=r"damaged|older copy"):
            Budget.read(path)


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
