r"""The search for one user: a bound from short vectors first, then whole vectors of the items within it.

The item vectors are rotated so that few leading components carry most of a score, and cut in two:
:math:`\langle u, v\rangle = \langle u_1, v_1\rangle + \langle u_2, v_2\rangle`. The second part is at most
:math:`\|u_2\|\|v_2\|`, so a short product bounds all scores. Only items whose bound reaches the best found so
far are scored in full, and most are skipped because :math:`\|u\|\|v\|` is too small. The answer is exact. For
many users one large product is faster.

References
----------
H. Li et al., "FEXIPRO: fast and exact inner product retrieval in recommender systems", SIGMOD (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

_WIDTH, _MORE = 96, 96
_LEAST = _WIDTH + _MORE
"""Vectors with fewer components than this are not rotated."""
_ROUNDING, _SHORTEST = 2.0**-22, 1e-200


class Own(NamedTuple):
    """The components and lengths of a user, in the coordinates of a sketch."""

    lead: Floats
    more: Floats
    whole: float
    tail: float
    rest: float


@dataclass(frozen=True)
class Sketch:
    """Item vectors, rotated and cut, longest first.

    Attributes
    ----------
    order, rank : ndarray of int, shape (n_items,)
        The place of the item at each rank, and the rank of the item at each place.
    turn : ndarray of shape (n_components, _WIDTH + _MORE) or None
        A user's leading components are ``u @ turn``; None where vectors are not rotated.
    scale : ndarray of shape (n_components,)
        The length of a user is the length of ``u * scale``.
    lead, more : ndarray of shape (n_items, _WIDTH), (n_items, _MORE)
        The leading components, and the next ones.
    whole, tail, rest : ndarray of shape (n_items,)
        Lengths of the whole vectors, descending, of the remainder without ``lead``, and of the remainder
        without ``lead`` and ``more``, in the scale of the items.
    """

    order: Numbers
    rank: Numbers
    turn: Array | None
    scale: Array
    lead: Floats
    more: Floats
    whole: Array
    tail: Array
    rest: Array

    @classmethod
    def of(cls, V: Floats, norms: Array, typical: Floats | None = None) -> Sketch:
        """Return the sketch of item vectors for users like the ``typical``.

        Small matrices are not rotated. They are kept with their ``norms``, which must be descending.
        """
        if typical is None or V.shape[1] < _LEAST or len(V) < _LEAST:
            same, nothing = np.arange(len(V)), np.zeros(len(V))
            return cls(same, same, None, np.ones(V.shape[1]), V, V[:, :0], norms, nothing, nothing)
        # balance each component between items and users: their product is the same, the bound is tighter
        here, there = (np.sqrt((X.astype(np.float64) ** 2).mean(axis=0)) + 1e-12 for X in (V, typical))
        scale = np.sqrt(here / there)
        W = V / scale
        whole = np.linalg.norm(W, axis=1)
        order = np.argsort(-whole)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        W, whole = W[order], whole[order]
        directions = np.linalg.eigh(W.T @ W)[1][:, ::-1][:, : _WIDTH + _MORE]
        lead, more = np.split(W @ directions, [_WIDTH], axis=1)
        tail = _left(whole, lead)
        rest = _left(tail, more)
        turn, (lead, more) = scale[:, None] * directions, (_contiguous(part) for part in (lead, more))
        return cls(order, rank, turn, scale, lead, more, whole, tail, rest)

    def person(self, u: Floats) -> Own:
        """Return a user ``u`` (n_components,) in the coordinates of the sketch."""
        whole = float(np.linalg.norm(u.astype(np.float64) * self.scale))
        if self.turn is None:
            return Own(u, u[:0], whole, 0.0, 0.0)
        leading = u @ self.turn
        lead, more = leading[:_WIDTH], leading[_WIDTH:]
        tail = float(np.sqrt(max(whole**2 - float(lead @ lead), 0.0))) + _ROUNDING * whole
        rest = float(np.sqrt(max(tail**2 - float(more @ more), 0.0))) + _ROUNDING * whole
        return Own(lead.astype(np.float32), more.astype(np.float32), whole, tail, rest)

    def bounds(self, own: Own, ranks: slice | Numbers = slice(None)) -> tuple[Array, Array]:
        """Return approximate scores of a user for the items of some ranks, and bounds of their errors."""
        near = (self.lead[ranks] @ own.lead).astype(np.float64)
        return near, own.tail * self.tail[ranks] + self._rounding(own) * self.whole[ranks]

    def closer(self, own: Own, ranks: Numbers, near: Array) -> tuple[Array, Array]:
        """Return tighter :meth:`bounds` from more components, given the approximate scores ``near``."""
        near = near + self.more[ranks] @ own.more
        return near, own.rest * self.rest[ranks] + self._rounding(own) * self.whole[ranks]

    def _rounding(self, own: Own) -> float:
        return (self.lead.shape[1] + self.more.shape[1] + 8) * _ROUNDING * own.whole

    def reach(self, own: Own, floor: float) -> int:
        """Return the number of leading ranks whose scores may reach a floor."""
        least = floor / max(own.whole * (1 + _ROUNDING), _SHORTEST)
        return int(np.searchsorted(-self.whole, -least, side="right"))


def _contiguous(part: Array) -> Floats:
    return np.ascontiguousarray(part, dtype=np.float32)


def _left(lengths: Array, parts: Array) -> Array:
    """Return the lengths of the remainders without some components, rounded up."""
    return np.sqrt(np.maximum(lengths**2 - (parts**2).sum(axis=1), 0.0)) + _ROUNDING * lengths
