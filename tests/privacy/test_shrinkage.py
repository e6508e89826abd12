import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tastebridge.privacy.shrinkage import shrink_towards

COUNTS = arrays(np.float64, 6, elements=st.floats(0.0, 100.0))


@given(COUNTS, COUNTS)
def test_without_noise_private_counts_stay(noisy, public):
    np.testing.assert_allclose(shrink_towards(noisy, public, 0.0), noisy, atol=1e-9)


@given(COUNTS, COUNTS, st.floats(0.0, 50.0))
def test_counts_lie_between_the_private_and_the_public_ones(noisy, public, sigma):
    expected = public * noisy.sum() / max(public.sum(), np.finfo(float).tiny)
    found = shrink_towards(noisy, public, sigma)
    assert (found >= np.minimum(noisy, expected) - 1e-6).all()
    assert (found <= np.maximum(noisy, expected) + 1e-6).all()


def test_it_comes_nearer_the_truth_than_either():
    rng = np.random.default_rng(0)
    public = rng.gamma(1.0, 10.0, 3000)
    truth = np.maximum(public / 2 + rng.laplace(0, 4.0, 3000), 0)
    noisy = truth + rng.normal(0, 6.0, 3000)
    found = shrink_towards(noisy, public, 6.0)
    scaled = public * noisy.sum() / public.sum()
    errors = [np.square(one - truth).mean() for one in (found, noisy, scaled)]
    assert errors[0] < 0.9 * min(errors[1:])
