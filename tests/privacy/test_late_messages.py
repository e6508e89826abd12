"""Sums over two groups: whoever is in only one of them must not come out of the difference."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tastebridge.exceptions import InvalidDataError, InvalidParameterError, MessageError, TastebridgeWarning
from tastebridge.maps import RidgeMap
from tastebridge.maps.moments import Moments
from tastebridge.privacy import new_key, write_key
from tastebridge.privacy.federated import Member, Message, sum_masked, sum_opened
from tastebridge.privacy.federated.fixed import from_wide, negative, plus, to_wide

NAMES = ("ada", "eva", "kim")
RNG = np.random.default_rng(0)
PARTS = {name: Moments.from_arrays(RNG.normal(size=(20, 3)), RNG.normal(size=(20, 2))) for name in NAMES}


@pytest.fixture
def keys():
    return {frozenset((a, b)): new_key() for a in NAMES for b in NAMES if a < b}


def members(keys, names=NAMES, **params):
    return {a: Member(a, {b: keys[frozenset((a, b))] for b in names if b != a}, **params) for a in names}


def masked(keys, names, session, **params):
    return [part.masked(PARTS[a], session) for a, part in members(keys, names, **params).items()]


def flat(moments):
    return np.concatenate([np.ravel(part) for part in moments.to_arrays().values()])


def total(names):
    return sum((PARTS[name] for name in names[1:]), PARTS[names[0]])


def assert_same(found, expected):
    np.testing.assert_allclose(flat(found), flat(expected), rtol=1e-12, atol=1e-12)


@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=2))
def test_wide_numbers_add_as_the_integers_they_stand_for(values):
    """Against Python's whole numbers: 140 bits after the point, modulo 2^192."""
    one, two = (to_wide(np.array([value]), 140) for value in values)
    as_int = [sum(int(word) << 64 * place for place, word in enumerate(words[0])) for words in (one, two)]
    assert as_int == [
        round(value * 2**140) % 2**192 if abs(value) < 1 else int(value * 2.0**140) % 2**192
        for value in values
    ]
    added = sum(int(word) << 64 * place for place, word in enumerate(plus(one, two)[0]))
    assert added == sum(as_int) % 2**192
    assert from_wide(one, 140)[0] == pytest.approx(values[0], abs=2.0**-141)
    assert not plus(one, negative(one)).any()


@given(st.lists(st.integers(0, 2**192 - 1), min_size=2, max_size=2))
def test_carries_go_through_all_words(numbers):
    words = [np.array([[(n >> 64 * place) % 2**64 for place in range(3)]], dtype=np.uint64) for n in numbers]
    added = sum(int(word) << 64 * place for place, word in enumerate(plus(*words)[0]))
    assert added == sum(numbers) % 2**192


@pytest.mark.parametrize(("here", "there"), [(1e-6, 1.0), (1.0, 1e-9), (1e-12, 1e5), (1e5, 1e-12)])
def test_small_factors_keep_their_digits(keys, here, there):
    """Factors of 1e-6 have second moments of 1e-12: no digit of them may go."""
    X, Y = RNG.normal(size=(40, 3)) * here, RNG.normal(size=(40, 2)) * there
    halves = [Moments.from_arrays(X[:20], Y[:20]), Moments.from_arrays(X[20:], Y[20:])]
    pair = members(keys, NAMES[:2])
    sent = [pair[a].masked(part, "run-1") for a, part in zip(pair, halves, strict=True)]
    found, expected = sum_masked(sent, NAMES[:2], "run-1"), halves[0] + halves[1]
    for name, part in expected.to_arrays().items():
        np.testing.assert_allclose(found.to_arrays()[name], part, rtol=1e-9, atol=1e-12 * np.abs(part).max())
    np.testing.assert_allclose(
        RidgeMap().fit_moments(found).coef_, RidgeMap().fit_moments(expected).coef_, rtol=1e-6
    )


def test_factors_too_small_to_be_kept_are_refused(keys):
    with pytest.raises(InvalidDataError, match="'sum_x' are too small"):
        members(keys)["ada"].masked(Moments.from_arrays(np.full((3, 2), 1e-40), np.ones((3, 2))), "run-1")


def test_the_difference_of_two_groups_does_not_show_the_late_party(keys):
    """As in one round: kim is late, the others run again, kim's message arrives."""
    first = masked(keys, NAMES, "run-1")
    with pytest.warns(TastebridgeWarning, match="sent exact moments to the group"):
        again = masked(keys, NAMES[:2], "run-2")
    with pytest.warns(TastebridgeWarning, match="added noise"):
        second = sum_masked(again, NAMES[:2], "run-2")
    late = sum_masked(first, NAMES, "run-1")
    assert_same(late, total(NAMES))
    for name, part in PARTS["kim"].to_arrays().items():
        if name != "n":
            gap = (late.to_arrays()[name] - second.to_arrays()[name]) - part
            assert np.sqrt(np.square(gap).mean()) > 0.1 * np.sqrt(np.square(part).mean())


