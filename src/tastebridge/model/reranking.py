"""One list from a user's best items, filled greedily from the top; arrays in, places out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastebridge.model.list_rules import ListRules
from tastebridge.model.open_places import OpenPlaces

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_SMOOTHING = 0.01
"""The share of the wanted distribution in the one of a list, so that its logarithm exists (Steck, 2018)."""
_DIGITS = 9
"""Gains are compared to so many digits, because logarithms differ in the last bit between processors."""


class Candidates(NamedTuple):
    """The best items of one user, best first.

    Attributes
    ----------
    scores : ndarray of shape (n_candidates,)
        Descending.
    alike : ndarray of shape (n_candidates, k), or None
        Rows of length 1 (or 0), whose inner products are similarities.
    capped : tuple of (ndarray of int of shape (n_candidates, n_labels), int)
        The codes of the labels of each item in a column, -1 for none, and the cap of the column.
    shares : ndarray of shape (n_candidates, n_groups), or None
        The part of each item in the groups that the user's history has.
    wanted : ndarray of shape (n_groups,), or None
        The shares of the groups to follow; above 0.
    new : ndarray of bool, shape (n_candidates,), or None
    """

    scores: Floats
    alike: NDArray[np.float32] | None = None
    capped: tuple[tuple[Numbers, int], ...] = ()
    shares: Floats | None = None
    wanted: Floats | None = None
    new: NDArray[np.bool_] | None = None

    def ordered(self, scores: Floats, order: Numbers) -> Candidates:
        """Return the candidates with other scores, in an order."""
        return Candidates(
            scores[order],
            None if self.alike is None else self.alike[order],
            tuple((codes[order], cap) for codes, cap in self.capped),
            None if self.shares is None else self.shares[order],
            self.wanted,
            None if self.new is None else self.new[order],
        )


def relisted(candidates: Candidates, n: int, rules: ListRules) -> Numbers:
    """Return the places of at most ``n`` candidates, in the order of the list.

    The steps are those of :class:`~tastebridge.model.list_rules.ListOptions`. With caps in one column,
    one label per item and nothing else, no list within the caps has a larger sum of scores. With items of
    several labels, or caps in several columns, every place has the best item that the places above leave
    open. With ``min_new`` it is the best item that leaves room for the new items still wanted.

    Examples
    --------
    >>> brand = np.array([[0], [0], [1]])
    >>> relisted(Candidates(np.array([3.0, 2.0, 1.0]), capped=((brand, 1),)), 2, ListRules()).tolist()
    [0, 2]
    """
    places, gain, chosen = (
        OpenPlaces(len(candidates.scores), candidates.capped),
        _Gain(candidates, rules),
        list[int](),
    )
    new = candidates.new
    n_new = 0 if new is None else places.reach(new, min(rules.min_new, n))
    while len(chosen) < n and places.open.any():
        gains = np.where(places.open, gain.of(len(chosen)), -np.inf)
        best = int(gains.argmax())
        if new is not None and n_new:
            best = _kept_open(gains, places, new, n_new, n - len(chosen))
            n_new -= int(new[best])
        chosen.append(best)
        places.take(best)
        gain.add(best)
    return np.array(chosen, dtype=np.int64)


def _kept_open(gains: Floats, places: OpenPlaces, new: NDArray[np.bool_], n_new: int, n_left: int) -> int:
    """Return the open item of the largest gain after which the new items still wanted fit into the list."""
    fitting = places.open & new if n_new >= n_left else places.open
    for item in np.argsort(-gains, kind="stable").tolist():
        if fitting[item] and places.leaves(item, new, n_new - int(new[item])):
            return int(item)
    # not reached: the first item that `reach` counted fits
    return int(gains.argmax())


class _Gain:
    """The gain of every candidate for the next place of a list."""

    def __init__(self, candidates: Candidates, rules: ListRules) -> None:
        self._known, self._rules = candidates, rules
        d = rules.diversity if candidates.alike is not None else 0.0
        c = rules.calibration if candidates.shares is not None else 0.0
        self._weights = (1 - d) * (1 - c), d, c
        self._relevance = scaled(candidates.scores)
        self._nearest: Floats = np.zeros(len(candidates.scores))
        self._sum: Floats = np.zeros(0 if candidates.wanted is None else len(candidates.wanted))
        self._any = False

    def of(self, length: int) -> Floats:
        """Return the gain of each candidate after a list of some length."""
        (r, d, c), known = self._weights, self._known
        if not d and not c:
            return self._relevance
        gain = r * self._relevance - d * self._nearest
        if c and known.shares is not None and known.wanted is not None:
            gain -= c * divergence(known.wanted, (self._sum + known.shares) / (length + 1))
        return np.round(gain, _DIGITS)

    def add(self, best: int) -> None:
        """Take an item into the list."""
        known = self._known
        if self._weights[1] and known.alike is not None:
            near = np.multiply(known.alike, known.alike[best], dtype=np.float64).sum(axis=1)
            self._nearest = np.maximum(self._nearest, near) if self._any else near
        if known.shares is not None:
            self._sum = self._sum + known.shares[best]
        self._any = True


def scaled(scores: Floats) -> Floats:
    """Return scores scaled to 0 to 1; zeros if all are equal.

    Examples
    --------
    >>> scaled(np.array([4.0, 3.0, 2.0])).tolist()
    [1.0, 0.5, 0.0]
    """
    low, high = scores.min(initial=np.inf), scores.max(initial=-np.inf)
    return (scores - low) / (high - low) if high > low else np.zeros(len(scores))


def divergence(wanted: Floats, shares: Floats) -> Floats:
    r"""Return :math:`\mathrm{KL}(p \,\|\, 0.99\,q + 0.01\,p)` for each row :math:`q` of ``shares``.

    Examples
    --------
    >>> divergence(np.array([0.5, 0.5]), np.array([[0.5, 0.5], [1.0, 0.0]])).round(2).tolist()
    [0.0, 1.96]
    """
    blurred = (1 - _SMOOTHING) * shares + _SMOOTHING * wanted
    terms: Floats = wanted * np.log(wanted / blurred)
    # one group after the other: the sum of a row depends on its own numbers only
    return np.asarray(sum(terms.T, start=np.zeros(len(terms))))
