"""Public scales: the centre, the spread and the length of the factors of outsiders."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tastebridge.maps.moments import Array

_SMALLEST = 1e-9


class Scale(NamedTuple):
    """An affine map ``(F - center) @ matrix`` of factors, and the length rows are clipped to afterwards."""

    center: Array
    matrix: Array
    clip: float

    def apply(self, F: Array) -> Array:
        """Return factors (n, p) centred and scaled, not clipped."""
        return (F - self.center) @ self.matrix

    def clipped(self, F: Array) -> Array:
        """Return factors centred, scaled and clipped."""
        Z = self.apply(F)
        norms = np.maximum(np.linalg.norm(Z, axis=1, keepdims=True), np.finfo(np.float64).tiny)
        return Z * np.minimum(1.0, self.clip / norms)


def scale_of(F: Array, whiten: bool) -> Scale:
    """Return the scale of outsiders' factors (n, p): their mean, their median length, if asked whitened.

    Whitening spreads the noise evenly over the directions of the source. Otherwise a direction in which users
    differ little would drown in noise made for directions in which they differ much.
    """
    center = F.mean(axis=0)
    matrix = np.eye(F.shape[1])
    if whiten:
        values, V = np.linalg.eigh(np.cov(F.T, bias=True).reshape(F.shape[1], -1))
        # Relative to the largest variance: a direction that no outsider varies in would be blown up without
        # end.
        matrix = V / np.sqrt(np.maximum(values, _SMALLEST * max(float(values[-1]), _SMALLEST)))
    # The median length as clip: half the rows keep their length, and noise grows with the clip.
    lengths = np.linalg.norm((F - center) @ matrix, axis=1)
    return Scale(center, matrix, max(float(np.median(lengths)), _SMALLEST))
