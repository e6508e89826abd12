"""Three processes learn a map between two categories, and none of them sees another's people.

``python -m tastebridge.privacy.example`` starts a shop that sells books, a club that shows films, and a
helper (it forks, so not on Windows). Only bytes of messages go between them. At the end the map they learned
is compared with the one that all data in one place would have given; that is done by the example, which made
the data, and by no party.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

import numpy as np

from tastebridge.data import Panel
from tastebridge.datasets import make_panel
from tastebridge.factors import SVDFactors
from tastebridge.maps import RidgeMap
from tastebridge.maps.moments import Array, Moments
from tastebridge.privacy.federated import Helper, Message, Party
from tastebridge.privacy.keys import Key, new_key

SHOP, CLUB, HELPER, SESSION = "shop", "club", "helper", "first-run"
RANK = 8

Mail = dict[str, Any]
"""By name, the connection to every other process."""


def main() -> None:
    """Run the three processes and say what came out."""
    panel, _ = make_panel(n_users=800, n_items=80, categories=("books", "films"), random_state=0)
    key = new_key()
    found = run(
        {
            SHOP: lambda mail: party(mail, SHOP, CLUB, "x", *factors_of(panel, "books"), key),
            CLUB: lambda mail: party(mail, CLUB, SHOP, "y", *factors_of(panel, "films"), key),
            HELPER: help_them,
        }
    )
    pooled = RidgeMap().fit_moments(pooled_moments(panel))
    gap = np.abs(found[SHOP] - pooled.coef_).max() / np.abs(pooled.coef_).max()
    print(
        f"The shop and the club learned a map of {pooled.coef_.shape[0]} to {pooled.coef_.shape[1]} factors."
    )
    print(f"Both hold the same: {np.array_equal(found[SHOP], found[CLUB])}.")
    print(f"Its largest difference from the map of pooled data: {gap:.1e} of the largest coefficient.")


def party(mail: Mail, name: str, peer: str, side: Any, ids: np.ndarray, factors: Array, key: Key) -> Array:
    """Play one of the two parties and return the map both learn."""
    me = Party(name, peer, HELPER, side, ids, factors, key, SESSION)
    mail[HELPER].send_bytes(me.people().to_bytes())
    rows = me.rows(Message.from_bytes(mail[HELPER].recv_bytes()))
    share = me.share(_exchange(mail[peer], rows, side))
    moments = me.moments(_exchange(mail[peer], share, side))
    return RidgeMap().fit_moments(moments).coef_


def help_them(mail: Mail) -> None:
    """Play the helper."""
    people = [Message.from_bytes(mail[name].recv_bytes()) for name in (SHOP, CLUB)]
    for name, deal in zip((SHOP, CLUB), Helper(HELPER).deal(*people), strict=True):
        mail[name].send_bytes(deal.to_bytes())


def factors_of(panel: Panel, category: str) -> tuple[np.ndarray, Array]:
    """Return what a business knows: the ids of its own people and their factors."""
    part = panel[category]
    rows = part.matrix[part.active_numbers]
    return panel.users.ids[part.active_numbers], np.asarray(SVDFactors(RANK).fit(rows).transform(rows))


def pooled_moments(panel: Panel) -> Moments:
    """Return the moments that one owner of all data would compute."""
    (here, X), (there, Y) = factors_of(panel, "books"), factors_of(panel, "films")
    _, at_x, at_y = np.intersect1d(here, there, return_indices=True)
    return Moments.from_arrays(X[at_x], Y[at_y])


def run(roles: dict[str, Callable[[Mail], Any]]) -> dict[str, Any]:
    """Run every role in a process of its own, joined by pipes, and return what they return."""
    context = multiprocessing.get_context("fork")
    names = list(roles)
    mail: dict[str, Mail] = {name: {} for name in names}
    for place, one in enumerate(names):
        for two in names[place + 1 :]:
            mail[one][two], mail[two][one] = context.Pipe()
    results: Any = context.SimpleQueue()
    workers = [
        context.Process(target=lambda name=name: results.put((name, roles[name](mail[name]))))
        for name in names
    ]
    for worker in workers:
        worker.start()
    found = dict(results.get() for _ in names)
    for worker in workers:
        worker.join()
    return found


def _exchange(connection: Any, message: Message, side: str) -> Message:
    """Send a message and receive the other's: one side speaks first, so that neither waits for the other."""
    if side == "x":
        connection.send_bytes(message.to_bytes())
        return Message.from_bytes(connection.recv_bytes())
    came = Message.from_bytes(connection.recv_bytes())
    connection.send_bytes(message.to_bytes())
    return came


if __name__ == "__main__":
    main()
