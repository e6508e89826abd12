"""Sums over Flower: real messages of Flower, through its own bytes, over a grid in memory."""

import sys

import numpy as np
import pytest

from tastebridge.exceptions import MessageError, MissingDependencyError
from tastebridge.maps import RidgeMap
from tastebridge.maps.moments import Moments
from tastebridge.privacy import new_key
from tastebridge.privacy.federated import Member, flower

NAMES = ("ada", "eva", "kim")
KEYS = {}
RUN = 17


@pytest.fixture(autouse=True)
def new_keys():
    """Give every test keys of its own: a process remembers the sessions of a key."""
    KEYS.update({frozenset((a, b)): new_key() for a in NAMES for b in NAMES if a < b})


def rows_of(name):
    rng = np.random.default_rng(NAMES.index(name))
    X = rng.normal(size=(30, 4))
    return X, X @ np.arange(12.0).reshape(4, 3) + rng.normal(size=(30, 3))


def party(context):
    """What a node knows by its configuration; the member is made anew at every call, as in Flower."""
    name = context.node_config["party"]
    keys = {other: KEYS[frozenset((name, other))] for other in NAMES if other != name}
    return Member(name, keys), Moments.from_arrays(*rows_of(name))


def test_without_flower_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "flwr", None)
    with pytest.raises(MissingDependencyError, match=r"tastebridge\[flower\]"):
        flower.client_app(party)


@pytest.fixture
def flwr(monkeypatch):
    pytest.importorskip("flwr.app", reason="needs flwr: pip install '.[flower]'")
    pytest.importorskip("flwr.serverapp")
    from flwr.supercore.task_identity import TaskIdentity

    for name, value in {"run_id": RUN, "node_id": 0, "task_id": 1}.items():
        monkeypatch.setattr(TaskIdentity, f"_{name}", value)  # as Flower's own processes do when they start
    return sys.modules["flwr"]


@pytest.fixture
def grid(flwr):
    """Return a grid whose nodes run the client app, each with a context of its own."""
    from flwr.common.serde import message_from_proto, message_to_proto

    app, Message = flower.client_app(party), flwr.app.Message

    def through_bytes(message):
        proto = message_to_proto(message)
        return message_from_proto(type(proto).FromString(proto.SerializeToString()))

    class MemoryGrid(flwr.serverapp.Grid):
        """Delivers at once; ``spoil`` may change an answer on its way."""

        run = property(lambda self: None)

        def __init__(self, names=NAMES):
            self.contexts = {
                1 + at: flwr.app.Context(RUN, 1 + at, {"party": name}, flwr.app.RecordDict(), {})
                for at, name in enumerate(names)
            }
            self.spoil, self.seen = (lambda reply: reply), []

        def set_run(self, run):
            raise NotImplementedError

        def create_message(self, *args, **kwargs):
            raise NotImplementedError

        def get_node_ids(self):
            return list(self.contexts)

        def push_messages(self, messages):
            raise NotImplementedError

        def pull_messages(self, message_ids):
            raise NotImplementedError

        def send_and_receive(self, messages, *, timeout=None):
            return [self.spoil(self._answer(through_bytes(message))) for message in messages]

        def _answer(self, message):
            try:
                reply = app(message, self.contexts[message.metadata.dst_node_id])
            except MessageError as error:  # as Flower's node does
                reply = Message(flwr.app.Error(2, str(error)), reply_to=message)
            self.seen.append(message_to_proto(reply).SerializeToString())
            return through_bytes(reply)

    return MemoryGrid()


@pytest.fixture
def context(flwr):
    return flwr.app.Context(RUN, 0, {}, flwr.app.RecordDict(), {})


def sum_in_server_app(flwr, grid, context, *args, **kwargs):
    """Return what the main of a real server app gets."""
    app, found = flwr.serverapp.ServerApp(), []

    @app.main()
    def main(grid, context):
        found.append(flower.sum_over(grid, context, *args, **kwargs))

    app(grid, context)
    return found[0]


