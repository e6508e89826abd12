"""Two parties: their moments hold noise that hides who is shared, and the noise is as large as it says."""

import numpy as np
import pytest

from tastebridge.exceptions import InvalidParameterError, MessageError, PrivacyBudgetError
from tastebridge.maps.moments import Moments
from tastebridge.privacy import Budget, new_key, noise_multiplier_for
from tastebridge.privacy.federated import Helper, Message, Party, vertical
from tastebridge.privacy.moments import SHARES

KEY = new_key()
INF = float("inf")


def run(X_ids, X, Y_ids, Y, epsilon=3.0, delta=1e-6):
    shop = Party("shop", "club", "helper", "x", X_ids, X, KEY, "run-1", epsilon, delta)
    club = Party("club", "shop", "helper", "y", Y_ids, Y, KEY, "run-1", epsilon, delta)
    deals = Helper("helper").deal(shop.people(), club.people())
    rows = shop.rows(deals[0]), club.rows(deals[1])
    shares = shop.share(rows[1]), club.share(rows[0])
    return shop.moments(shares[1]), club.moments(shares[0])


def guessed(moments, X):
    """For every user of the shop the least-squares guess of its membership, from own columns alone."""
    i, j = np.triu_indices(X.shape[1])
    A = np.vstack([np.ones(len(X)), X.T, (X[:, i] * X[:, j]).T])
    return np.linalg.lstsq(A, np.r_[moments.n, moments.sum_x, moments.xx[i, j]], rcond=None)[0]


def attack(epsilon, seed):
    """How many of the shared users stand among as many with the highest guess; and how many by chance."""
    rng = np.random.default_rng(seed)
    X, who = rng.normal(size=(300, 32)), np.sort(rng.choice(300, 100, replace=False))
    ids = np.r_[who, np.arange(1000, 1200)]
    moments, _ = run(np.arange(300), X, ids, rng.normal(size=(300, 4)), epsilon)
    top = np.argsort(-guessed(moments, X))[:100]
    return np.isin(top, who).sum()


def test_without_noise_a_party_finds_out_who_is_shared_as_the_docs_say():
    assert attack(INF, 0) == 100


def test_with_noise_it_guesses_hardly_better_than_by_chance():
    """By chance 33.3 of 100 with standard deviation 3.9 each (hypergeometric), so 6 runs end below 42."""
    found = np.mean([attack(3.0, seed) for seed in range(6)])
    assert 25 < found < 42


def test_few_shared_users_do_not_show_in_the_span_of_the_cross_moments():
    """With fewer shared than factors, X'Y without noise spans the very rows of the shared."""
    rng = np.random.default_rng(0)
    X, who = rng.normal(size=(100, 8)), np.array([3, 50, 77])

    def outside(epsilon):
        moments, _ = run(np.arange(100), X, np.r_[who, 500:520], rng.normal(size=(23, 4)), epsilon)
        U = np.linalg.svd(moments.xy)[0][:, :3]
        return np.linalg.norm(X - X @ U @ U.T, axis=1)

    assert set(np.argsort(outside(INF))[:3]) == set(who)
    assert set(np.argsort(outside(3.0))[:3]) != set(who)


@pytest.mark.parametrize(("p", "q"), [(1, 1), (5, 3)])
def test_the_noise_of_every_part_has_the_size_its_share_says(p, q):
    """Drawn 400 times: against sigma over the root of the share, off the diagonal over the root of two."""
    noise, bits = noise_multiplier_for(3.0, 1e-6), 20
    drawn = np.array([vertical._noise(p, q, noise, bits).view(np.int64) for _ in range(400)]) / 4.0**bits
    parts = [vertical._parts(row, p, q) for row in drawn]
    for name, share in SHARES.items():
        values = np.array([part[name] for part in parts])
        expected = noise / share**0.5
        if name in ("xx", "yy"):
            on = np.array([np.diag(value) for value in values])
            assert on.std() == pytest.approx(expected, rel=0.12)
            if values.shape[1] > 1:
                off = values[:, *np.triu_indices(values.shape[1], 1)]
                assert off.std() == pytest.approx(expected / 2**0.5, rel=0.12)
            assert (values == values.transpose(0, 2, 1)).all()
        else:
            assert values.std() == pytest.approx(expected, rel=0.12)


