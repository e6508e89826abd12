import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from tastebridge.exceptions import InvalidDataError, InvalidParameterError, MessageError
from tastebridge.maps import RidgeMap
from tastebridge.maps.moments import Moments
from tastebridge.privacy import example, new_key
from tastebridge.privacy.federated import Helper, Member, Message, Party, messages, sum_masked
from tastebridge.privacy.federated.fixed import from_fixed, mask, product, to_fixed
from tastebridge.privacy.federated.vertical import bilinear

KEY = new_key()
MESSAGE = Message(
    "sum", "run-1", "ada", "eva", {"n": 3, "who": ["x", 1.5, None]}, {"total": np.arange(6.0).reshape(2, 3)}
)


def through_bytes(message):
    return Message.from_bytes(message.to_bytes())


@given(arrays(np.float64, (3, 2), elements=st.floats(-1e6, 1e6)), st.integers(0, 30))
def test_fixed_point_comes_back_to_the_grid(values, bits):
    np.testing.assert_allclose(from_fixed(to_fixed(values, bits), bits), values, atol=2.0**-bits / 2 + 1e-9)


@pytest.mark.parametrize("value", [2.0**40, -(2.0**40), np.nan, np.inf])
def test_fixed_point_refuses_what_would_wrap(value):
    with pytest.raises(InvalidDataError, match="too large"):
        to_fixed(np.array([value]), 24)


def test_products_are_those_of_whole_numbers_modulo_2_64():
    rng = np.random.default_rng(0)
    A, B = (rng.integers(0, 2**64, (5, 3), dtype=np.uint64) for _ in range(2))
    by_hand = [
        [sum(int(a) * int(b) for a, b in zip(A[:, i], B[:, j], strict=True)) % 2**64 for j in range(3)]
        for i in range(3)
    ]
    assert product(A, B).tolist() == by_hand


def test_masks_are_uniform_and_differ_by_secret_and_label():
    drawn = mask(b"secret", "a", (4000,))
    assert stats.kstest(drawn / 2.0**64, "uniform").pvalue > 1e-3
    for other in (mask(b"Secret", "a", (4000,)), mask(b"secret", "b", (4000,))):
        assert not (drawn == other).any()


def _members(n=3):
    names = [f"party-{i}" for i in range(n)]
    keys = {frozenset((a, b)): new_key() for a in names for b in names if a < b}
    return [Member(a, {b: keys[frozenset((a, b))] for b in names if b != a}) for a in names]


def _parts(n=3):
    rng = np.random.default_rng(0)
    return [Moments.from_arrays(rng.normal(size=(20, 4)), rng.normal(size=(20, 3))) for _ in range(n)]


def test_the_coordinator_gets_the_sum_and_the_pooled_map():
    members, parts = _members(), _parts()
    sent = [through_bytes(member.masked(part, "run-1")) for member, part in zip(members, parts, strict=True)]
    found = sum_masked(sent[::-1], [member.name for member in members], "run-1")
    pooled = parts[0] + parts[1] + parts[2]
    for name, expected in pooled.to_arrays().items():
        np.testing.assert_allclose(found.to_arrays()[name], expected, atol=1e-6)
    np.testing.assert_allclose(
        RidgeMap().fit_moments(found).coef_, RidgeMap().fit_moments(pooled).coef_, atol=1e-7
    )


def test_what_a_party_sends_looks_the_same_whatever_it_holds():
    zero = Moments.zeros(30, 30)
    sent = _members()[0].masked(zero, "run-1").arrays["total"]
    assert stats.kstest(sent / 2.0**64, "uniform").pvalue > 1e-4


