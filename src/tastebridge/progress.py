"""A progress bar for long steps, silent unless asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Step(Protocol):
    """What is called at the start of every step, with what it does."""

    def __call__(self, message: str) -> None:
        """Go on to the next step."""


@contextmanager
def steps(title: str, total: int, shown: bool) -> Iterator[Step]:
    """Yield a function that names the next of ``total`` steps on a bar; on a terminal the bar goes away."""
    if not shown:
        yield lambda message: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bar:
        task = bar.add_task(title, total=total)
        done = -1

        def step(message: str) -> None:
            nonlocal done
            done += 1
            bar.update(task, completed=done, description=f"{title}: {message}")

        yield step
