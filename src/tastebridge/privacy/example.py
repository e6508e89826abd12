"""Three processes learn a map between two categories, and none of them sees another's users.

``python -m tastebridge.privacy.example`` starts a shop that sells books, a club that shows films, and a
helper (it forks, so not on Windows). Only bytes of messages go between them. They run twice: without noise,
which tells shop and club exactly whom they share, and under differential privacy. At the end each map is
compared with the one that all data in one place would have given. That is done by the example, which made the
data, and by no party.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from tastebridge.data import Panel
from tastebridge.datasets import make_panel
from tastebridge.factors import SVDFactors
from tastebridge.maps import RidgeMap
from tastebridge.maps.moments import Array, Moments
from tastebridge.privacy.federated import Helper, Message, Party
from tastebridge.privacy.keys import new_key

SHOP, CLUB, HELPER = "shop", "club", "helper"
RANK = 8

Mail = dict[str, Any]
"""By name, the connection to every other process."""


def main() -> None:
    """Run the processes, exactly and with noise, and print how far their maps are from the pooled one."""
    panel, _ = make_panel(n_users=20_000, n_items=80, categories=("books", "films"), random_state=0)
    pooled = RidgeMap().fit_moments(pooled_moments(panel))
    sizes = " to ".join(map(str, pooled.coef_.shape))
    print(f"The shop and the club learn a map of {sizes} factors from {len(panel):,} users.")
    for epsilon in (float("inf"), 3.0):
        found = learn(panel, epsilon)
        gap = np.abs(found[SHOP] - pooled.coef_).max() / np.abs(pooled.coef_).max()
        print(f"With epsilon={epsilon:g}:")
        print(f"  Both hold the same: {np.array_equal(found[SHOP], found[CLUB])}.")
        print(f"  Its largest difference from the map of pooled data: {gap:.1e} of the largest coefficient.")


def learn(panel: Panel, epsilon: float) -> dict[str, Any]:
    """Return by name the maps that both parties learn in one run."""
    key, session = new_key(), f"run-{epsilon:g}"
    return run(
        {
            SHOP: lambda mail: party(
                mail, Party(SHOP, CLUB, HELPER, "x", *factors_of(panel, "books"), key, session, epsilon)
            ),
            CLUB: lambda mail: party(
                mail, Party(CLUB, SHOP, HELPER, "y", *factors_of(panel, "films"), key, session, epsilon)
            ),
            HELPER: help_them,
        }
    )


def party(mail: Mail, me: Party) -> Array:
    """Play one of the two parties and return the map both learn."""
    mail[HELPER].send_bytes(me.people().to_bytes())
    rows = me.rows(Message.from_bytes(mail[HELPER].recv_bytes()))
    share = me.share(_exchange(mail[me.peer], rows, me.side))
    moments = me.moments(_exchange(mail[me.peer], share, me.side))
    return RidgeMap().fit_moments(moments).coef_


def help_them(mail: Mail) -> None:
    """Play the helper."""
    people = [Message.from_bytes(mail[name].recv_bytes()) for name in (SHOP, CLUB)]
    for name, deal in zip((SHOP, CLUB), Helper(HELPER).deal(*people), strict=True):
        mail[name].send_bytes(deal.to_bytes())


def factors_of(panel: Panel, category: str) -> tuple[np.ndarray, Array]:
    """Return the data of a party: the ids of its users and their factors."""
    part = panel[category]
    rows = part.matrix[part.active_numbers]
    return panel.users.ids[part.active_numbers], np.asarray(SVDFactors(RANK).fit(rows).transform(rows))


def pooled_moments(panel: Panel) -> Moments:
    """Return the moments that one owner of all data would compute."""
    (here, X), (there, Y) = factors_of(panel, "books"), factors_of(panel, "films")
    _, at_x, at_y = np.intersect1d(here, there, return_indices=True)
    return Moments.from_arrays(X[at_x], Y[at_y])


def run(roles: dict[str, Callable[[Mail], Any]]) -> dict[str, Any]:
    """Run every role in a process of its own, joined by pipes, and return their results by name."""
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


def _exchange(connection: Connection, message: Message, side: str) -> Message:
    """Send a message and receive the other's. One side speaks first, so that neither waits for the other."""
    if side == "x":
        connection.send_bytes(message.to_bytes())
        return Message.from_bytes(connection.recv_bytes())
    came = Message.from_bytes(connection.recv_bytes())
    connection.send_bytes(message.to_bytes())
    return came


if __name__ == "__main__":
    main()
