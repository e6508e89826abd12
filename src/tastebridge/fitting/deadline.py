"""The deadline of a fit: if it takes longer than estimated, optional work is left out and reported."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter


class Deadline:
    """The end of a time budget, and the optional work that was left out for it.

    Parameters
    ----------
    seconds : float, optional
        From now on; None for no end.
    clock : callable, default=time.perf_counter

    Attributes
    ----------
    skipped : list of str
        The work left out, in its order.

    Examples
    --------
    >>> deadline = Deadline(10.0, clock=lambda: 0.0)
    >>> deadline.allows("directions", seconds=9.0), deadline.allows("interests", seconds=11.0)
    (True, False)
    >>> deadline.message
    'time_budget=10: time ran out for interests.'
    """

    def __init__(self, seconds: float | None = None, clock: Callable[[], float] = perf_counter) -> None:
        self.seconds, self._clock, self._start = seconds, clock, clock()
        self.skipped: list[str] = []

    @property
    def spent(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def allows(self, work: str, seconds: float = 0.0) -> bool:
        """Return whether there is time for optional work of some seconds; if not, it counts as left out."""
        if self.seconds is None or self.spent + seconds <= self.seconds:
            return True
        if work not in self.skipped:
            self.skipped.append(work)
        return False

    @property
    def message(self) -> str:
        """A sentence that names the work left out; "" for none."""
        if not self.skipped:
            return ""
        return f"time_budget={self.seconds:g}: time ran out for {', '.join(self.skipped)}."
