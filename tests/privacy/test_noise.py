import random

import numpy as np
import pytest
from scipy import stats

from tastebridge.privacy.noise import discrete_gaussian


@pytest.mark.parametrize("variance", [1, 7, 400])
def test_draws_follow_the_discrete_gaussian(variance):
    below = random.Random(0).randrange
    draws = discrete_gaussian(variance, 6000, below)
    reach = int(2.5 * variance**0.5)
    values = np.arange(-12 * reach, 12 * reach + 1)
    mass = np.exp(-(values**2) / (2.0 * variance))
    mass /= mass.sum()
    inside = np.abs(values) <= reach
    expected = 6000 * np.append(mass[inside], mass[~inside].sum())
    observed = np.append([(draws == value).sum() for value in values[inside]], (np.abs(draws) > reach).sum())
    assert stats.chisquare(observed, expected).pvalue > 1e-3


def test_large_draws_are_gaussian_and_uncorrelated():
    draws = discrete_gaussian(2**60, 4000, random.Random(1).randrange) / 2.0**30
    assert stats.kstest(draws, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.08


def test_draws_come_from_the_secure_source_and_never_twice_the_same():
    assert not np.array_equal(discrete_gaussian(2**60, 4), discrete_gaussian(2**60, 4))
