"""Blends fitted on one half of the held-out users, and their values for the other half."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from tastebridge._numerics.dense import dense_top_k
from tastebridge.fitting.folds import Fold, dealt_anew, spread_evenly
from tastebridge.fitting.training_lists import Lists, SegmentLists
from tastebridge.metrics import ndcg
from tastebridge.model import Array, Segment
from tastebridge.model.blend import StackingBlend

Mask = NDArray[np.bool_]
_CUTOFF = 10
_STEP = 512
JUDGED = 1200
"""Users of a segment whose whole ranking is judged, at most."""
_FEW_STEPS = 8
"""Steps of a search that starts from the weights of the same routes and some more."""


class OutOfFold:
    """Pairs of blends of one segment, one for each half of its users, fitted on the other half.

    Parameters
    ----------
    blend : StackingBlend
    known : SegmentLists
    reads : list of tuple of str
        The categories that each route reads.
    target : str
    rng : Generator
        Deals the users into halves.
    prior : mapping of str to ndarray, optional
        The coefficients of blends for other targets.

    Attributes
    ----------
    judged : ndarray
        The numbers of the users whose whole ranking is judged.
    """

    def __init__(
        self,
        blend: StackingBlend,
        known: SegmentLists,
        reads: Sequence[tuple[str, ...]],
        target: str,
        rng: np.random.Generator,
        prior: Mapping[str, Array] | None = None,
    ) -> None:
        self.known, self._blend, self._reads, self._target = known, blend, reads, target
        self._prior = prior or {}
        self.users = known.whole.users
        self.halves = halves_of(self.users, rng)
        self._first = np.unique(self.users[self.halves[0]])
        self._pairs: dict[str, list[StackingBlend]] = {}
        self._masks: dict[str, Mask] = {}
        self._known: dict[tuple[Hashable, ...], Array] = {}
        share = -(-JUDGED // len(known.folds))
        chosen = [spread_evenly(len(fold.held.people), share) for fold in known.folds]
        self._chosen = chosen
        self.judged = np.concatenate(
            [fold.held.people[rows] for fold, rows in zip(known.folds, chosen, strict=True)]
        )

    @property
    def has_twins(self) -> bool:
        """Whether any fold has twins of the users' items."""
        return any(fold.twins is not None for fold in self.known.folds)

    def has(self, name: str) -> bool:
        """Return whether there is a selection of a name."""
        return name in self._masks

    def halves_of(self, name: str) -> tuple[NDArray[np.int64], tuple[StackingBlend, StackingBlend]]:
        """Return the users of the first half, and the blends of a selection for the first and second half."""
        first, second = self._pairs[name]
        return self._first, (first, second)

    def segments_of(self, name: str) -> tuple[Segment, Segment]:
        """Return the blends of a selection for the first and second half, with its routes."""
        first, second = self._pairs[name]
        return Segment(first, self._masks[name]), Segment(second, self._masks[name])

    def fit(self, name: str, mask: Mask, kind: str) -> None:
        """Fit a selection of routes, by a name; the same selection is fitted once."""
        once = not self._prior or mask.all()
        same = next((other for other, known in self._masks.items() if np.array_equal(known, mask)), None)
        if once and same is not None:
            self._pairs[name] = self._pairs[same]
        else:
            self._pairs[name] = [
                fit_blend(self._blend, self.known.whole, mask, ~half, self._prior.get(kind))
                for half in self.halves
            ]
        self._masks[name] = mask

    def fit_without(self, source: str, mask: Mask) -> str:
        """Fit a selection of routes where nothing is known in a source, starting from the blend of all."""
        lists, name = self.known.without(source), f"less {source}"
        self._masks[name] = mask
        self._pairs[name] = [
            fit_blend(self._blend, lists, mask, ~half, self._prior.get("all"), start.coef_)
            for half, start in zip(self.halves, self._pairs["all"], strict=True)
        ]
        return name

    def final(self, mask: Mask) -> StackingBlend:
        """Return the blend of a selection of routes, fitted on all users."""
        everyone = np.ones(len(self.users), dtype=bool)
        return fit_blend(self._blend, self.known.whole, mask, everyone, self._prior.get("all"))

    def objectives(self, name: str) -> Array:
        """Return the listwise objective of every list under a selection, by the blend of the other half."""
        return self._once(
            ("objectives", *self._key(name)),
            lambda: objectives(self._pairs[name], self.known.whole, self.halves, self._masks[name]),
        )

    def dealt(self, sources: Sequence[str], *names: str) -> list[Array]:
        """Return the same for some selections, where users have each other's histories in some sources."""
        keys = [("dealt", *sources, *self._key(name)) for name in names]
        if not all(key in self._known for key in keys):
            folds = [dealt_anew(fold, self._reads, sources, self._target) for fold in self.known.folds]
            lists = self.known.of(folds)
            for key, name in zip(keys, names, strict=True):
                self._known[key] = objectives(self._pairs[name], lists, self.halves, self._masks[name])
        return [self._known[key] for key in keys]

    def lists(self, name: str, mask: Mask | None = None, without: str = "") -> Array:
        """Return NDCG@10 of every evaluated user under a selection, or under a part of its routes.

        Parameters
        ----------
        name : str
            The selection.
        mask : ndarray of bool, optional
            The routes used; by default all of the selection.
        without : str
            A source where nothing is known of the users; "" for none.
        """
        return self._both(name, mask, without)[0]

    def lists_without_twins(self, name: str, mask: Mask | None = None) -> Array:
        """Return the same without twins of the users' items; NaN for users who then have nothing to find."""
        return self._both(name, mask, "")[1]

    def _both(self, name: str, mask: Mask | None, without: str) -> Array:
        """Return NDCG@10 of every judged user, with and without twins (2, n_judged)."""
        mask = self._masks[name] if mask is None else mask
        key = ("lists", without, id(self._pairs[name]), mask.tobytes())
        return self._once(key, lambda: self._rankings(self._pairs[name], mask, without))

    def _rankings(self, pair: Sequence[StackingBlend], mask: Mask, without: str) -> Array:
        """Return NDCG@10 of every judged user by a pair of blends, with and without twins (2, n_judged)."""
        parts = []
        for fold, chosen in zip(self.known.folds, self._chosen, strict=True):
            view, rest = fold.lacking.get(without, fold), fold.without_twins()
            half = np.isin(fold.held.people, self._first)
            weights = np.where(half[:, None], *(blend.weights(view.gates) for blend in pair)) * mask
            for start in range(0, len(chosen), _STEP):
                rows = chosen[start : start + _STEP]
                parts.append(ndcg_of_users(view.scores(rows, weights[rows]), fold, rest, rows))
        return np.concatenate(parts, axis=1)

    def _key(self, name: str) -> tuple[Hashable, ...]:
        """Return the key of a selection, which depends only on its blends."""
        return id(self._pairs[name]), self._masks[name].tobytes()

    def _once(self, key: tuple[Hashable, ...], make: Callable[[], Array]) -> Array:
        """Return the result of ``make``, made at the first call with this key."""
        if key not in self._known:
            self._known[key] = make()
        return self._known[key]


