"""MovieLens by genre: every ordered pair of the six largest, a fifth of the linked users cold."""

from __future__ import annotations

from functools import partial
from itertools import permutations

from benchmarks.task import TASKS, Recipe, Task, clean_rows
from tastebridge.data import Panel
from tastebridge.datasets import load_movielens
from tastebridge.splits import cold_users

GENRES = ("Action", "Adventure", "Comedy", "Crime", "Drama", "Horror")
"""The six first genres with the most ratings (Horror, the least of them, has 2,328)."""
FAST = {("Drama", "Action"), ("Crime", "Comedy")}


def make(target: str, source: str, seed: int) -> Task:
    """Return the task; the seed draws the cold users, and a tenth of the rest to choose by."""
    panel = load_movielens().select([source, target])
    panel = _active(panel)
    test = cold_users(panel, target, test_size=0.2, random_state=seed)
    inner = cold_users(test.train, target, test_size=0.1, random_state=seed + 1000)
    name = f"movielens {target}<-{source}"
    return Task(name, target, inner.train, clean_rows(test.truth), inner.train, clean_rows(inner.truth))


def _active(panel: Panel) -> Panel:
    """Return the panel of the users who have rows in it."""
    return panel[sorted({int(one) for part in panel.interactions.values() for one in part.active_numbers})]


for target, source in permutations(GENRES, 2):
    recipe = Recipe(
        partial(make, target, source),
        family="movielens",
        cold=True,
        clock=30.0,
        deep_seeds=1,
        fast=(target, source) in FAST,
    )
    TASKS.register(f"movielens {target}<-{source}")(recipe)
