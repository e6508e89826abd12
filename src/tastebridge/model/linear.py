"""The linear model: one vector per user and one per target item, without the users it was fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.catalogue import Catalogue
from tastebridge._numerics.linalg import row_lengths, row_products
from tastebridge._numerics.threads import one_blas_thread
from tastebridge._numerics.topk import catalogue_of
from tastebridge.model.blend import StackingBlend
from tastebridge.routes import (
    Encoded,
    Encoder,
    FitContext,
    FittedRoute,
    Histories,
    RouteKind,
    known_to,
)

Array = NDArray[np.float64]
Vectors32 = NDArray[np.float32]

GATES = ("source events", "target events", "neighbour strength")
r"""The meta-features of a user on which the weights of a blend depend.

They are :math:`\log(1 + n)` of the source events and of the target events, and
:math:`\log(0.01 + \sum_r \lVert z_r \rVert)` of the vectors of the routes of links.
"""

_MADE_UP, _ITEMS_EACH = 64, 4
"""The number of artificial users by which a catalogue is arranged, and their items in each category."""


class Segment(NamedTuple):
    """The blend for users of one kind; the weights of routes that are not ``kept`` are zero."""

    blend: StackingBlend
    kept: NDArray[np.bool_]

    def only(self, routes: NDArray[np.bool_]) -> Segment:
        """Return the blend of some of the routes."""
        return Segment(self.blend.only(routes), self.kept[routes])

    def scaled(self, factor: float) -> Segment:
        """Return the blend with all weights multiplied by a number above 0."""
        return Segment(self.blend.scaled(factor), self.kept)

    def extended(self, weights: Array, kept: NDArray[np.bool_]) -> Segment:
        """Return the blend with more routes, whose weights (n_more,) are the same for all users."""
        return Segment(self.blend.extended(weights), np.append(self.kept, kept))


@dataclass(frozen=True, eq=False)
class LinearModel:
    r"""Routes and the weights that blend them.

    With the weights :math:`w_r` and the vectors :math:`z_r` of a user, and the item vectors
    :math:`V_{S(r)}` of the route's space, the score is :math:`\sum_r w_r z_r^\top v_{S(r)}`. Routes of one
    space add up, and the spaces stand side by side: a user's vector is
    :math:`[\sum_{r: S(r)=1} w_r z_r, \sum_{r: S(r)=2} w_r z_r, …]` and an item's :math:`[v_1, v_2, …]`.

    Attributes
    ----------
    target : str
    encoders : mapping of key to Encoder
    routes : tuple of FittedRoute
    spaces : mapping of key to ndarray of shape (n_items, k)
        Given dense or sparse; views of the columns of :meth:`item_vectors`.
    segments : mapping of {"cold", "warm", "empty"} to Segment
        For users without and with a history in the target, and without any history. In a model without
        ``"empty"``, users without any history are ``"cold"``.
    storage : {"exact", "float16", "int8"}
        The storage of large matrices in a file. They are rounded already: a loaded model equals the saved.
    levels : mapping of segment to float
        The constant added to all scores of a user of the segment, so that users of different segments can be
        compared: see :mod:`tastebridge.fitting.levels`. It is the last component of a user's vector, and the
        last component of an item's vector is 1. Empty if scores are comparable without it, and in models
        saved by earlier versions; then the vectors have no such component.
    """

    target: str
    encoders: Mapping[str, Encoder]
    routes: tuple[FittedRoute, ...]
    spaces: Mapping[str, Vectors32]
    segments: Mapping[str, Segment]
    storage: str = "exact"
    levels: Mapping[str, float] = field(default_factory=dict)
    _item_vectors: Vectors32 = field(init=False, repr=False)
    _starts: Mapping[str, int] = field(init=False, repr=False)
    _catalogue: Catalogue | None = field(default=None, init=False, repr=False)
    _profiles: Vectors32 | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        ends = np.cumsum([V.shape[1] for V in self.spaces.values()])
        width = int(ends[-1]) + bool(self.levels)
        # spaces become views of one matrix: memory holds the item vectors once, ready for one product
        whole = np.ones((next(iter(self.spaces.values())).shape[0], width), dtype=np.float32)
        whole[:, : ends[-1]] = 0.0
        for V, end in zip(self.spaces.values(), ends, strict=True):
            _put(V, whole[:, end - V.shape[1] : end])
        views = dict(zip(self.spaces, np.split(whole, ends, axis=1), strict=False))  # without the level
        ends = ends[:-1]
        # the only way to derived attributes in a frozen dataclass
        object.__setattr__(self, "spaces", views)
        object.__setattr__(self, "_item_vectors", whole)
        object.__setattr__(self, "_starts", dict(zip(self.spaces, [0, *ends.tolist()], strict=True)))

    @classmethod
    def of(
        cls,
        context: FitContext,
        routes: Sequence[FittedRoute],
        segments: Mapping[str, Segment],
        levels: Mapping[str, float] | None = None,
    ) -> LinearModel:
        """Return the model of routes built in a context, without routes that no segment keeps.

        Routes read by the gates are kept even if their weight is zero, as the weights depend on them.
        """
        kept = np.any([segment.kept for segment in segments.values()], axis=0)
        kept |= np.array([read_by_gates(route) for route in routes])
        chosen = tuple(route for route, keep in zip(routes, kept, strict=True) if keep)
        return cls(
            target=context.target,
            encoders={route.encoder: context.encoders[route.encoder] for route in chosen},
            routes=chosen,
            spaces={route.space: context.spaces[route.space] for route in chosen},
            segments={name: segment.only(kept) for name, segment in segments.items()},
            levels=levels or {},
        )

    def without(self, space: str) -> LinearModel:
        """Return the model without the routes that lead to a space."""
        kept = np.array([route.space != space for route in self.routes])
        return replace(
            self,
            routes=tuple(route for route in self.routes if route.space != space),
            spaces={key: V for key, V in self.spaces.items() if key != space},
            segments={name: segment.only(kept) for name, segment in self.segments.items()},
        )

    def catalogue(self, sizes: Mapping[str, int]) -> Catalogue:
        """Return the item vectors arranged for the search; ``sizes`` are the numbers of items by category."""
        if self._catalogue is None:
            object.__setattr__(self, "_catalogue", catalogue_of(self._item_vectors, self._typical(sizes)))
        assert self._catalogue is not None
        return self._catalogue

    def profiles(self, sizes: Mapping[str, int]) -> Vectors32:
        """Return the centred scores (n_items, n_users) of every item for artificial users, in float32.

        Their covariance over users estimates the covariance of scores. The mean of an item, which is its
        popularity, and the mean of a user, which orders no items, are subtracted.
        """
        if self._profiles is None:
            U = self._typical(sizes)
            scores = row_products(self._item_vectors, (U - U.mean(axis=0)).T)
            profiles = scores - scores.mean(axis=0)
            object.__setattr__(self, "_profiles", profiles)
        assert self._profiles is not None
        return self._profiles

    def _typical(self, sizes: Mapping[str, int]) -> Vectors32:
        """Return the vectors of artificial users with a few random items; half are new to the target."""
        rng, histories = np.random.default_rng(0), {}
        indptr = np.arange(_MADE_UP + 1) * _ITEMS_EACH
        for name, size in sizes.items():
            items = np.sort(rng.integers(size, size=(_MADE_UP, _ITEMS_EACH)), axis=1).ravel()
            rows = sparse.csr_matrix((np.ones(len(items), np.float32), items, indptr), (_MADE_UP, size))
            rows.sum_duplicates()
            histories[name] = rows
        there = histories[self.target]
        half = sparse.csr_matrix((_MADE_UP // 2, there.shape[1]), dtype=np.float32)
        histories[self.target] = sparse.vstack([half, there[_MADE_UP // 2 :]], format="csr")
        return self.user_vectors(histories)

    def item_vectors(self) -> Vectors32:
        """Return the vectors (n_items, n_components) of the target's items."""
        return self._item_vectors

    def user_vectors(self, histories: Histories) -> Vectors32:
        """Return the vectors (n_users, n_components) of users with these histories.

        A user's vector is the same, bit by bit, whatever other rows there are, and for any number of threads.
        """
        with one_blas_thread():
            return self._user_vectors(histories)

    def _user_vectors(self, histories: Histories) -> Vectors32:
        """Return the vectors of users; encoders of routes without any weight are not run."""
        encoded = Encoded(self.encoders, histories)
        kinds = self.kinds(histories)
        weights = self._weights(kinds, self.gated(histories, encoded))
        used = np.flatnonzero(weights.any(axis=0)).tolist()
        known = {name: known_to(name, histories) for name in {self.routes[place].sources for place in used}}
        out = np.zeros((len(weights), self._item_vectors.shape[1]), dtype=np.float32)
        for place in used:
            route, start = self.routes[place], self._starts[self.routes[place].space]
            Z = route.vectors(encoded[route.encoder], known[route.sources])
            out[:, start : start + Z.shape[1]] += Z * weights[:, place, None]
        if self.levels:
            out[:, -1] = self._level(kinds)
        return out

    def level(self, histories: Histories) -> Vectors32:
        """Return the constant (n_users,) added to all scores of each user."""
        return self._level(self.kinds(histories))

    def _level(self, kinds: NDArray[np.str_]) -> Vectors32:
        out = np.zeros(len(kinds), dtype=np.float32)
        for name, level in self.levels.items():
            out[kinds == name] = level
        return out

    def gates(self, histories: Histories) -> Array:
        """Return the gates (n_users, n_gates) of users: see :data:`GATES`."""
        return self.gated(histories, Encoded(self.encoders, histories))

    def gated(self, histories: Histories, encoded: Mapping[str, Array]) -> Array:
        """Return the gates, which read the encoders: compression changes no length of their vectors."""
        parts = {route.name: encoded[route.encoder] for route in self.routes if read_by_gates(route)}
        return gates_of(self.target, histories, parts)

    def weights(self, histories: Histories, gates: Array | None = None) -> Array:
        """Return the weight of every route for every user, (n_users, n_routes).

        ``gates`` are the gates of these users, if they are computed already.
        """
        gates = self.gates(histories) if gates is None else gates
        return self._weights(self.kinds(histories), gates)

    def _weights(self, kinds: NDArray[np.str_], gates: Array) -> Array:
        out = np.zeros((len(gates), len(self.routes)))
        for name, (blend, kept) in self.segments.items():
            if (rows := kinds == name).any():
                out[rows] = blend.weights(gates[rows]) * kept
        return out

    def kinds(self, histories: Histories) -> NDArray[np.str_]:
        """Return the segment of every user."""
        kinds = np.where(known_to((self.target,), histories), "warm", "cold")
        if "empty" in self.segments:
            kinds = np.where(known_to(tuple(histories), histories), kinds, "empty")
        return kinds


