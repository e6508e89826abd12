"""The claims of differential privacy against canaries: no lower bound of epsilon may exceed its claim.

``TASTEBRIDGE_NIGHTLY=1`` runs more canaries, more often.
"""

import os
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import tastebridge as tb
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.maps.moments import Moments
from tastebridge.privacy import PrivateMoments, audited_epsilon, new_key, noise_multiplier_for
from tastebridge.privacy.federated import Helper, Party
from tastebridge.privacy.moments import PARTS, SHARES, check_shares, noisy_moments

NIGHTLY = os.environ.get("TASTEBRIDGE_NIGHTLY") == "1"
SIDE, RUNS = (80, 20) if NIGHTLY else (20, 1)
DELTA = 1e-7
CONFIDENCE = 0.999
"""A right mechanism fails less often: no canary here is read as well as the bound allows."""
SCORE_SHARES = {"n": 0.01, "xy": 0.99}


def canaries(side):
    """Pairs of unit vectors: every canary alone moves one entry of X'Y, by one."""
    one, two = np.divmod(np.arange(side * side), side)
    return np.eye(side)[one], np.eye(side)[two]


def of_moments(release, side, seed):
    """The bound that cross moments show, by the canaries' own entries."""
    included = np.random.default_rng(seed).random(side * side) < 0.5
    X, Y = canaries(side)
    scores = release(X[included], Y[included]).xy.ravel()
    return [audited_epsilon(scores, included, DELTA, r, CONFIDENCE) for r in (len(scores) // 5, len(scores))]


def given_all_to_the_cross_moments(noise_factor=1.0):
    def release(epsilon):
        noise = noise_multiplier_for(epsilon, DELTA) * noise_factor
        shares = check_shares(SCORE_SHARES)
        p = SIDE
        public = Moments.from_arrays(np.eye(p), np.eye(p))
        return lambda X, Y: noisy_moments(X, Y, noise, (1.0, 1.0), shares, public)

    return release


@pytest.mark.parametrize("epsilon", [0.5, 3.0, 8.0])
def test_private_moments_keep_their_claim(epsilon):
    releases = (
        PrivateMoments(epsilon, DELTA).release,
        given_all_to_the_cross_moments()(epsilon),
    )
    for release, seed in product(releases, range(RUNS)):
        assert max(of_moments(release, SIDE, seed)) <= epsilon


def test_the_audit_catches_a_mechanism_whose_noise_is_too_small():
    """A tenth of the noise: a bound above the claim, or the tests above could not fail."""
    release = given_all_to_the_cross_moments(0.1)
    assert max(of_moments(release(1.0), SIDE, 0)) > 1.0


def test_the_audit_of_enough_noise_shows_something_at_a_large_epsilon():
    """So that the canaries are known to be read where there is something to read."""
    assert max(of_moments(given_all_to_the_cross_moments()(20.0), SIDE, 0)) > 0.5


@pytest.mark.parametrize("epsilon", [0.5, 3.0])
def test_two_parties_keep_their_claim(epsilon):
    """The canaries are all the shop's; a fair coin makes each one a user of the club too."""
    X, Y = canaries(min(SIDE, 40))  # rows of all pairs of factors: wider ones take gigabytes
    ids = np.arange(len(X))

    def release(included):
        key, session = new_key(), "run-1"
        other = np.where(included, ids, ids + 10**6)
        shop = Party("shop", "club", "helper", "x", ids, X, key, session, epsilon, DELTA)
        club = Party("club", "shop", "helper", "y", other, Y, key, session, epsilon, DELTA)
        deals = Helper("helper").deal(shop.people(), club.people())
        rows = shop.rows(deals[0]), club.rows(deals[1])
        shop.share(rows[1])
        return shop.moments(club.share(rows[0]))

    for seed in range(RUNS):
        included = np.random.default_rng(seed).random(len(X)) < 0.5
        scores = release(included).xy.ravel()
        assert audited_epsilon(scores, included, DELTA, None, CONFIDENCE) <= epsilon


def _world(n_items, seed):
    """Outsiders of two categories, six to an item, whom every canary joins with items of its own."""
    rng, rows = np.random.default_rng(seed), []
    for name in ("books", "films"):
        for item in range(n_items):
            rows += [(f"{name}-{item}-{k}", f"{name}:{item:04}", name) for k in range(6)]
        rows += [
            (f"{name}-{rng.integers(n_items)}-{k}", f"{name}:{item:04}", name)
            for item in range(n_items)
            for k in range(6)
        ]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "category"]).drop_duplicates()


