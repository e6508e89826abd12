r"""The search for one person: short vectors first, whole ones for what they leave open.

The item vectors are turned so that few leading components carry most of a score, and cut in two:
:math:`\langle u, v\rangle = \langle u_1, v_1\rangle + \langle u_2, v_2\rangle`, of which the second part is
at most :math:`\|u_2\|\|v_2\|`. So a short product bounds all scores, and only items whose bound reaches the
best found so far are scored in full; most are not looked at, for :math:`\|u\|\|v\|` is out of reach. The
answer is the same; many people are quicker by one large product.

References
----------
H. Li et al., "FEXIPRO: fast and exact inner product retrieval in recommender systems", SIGMOD (2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Array = NDArray[np.float64]
Numbers = NDArray[np.int64]

_WIDTH, _MORE = 96, 96
_LEAST = _WIDTH + _MORE
"""Vectors shorter than this are left as they are."""
_ROUNDING, _SHORTEST = 2.0**-22, 1e-200


class Own(NamedTuple):
    """A person as a sketch sees them: the components, and lengths, as those of the items."""

    lead: Floats
    more: Floats
    whole: float
    tail: float
    rest: float


@dataclass(frozen=True)
class Sketch:
    """Item vectors, turned and cut, those first that reach furthest.

    Attributes
    ----------
    order, rank : ndarray of int, shape (n_items,)
        The place of the item that stands at each rank here, and the rank of the item of each place.
    turn : ndarray of shape (n_components, _WIDTH + _MORE) or None
        A person's leading components are ``u @ turn``; None where vectors are left as they are.
    scale : ndarray of shape (n_components,)
        A person's length is that of ``u * scale``.
    lead, more : ndarray of shape (n_items, _WIDTH), (n_items, _MORE)
        The leading components, and those after them.
    whole, tail, rest : ndarray of shape (n_items,)
        Lengths of all, falling, of what is left without ``lead``, and without ``more`` too, in the scale of
        the items.
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
        """Return the sketch of item vectors for people like the ``typical``.

        Where it would not pay, vectors are left as they are, with their ``norms``, which must fall.
        """
        if typical is None or V.shape[1] < _LEAST or len(V) < _LEAST:
            same, nothing = np.arange(len(V)), np.zeros(len(V))
            return cls(same, same, None, np.ones(V.shape[1]), V, V[:, :0], norms, nothing, nothing)
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
        """Return a person ``u`` (n_components,) as the sketch sees them."""
        whole = float(np.linalg.norm(u.astype(np.float64) * self.scale))
        if self.turn is None:
            return Own(u, u[:0], whole, 0.0, 0.0)
        leading = u @ self.turn
        lead, more = leading[:_WIDTH], leading[_WIDTH:]
        tail = float(np.sqrt(max(whole**2 - float(lead @ lead), 0.0))) + _ROUNDING * whole
        rest = float(np.sqrt(max(tail**2 - float(more @ more), 0.0))) + _ROUNDING * whole
        return Own(lead.astype(np.float32), more.astype(np.float32), whole, tail, rest)

    def bounds(self, own: Own, ranks: Any = slice(None)) -> tuple[Array, Array]:
        """Return about the scores of a person and the items of some ranks, and how far they may be off."""
        near = (self.lead[ranks] @ own.lead).astype(np.float64)
        return near, own.tail * self.tail[ranks] + self._rounding(own) * self.whole[ranks]

    def closer(self, own: Own, ranks: Numbers, near: Array) -> tuple[Array, Array]:
        """Return what :meth:`bounds` does by more components, ``near`` being what is known so far."""
        near = near + self.more[ranks] @ own.more
        return near, own.rest * self.rest[ranks] + self._rounding(own) * self.whole[ranks]

    def _rounding(self, own: Own) -> float:
        return (self.lead.shape[1] + self.more.shape[1] + 8) * _ROUNDING * own.whole

    def reach(self, own: Own, floor: float) -> int:
        """Return how many ranks there are, from the first, whose scores may be as high as a floor."""
        least = floor / max(own.whole * (1 + _ROUNDING), _SHORTEST)
        return int(np.searchsorted(-self.whole, -least, side="right"))


def _contiguous(part: Array) -> Floats:
    return np.ascontiguousarray(part, dtype=np.float32)


def _left(lengths: Array, parts: Array) -> Array:
    """Return the lengths of what is left without some components."""
    return np.sqrt(np.maximum(lengths**2 - (parts**2).sum(axis=1), 0.0)) + _ROUNDING * lengths
