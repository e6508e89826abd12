"""Bootstrap intervals against scipy's, against the truth they should cover, and their invariances."""

from inspect import signature

import numpy as np
import pytest
from scipy import stats

from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.metrics.intervals import bootstrap_mean, paired_difference, simultaneous_differences

SEED = {"rng" if "rng" in signature(stats.bootstrap).parameters else "random_state": 0}
"""SciPy before 1.15 had another name for it."""


@pytest.mark.parametrize("values", [np.random.default_rng(1).gamma(2, size=80), np.arange(90) % 10 == 0])
def test_bootstrap_mean_agrees_with_scipy(values):
    ours = bootstrap_mean(values, n_resamples=20_000, level=0.9)
    theirs = stats.bootstrap(
        (values.astype(float),),
        np.mean,
        n_resamples=20_000,
        confidence_level=0.9,
        method="percentile",
        **SEED,
    )
    error = values.std() / np.sqrt(len(values))
    assert ours.mean == pytest.approx(values.mean())
    np.testing.assert_allclose([ours.low, ours.high], theirs.confidence_interval, atol=0.1 * error)


def test_bootstrap_mean_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    inside = [
        (found := bootstrap_mean(rng.normal(size=60), 400, random_state=run)).low <= 0 <= found.high
        for run in range(400)
    ]
    assert 0.91 <= np.mean(inside) <= 0.975


def test_bootstrap_mean_of_rows_draws_people_and_so_is_wider():
    rng = np.random.default_rng(0)
    people = np.arange(50).repeat(20)
    values = rng.normal(size=50)[people]
    rows, clustered = bootstrap_mean(values), bootstrap_mean(values, people=people)
    one_each = bootstrap_mean(values[::20])
    assert clustered.high - clustered.low > 3 * (rows.high - rows.low)
    np.testing.assert_allclose([clustered.low, clustered.high], [one_each.low, one_each.high])


def test_bootstrap_mean_of_rows_weighs_rows_not_people():
    assert bootstrap_mean([1.0, 1.0, 1.0, 0.0], people=["a", "a", "a", "b"]).mean == 0.75


def test_bootstrap_mean_does_not_depend_on_order_or_nan():
    values = np.random.default_rng(0).random(200)
    shuffled = np.random.default_rng(1).permutation(np.append(values, [np.nan] * 9))
    assert bootstrap_mean(values) == bootstrap_mean(shuffled)
    assert bootstrap_mean(values) != bootstrap_mean(values, random_state=1)


def test_bootstrap_mean_is_in_bounded_memory(monkeypatch):
    values = np.random.default_rng(0).random(100)
    want = vars(bootstrap_mean(values, 500))
    monkeypatch.setattr("tastebridge.metrics.intervals._CELLS", 100)
    assert vars(bootstrap_mean(values, 500)) == pytest.approx(want)


@pytest.mark.parametrize("values", [[], [np.nan], [1.0]])
def test_bootstrap_mean_of_fewer_than_two_people_has_no_bounds(values):
    found = bootstrap_mean(values)
    assert np.isnan([found.low, found.high]).all()


def test_paired_difference_is_narrow_where_people_differ_more_than_models():
    rng = np.random.default_rng(0)
    b = rng.random(300)
    a = b + 0.01 + 0.001 * rng.normal(size=300)
    found = paired_difference(a, b)
    assert 0.009 < found.low < found.high < 0.011
    assert bootstrap_mean(a).low < bootstrap_mean(b).high


def test_paired_difference_leaves_out_people_with_nan_in_either():
    assert paired_difference([1.0, np.nan, 3.0, 1.0], [0.0, 1.0, np.nan, 0.0]).mean == 1.0


def test_bootstrap_refuses_bad_input():
    with pytest.raises(InvalidParameterError, match="level"):
        bootstrap_mean([1.0], level=1.5)
    with pytest.raises(InvalidParameterError, match="n_resamples"):
        bootstrap_mean([1.0], n_resamples=0)
    with pytest.raises(InvalidDataError, match="same users"):
        paired_difference([1.0], [1.0, 2.0])
    with pytest.raises(InvalidDataError, match="one-dimensional"):
        bootstrap_mean([[1.0]])
    with pytest.raises(InvalidDataError, match="one user each"):
        bootstrap_mean([1.0], people=["a", "b"])


def test_simultaneous_intervals_all_hold_at_once_as_often_as_they_say():
    rng = np.random.default_rng(0)
    apart, together = [], []
    for run in range(120):
        several, base = rng.normal(size=(5, 80)), rng.normal(size=80)
        alone = [paired_difference(one, base, 300, 0.9, run) for one in several]
        apart.append(all(one.low <= 0 <= one.high for one in alone))
        found = simultaneous_differences(several, base, 300, 0.9, run)
        together.append(all(one.low <= 0 <= one.high for one in found))
        np.testing.assert_allclose([one.mean for one in found], [one.mean for one in alone])
    assert 0.84 <= np.mean(together) <= 0.95
    assert np.mean(apart) < np.mean(together) - 0.1


def test_simultaneous_intervals_draw_people_with_all_their_rows():
    rng = np.random.default_rng(0)
    people, values = np.arange(50).repeat(20), rng.normal(size=(2, 50))
    clustered = simultaneous_differences(values[:, people], np.zeros(1000), people=people)
    one_each = simultaneous_differences(values, np.zeros(50))
    for found, expected in zip(clustered, one_each, strict=True):
        np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high])


def test_simultaneous_intervals_do_not_depend_on_the_order_of_people():
    rng = np.random.default_rng(0)
    order = rng.permutation(90)
    for several in (rng.normal(size=(3, 90)), rng.integers(2, size=(3, 90)) * 1.0):
        found, moved = (simultaneous_differences(part, np.zeros(90)) for part in (several, several[:, order]))
        np.testing.assert_allclose([one.low for one in found], [one.low for one in moved])


def test_one_simultaneous_interval_is_as_wide_as_its_own_resamples():
    """Of many equal values, drawn by cells, and of few, drawn one by one: against scipy's resamples."""
    for values in (np.random.default_rng(1).gamma(2, size=80), np.arange(90.0) % 10 == 0):
        [found] = simultaneous_differences(values[None] * 1.0, np.zeros(len(values)), 20_000, 0.9)
        drawn = stats.bootstrap((values * 1.0,), np.mean, n_resamples=20_000, **SEED).bootstrap_distribution
        reach = np.quantile(np.abs(drawn - values.mean()), 0.9)
        assert found.high - found.mean == pytest.approx(reach, rel=0.05)
