"""A progress bar for long steps, silent by default."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Protocol

from tastebridge._foundation.log import LOGGER
from tastebridge._foundation.printable import printable


class Step(Protocol):
    """A function to call at the start of every step, with its name."""

    def __call__(self, message: str) -> None:
        """Go on to the next step."""


def _has_bars() -> bool:
    """Return whether Rich, of the extra ``shell``, is there to draw a bar; without it there are lines."""
    try:
        import rich.progress  # noqa: F401
    except ModuleNotFoundError:
        return False
    return True


@contextmanager
def steps(title: str, total: int, shown: bool) -> Iterator[Step]:
    """Yield a function that names the next of ``total`` steps; the bar is erased at the end.

    Each step is logged, whether it is shown or not.
    """
    if not shown:
        yield lambda message: LOGGER.info("%s: %s", title, printable(message))
        return
    if not _has_bars():

        def line(message: str) -> None:
            LOGGER.info("%s: %s", title, printable(message))
            print(f"{title}: {printable(message)}", file=sys.stderr, flush=True)

        yield line
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    said = TextColumn("{task.description}", markup=False)  # names of categories are data
    columns = (SpinnerColumn(), said, BarColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(title, total=total)
        done = -1  # a step is announced when it starts, so the first one completes none

        def step(message: str) -> None:
            nonlocal done
            done += 1
            LOGGER.info("%s: %s", title, printable(message))
            bar.update(task, completed=done, description=f"{title}: {printable(message)}")

        yield step


class Meter(Protocol):
    """A function to call as work gets done."""

    def __call__(self, done: int, people: int = 0) -> None:
        """Add finished work, and the number of users it served."""


_EVERY = 30.0
"""Seconds between two lines where there is no terminal."""


@contextmanager
def meter(title: str, total: int, unit: str, shown: bool) -> Iterator[Meter]:
    """Yield a function that counts towards ``total``, shown with rate and time left.

    On a terminal it is a bar that is erased at the end. Elsewhere, as in the log of a nightly job, it is one
    line every 30 seconds. Both are written to the standard error. The end is logged.
    """
    start = time.monotonic()
    with _shown_meter(title, total, unit, shown) as count:
        yield count
    LOGGER.info("%s: %s %s in %.1f s", title, f"{total:,}", unit, time.monotonic() - start)


@contextmanager
def _shown_meter(title: str, total: int, unit: str, shown: bool) -> Iterator[Meter]:
    if not shown:
        yield lambda done, people=0: None
    elif sys.stderr.isatty() and _has_bars():
        with _bar(title, total) as show:
            yield _counter(unit, show)
    else:
        yield _counter(unit, _lines(title, total))


_Show = Callable[[int, str, float], None]
"""Shows the finished work, its rate, and the seconds so far."""


def _counter(unit: str, show: _Show) -> Meter:
    start, sums, lock = time.monotonic(), [0, 0], Lock()

    def count(done: int, people: int = 0) -> None:
        with lock:  # parts of a batch finish in several threads
            sums[0], sums[1] = sums[0] + done, sums[1] + people
            seconds = time.monotonic() - start
            amount, what = (sums[1], "users") if sums[1] else (sums[0], unit)
            show(sums[0], f"{amount / max(seconds, 1e-9):,.0f} {what}/s", seconds)

    return count


@contextmanager
def _bar(title: str, total: int) -> Iterator[_Show]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("{task.fields[rate]}"), transient=True, console=console) as bar:
        task = bar.add_task(title, total=total, rate="")
        yield lambda done, rate, seconds: bar.update(task, completed=done, rate=rate)


def _lines(title: str, total: int) -> _Show:
    said = 0.0

    def show(done: int, rate: str, seconds: float) -> None:
        nonlocal said
        if seconds - said > _EVERY:
            said = seconds
            left = (total - done) * seconds / max(done, 1)
            print(f"{title}: {done / total:.0%}, {rate}, {left:,.0f} s left", file=sys.stderr, flush=True)

    return show