def test_a_sum_that_is_not_whole_is_refused():
    members, parts = _members(), _parts()
    sent = [member.masked(part, "run-1") for member, part in zip(members, parts, strict=True)]
    names = [member.name for member in members]
    for wrong in (sent[:2], [*sent, sent[0]], []):
        with pytest.raises(MessageError, match="needs one message of each"):
            sum_masked(wrong, names, "run-1")
    with pytest.raises(MessageError, match="session 'run-1'"):
        sum_masked(sent, names, "run-2")
    with pytest.raises(MessageError, match="masks do not cancel"):
        sum_masked(sent[:2], names[:2], "run-1")
    stranger = Member(names[0], {name: new_key() for name in names[1:]}).masked(parts[0], "run-1")
    with pytest.raises(MessageError, match="do not share a key"):
        sum_masked([stranger, *sent[1:]], names, "run-1")
    other = members[0].masked(Moments.zeros(4, 4), "run-3")
    with pytest.raises(MessageError):
        sum_masked([other, *sent[1:]], names, "run-1")


def test_a_session_serves_once():
    member, part = _members()[0], _parts()[0]
    member.masked(part, "run-1")
    with pytest.raises(InvalidParameterError, match="used before"):
        member.masked(part, "run-1")


INF = float("inf")


def _two(X_ids, X, Y_ids, Y, keys=(KEY, KEY), session="run-1", epsilon=INF):
    return (
        Party("shop", "club", "helper", "x", X_ids, X, keys[0], session, epsilon),
        Party("club", "shop", "helper", "y", Y_ids, Y, keys[1], session, epsilon),
    )


def _run(shop, club, seen=None):
    sent = [through_bytes(part.people()) for part in (shop, club)]
    deals = [through_bytes(message) for message in Helper().deal(*sent)]
    rows = [through_bytes(part.rows(deal)) for part, deal in zip((shop, club), deals, strict=True)]
    shares = [through_bytes(part.share(row)) for part, row in zip((shop, club), rows[::-1], strict=True)]
    if seen is not None:
        seen.extend([*sent, *deals, *rows, *shares])
    return [part.moments(share) for part, share in zip((shop, club), shares[::-1], strict=True)]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**32 - 1), st.sampled_from([1e-6, 1.0, 1e6]))
@settings(max_examples=25, deadline=None)
def test_two_parties_learn_the_moments_of_the_people_they_share(p, q, seed, size):
    rng = np.random.default_rng(seed)
    X_ids, Y_ids = (rng.permutation(40)[:25] for _ in range(2))
    X, Y = rng.normal(size=(25, p)) * size, rng.normal(size=(25, q))
    one, two = _run(*_two(X_ids, X, Y_ids, Y))
    _, at_x, at_y = np.intersect1d(X_ids, Y_ids, return_indices=True)
    scale = {"n": 1, "sum_x": size, "sum_y": 1, "xx": size**2, "xy": size, "yy": 1}
    for name, expected in Moments.from_arrays(X[at_x], Y[at_y]).to_arrays().items():
        np.testing.assert_array_equal(one.to_arrays()[name], two.to_arrays()[name])
        np.testing.assert_allclose(one.to_arrays()[name] / scale[name], expected / scale[name], atol=1e-4)


def test_the_federated_map_is_the_pooled_map():
    rng = np.random.default_rng(0)
    X, ids = rng.normal(size=(400, 6)), np.array([f"person-{i}" for i in range(400)])
    Y = X @ rng.normal(size=(6, 5)) + rng.normal(size=(400, 5))
    shop, club = _two(ids[:300], X[:300], ids[100:][::-1], Y[100:][::-1])
    found = RidgeMap().fit_moments(_run(shop, club)[0])
    pooled = RidgeMap().fit(X[100:300], Y[100:300])
    np.testing.assert_allclose(found.coef_, pooled.coef_, atol=1e-5)
    np.testing.assert_allclose(found.intercept_, pooled.intercept_, atol=1e-5)


