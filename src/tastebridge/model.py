"""The collapsed model: one vector a person, one a target item, and nothing of the people it was learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tastebridge.blend import StackingBlend
from tastebridge.routes import Encoder, FittedRoute, Histories, known_to

Array = NDArray[np.float64]
Vectors32 = NDArray[np.float32]

GATES = ("source events", "target events", "neighbour strength")
"""What the blend may know of a person, all as logarithms."""


class Segment(NamedTuple):
    """The blend of people of one kind; the weights of routes that are not ``kept`` are zero."""

    blend: StackingBlend
    kept: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Routes and the weights that blend them.

    With the weights :math:`w_r` and the vectors :math:`z_r` of a person, and the item vectors
    :math:`V_{S(r)}` of the route's space, the score is :math:`\\sum_r w_r z_r^\\top v_{S(r)}`. Routes of one
    space add up, and the spaces stand side by side: a person's vector is
    :math:`[\\sum_{r: S(r)=1} w_r z_r, \\sum_{r: S(r)=2} w_r z_r, …]` and an item's :math:`[v_1, v_2, …]`.

    Attributes
    ----------
    target : str
    encoders : mapping of key to Encoder
    routes : tuple of FittedRoute
    spaces : mapping of key to ndarray of shape (n_items, k)
    segments : mapping of {"cold", "warm"} to Segment
        For people without and with a history in the target.
    """

    target: str
    encoders: Mapping[str, Encoder]
    routes: tuple[FittedRoute, ...]
    spaces: Mapping[str, Vectors32]
    segments: Mapping[str, Segment]

    def item_vectors(self) -> Vectors32:
        """Return the vectors (n_items, n_components) of the target's items."""
        return np.concatenate(list(self.spaces.values()), axis=1)

    def user_vectors(self, histories: Histories) -> Vectors32:
        """Return the vectors (n_people, n_components) of people with these histories."""
        parts = self.route_vectors(histories)
        weights = self.weights(histories, parts)
        out = {key: np.zeros((len(weights), V.shape[1]), dtype=np.float32) for key, V in self.spaces.items()}
        for column, route in enumerate(self.routes):
            Z = parts[route.name] * weights[:, [column]]
            out[route.space][:, : Z.shape[1]] += Z
        return np.concatenate(list(out.values()), axis=1)

    def route_vectors(self, histories: Histories) -> dict[str, Array]:
        """Return for every route the unweighted vectors of people."""
        encoded: dict[str, Array] = {}
        vectors = {}
        for route in self.routes:
            if route.encoder not in encoded:
                encoded[route.encoder] = self.encoders[route.encoder].encode(histories)
            vectors[route.name] = route.vectors(encoded[route.encoder], known_to(route.sources, histories))
        return vectors

    def weights(self, histories: Histories, parts: Mapping[str, Array]) -> Array:
        """Return the weight of every route for every person, (n_people, n_routes)."""
        gates = gates_of(self.target, histories, parts)
        warm = np.diff(histories[self.target].indptr) > 0
        out = np.zeros((len(gates), len(self.routes)))
        for rows, name in ((~warm, "cold"), (warm, "warm")):
            blend, kept = self.segments[name]
            out[rows] = blend.weights(gates[rows]) * kept
        return out


def gates_of(target: str, histories: Histories, parts: Mapping[str, Array]) -> Array:
    """Return what is known of people, (n_people, 3): see :data:`GATES`."""
    there = np.diff(histories[target].indptr)
    here = sum(np.diff(rows.indptr) for name, rows in histories.items() if name != target)
    near = [np.linalg.norm(Z, axis=1) for name, Z in parts.items() if name.endswith("→ neighbours")]
    strength = np.sum(near, axis=0) if near else np.zeros(len(there))
    return np.column_stack([np.log1p(here), np.log1p(there), np.log(strength + 1e-2)])