def test_changed_data_is_no_way_round_it(keys):
    """One user more at ada: the difference would still be kim's moments but for one row."""
    masked(keys, NAMES, "run-1")
    more = PARTS["ada"] + Moments.from_arrays(np.ones((1, 3)), np.ones((1, 2)))
    with pytest.warns(TastebridgeWarning, match="noise"):
        assert not members(keys, NAMES[:2])["ada"].masked(more, "run-2").value("exact", bool)


def test_noise_is_new_every_time_and_as_large_as_it_says(keys):
    big = Moments.from_arrays(RNG.normal(size=(500, 30)), RNG.normal(size=(500, 30)))
    pair = {a: Member(a, {b: keys[frozenset((a, b))]}) for a, b in (("ada", "eva"), ("eva", "ada"))}
    masked(keys, NAMES, "run-1")
    found = []
    for session in ("run-2", "run-3"):
        with pytest.warns(TastebridgeWarning):
            sent = pair["ada"].masked(big, session)
        with pytest.warns(TastebridgeWarning):
            other = pair["eva"].masked(Moments.zeros(30, 30), session)
        with pytest.warns(TastebridgeWarning):
            found.append(sum_masked([sent, other], NAMES[:2], session))
    noise = [part.xy - big.xy for part in found]
    assert not np.isclose(*noise).any()
    for part in noise:
        expected = np.sqrt(np.trace(big.xx) / 30 * np.trace(big.yy) / 30)
        assert part.std() == pytest.approx(expected, rel=0.15)
        assert stats.kstest(part.ravel() / part.std(), "norm").pvalue > 1e-4
    assert np.linalg.eigvalsh(found[0].xx).min() > -1e-6 * np.linalg.eigvalsh(found[0].xx).max()


def test_the_same_group_stays_exact_over_sessions(keys):
    for session in ("january", "february"):
        assert_same(sum_masked(masked(keys, NAMES, session), NAMES, session), total(NAMES))


def test_a_new_group_can_be_refused_or_accepted(keys):
    masked(keys, NAMES, "run-1")
    with pytest.raises(InvalidParameterError, match="would show the moments of parties in only one"):
        masked(keys, NAMES[:2], "run-2", on_new_group="error")
    sent = masked(keys, NAMES[:2], "run-3", on_new_group="exact")
    assert_same(sum_masked(sent, NAMES[:2], "run-3"), total(NAMES[:2]))


def test_a_session_serves_once_even_for_a_party_made_anew(keys):
    masked(keys, NAMES, "run-1")
    with pytest.raises(InvalidParameterError, match="used before"):
        members(keys)["ada"].masked(PARTS["eva"], "run-1")


