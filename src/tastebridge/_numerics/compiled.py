"""The scan of a tile of scores as compiled code. It needs numba: ``pip install 'tastebridge[fast]'``."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tastebridge._numerics.best import Floats, Keys, Numbers

GROUP = 64
"""Scores compared at once: as many as the compiler unrolls."""
SIGN, HALF, LEAST = np.uint32(1 << 31), np.uint64(32), np.int32(-(2**31))
Doubles = NDArray[np.float64]


@njit(nogil=True)
def _key(score: np.float32, number: np.int64) -> np.uint64:
    """Pack a score and an item, as :func:`tastebridge._numerics.best.pack` does."""
    bits = np.float32(score + np.float32(0)).view(np.uint32)
    rising = ~bits if bits & SIGN else bits | SIGN
    return np.uint64(rising) << HALF | np.uint64(~np.uint32(number))


@njit(nogil=True)
def _score(key: np.uint64) -> np.float32:
    rising = np.uint32(key >> HALF)
    bits = rising ^ SIGN if rising & SIGN else ~rising
    return np.uint32(bits).view(np.float32)


@njit(nogil=True)
def _insert(ascending: Keys, key: np.uint64) -> None:
    """Insert a key in its place and drop the smallest."""
    at = 0
    while at + 1 < len(ascending) and ascending[at + 1] < key:
        ascending[at] = ascending[at + 1]
        at += 1
    ascending[at] = key


@njit(nogil=True)
def _bits(score: np.float32) -> np.int32:
    return np.float32(score).view(np.int32)


@njit("void(f4[:, ::1], i8[::1], i8[::1], u8[:, ::1], f8[:, ::1], i8)", nogil=True)
def keep(
    scores: Floats,
    users: Numbers,
    numbers: Numbers,
    best: Keys,
    bounds: Doubles,
    margin: int,
) -> None:
    """Insert the scores of a tile into the best of its users, and raise their floors, in place.

    Rows of ``scores`` are ``users``, columns are items by ``numbers``; further columns are not read. The rest
    is as in :class:`tastebridge._numerics.best.Found`, except that rows of ``best`` ascend.
    """
    width, floor, slack = len(numbers), bounds[0], bounds[1]
    # above 0 floats sort as their bits do, whose largest vector instructions find sooner
    bits = scores.view(np.int32)
    for row in range(len(users)):
        user = users[row]
        mine, limit = best[user], np.float32(floor[user])
        for start in range(0, width, GROUP):
            whole = start + GROUP <= width
            # one flag for a group: a loop without branches is compiled to vector instructions
            hot = np.int32(not whole)
            if whole and limit > 0:
                top = LEAST
                for i in range(GROUP):
                    top = max(top, bits[row, start + i])
                hot = np.int32(top >= _bits(limit))
            elif whole:
                for i in range(GROUP):
                    hot |= np.int32(scores[row, start + i] >= limit)
            if hot == 0:
                continue
            for column in range(start, min(start + GROUP, width)):
                if scores[row, column] >= limit:
                    key = _key(scores[row, column], numbers[column])
                    if key > mine[0]:
                        _insert(mine, key)
                        if mine[0]:
                            limit = max(limit, _score(mine[0]))
        if mine[margin]:
            floor[user] = max(floor[user], _score(mine[margin]) - slack[user])
