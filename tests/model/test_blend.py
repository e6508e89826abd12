"""The blend: scikit-learn's contract, gradients, and planted weights."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import softmax
from sklearn.utils.estimator_checks import parametrize_with_checks

from contracts.estimator import check_parameters
from tastebridge import StackingBlend
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.model.losses import Problem

LOSSES = ("listwise", "logistic", "ridge")


def planted(n_lists=400, width=12, seed=0):
    """Lists of which one entry is drawn by a softmax of known weights, doubled where the gate is 1."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_lists, width, 3)) * [1.0, 5.0, 1.0]
    gate = rng.integers(0, 2, n_lists)
    weights = np.array([1.0, 0.1, 0.0]) * (1 + gate)[:, None]
    p = softmax((X @ weights[:, :, None])[:, :, 0], axis=1)
    y = np.zeros((n_lists, width))
    y[np.arange(n_lists), [rng.choice(width, p=row) for row in p]] = 1.0
    groups, gates = np.repeat(np.arange(n_lists), width), np.repeat(gate, width)[:, None].astype(float)
    return X.reshape(-1, 3), y.ravel(), groups, gates


@parametrize_with_checks([StackingBlend(loss) for loss in LOSSES])
def test_blend_is_a_scikit_learn_regressor(estimator, check):
    check(estimator)


def test_parameters_are_stored_and_documented():
    check_parameters(StackingBlend())


def problem_of(loss, lengths, X, y, F, focus=0.0):
    starts = np.append(0, np.cumsum(lengths)[:-1])
    return Problem(X, y, starts, F[starts], loss, 0.1, focus)


@pytest.mark.parametrize("focus", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_are_those_of_the_loss(loss, focus):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 2)), np.eye(12)[0] + np.eye(12)[5]
    F = np.column_stack([np.ones(12), rng.normal(size=12)])
    problem = problem_of(loss, [3, 5, 4], X, y, F, focus)
    theta = rng.normal(size=len(problem.start()))
    assert check_grad(lambda t: problem(t)[0], lambda t: problem(t)[1], theta) < 1e-5
    even, ragged = (problem_of(loss, [4, 4, 4], X, y, F, focus) for _ in range(2))
    ragged.X = X  # lists of one length row by row, in float64
    for one, two in zip(even(theta), ragged(theta), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_listwise_finds_planted_weights_and_gates():
    X, y, groups, gates = planted(3000)
    blend = StackingBlend(focus=0.0, gate_penalty=0.0).fit(X, y, groups, gates)
    off, on = blend.weights([[0.0], [1.0]])
    np.testing.assert_allclose(off, [1.0, 0.1, 0.0], atol=0.08)
    np.testing.assert_allclose(on, [2.0, 0.2, 0.0], atol=0.16)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_prefers_the_useful_route_and_never_weighs_below_zero(loss):
    X, y, groups, gates = planted()
    X[:, 2] *= -1
    weights = StackingBlend(loss).fit(X, y, groups, gates).weights(gates)
    assert (weights >= 0).all()
    assert weights[:, 0].min() > weights[:, 2].max()


def test_lists_of_one_length_and_others_are_one_problem():
    X, y, groups, gates = planted(200)
    whole = StackingBlend().fit(X, y, groups, gates)
    X2, y2 = np.vstack([X, X[:1]]), np.append(y, 0.0)
    extra = StackingBlend().fit(X2, y2, np.append(groups, -1), np.vstack([gates, gates[:1]]))
    np.testing.assert_allclose(whole.weights(), extra.weights(), rtol=0.05, atol=0.01)


def test_a_list_without_anything_to_find_counts_for_nothing():
    X, y, groups, _ = planted(200)
    blank = y.copy()
    blank[groups >= 100] = 0.0
    with_blank = StackingBlend().fit(X, blank, groups).weights()
    scaled = StackingBlend().fit(X[groups < 100], y[groups < 100], groups[groups < 100]).weights()
    np.testing.assert_allclose(with_blank, scaled, rtol=0.05, atol=0.01)


def test_predict_is_the_weighted_sum():
    X, y, groups, gates = planted(100)
    for loss in LOSSES:
        blend = StackingBlend(loss).fit(X, y, groups, gates)
        expected = (X * blend.weights(gates)).sum(axis=1) + blend.intercept_
        np.testing.assert_array_equal(blend.predict(X, gates), expected)


def test_equal_and_only():
    blend = StackingBlend.equal(3, 2)
    np.testing.assert_allclose(blend.weights(np.random.default_rng(0).normal(size=(4, 2))), 1.0)
    X, y, groups, gates = planted(100)
    fitted = StackingBlend().fit(X, y, groups, gates)
    part = fitted.only(np.array([True, False, True]))
    np.testing.assert_array_equal(part.weights(gates), fitted.weights(gates)[:, [0, 2]])
    assert part.n_features_in_ == 2
    among = part.among(np.array([False, True, True, False]))
    assert among.n_features_in_ == among.weights(gates).shape[1] == 4
    np.testing.assert_array_equal(among.only(np.array([False, True, True, False])).coef_, part.coef_)
    np.testing.assert_array_equal(among.weights(gates)[:, 1:3], part.weights(gates))
    assert fitted.n_features_in_ == 3


def test_a_constant_or_empty_route_does_no_harm():
    X, y, groups, gates = planted(100)
    for noise in (0.0, 1e-8):
        X[:, 1] = noise * np.random.default_rng(0).normal(size=len(X))
        blend = StackingBlend().fit(X, y, groups, gates)
        assert np.isfinite(blend.coef_).all()
        assert blend.scale_[1] == 1.0
        assert blend.weights(gates)[:, 1].max() < 1.0


@pytest.mark.parametrize("value", [np.log1p(12), np.log(1e-2), 0.0])
def test_a_constant_gate_has_no_part_in_the_weights(value):
    X, y, groups, gates = planted(300)
    plain = StackingBlend().fit(X, y, groups, gates)
    with_constant = StackingBlend().fit(X, y, groups, np.column_stack([gates, np.full(len(y), value)]))
    np.testing.assert_allclose(with_constant.coef_[:2], plain.coef_, rtol=1e-6)
    assert not with_constant.coef_[2].any()
    asked = np.array([[0.0, -1e6], [1.0, value + 1.0], [1.0, 1e6]])
    np.testing.assert_allclose(with_constant.weights(asked), plain.weights(asked[:, :1]), rtol=1e-6)


@pytest.mark.parametrize("odd", [0, 1, 3])
def test_no_gate_leads_beyond_what_lists_have_seen(odd):
    """Histories of 12 but for a few of 11: whatever the length asked for, weights are some list's."""
    X, y, groups, _ = planted(300)
    lengths = np.full(300, 12.0)
    lengths[:odd] = 11.0
    gates = np.repeat(np.log1p(lengths), 12)[:, None]
    blend = StackingBlend().fit(X, y, groups, gates)
    found = blend.weights(np.log1p([[0.0], [1.0], [5.0], [12.0], [1000.0]]))
    np.testing.assert_allclose(found, np.tile(blend.weights(gates)[-1], (5, 1)))


def test_gates_within_the_range_count_as_they_are():
    X, y, groups, _ = planted(300)
    gates = np.repeat(np.random.default_rng(0).normal(size=300), 12)[:, None]
    blend = StackingBlend().fit(X, y, groups, gates)
    inside = np.linspace(blend.gate_low_, blend.gate_high_, 5)
    assert (np.diff(blend.weights(inside)[:, 0]) != 0).all()
    np.testing.assert_array_equal(blend.weights(inside[[0, -1]]), blend.weights(inside[[0, -1]] * 1e3))


def test_a_search_that_leaves_all_reason_is_taken_up_again_within_bounds():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = np.tile(np.append(1.0, np.zeros(9)), 20)
    X[y > 0, 0] = 1e6 * X[y > 0, 0].std()  # one route tells all
    blend = StackingBlend(focus=0.0, gate_penalty=0.0).fit(X, y, np.repeat(np.arange(20), 10))
    assert np.abs(blend.coef_).max() <= 30.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "listwize"}, "Did you mean 'listwise'"),
        ({"gate_penalty": -1.0}, "gate_penalty"),
        ({"max_iter": 0}, "max_iter"),
    ],
)
def test_bad_parameters_are_named(changes, message):
    X, y, groups, _ = planted(5)
    with pytest.raises(InvalidParameterError, match=message):
        StackingBlend(**changes).fit(X, y, groups)


