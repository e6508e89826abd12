"""The best items of each user so far, packed into integers that sort by score, then by item number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIGN, ONES = np.uint32(1 << 31), np.uint32(0xFFFFFFFF)
Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]
Keys = NDArray[np.uint64]
LOWEST = np.finfo(np.float32).min


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


def unpack_numbers(keys: Keys) -> Numbers:
    """Unpack the item numbers; the number of key 0, no item, is meaningless."""
    return (ONES - keys.astype(np.uint32)).astype(np.int64)


def merge(best: Keys, users: Numbers, keys: Keys) -> None:
    """Keep each user's k largest of old and new keys, smallest in column 0; equal ``users`` are adjacent."""
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


class Found:
    """The best items of users, merged from time to time with the candidates found since.

    Attributes
    ----------
    best : ndarray of shape (n_users, k + margin)
        Keys, the smallest in column 0.
    bounds : ndarray of shape (2, n_users)
        The floors and the slacks. The floor of a user is the least score of a useful candidate: the k-th best
        less the slack. While there are fewer than k it is the lowest float. It may be raised from outside.
    """

    def __init__(self, n_users: int, k: int, margin: int, slack: NDArray[np.float64]) -> None:
        self.best: Keys = np.zeros((n_users, k + margin), dtype=np.uint64)
        self.bounds = np.stack([np.full(n_users, LOWEST, dtype=np.float64), slack])
        self._margin = margin
        self._waiting: list[tuple[Numbers, Numbers, Floats]] = []

    @property
    def floor(self) -> NDArray[np.float64]:
        """The floor of each user, a view of ``bounds``."""
        return self.bounds[0]

    def add(self, users: Numbers, numbers: Numbers, scores: Floats, most: int) -> None:
        """Add items and their scores to users, and merge all once ``most`` wait."""
        self._waiting.append((users, numbers, scores))
        if sum(len(part) for part, _, _ in self._waiting) >= most:
            self.settle()

    def settle(self) -> None:
        """Merge the waiting items, and raise the floors."""
        parts, self._waiting = self._waiting, []
        if not parts:
            return
        users, numbers = (np.concatenate([part[place] for part in parts]) for place in (0, 1))
        keys = pack(np.concatenate([scores for _, _, scores in parts]), numbers)
        # merge() wants the keys of a user in one run; numpy sorts short integers faster, by radix
        order = np.argsort(users if len(self.best) > 2**16 else users.astype(np.uint16), kind="stable")
        users = users[order]
        merge(self.best, users, keys[order])
        who = users[np.flatnonzero(np.diff(users, prepend=-1))]
        kth = np.partition(self.best[who], self._margin, axis=1)[:, self._margin]
        # approximate scores may err by the slack, so candidates within it are kept
        self.floor[who] = np.maximum(unpack_scores(kth) - self.bounds[1, who], LOWEST)