def test_no_message_tells_rows_ids_or_who_is_shared():
    """Rows that are all the same, zero for some people: what is sent of them is uniform all the same."""
    n = 300
    X, ids, seen = np.zeros((n, 3)), np.array([f"person-{i:04}" for i in range(n)]), []
    X[: n // 2] = 7.0
    _run(*_two(ids, X, ids[: n // 3], np.ones((n // 3, 2))), seen)
    whole = b"".join(message.to_bytes() for message in seen)
    assert b"person" not in whole
    shop, club = (message.arrays["rows"] for message in seen if message.kind == "rows")
    for rows in (shop, club):
        for column in rows.T:
            assert stats.kstest(column / 2.0**64, "uniform").pvalue > 1e-6
    assert len(shop) == len(club) == n + n // 3
    slots = [message.arrays["slots"] for message in seen if message.kind == "deal"]
    assert np.intersect1d(*slots).size == n // 3


def test_pseudonyms_of_two_sessions_cannot_be_linked():
    X = np.ones((5, 1))
    one, two = (_two(range(5), X, range(5), X, session=name)[0].people() for name in ("run-1", "run-2"))
    assert not np.intersect1d(one.arrays["pseudonyms"], two.arrays["pseudonyms"]).size


def test_with_different_keys_nobody_is_shared():
    X = np.ones((5, 1))
    assert _run(*_two(range(5), X, range(5), X, keys=(KEY, new_key())))[0].n == 0.0


def test_ids_of_different_kinds_are_told_and_not_silently_unpaired():
    X = np.ones((2, 1))
    shop, club = _two([1, 2], X, ["1", "2"], X)
    with pytest.raises(MessageError, match="one kind on both sides"):
        Helper().deal(shop.people(), club.people())


def test_steps_serve_once_and_in_their_order():
    X = np.ones((2, 1))
    shop, club = _two([1, 2], X, [1, 2], X)
    with pytest.raises(InvalidParameterError, match="is at step 1"):
        shop.share(MESSAGE)
    helper, sent = Helper(), (shop.people(), club.people())
    deal, _ = helper.deal(*sent)
    with pytest.raises(MessageError, match="was dealt before"):
        helper.deal(*sent)
    shop.rows(deal)
    with pytest.raises(InvalidParameterError, match="serves once"):
        shop.rows(deal)


def test_two_of_one_side_are_refused():
    X = np.ones((2, 1))
    shop, _ = _two([1, 2], X, [1, 2], X)
    twin = Party("twin", "shop", "helper", "x", [1], X[:1], KEY, "run-1", INF)
    with pytest.raises(MessageError, match="another target factors"):
        Helper().deal(shop.people(), twin.people())


def test_shares_alone_say_nothing():
    X = np.ones((50, 8))
    seen = []
    _run(*_two(range(50), X, range(50), X), seen)
    for message in seen:
        if message.kind == "share":
            assert stats.kstest(message.arrays["share"] / 2.0**64, "uniform").pvalue > 1e-6


def test_bilinear_is_linear_in_both_modulo_2_64():
    rng = np.random.default_rng(0)
    A, B, R, S = (rng.integers(0, 2**64, (4, 6), dtype=np.uint64) for _ in range(4))
    whole = bilinear(A + R, B + S, 2, 2)
    np.testing.assert_array_equal(
        whole, bilinear(A, B, 2, 2) + bilinear(A, S, 2, 2) + bilinear(R, B + S, 2, 2)
    )


@pytest.mark.parametrize(
    ("ids", "factors"),
    [
        ([1, 1], [[1.0], [2.0]]),
        ([1], [[1.0], [2.0]]),
        ([1], [[np.nan]]),
        ([None, 1], [[1.0], [2.0]]),
        ([], np.ones((0, 1))),
    ],
)
def test_people_and_factors_that_do_not_fit_are_refused(ids, factors):
    with pytest.raises(InvalidDataError):
        Party("shop", "club", "helper", "x", ids, factors, KEY, "run-1")


def test_a_message_comes_back_from_its_bytes():
    back = through_bytes(MESSAGE)
    assert (back.kind, back.session, back.sender, back.receiver) == ("sum", "run-1", "ada", "eva")
    assert back.values == MESSAGE.values
    np.testing.assert_array_equal(back.arrays["total"], MESSAGE.arrays["total"])


@given(st.data())
@settings(deadline=None)
def test_a_message_cut_or_flipped_is_a_message_or_an_error(data):
    text = MESSAGE.to_bytes()
    place = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(MessageError):
        Message.from_bytes(text[:place])
    changed = text[:place] + bytes([data.draw(st.integers(0, 255))]) + text[place + 1 :]
    try:
        Message.from_bytes(changed).to_bytes()
    except MessageError as error:
        assert "\n" not in str(error)  # noqa: PT017 - either is right, a crash is not


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=6), x, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(["version", "kind", "session", "sender", "receiver", "values", "arrays", "more"]), JSON
)
@settings(deadline=None)
def test_a_field_of_any_content_is_a_message_or_an_error(name, content):
    made = json.loads(MESSAGE.to_bytes())
    made[name] = content
    try:
        Message.from_bytes(json.dumps(made).encode()).to_bytes()
    except MessageError:
        return
    assert name != "more"


@given(
    st.fixed_dictionaries(
        {
            "dtype": st.sampled_from(["<f8", "<u8", "|O", ">f8"]) | JSON,
            "shape": st.lists(st.integers(-2, 2**70), max_size=3) | JSON,
            "data": st.text("AAAAAAAA=/ é", max_size=24) | JSON,
        }
    )
)
@settings(deadline=None)
def test_an_array_of_any_content_is_an_array_or_an_error(packed):
    made = json.loads(MESSAGE.to_bytes())
    made["arrays"] = {"total": packed}
    try:
        array = Message.from_bytes(json.dumps(made).encode()).arrays["total"]
    except MessageError:
        return
    assert array.dtype.str == packed["dtype"]
    assert array.size == math.prod(packed["shape"])


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"[" * 100_000, "not a message"),
        (b'{"a":1,"a":2}', "a field comes twice"),
        (b"\xff\xfe", "not a message"),
        (b'{"n": NaN}', "NaN is not a JSON number"),
        (b"9" * 10_000, "not a message"),
        (b"{}", "of the schema"),
    ],
)
def test_what_is_no_message_is_told(text, error):
    with pytest.raises(MessageError, match=error):
        Message.from_bytes(text)


