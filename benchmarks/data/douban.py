"""Douban books and music, ratings; 20, 50 or 80 % of the linked users cold (GA-DTCDR, IJCAI 2020)."""

from __future__ import annotations

from functools import partial

import pandas as pd

from benchmarks.environment import data_file
from benchmarks.task import TASKS, Recipe, Task, clean_rows
from tastebridge.data import Panel
from tastebridge.splits import cold_users

FILE = "douban_book_music_ratings.parquet"


def make(target: str, source: str, share: int, seed: int) -> Task:
    """Return the task; the seed draws the cold users, and a tenth of the rest to choose by."""
    panel = Panel.from_frame(pd.read_parquet(data_file(FILE)).drop(columns="split"))
    test = cold_users(panel, target, test_size=share / 100, random_state=seed)
    inner = cold_users(test.train, target, test_size=0.1, random_state=seed + 1000)
    name = f"douban {target}<-{source} {share}%"
    held_out = clean_rows(test.truth), clean_rows(inner.truth)
    return Task(name, target, inner.train, held_out[0], inner.train, held_out[1], kind="rating")


for target, source in (("music", "book"), ("book", "music")):
    for share in (20, 50, 80):
        recipe = Recipe(
            partial(make, target, source, share),
            family="douban",
            cold=True,
            kind="rating",
            file=FILE,
            fast=(target, share) == ("music", 50),
        )
        TASKS.register(f"douban {target}<-{source} {share}%")(recipe)