@pytest.mark.parametrize("epsilon", [1.0, 8.0])
def test_a_private_mapper_keeps_its_claim_from_end_to_end(epsilon):
    """Canary i has book i and film i; the released popularity of film i is its score."""
    n = 500 if NIGHTLY else 150
    outsiders = _world(n, 0)
    for seed in range(RUNS):
        included = np.random.default_rng(seed).random(n) < 0.5
        who = np.flatnonzero(included)
        canary = pd.DataFrame(
            {
                "user_id": [f"canary-{i}" for i in who] * 2,
                "item_id": [f"{name}:{i:04}" for name in ("books", "films") for i in who],
                "category": ["books"] * len(who) + ["films"] * len(who),
            }
        )
        mapper = tb.PrivateMapper("films", epsilon=epsilon, source_components=8, target_components=8)
        mapper.fit(pd.concat([outsiders, canary]))
        place = mapper.items_["films"].numbers([f"films:{i:04}" for i in range(n)])
        scores = mapper.model_.spaces["popularity"][place, 0]
        assert audited_epsilon(scores, included, DELTA, None, CONFIDENCE) <= epsilon


def test_a_private_mapper_without_noise_shows_its_canaries():
    n, included = 150, np.random.default_rng(0).random(150) < 0.5
    who = np.flatnonzero(included)
    canary = pd.DataFrame(
        {
            "user_id": [f"canary-{i}" for i in who] * 2,
            "item_id": [f"{name}:{i:04}" for name in ("books", "films") for i in who],
            "category": ["books"] * len(who) + ["films"] * len(who),
        }
    )
    mapper = tb.PrivateMapper("films", epsilon=np.inf, source_components=8, target_components=8)
    mapper.fit(pd.concat([_world(n, 0), canary]))
    place = mapper.items_["films"].numbers([f"films:{i:04}" for i in range(n)])
    assert audited_epsilon(mapper.model_.spaces["popularity"][place, 0], included, DELTA) > 2.0


@given(st.integers(1, 40), st.integers(0, 40), st.floats(0.0, 5.0), st.sampled_from([0.0, 1e-6, 1e-2]))
@settings(deadline=None)
def test_the_bound_is_that_of_the_formula_summed_by_hand(r, v, epsilon, delta):
    """Against a plain loop over the binomial distribution (appendix D of the paper)."""
    from tastebridge.privacy.audit import _chance

    v = min(v, r)
    q = np.exp(epsilon) / (1 + np.exp(epsilon))
    pmf = [stats.binom.pmf(k, r, q) for k in range(r + 1)]
    alpha = max([sum(pmf[v - i : v]) / i for i in range(1, v + 1)], default=0.0)
    expected = sum(pmf[v:]) + 2 * r * delta * alpha
    assert _chance(r, r, v, epsilon, delta) == pytest.approx(expected, rel=1e-6, abs=1e-12)


def test_randomised_response_is_bounded_closely_and_never_above():
    """The mechanism for which the bound is tight: a bit told truly with chance e^eps / (1 + e^eps)."""
    rng, epsilon, found = np.random.default_rng(0), 1.0, []
    for _ in range(60):
        included = rng.random(2000) < 0.5
        told = np.where(rng.random(2000) < np.exp(epsilon) / (1 + np.exp(epsilon)), included, ~included)
        found.append(audited_epsilon(told + rng.random(2000) * 1e-3, included, 0.0))
    assert (
        np.mean(np.array(found) > epsilon) <= 0.15
    )  # 5 % by the confidence: of 60 more than 9 have a chance below 1e-3
    assert np.mean(found) > 0.85 * epsilon


@pytest.mark.parametrize(
    ("scores", "included", "error"),
    [
        ([1.0], [True, False], InvalidDataError),
        ([], [], InvalidDataError),
        ([np.nan], [True], InvalidDataError),
    ],
)
def test_scores_that_do_not_pair_up_are_refused(scores, included, error):
    with pytest.raises(error):
        audited_epsilon(scores, included, DELTA)
    with pytest.raises(InvalidParameterError):
        audited_epsilon([1.0, 2.0], [True, False], DELTA, confidence=1.5)


def test_what_is_shown_without_noise_is_the_same_with_a_protected_user(tmp_path):
    """The card and the list of files: all but the numbers released with noise."""
    outsiders = _world(40, 0)
    one = pd.DataFrame(
        {"user_id": "kim", "item_id": ["books:0001", "films:0002"], "category": ["books", "films"]}
    )
    other = one.assign(user_id="eva")
    cards = []
    for name, data in (("with", [outsiders, other, one]), ("without", [outsiders, other])):
        mapper = tb.PrivateMapper("films", epsilon=2.0, source_components=4, target_components=4)
        mapper.fit(pd.concat(data)).save(tmp_path / name)
        cards.append((tmp_path / name / "README.md").read_text(encoding="utf-8"))
        assert not hasattr(mapper, "transfer_") or mapper.transfer_ is None
    assert cards[0] == cards[1]


def test_the_shares_of_all_parts_sum_to_one():
    """What makes one Gaussian mechanism of the six parts."""
    assert sum(SHARES[name] for name in PARTS) == pytest.approx(1.0)


def test_scores_that_tie_tell_nothing_whatever_the_order_of_canaries():
    included = np.arange(1000) >= 500
    assert audited_epsilon(np.zeros(1000), included, delta=DELTA) < 0.2  # by position it was above 3
    assert audited_epsilon(np.zeros(1000), ~included, delta=DELTA) < 0.2
