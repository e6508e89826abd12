"""How scores are judged: each protocol turns them into a value a user or a row, in named groups."""

from benchmarks.protocols import full, rating, sampled
from benchmarks.protocols.frames import COLUMNS

__all__ = ["COLUMNS", "PROTOCOLS", "full", "rating", "sampled"]

PROTOCOLS = {
    "ranking": {"full": full.values, "sampled": sampled.values},
    "rating": {"rating": rating.values},
}
"""Kind of task → its protocols: functions of (task, user_ids, scores) → a frame of ``COLUMNS``."""
