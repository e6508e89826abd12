"""MovieLens by genre, warm users: every ordered pair of the six largest, a random row of each user hidden."""

from __future__ import annotations

from functools import partial
from itertools import permutations

from benchmarks.data.movielens import GENRES
from benchmarks.task import TASKS, Recipe, Task, clean_rows
from tastebridge.data import Panel
from tastebridge.datasets import load_movielens
from tastebridge.splits import leave_last


def make(target: str, source: str, seed: int) -> Task:
    """Return the task; to choose by, one more random row of each user is hidden."""
    rows = load_movielens().select([source, target]).to_frame()
    panel = Panel.from_frame(rows.drop(columns="timestamp"))  # without times, the last row is a random one
    test = leave_last(panel, target, random_state=seed)
    inner = leave_last(test.train, target, random_state=seed + 1000)
    return Task(
        f"movielens {target}<-{source} warm",
        target,
        test.train,
        clean_rows(test.truth),
        inner.train,
        clean_rows(inner.truth),
    )


for target, source in permutations(GENRES, 2):
    recipe = Recipe(partial(make, target, source), family="movielens", cold=False, clock=30.0, deep_seeds=1)
    TASKS.register(f"movielens {target}<-{source} warm")(recipe)