def test_a_ledger_remembers_sessions_and_groups_after_a_restart(keys, tmp_path):
    """The second half runs in another process, which knows only the key file and the ledger."""
    write_key(keys[frozenset(("ada", "eva"))], tmp_path / "key")
    book = tmp_path / "ledger"
    members(keys, ledger=book)["ada"].masked(PARTS["ada"], "run-1")
    script = textwrap.dedent(
        f"""
        import warnings
        from tastebridge.maps.moments import Moments
        from tastebridge.privacy import read_key
        from tastebridge.privacy.federated import Member
        warnings.simplefilter("ignore")
        ada = Member("ada", {{"eva": read_key({str(tmp_path / "key")!r})}}, ledger={str(book)!r})
        print(ada.masked(Moments.zeros(3, 2), "run-2").value("exact", bool))
        try:
            ada.masked(Moments.zeros(3, 2), "run-1")
        except Exception as error:
            print(error)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    exact, error = done.stdout.splitlines()
    assert exact == "False"
    assert "used before" in error
    assert "kim" in book.read_text()
    assert keys[frozenset(("ada", "eva"))].text()[18:] not in book.read_text()


def test_two_rounds_sum_over_those_who_came_and_never_open_a_late_message(keys):
    three = members(keys)
    sealed = {a: three[a].sealed(PARTS[a], "run-1") for a in NAMES}
    came = [Message.from_bytes(sealed[a].to_bytes()) for a in NAMES[:2]]  # kim's is late
    openings = [three[a].opening("run-1", came) for a in NAMES[:2]]
    assert_same(sum_opened(came, openings, "run-1"), total(NAMES[:2]))
    everything = [*came, sealed["kim"]]
    for a in NAMES[:2]:
        with pytest.raises(InvalidParameterError, match="nothing to open"):
            three[a].opening("run-1", everything)
    late = three["kim"].opening("run-1", everything)  # even if the coordinator asks for it
    with pytest.raises(MessageError, match="must be the same"):
        sum_opened(everything, openings, "run-1")
    with pytest.raises(MessageError, match="masks do not cancel"):
        sum_opened(everything, [*openings, late], "run-1")
    words = sealed["kim"].arrays["total"]
    assert stats.kstest(words / 2.0**64, "uniform").pvalue > 1e-4


def test_nothing_that_the_coordinator_holds_takes_the_late_mask_off(keys):
    """All sums and differences of the five messages leave kim's masked words uniform."""
    three = members(keys)
    big = Moments.zeros(30, 30)
    sealed = [three[a].sealed(big, "run-1") for a in NAMES]
    openings = [three[a].opening("run-1", sealed[:2]) for a in NAMES[:2]]
    late = sealed[2].arrays["total"].reshape(-1, 3)
    held = [message.arrays["total"].reshape(-1, 3) for message in (*sealed[:2], *openings)]
    for signs in np.ndindex(3, 3, 3, 3):
        found = late
        for sign, part in zip(signs, held, strict=True):
            found = found if sign == 0 else plus(found, part if sign == 1 else negative(part))
        assert stats.kstest(found[:, 0] / 2.0**64, "uniform").pvalue > 1e-6


def test_a_session_used_again_after_a_restart_shows_nothing_in_two_rounds(keys):
    """New objects, one session, one user more at ada: no difference of messages is the user's row."""
    more = {**PARTS, "ada": PARTS["ada"] + Moments.from_arrays(np.ones((1, 3)), np.ones((1, 2)))}
    runs = []
    for parts in (PARTS, more):
        three = members(keys)
        sealed = [three[a].sealed(parts[a], "run-1") for a in NAMES]
        openings = [three[a].opening("run-1", sealed) for a in NAMES]
        assert_same(sum_opened(sealed, openings, "run-1"), sum((parts[a] for a in NAMES[1:]), parts["ada"]))
        of_ada = (sealed[0].arrays["total"] - openings[0].arrays["total"]).astype(np.uint64)
        runs.append(of_ada)
    assert stats.kstest((runs[1] - runs[0]) / 2.0**64, "uniform").pvalue > 1e-4


def test_the_second_round_remembers_the_group_too(keys):
    three = members(keys)
    sealed = [three[a].sealed(PARTS[a], "run-1") for a in NAMES]
    for a in NAMES:
        three[a].opening("run-1", sealed)
    pair = members(keys, NAMES[:2])
    sealed = [pair[a].sealed(PARTS[a], "run-2") for a in NAMES[:2]]
    with pytest.warns(TastebridgeWarning, match="noise"):
        openings = [pair[a].opening("run-2", sealed) for a in NAMES[:2]]
    with pytest.warns(TastebridgeWarning, match="of little use"):
        found = sum_opened(sealed, openings, "run-2")
    assert np.abs(found.xy - total(NAMES[:2]).xy).max() > 1e-2


def test_messages_that_do_not_belong_together_are_refused(keys):
    three = members(keys)
    sealed = [three[a].sealed(PARTS[a], "run-1") for a in NAMES]
    ada = three["ada"]
    stranger = Member("zoe", {"ada": new_key()}).sealed(PARTS["ada"], "run-1")
    other = members(keys)["eva"].sealed(Moments.zeros(4, 4), "run-1")
    for wrong, told in (
        (sealed[:1], "opens a sum of itself"),
        (sealed[1:], "opens a sum of itself"),
        ([*sealed, stranger], "opens a sum of itself"),
        ([sealed[0], other], "array 'total'"),
        ([*sealed, sealed[1]], "one message of each"),
        ([three["ada"].masked(PARTS["ada"], "run-1"), sealed[1]], "expected a message 'sealed"),
    ):
        with pytest.raises(MessageError, match=told):
            ada.opening("run-1", wrong)
    with pytest.raises(InvalidParameterError, match="nothing to open"):
        ada.opening("run-7", sealed)
    openings = [three[a].opening("run-1", sealed[:2] if a == "eva" else sealed) for a in NAMES]
    with pytest.raises(MessageError, match="shown different messages"):
        sum_opened(sealed, openings, "run-1")
    with pytest.raises(MessageError, match="must be the same"):
        sum_opened(sealed, openings[:2], "run-1")


@given(st.sampled_from(["p", "q", "bits", "exact"]), st.none() | st.integers(-2, 2**70) | st.text(max_size=3))
@settings(deadline=None)
def test_any_changed_value_is_a_message_error(name, value):
    keys = {frozenset(("ada", "eva")): new_key()}
    sent = masked(keys, NAMES[:2], "run-1")
    wrong = Message(
        sent[0].kind, "run-1", "ada", "coordinator", {**sent[0].values, name: value}, sent[0].arrays
    )
    if value != sent[0].values[name]:
        with pytest.raises(MessageError):
            sum_masked([wrong, sent[1]], NAMES[:2], "run-1")
