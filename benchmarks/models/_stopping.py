"""Early stopping: keep the best state there was on ``valid``, and say when to give up."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stopping:
    """Remember the best state; stop after ``patience`` checks without a better one, or by processor time."""

    patience: int
    seconds: float
    start: float = field(default_factory=time.process_time)
    best: float = -float("inf")
    best_epoch: int = 0
    best_seconds: float = 0.0
    by_clock: bool = False
    state: Any = None
    _worse: int = 0

    def stop(self, epoch: int, score: float, state: Any) -> bool:
        """Take note of a check; return whether to stop."""
        now = time.process_time() - self.start
        if score > self.best:
            self.best, self.best_epoch, self.best_seconds, self._worse = score, epoch, now, 0
            self.state = copy.deepcopy(state)
        else:
            self._worse += 1
        self.by_clock = now > self.seconds
        return self.by_clock or self._worse >= self.patience

    def notes(self, name: str = "") -> dict[str, Any]:
        """Return what a table of runs should say about it."""
        found = {
            "valid": round(self.best, 5),
            "epochs": self.best_epoch,
            "best_seconds": round(self.best_seconds, 2),
            "stopped_by_clock": self.by_clock,
        }
        return {f"{name}{key}": value for key, value in found.items()}
