"""What makes scores comparable: planted choices and planted temperature are found again."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from tastebridge.fitting.folds import Held
from tastebridge.model import Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.model.category_model import category_probabilities, learn_category_model
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
