"""MovieLens in time: a genre from what each user did before, in it and in five others."""

from __future__ import annotations

from functools import partial

from benchmarks.data.movielens import GENRES
from benchmarks.task import TASKS, Recipe, Task, clean_rows
from tastebridge.datasets import load_movielens
from tastebridge.splits import own_past


def make(target: str, seed: int) -> Task:
    """Return the task: the last fifth of all users' events is the test, a fifth of the rest to choose by."""
    test = own_past(load_movielens().select(list(GENRES)), target)
    inner = own_past(test.train, target)
    return Task(
        f"movielens-time {target}",
        target,
        test.train,
        clean_rows(test.truth),
        inner.train,
        clean_rows(inner.truth),
    )


for target in GENRES:
    recipe = Recipe(partial(make, target), family="movielens", cold=False, clock=30.0, deep_seeds=1)
    TASKS.register(f"movielens-time {target}")(recipe)
