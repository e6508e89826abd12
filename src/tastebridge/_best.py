"""The best items of each user so far, packed into integers that sort by score, then by item number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIGN, ONES = np.uint32(1 << 31), np.uint32(0xFFFFFFFF)
Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]
Keys = NDArray[np.uint64]


def pack(scores: Floats, numbers: Numbers) -> Keys:
    """Pack score and item into one integer: the larger, the better; 0 is no item."""
    bits = (scores + np.float32(0)).view(np.uint32)  # adding 0 makes -0.0 and 0.0 one score
    rising = np.where(bits & SIGN, ~bits, bits | SIGN)
    return rising.astype(np.uint64) << np.uint64(32) | (ONES - numbers.astype(np.uint32))


def unpack_scores(keys: Keys) -> Floats:
    """Unpack the scores; no item scores ``-inf``."""
    rising = (keys >> np.uint64(32)).astype(np.uint32)
    scores = np.where(rising & SIGN, rising ^ SIGN, ~rising).view(np.float32)
    return np.where(keys == 0, np.float32(-np.inf), scores)


def merge(best: Keys, users: Numbers, keys: Keys) -> None:
    """Keep each user's k largest of old and new keys, the smallest in column 0; ``users`` come in runs."""
    if not len(users):
        return
    k, start = best.shape[1], np.flatnonzero(np.diff(users, prepend=-1))
    who, count = users[start], np.diff(start, append=len(users))
    pool = np.zeros((len(who), k + count.max()), dtype=np.uint64)
    pool[:, :k] = best[who]
    pool[np.arange(len(who)).repeat(count), k + np.arange(len(users)) - start.repeat(count)] = keys
    best[who] = np.partition(pool, -k, axis=1)[:, -k:]


def unpack(best: Keys) -> tuple[NDArray[np.int32], Floats]:
    """Sort and unpack the keys, best first."""
    best = np.sort(best, axis=1)[:, ::-1]
    numbers = (ONES - best.astype(np.uint32)).astype(np.int32)
    return np.where(best == 0, np.int32(-1), numbers), unpack_scores(best)
