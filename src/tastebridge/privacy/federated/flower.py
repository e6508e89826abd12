r"""Masked moments over Flower: its transport, its nodes, and the messages of this package within its own.

A Flower *server app* calls every connected node once. Each *client app* answers with the moments of its
users under masks (:class:`tastebridge.privacy.federated.Member`). The server learns their sum:

.. code-block:: python

    # client_app.py: the same code on every node; the node's configuration holds its own part
    def party(context):
        name = context.node_config["party"]
        return Member(name, keys_of(name)), Moments.from_arrays(*factors_of(name))

    app = flower.client_app(party)

    # server_app.py
    app = flwr.serverapp.ServerApp()

    @app.main()
    def main(grid, context):
        mapping = RidgeMap().fit_moments(flower.sum_over(grid, context, ["ada", "eva", "kim"]))

**Each side learns** as much as in sums in one round (:mod:`tastebridge.privacy.federated.aggregate`). Flower
sees no more than its server does. A session is named after Flower's run, and a node answers each session
once. Sessions and groups are kept in the state of Flower's context, which lasts for one run: the app itself
forgets between calls. Give each member a ``ledger`` file to remember groups between runs. A node that fails
is not left out by calling the others again: they would add noise to hide it. Only sums go this way. The
protocol of two parties (:class:`tastebridge.privacy.federated.Party`) does not. In Flower everything passes
the server, and a server that helps *and* sees the masked rows can remove the masks.

References
----------
D. J. Beutel et al., "Flower: a friendly federated learning research framework" (2020).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from tastebridge.exceptions import MessageError, MissingDependencyError
from tastebridge.maps.moments import Moments
from tastebridge.privacy.federated.aggregate import Member, sum_masked
from tastebridge.privacy.federated.messages import Message

if TYPE_CHECKING:
    from flwr.app import Context, RecordDict
    from flwr.app import Message as FlowerMessage
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid

_RECORD, _BYTES, _SESSIONS, _GROUPS = "tastebridge", "message", "sessions", "groups"
_ACTION = "masked_moments"
_CALL, _ALL = "call", "everybody"


def client_app(party: Callable[[Context], tuple[Member, Moments]]) -> ClientApp:
    """Return the Flower ``ClientApp`` of a party, which answers the call of :func:`sum_over`.

    Parameters
    ----------
    party : callable
        From Flower's context to the member and the moments of its users.

    Raises
    ------
    MissingDependencyError
        If Flower is not installed.
    MessageError
        By the app, if it is called by something else, for another run, or twice for one session.

    Examples
    --------
    >>> from tastebridge.privacy.federated import flower
    >>> app = flower.client_app(party)  # doctest: +SKIP
    """
    flwr = _library()
    app = flwr.clientapp.ClientApp()

    def answer(message: FlowerMessage, context: Context) -> FlowerMessage:
        call = unpacked(message)
        call.expect(_CALL, call.session, _ALL)
        # Before the member is asked: a party that fails must not be called a second time with the same masks.
        _use(context, call.session)
        member, moments = party(context)
        masked = member.masked_after(moments, call.session, _groups(context))
        if masked.value("exact", bool):
            _remember(context, member.group)
        return flwr.app.Message(packed(masked), reply_to=message)

    app.query(_ACTION)(answer)
    return app


def sum_over(
    grid: Grid,
    context: Context,
    parties: Sequence[str],
    name: str = "sum",
    timeout: float | None = 600.0,
    coordinator: str = "coordinator",
) -> Moments:
    """Return the sum of the moments of all parties, from within the ``main`` of a Flower ``ServerApp``.

    Parameters
    ----------
    grid, context
        As Flower hands them to ``main``.
    parties : list of str
        The names of the members, each at a node of its own.
    name : str, default="sum"
        The name of this sum within the run: lower-case letters, digits, ``_ . -``.
    timeout : float, optional
        Seconds to wait for answers; None to wait for all.
    coordinator : str, default="coordinator"
        As the members know it.

    Raises
    ------
    MissingDependencyError
        If Flower is not installed.
    MessageError
        If there are not as many nodes as parties, or a node fails or stays away. Also if an answer is damaged
        or they do not add up: see :func:`tastebridge.privacy.federated.sum_masked`.

    Examples
    --------
    >>> from tastebridge.privacy.federated import flower
    >>> moments = flower.sum_over(grid, context, ["ada", "eva"])  # doctest: +SKIP
    """
    flwr, nodes = _library(), list(grid.get_node_ids())
    if len(nodes) != len(parties):
        raise MessageError(
            f"{len(parties)} parties are to be summed, and {len(nodes)} nodes are connected. Start one node "
            "for each party, and call when all are there."
        )
    session = _of_run(context) + name
    call = Message(_CALL, session, coordinator, _ALL)
    calls = [flwr.app.Message(packed(call), node, f"query.{_ACTION}", group_id=name) for node in nodes]
    answers = [unpacked(reply) for reply in grid.send_and_receive(calls, timeout=timeout)]
    return sum_masked(answers, parties, session, coordinator)


def packed(message: Message) -> RecordDict:
    """Return Flower's record of a message: its bytes and nothing else."""
    flwr = _library()
    return flwr.app.RecordDict({_RECORD: flwr.app.ConfigRecord({_BYTES: message.to_bytes()})})


def unpacked(message: FlowerMessage) -> Message:
    """Return the message in one of Flower's.

    Raises
    ------
    MessageError
        If it reports an error at its node, or is not, from first to last, a message of this package.
    """
    if message.has_error():
        raise MessageError(
            f"the party at node {message.metadata.src_node_id} failed: Flower's error {message.error.code} "
            "came instead of its answer. See the log of that node."
        )
    config = message.content.config_records.get(_RECORD, {})
    text = config.get(_BYTES)
    if len(message.content) != 1 or set(config) != {_BYTES} or not isinstance(text, bytes):
        raise MessageError(
            f"a message over Flower must be one record {_RECORD!r} with the bytes of a message; the records "
            f"{sorted(map(str, message.content))[:5]} came."
        )
    return Message.from_bytes(text)


def _of_run(context: Context) -> str:
    """Return how the sessions of a run begin: no other run has them."""
    return f"flower-{context.run_id}."


def _use(context: Context, session: str) -> None:
    """Enter a session of this run among those answered."""
    # Flower makes the app anew for each call and keeps only the state of the context.
    record = context.state.setdefault(_RECORD, _library().app.ConfigRecord())
    used = list(record.get(_SESSIONS, []))
    if not session.startswith(_of_run(context)):
        raise MessageError(f"session {session!r} is not one of run {context.run_id}.")
    if session in used:
        raise MessageError(f"session {session!r} was answered before; its masks serve once. Name another.")
    record[_SESSIONS] = [*used, session]


def _groups(context: Context) -> list[tuple[str, ...]]:
    """Return the groups this node sent exact moments to in this run."""
    return [tuple(group.split(" ")) for group in context.state[_RECORD].get(_GROUPS, [])]


def _remember(context: Context, group: tuple[str, ...]) -> None:
    """Enter a group this node sends exact moments to; names of parties hold no blanks."""
    record = context.state[_RECORD]
    record[_GROUPS] = sorted({*record.get(_GROUPS, []), " ".join(group)})


def _library() -> ModuleType:
    try:
        import flwr
        import flwr.app
        import flwr.clientapp
    except ImportError:
        raise MissingDependencyError(
            "sums over Flower need the package flwr. Install it: pip install 'tastebridge[flower]'."
        ) from None
    return flwr