def test_a_message_that_is_too_long_is_refused_both_ways(monkeypatch):
    text = MESSAGE.to_bytes()
    monkeypatch.setattr(messages, "LARGEST", len(text) - 1)
    with pytest.raises(MessageError, match="more than"):
        MESSAGE.to_bytes()
    with pytest.raises(MessageError, match="may have"):
        Message.from_bytes(text)


@given(st.sampled_from(["people", "deal", "rows", "share"]), st.data())
@settings(max_examples=60, deadline=None)
def test_a_party_meets_any_changed_message_with_an_error_or_a_result(kind, data):
    X = np.ones((3, 2))
    shop, club = _two([1, 2, 3], X, [2, 3, 4], X)

    def meet(message):
        if message.kind != kind:
            return message
        values = {**message.values}
        arrays = {**message.arrays}
        name = data.draw(st.sampled_from(sorted([*values, *arrays])))
        if name in values:
            values[name] = data.draw(
                st.none() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5)
            )
        else:
            arrays[name] = np.zeros(
                data.draw(st.sampled_from([(0,), (3,), (3, 2), (6, 6), (9,)])),
                data.draw(st.sampled_from(["<u8", "<i8", "<f8"])),
            )
        return Message(kind, message.session, message.sender, message.receiver, values, arrays)

    try:
        sent = meet(shop.people()), club.people()
        deals = Helper().deal(*sent)
        rows = shop.rows(meet(deals[0])), club.rows(deals[1])
        shares = shop.share(meet(rows[1])), club.share(rows[0])
        shop.moments(meet(shares[1]))
    except MessageError as error:
        assert KEY.text()[18:] not in str(error)  # noqa: PT017


def test_the_example_of_three_processes_runs(capfd):
    example.main()
    said = capfd.readouterr().out
    assert said.count("Both hold the same: True") == 2
    exact, noisy = (float(part.split()[0]) for part in said.split("pooled data: ")[1:])
    assert exact < 1e-6 < noisy < 0.5