def test_both_hold_the_same_noisy_moments_and_every_run_draws_anew():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(50, 3)), rng.normal(size=(50, 2))
    one, two = run(np.arange(50), X, np.arange(50), Y)
    again, _ = run(np.arange(50), X, np.arange(50), Y)
    for name, part in one.to_arrays().items():
        np.testing.assert_array_equal(part, two.to_arrays()[name])
    assert not np.isclose(one.xy, again.xy).any()
    assert np.linalg.eigvalsh(one.centered().Sxx).min() > -1e-6


def test_noise_fades_beside_many_users():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(20_000, 3)), rng.normal(size=(20_000, 2))
    found, _ = run(np.arange(20_000), X, np.arange(20_000), Y)
    for name, part in Moments.from_arrays(X, Y).to_arrays().items():
        np.testing.assert_allclose(found.to_arrays()[name] / 20_000, part / 20_000, atol=0.05)


@pytest.mark.parametrize("epsilon", [1e-3, 3.0])
def test_noise_of_any_size_has_room(epsilon):
    """Two users, noise thousands of times as large: the sums must not wrap around."""
    X = np.ones((2, 2))
    found = [run([1, 2], X, [2, 3], X, epsilon)[0] for _ in range(5)]
    bound = 14 * noise_multiplier_for(epsilon, 1e-6) / min(SHARES.values()) ** 0.5 * 16
    assert max(np.abs(part.sum_x).max() for part in found) < bound


def test_parties_must_agree_on_the_noise():
    X = np.ones((2, 1))

    def party(name, side, epsilon, delta=1e-6):
        return Party(name, "peer", "helper", side, [1, 2], X, KEY, "run-1", epsilon, delta).people()

    for other in (party("club", "y", 2.0), party("club", "y", INF), party("club", "y", 3.0, 1e-5)):
        with pytest.raises(MessageError, match="agree on one epsilon"):
            Helper().deal(party("shop", "x", 3.0), other)
    for wrong in (0.0, -1.0, "much", None, True):
        both = [party("shop", "x", 3.0), party("club", "y", 3.0)]
        both = [
            Message(m.kind, m.session, m.sender, m.receiver, {**m.values, "epsilon": wrong}, m.arrays)
            for m in both
        ]
        with pytest.raises(MessageError):
            Helper().deal(*both)
    with pytest.raises(InvalidParameterError, match="epsilon"):
        party("shop", "x", 0.0)


def test_a_helper_that_deals_for_other_noise_is_refused():
    X = np.ones((2, 1))
    shop = Party("shop", "club", "helper", "x", [1, 2], X, KEY, "run-1")
    club = Party("club", "shop", "helper", "y", [1, 2], X, KEY, "run-1")
    deal, _ = Helper("helper").deal(shop.people(), club.people())
    for wrong in ("exact", 30.0, None):
        values = {**deal.values, "epsilon": wrong}
        changed = Message(deal.kind, deal.session, deal.sender, deal.receiver, values, deal.arrays)
        fresh = Party("shop", "club", "helper", "x", [1, 2], X, KEY, "run-1")
        fresh.people()
        with pytest.raises(MessageError, match="dealt for another noise"):
            fresh.rows(changed)


@pytest.mark.parametrize("epsilon", [3.0, INF])
def test_a_run_spends_from_the_budget_of_each_party_before_anything_is_sent(epsilon):
    purse = Budget(epsilon, 1e-6)
    given = {"key": KEY, "epsilon": epsilon}
    for session, allowed in (("run-1", True), ("run-2", epsilon == INF)):
        shop = Party("shop", "club", "helper", "x", [1, 2], np.eye(2), session=session, budget=purse, **given)
        club = Party("club", "shop", "helper", "y", [2, 3], np.eye(2), session=session, **given)
        deal, _ = Helper("helper").deal(shop.people(), club.people())
        if allowed:
            shop.rows(deal)
        else:
            with pytest.raises(PrivacyBudgetError):
                shop.rows(deal)
    noise = noise_multiplier_for(epsilon, 1e-6)
    assert purse.spent == ((noise, noise) if epsilon == INF else (noise,))


def test_a_budget_with_an_end_refuses_a_run_without_noise():
    shop = Party("shop", "club", "helper", "x", [1], [[1.0]], KEY, "run-1", INF, budget=Budget(1.0, 1e-6))
    club = Party("club", "shop", "helper", "y", [1], [[1.0]], KEY, "run-1", INF)
    deal, _ = Helper("helper").deal(shop.people(), club.people())
    with pytest.raises(PrivacyBudgetError):
        shop.rows(deal)
