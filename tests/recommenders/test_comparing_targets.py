"""What makes scores comparable: planted choices and planted temperature are found again."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from scipy.special import softmax

from tastebridge.fitting.folds import Held
from tastebridge.model import Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.model.category_model import category_probabilities, learn_category_model, n_features
from tastebridge.recommenders.multi_target.temperature import learn_temperatures


def _histories(counts):
    return {
        str(at): sparse.csr_matrix(np.arange(30)[None, :] < column[:, None])
        for at, column in enumerate(counts.T)
    }


def test_the_choice_is_nearly_as_good_as_knowing_each_persons_taste():
    rng = np.random.default_rng(0)
    taste = rng.dirichlet([1.0, 0.5, 2.0], size=3000)
    counts = np.array([rng.multinomial(n, p) for n, p in zip(rng.integers(2, 25, 3000), taste, strict=True)])
    following = np.array([rng.choice(3, p=p) for p in taste])
    found = category_probabilities(learn_category_model(_histories(counts), 0), _histories(counts))
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    posterior = (counts + np.array([1.0, 0.5, 2.0])) / (counts.sum(axis=1, keepdims=True) + 3.5)

    def loss(P):
        return -np.log(P[np.arange(3000), following]).mean()

    shares = np.tile(counts.sum(axis=0) / counts.sum(), (3000, 1))
    assert loss(found) - loss(posterior) < 0.1 * (loss(shares) - loss(posterior))
    for column in range(3):  # calibrated: what is said is what is seen
        sure = found[:, column] > np.quantile(found[:, column], 0.7)
        assert abs(found[sure, column].mean() - (following[sure] == column).mean()) < 0.04


def test_a_category_nobody_chose_keeps_a_small_chance():
    counts = np.array([[3, 0], [2, 0], [1, 0]])
    found = category_probabilities(learn_category_model(_histories(counts), 0), _histories(counts))
    assert (found[:, 0] > 0.98).all()
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_a_planted_temperature_is_found_again(temperature):
    rng = np.random.default_rng(1)
    S = rng.normal(size=(400, 50))
    P = np.exp(temperature * S)
    taken = np.array([rng.choice(50, p=p / p.sum()) for p in P])
    hidden = sparse.csr_matrix((np.ones(400), (np.arange(400), taken)), shape=S.shape)
    fold = SimpleNamespace(
        held=Held("cold", np.arange(400), hidden),
        gates=np.zeros((400, 3)),
        seen=sparse.csr_matrix(S.shape),
        scores=lambda rows, weights: S[rows],
    )
    segment = Segment(StackingBlend.equal(1, 3), np.ones(1, dtype=bool))
    found = learn_temperatures([fold], {"cold": segment, "warm": segment})
    assert found["cold"] == pytest.approx(temperature, rel=0.15)
    assert found["warm"] == 1.0


def _kinds_of_users(n):
    """Return tastes of three quarters of users faithful to one category, and of the others, who take all."""
    tastes = np.full((n + 1, n), 0.1 / (n - 1))
    tastes[np.arange(n), np.arange(n)] = 0.9
    tastes[n] = 1.0 / n
    return tastes, np.r_[np.full(n, 0.75 / n), 0.25]


@pytest.mark.parametrize("n", [3, 4, 10])
def test_users_of_several_kinds_get_the_probabilities_of_their_kind(n):
    rng = np.random.default_rng(n)
    tastes, sizes = _kinds_of_users(n)
    kind = rng.choice(n + 1, 3000, p=sizes)
    counts = np.array(
        [rng.multinomial(m, tastes[k]) for m, k in zip(rng.integers(4, 16, 3000), kind, strict=True)]
    )
    model = learn_category_model(_histories(counts), 0)
    assert model.coef.shape == (n, n_features(n))
    found = category_probabilities(model, _histories(counts))
    # the exact answer: which kind the counts speak for, and what that kind does next
    exact = softmax(counts @ np.log(tastes).T + np.log(sizes), axis=1) @ tastes
    error = np.abs(found - exact)
    assert error.mean() < 0.045
    assert np.quantile(error.max(axis=1), 0.95) < 0.2
    assert error.mean() < 0.3 * np.abs(model.shares - exact).mean()


def test_users_of_one_kind_keep_the_plain_features():
    rng = np.random.default_rng(0)
    a = np.array([0.3, 1.0, 2.0])
    counts = np.array([rng.multinomial(n, rng.dirichlet(a)) for n in rng.integers(2, 20, 3000)])
    model = learn_category_model(_histories(counts), 0)
    exact = (counts + a) / (counts.sum(axis=1, keepdims=True) + a.sum())
    error = np.abs(category_probabilities(model, _histories(counts)) - exact)
    assert error.mean() < 0.02
    assert error.max() < 0.1


@pytest.mark.parametrize("n", [2, 5, 70])
def test_the_probabilities_of_a_user_depend_on_no_other_user(n):
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 12, (203, n))
    model = learn_category_model(_histories(counts), 0)
    whole = category_probabilities(model, _histories(counts))
    for some in ([7], [200, 3, 9], np.arange(101), rng.permutation(203)):
        np.testing.assert_array_equal(category_probabilities(model, _histories(counts[some])), whole[some])
