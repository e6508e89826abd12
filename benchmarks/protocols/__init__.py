"""How scores are judged: each protocol turns them into a value a user or a row, in named groups."""

from functools import partial

from benchmarks.protocols import full, rating, sampled
from benchmarks.protocols.frames import COLUMNS

__all__ = ["COLUMNS", "PROTOCOLS", "full", "rating", "sampled"]

PROTOCOLS = {
    "ranking": {
        "full": full.values,
        "sampled": sampled.values,
        "popularity-weighted": partial(sampled.values, popularity_power=sampled.POWER),
    },
    "rating": {"rating": rating.values},
}
"""Kind of task → its protocols: functions of (task, user_ids, scores) → a frame of ``COLUMNS``."""