def test_bad_lists_are_refused():
    X, y, groups, gates = planted(5)
    with pytest.raises(InvalidDataError, match="above 0; there is none"):
        StackingBlend().fit(X, np.zeros(len(y)), groups)
    with pytest.raises(InvalidDataError, match="one label per row, 60"):
        StackingBlend().fit(X, y, groups[:-1])
    with pytest.raises(InvalidDataError, match="one row for each of 60"):
        StackingBlend().fit(X, y, groups, gates[:-1])


def test_a_blend_can_be_given_more_routes_of_fixed_weights():
    rng = np.random.default_rng(0)
    X, gates = rng.normal(size=(200, 2)), rng.normal(size=(200, 3))
    y = np.tile(np.append(1.0, np.zeros(9)), 20)
    blend = StackingBlend().fit(X, y, np.repeat(np.arange(20), 10), gates)
    more = blend.extended(np.array([1e-3, 2.0, 900.0, 0.0]))
    weights = more.weights(gates)
    np.testing.assert_allclose(weights[:, :2], blend.weights(gates))
    np.testing.assert_allclose(
        weights[:, 2:], np.tile([1e-3, 2.0, 900.0, 0.0], (200, 1)), rtol=1e-6, atol=1e-11
    )
    assert more.n_features_in_ == 6


@pytest.mark.parametrize("loss", LOSSES)
def test_lists_without_checks_teach_the_same_weights_bit_by_bit(loss):
    X, _, groups, gates = planted(300)
    X = X.astype(np.float32)
    y = np.tile(np.eye(12)[0], 300)
    start = np.random.default_rng(0).normal(size=(2, 3))
    # chosen columns of a matrix, as the routes of a selection, are in Fortran order
    whole = StackingBlend(loss, max_iter=8).fit(np.asfortranarray(X), y, groups, gates, start=start)
    lists = StackingBlend(loss, max_iter=8).fit_lists(X.reshape(300, 12, 3), gates[::12], start=start)
    for name in ("coef_", "scale_", "gate_mean_", "gate_scale_", "gate_low_", "gate_high_", "intercept_"):
        assert np.array_equal(getattr(whole, name), getattr(lists, name)), name
    assert whole.n_features_in_ == lists.n_features_in_
