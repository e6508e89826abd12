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

_WIDTH = 64
_LEAST = 3 * _WIDTH
"""Vectors shorter than this are left as they are."""
_ROUNDING, _SHORTEST = 2.0**-22, 1e-200


class Own(NamedTuple):
    """A person as a sketch sees them: leading components, and the lengths of all and of what is cut off."""

    lead: Floats
    whole: float
    tail: float


@dataclass(frozen=True)
class Sketch:
    """Item vectors, turned and cut, those first that reach furthest.

    Attributes
    ----------
    order, rank : ndarray of int, shape (n_items,)
        The place of the item that stands at each rank here, and the rank of the item of each place.
    turn : ndarray of shape (n_components, _WIDTH) or None
        A person's leading components are ``u @ turn``; None where vectors are left as they are.
    scale : ndarray of shape (n_components,)
        A person's length is that of ``u * scale``.
    lead : ndarray of shape (n_items, _WIDTH)
    whole, tail : ndarray of shape (n_items,)
        Lengths of all, falling, and of what is cut off, in the scale of the items.
    """

    order: Numbers
    rank: Numbers
    turn: Array | None
    scale: Array
    lead: Floats
    whole: Array
    tail: Array

    @classmethod
    def of(cls, V: Floats, norms: Array, typical: Floats | None = None) -> Sketch:
        """Return the sketch of item vectors for people like the ``typical``.

        Where it would not pay, vectors are left as they are, with their ``norms``, which must fall.
        """
        if typical is None or V.shape[1] < _LEAST or len(V) < _LEAST:
            same = np.arange(len(V))
            return cls(same, same, None, np.ones(V.shape[1]), V, norms, np.zeros(len(V)))
        here, there = (np.sqrt((X.astype(np.float64) ** 2).mean(axis=0)) + 1e-12 for X in (V, typical))
        scale = np.sqrt(here / there)
        W = V / scale
        directions = np.linalg.eigh(W.T @ W)[1][:, ::-1][:, :_WIDTH]
        lead, whole = W @ directions, np.linalg.norm(W, axis=1)
        tail = np.sqrt(np.maximum(whole**2 - (lead**2).sum(axis=1), 0.0)) + _ROUNDING * whole
        order = np.argsort(-whole)
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        short = lead.astype(np.float32)[order]
        return cls(order, rank, scale[:, None] * directions, scale, short, whole[order], tail[order])

    def person(self, u: Floats) -> Own:
        """Return a person ``u`` (n_components,) as the sketch sees them."""
        whole = float(np.linalg.norm(u.astype(np.float64) * self.scale))
        if self.turn is None:
            return Own(u, whole, 0.0)
        lead = u @ self.turn
        tail = float(np.sqrt(max(whole**2 - float(lead @ lead), 0.0))) + _ROUNDING * whole
        return Own(lead.astype(np.float32), whole, tail)

    def bounds(self, own: Own, ranks: Any = slice(None)) -> tuple[Array, Array]:
        """Return about the scores of a person and the items of some ranks, and how far they may be off."""
        near = (self.lead[ranks] @ own.lead).astype(np.float64)
        rounding = (self.lead.shape[1] + 8) * _ROUNDING * own.whole
        return near, own.tail * self.tail[ranks] + rounding * self.whole[ranks]

    def reach(self, own: Own, floor: float) -> int:
        """Return how many ranks there are, from the first, whose scores may be as high as a floor."""
        least = floor / max(own.whole * (1 + _ROUNDING), _SHORTEST)
        return int(np.searchsorted(-self.whole, -least, side="right"))
