import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tastebridge.privacy.shrinkage import shrink_towards

COUNTS = arrays(np.float64, 6, elements=st.floats(0.0, 100.0))


@given(COUNTS, COUNTS)
def test_without_noise_private_counts_stay(noisy, expected):
    np.testing.assert_allclose(shrink_towards(noisy, expected, 0.0), noisy, atol=1e-9)


@given(COUNTS, COUNTS, st.floats(0.0, 50.0))
def test_counts_lie_between_the_private_and_the_expected_ones(noisy, expected, sigma):
    found = shrink_towards(noisy, expected, sigma)
    assert (found >= np.minimum(noisy, expected) - 1e-6).all()
    assert (found <= np.maximum(noisy, expected) + 1e-6).all()


def test_it_comes_nearer_the_truth_than_either():
    rng = np.random.default_rng(0)
    public = rng.gamma(1.0, 10.0, 3000)
    truth = np.maximum(public / 2 + rng.laplace(0, 4.0, 3000), 0)
    noisy = truth + rng.normal(0, 6.0, 3000)
    expected = public / 2
    found = shrink_towards(noisy, expected, 6.0)
    errors = [np.square(one - truth).mean() for one in (found, noisy, expected)]
    assert errors[0] < 0.9 * min(errors[1:])


def test_few_counts_far_from_what_was_expected_stay_and_noise_goes():
    """Against the soft threshold of the same noise, which takes as much off what is surely there."""
    rng = np.random.default_rng(0)
    truth = np.ones(5000)
    truth[:50] += rng.uniform(20.0, 60.0, 50)
    noisy = truth + rng.normal(0, 4.0, 5000)
    found = shrink_towards(noisy, np.ones(5000), 4.0)
    assert np.abs(found[:50] - noisy[:50]).max() < 8.0
    assert np.square(found - truth).sum() < 0.1 * np.square(noisy - truth).sum()
    soft = 1.0 + np.sign(noisy - 1.0) * np.maximum(np.abs(noisy - 1.0) - 4.0 * np.sqrt(2 * np.log(5000)), 0)
    assert np.square(found - truth).sum() < 0.5 * np.square(soft - truth).sum()