def halves_of(users: NDArray[np.int64], rng: np.random.Generator) -> list[Mask]:
    """Return two masks of rows that split the users."""
    everyone = np.unique(users)  # by user: all lists of one user are in the same half
    first = np.isin(users, rng.permutation(everyone)[: len(everyone) // 2])
    return [first, ~first]


def fit_blend(
    blend: StackingBlend,
    lists: Lists,
    routes: Mask,
    users: Mask,
    prior: Array | None = None,
    start: Array | None = None,
) -> StackingBlend:
    """Return the blend of some routes on the lists of some users; its weights of other routes mean nothing.

    With ``start``, coefficients (1 + n_gates, n_routes) of much the same blend, a few steps from there.
    """
    # with a single user one half is empty, and the other has to teach its blend
    rows = users if users.any() else ~users
    known = None if prior is None else prior[:, routes]
    made: StackingBlend = clone(blend)
    if start is not None:
        made.max_iter = min(made.max_iter, _FEW_STEPS)
    X, gates = lists.chosen(rows, routes), lists.gates[:: lists.width][rows]
    return made.fit_lists(X, gates, known, None if start is None else start[:, routes]).among(routes)


def objectives(pair: Sequence[StackingBlend], lists: Lists, halves: Sequence[Mask], mask: Mask) -> Array:
    """Return the listwise objective of every list under a selection of routes, by the other half's blend."""
    found = np.zeros(len(lists.users))
    for half, blend in zip(halves, pair, strict=True):
        weights = blend.weights(lists.gates[:: lists.width][half])[:, mask]
        scores = lists.chosen(half, mask).astype(np.float64) @ weights[:, :, None]
        found[half] = _objective(scores, lists.width, blend.focus)
    return found


def _objective(scores: Array, width: int, focus: float) -> Array:
    """Return the listwise objective of the first entry of every list, ``(p ** q - 1) / q``."""
    S = scores.reshape(-1, width)
    S = S - S.max(axis=1, keepdims=True)
    likelihood = np.asarray(S[:, 0] - np.log(np.exp(S).sum(axis=1)))
    return np.expm1(focus * likelihood) / focus if focus else likelihood


def ndcg_of_users(scores: NDArray[np.float32], fold: Fold, rest: Fold, rows: NDArray[np.int64]) -> Array:
    """Return NDCG@10 of some users with and without twins (2, n), all items ranked that they do not have.

    ``rest`` is the fold without twins. Without twins it is NaN for users who have nothing to find.
    """
    whole = _ndcg_of(scores, fold, rows)
    if fold.twins is None:
        return np.stack([whole, whole])
    apart = whole.copy()
    changed = np.flatnonzero(np.diff(fold.twins.indptr)[rows])
    apart[changed] = _ndcg_of(scores[changed], rest, rows[changed])
    apart[np.diff(rest.held.hidden.indptr)[rows] == 0] = np.nan
    return np.stack([whole, apart])


def _ndcg_of(scores: NDArray[np.float32], fold: Fold, rows: NDArray[np.int64]) -> Array:
    """Return NDCG@10 of some users, every item ranked except those they have; closes these in ``scores``."""
    seen = fold.seen[rows].tocoo()
    scores[seen.row, seen.col] = -np.inf
    return ndcg(dense_top_k(scores, _CUTOFF)[0], fold.held.hidden[rows], _CUTOFF)
