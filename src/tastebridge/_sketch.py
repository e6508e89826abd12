r"""The search for one person: short vectors first, whole ones for what they leave open.

The item vectors are turned so that few leading components carry most of a score, and cut in two:
:math:`\langle u, v\rangle = \langle u_1, v_1\rangle + \langle u_2, v_2\rangle`, of which the second part is
at most :math:`\|u_2\|\|v_2\|`. So a short product bounds all scores, and only items whose bound reaches the
best found so far are scored in full. The answer is the same; many people are quicker by one large product.

References
----------
H. Li et al., "FEXIPRO: fast and exact inner product retrieval in recommender systems", SIGMOD (2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Array = NDArray[np.float64]

_WIDTH = 64
_LEAST = 3 * _WIDTH
"""Vectors shorter than this are searched whole."""
_ROUNDING = 2.0**-22


@dataclass(frozen=True)
class Sketch:
    """Item vectors, turned and cut.

    Attributes
    ----------
    turn : ndarray of shape (n_components, _WIDTH)
        A person's leading components are ``u @ turn``.
    scale : ndarray of shape (n_components,)
        A person's length is that of ``u * scale``.
    lead : ndarray of shape (n_items, _WIDTH)
    tail, whole : ndarray of shape (n_items,)
        Lengths of what is cut off, and of all, in the scale of the items.
    """

    turn: Array
    scale: Array
    lead: Floats
    tail: Array
    whole: Array

    @classmethod
    def of(cls, V: Floats, typical: Floats) -> Sketch | None:
        """Return the sketch of item vectors for people like the ``typical``; None where it would not pay."""
        if V.shape[1] < _LEAST or len(V) < _LEAST:
            return None
        here, there = (np.sqrt((X.astype(np.float64) ** 2).mean(axis=0)) + 1e-12 for X in (V, typical))
        scale = np.sqrt(here / there)
        W = V / scale
        directions = np.linalg.eigh(W.T @ W)[1][:, ::-1][:, :_WIDTH]
        lead, whole = W @ directions, np.linalg.norm(W, axis=1)
        tail = np.sqrt(np.maximum(whole**2 - (lead**2).sum(axis=1), 0.0)) + _ROUNDING * whole
        return cls(scale[:, None] * directions, scale, lead.astype(np.float32), tail, whole)

    def bounds(self, u: Floats) -> tuple[Array, Array]:
        """Return about the scores of a person ``u``, (n_items,), and how far they may be off."""
        own = u.astype(np.float64) * self.scale
        lead, whole = u @ self.turn, float(np.linalg.norm(own))
        tail = float(np.sqrt(max(whole**2 - float(lead @ lead), 0.0))) + _ROUNDING * whole
        near = (self.lead @ lead.astype(np.float32)).astype(np.float64)
        return near, tail * self.tail + (_WIDTH + 8) * _ROUNDING * whole * self.whole