def test_the_federated_map_is_the_pooled_map(flwr, grid, context):
    found = sum_in_server_app(flwr, grid, context, NAMES[::-1])
    X, Y = (np.vstack(part) for part in zip(*map(rows_of, NAMES), strict=True))
    assert found.n == 90
    federated, pooled = RidgeMap().fit_moments(found), RidgeMap().fit(X, Y)
    np.testing.assert_allclose(federated.coef_, pooled.coef_, atol=1e-5)
    np.testing.assert_allclose(federated.intercept_, pooled.intercept_, atol=1e-5)


def test_a_session_is_answered_once_and_another_may_follow(flwr, grid, context):
    first = flower.sum_over(grid, context, NAMES)
    with pytest.raises(MessageError, match="Flower's error 2"):
        flower.sum_over(grid, context, NAMES)
    assert sum("serve once" in sent.decode("utf-8", "replace") for sent in grid.seen) == len(NAMES)
    assert flower.sum_over(grid, context, NAMES, "again").n == first.n


def test_a_call_for_another_run_or_of_another_kind_is_refused(flwr, grid, context):
    context.run_id = RUN + 1
    with pytest.raises(MessageError, match="Flower's error 2"):
        flower.sum_over(grid, context, NAMES)
    assert b"is not one of run 17" in grid.seen[0]
    member, moments = party(grid.contexts[1])
    alien = flower.packed(member.masked(moments, "run-1"))
    with pytest.raises(MessageError, match="expected a message 'call'"):
        flower.client_app(party)(flwr.app.Message(alien, 1, "query.masked_moments"), grid.contexts[1])


def test_nodes_that_are_not_the_parties_are_told(flwr, grid, context):
    with pytest.raises(MessageError, match="2 parties are to be summed, and 3 nodes"):
        flower.sum_over(grid, context, NAMES[:2])
    with pytest.raises(MessageError, match="needs one message of each"):
        flower.sum_over(grid, context, ["ada", "eva", "zoe"])


@pytest.mark.parametrize("place", [0, 1, 7, 100, -1])
def test_an_answer_cut_or_flipped_is_one_clear_error(flwr, grid, context, place):
    def spoiled(change):
        def spoil(reply):
            config = reply.content.config_records["tastebridge"]
            config["message"] = change(config["message"])
            return reply

        return spoil

    for name, change in {
        "cut": lambda text: text[:place],
        "flipped": lambda text: bytes([*text[:place], text[place] ^ 1, *text[place:][1:]]),
        "empty": lambda text: b"",
        "text": lambda text: text.decode(),
    }.items():
        grid.spoil = spoiled(change)
        with pytest.raises(MessageError) as error:
            flower.sum_over(grid, context, NAMES, name)
        assert "\n" not in str(error.value)


def test_records_that_are_not_ours_are_one_clear_error(flwr, grid, context):
    config = flwr.app.ConfigRecord
    for name, records in {
        "none": {},
        "other": {"other": config({"message": b"{}"})},
        "more": {"tastebridge": config({"message": b"{}", "more": 1})},
        "two": {"tastebridge": config({"message": b"{}"}), "other": config()},
        "array": {"tastebridge": flwr.app.ArrayRecord()},
    }.items():
        grid.spoil = lambda reply, records=records: flwr.app.Message(
            flwr.app.RecordDict(records), reply_to=reply
        )
        with pytest.raises(MessageError, match="must be one record 'tastebridge'"):
            flower.sum_over(grid, context, NAMES, name)


def test_an_answer_that_stays_away_is_told(flwr, grid, context):
    whole = grid.send_and_receive
    grid.send_and_receive = lambda messages, timeout=None: whole(messages)[1:]
    with pytest.raises(MessageError, match="needs one message of each"):
        flower.sum_over(grid, context, NAMES)
