"""A fold in time: the events before a moment, and the users with target rows after it.

If users are hidden at random, their other events date from the same period as the hidden ones. For a user
who enters the target now, the other events are earlier. So if events have times, one more fold hides the last
fifth of all events. Its users without earlier rows in the target are cold, the others warm.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.cells import only
from tastebridge.fitting.folds import FEWEST_LINKED, Held, one_each
from tastebridge.fitting.out_of_fold import JUDGED
from tastebridge.fitting.popularity_drift import untested_weights
from tastebridge.model import Array
from tastebridge.routes import FitContext, Histories
from tastebridge.routes.recent import SHARES, change_of_share, counts_of

Numbers = NDArray[np.int64]
_SHARE = 0.8
"""Share of all events before the moment."""


class Dated(NamedTuple):
    """Events with weights that carry ages, of the last and of the first event of each pair.

    Attributes
    ----------
    rows, first : mapping of category to csr_matrix
        The very same where no pair met several times.
    """

    rows: Histories
    first: Histories

    @property
    def moment(self) -> float:
        """The weight of the first event after the moment: later events weigh as much or more."""
        weights = np.sort(np.concatenate([rows.data for rows in self.first.values()]))
        return float(weights[int(_SHARE * len(weights))])

    def before(self, histories: Histories) -> dict[str, sparse.csr_matrix]:
        """Return the events before the moment; weights that carry ages carry the ages events had then.

        A pair that met before the moment and again after it has the age of its first event.
        """
        moment, found = self.moment, {}
        for name, rows in histories.items():
            first = self.first[name].data
            known = first < moment
            past = only(rows, known)
            if rows is self.rows[name]:
                weights = np.where(rows.data < moment, rows.data, first)[known]
                past.data = (weights / np.float32(moment)).astype(np.float32)
            found[name] = past
        return found


class Later(NamedTuple):
    """The fold in time of one target.

    Attributes
    ----------
    past : mapping of category to csr_matrix
        The events before the moment.
    held : list of Held
        Users with target rows after it, and these rows.
    changes : ndarray of shape (n_half_lives, n_items)
        The change of the logarithm of each item's share where older events before the moment count less.
    weights : ndarray, optional
        The weight of recent popularity for each half-life; None where popularity does not drift.
    weights_then : ndarray, optional
        The same weights, learned from the events before the moment.
    shared : FitContext, optional
        The context of the events of all categories before the moment, which has factors for several targets.
    """

    past: Mapping[str, sparse.csr_matrix]
    held: list[Held]
    changes: Array
    weights: Array | None
    weights_then: Array | None
    shared: FitContext | None

    @classmethod
    def of(
        cls,
        histories: Histories,
        dated: Dated,
        target: str,
        weights: Array | None,
        seed: int,
        shared: FitContext | None = None,
    ) -> Later | None:
        """Return the fold in time of a target; None with too few users with later rows.

        Parameters
        ----------
        histories : mapping of category to csr_matrix
            The rows the routes learn from.
        dated : Dated
            The same rows with weights that carry ages; the very same where the routes learn from these.
        target : str
        weights : ndarray, optional
            As of :func:`tastebridge.fitting.popularity_drift.recent_weights`.
        seed : int
            Of the draw of rows and users.
        shared : FitContext, optional
            As of the attribute.
        """
        if shared is None:
            past = dated.before(histories)
        else:
            past = {name: shared.histories[name] for name in histories}
        held = held_in_time(histories, past, target, seed)
        if not held:
            return None
        earlier = dated.before({target: dated.rows[target]})[target]
        changes = [change_of_share(*counts_of(earlier, share)) for share in SHARES]
        then = None if weights is None else untested_weights(earlier)
        return cls(past, held, np.stack(changes), weights, then, shared)

    def context(self, whole: FitContext) -> FitContext:
        """Return the context of the events before the moment; it shares no factors with the whole."""
        parent = whole if self.shared is None else self.shared
        return FitContext(self.past, whole.target, whole.rank, parent, whole.features, whole.same, whole.seed)


def held_in_time(histories: Histories, past: Histories, target: str, seed: int) -> list[Held]:
    """Return the users with target rows after the moment: new to the target then ("cold"), or not ("warm").

    Cold users had rows elsewhere before. All later rows of theirs are hidden, and one of each warm user.
    Rows of items without earlier events are left out: no route could know the items.

    Parameters
    ----------
    histories, past : mapping of category to csr_matrix
        All events, and those before the moment.
    target : str
    seed : int
        Of the draw of rows and users.
    """
    rng = np.random.default_rng(seed)
    rows, earlier = histories[target], past[target]
    known = np.bincount(earlier.indices, minlength=earlier.shape[1]) > 0
    late = sparse.csr_matrix(rows.astype(bool).astype(np.float32) - earlier.astype(bool).astype(np.float32))
    late.eliminate_zeros()
    late.sort_indices()
    late = only(late, known[late.indices])
    had, comes = np.diff(earlier.indptr) > 0, np.diff(late.indptr) > 0
    elsewhere = np.any([np.diff(part.indptr) > 0 for name, part in past.items() if name != target], axis=0)
    cold = _at_most(np.flatnonzero(comes & ~had & elsewhere), rng)
    warm = _at_most(np.flatnonzero(comes & had), rng)
    found = [Held("cold", cold, late[cold]), Held("warm", warm, one_each(late[warm], rng))]
    return [part for part in found if len(part.people) >= FEWEST_LINKED]


def _at_most(users: Numbers, rng: np.random.Generator) -> Numbers:
    return users if len(users) <= JUDGED else np.sort(rng.choice(users, JUDGED, replace=False))