def _put(V: Vectors32 | sparse.csr_matrix, block: Vectors32) -> None:
    """Write dense or sparse vectors to a block of zeros."""
    if isinstance(V, np.ndarray):
        block[:] = V
    else:
        entries = V.tocoo()
        block[entries.row, entries.col] = entries.data


def gates_of(target: str, histories: Histories, parts: Mapping[str, Array]) -> Array:
    """Return the gates (n_users, 3) of users: see :data:`GATES`.

    Parameters
    ----------
    target : str
    histories : mapping of category to csr_matrix
    parts : mapping of name to ndarray of shape (n_users, k)
        Vectors of the routes that are :func:`read_by_gates`.
    """
    target_events = row_lengths(histories[target])
    source_events, strength = np.zeros(len(target_events)), np.zeros(len(target_events))
    for name, rows in histories.items():
        source_events += row_lengths(rows) * (name != target)
    for Z in parts.values():
        strength += np.sqrt(np.square(Z).sum(axis=1))
    # 1e-2 in place of 1: strengths of links are often far below 1, and 0 without any link
    return np.column_stack([np.log1p(source_events), np.log1p(target_events), np.log(strength + 1e-2)])


def read_by_gates(route: FittedRoute) -> bool:
    """Return whether the gates read a route's vectors."""
    return route.kind is RouteKind.NEIGHBOURS
