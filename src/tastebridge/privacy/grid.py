r"""Sums in whole numbers: clipped rows on a grid, their exact moments, and noise on the same grid."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.exact import exact_product
from tastebridge.maps.moments import Array
from tastebridge.privacy.noise import RandomBelow, discrete_gaussian

BITS = 16
"""Clipped rows are whole multiples of the clip over 2 to this power."""

Whole = NDArray[np.int64]


class GridPart(NamedTuple):
    """A sum in whole numbers: ``values`` are multiples of 2 to the minus ``bits``."""

    values: Whole
    bits: int


def to_grid(X: Array, clip: float) -> Whole:
    r"""Return rows (n, p) clipped and divided by the clip, as multiples of :math:`2^{-16}` of norm at most 1.

    Rounding goes towards zero; the norm is checked in whole numbers.
    """
    largest = np.maximum(np.abs(X).max(axis=1, keepdims=True, initial=0.0), np.finfo(np.float64).tiny)
    relative = X / largest  # so that squares neither overflow nor vanish
    norms = np.maximum(np.linalg.norm(relative, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    with np.errstate(over="ignore"):
        scaled = relative * np.minimum(largest / clip, 1.0 / norms)
    G = np.trunc(scaled * 2.0**BITS).astype(np.int64)
    # Norms of floats are rounded, so a row may still be longer than 1: it goes inwards until it is not.
    while (over := (G * G).sum(axis=1) > 1 << 2 * BITS).any():
        G[over] -= np.sign(G[over])
    return G


def exact_sums(G: Whole, H: Whole, shares: Mapping[str, float]) -> dict[str, GridPart]:
    """Return the parts with a share as sums of rows on the grid over users, without any rounding."""
    one = np.full((len(G), 1), 1 << BITS, dtype=np.int64)
    pairs = {"xx": (G, G), "xy": (G, H), "yy": (H, H)}
    sums = {"n": GridPart(one.sum(axis=0), BITS)}
    sums |= {"sum_x": GridPart(G.sum(axis=0), BITS), "sum_y": GridPart(H.sum(axis=0), BITS)}
    wanted = {name: part for name, part in sums.items() if shares[name]}
    for name, pair in pairs.items():
        if shares[name]:
            rows = (part.astype(np.float64) for part in pair)
            wanted[name] = GridPart(exact_product(*rows), 2 * BITS)
    return wanted


def add_noise(
    part: GridPart,
    noise: float,
    share: float,
    symmetric: bool = False,
    random_below: RandomBelow = secrets.randbelow,
) -> Array:
    r"""Return a part, in units of the clip, with discrete Gaussian noise of ``noise / sqrt(share)``.

    Of a symmetric part the upper triangle is drawn; off the diagonal, where an entry stands for two, with
    half the variance. So the whole part still costs its share.
    """
    values = part.values.astype(np.float64) if not noise else None
    if values is None:
        variance = ceil((noise * 2.0**part.bits) ** 2 / share)
        values = _with_noise(part.values, variance, symmetric, random_below).astype(np.float64)
    return values / 2.0**part.bits


def _with_noise(values: Whole, variance: int, symmetric: bool, below: RandomBelow) -> Whole:
    if not symmetric:
        return values + discrete_gaussian(variance, values.size, below).reshape(values.shape)
    p = len(values)
    upper, strictly = np.triu(values), np.triu_indices(p, 1)
    upper[np.diag_indices(p)] += discrete_gaussian(variance, p, below)
    # Rounded up: half the variance rounded down would claim more privacy than there is.
    upper[strictly] += discrete_gaussian(-(-variance // 2), len(strictly[0]), below)
    return upper + np.triu(upper, 1).T


def sparse_to_grid(R: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return rows of length 1 (0 where a row is empty) on the grid, as :func:`to_grid` does dense ones."""
    R = sparse.csr_matrix(R, dtype=np.float64, copy=True)
    rows = np.repeat(np.arange(R.shape[0]), np.diff(R.indptr))
    largest = np.zeros(R.shape[0])
    np.maximum.at(largest, rows, np.abs(R.data))
    relative = R.data / np.maximum(largest[rows], np.finfo(np.float64).tiny)
    norms = np.sqrt(np.bincount(rows, relative**2, R.shape[0]))
    whole = np.trunc(relative / np.maximum(norms[rows], np.finfo(np.float64).tiny) * 2.0**BITS).astype(
        np.int64
    )
    while True:
        squares = np.zeros(R.shape[0], dtype=np.int64)
        np.add.at(squares, rows, whole * whole)
        over = (squares > 1 << 2 * BITS)[rows]
        if not over.any():
            return sparse.csr_matrix((whole, R.indices, R.indptr), shape=R.shape)
        whole[over] -= np.sign(whole[over])
