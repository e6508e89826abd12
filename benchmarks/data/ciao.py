"""Ciao reviews by category, with dates: users who enter a category later, and users cold at random.

The categories are small, with 10 to 60 entrants each, so figures are pooled over all: see
``python -m benchmarks.pooled``.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from benchmarks.environment import data_file
from benchmarks.task import TASKS, Recipe, Task, clean_rows
from tastebridge.data import Panel

CATEGORIES = (
    "c01", "c02", "c03", "c04", "c05", "c06", "c08", "c09", "c10", "c11",
    "c12", "c13", "c14", "c16", "c17", "c18", "c21", "c23", "c24", "c28",
)  # fmt: skip
FILES = {"entrants": "ciao_entrants.parquet", "cold": "ciao_cold.parquet"}


def make(target: str, split: str, seed: int) -> Task:
    """Return the task; the split is the one of the file, whatever the seed.

    Held-out rows of users without a training row are left out: no model can say anything of them.
    """
    table = pd.read_parquet(data_file(FILES[split]))
    train = table[table["split"] == "train"].drop(columns="split")
    panel = Panel.from_frame(train)
    held_out = table[(table["category"] == target) & table["user_id"].isin(train["user_id"])]
    valid, test = (clean_rows(held_out[held_out["split"] == part]) for part in ("valid", "test"))
    return Task(f"ciao {target} {split}", target, panel, test, panel, valid)


for split, file in FILES.items():
    for target in CATEGORIES:
        recipe = Recipe(partial(make, target, split), family=f"ciao {split}", cold=True, file=file)
        TASKS.register(f"ciao {target} {split}")(recipe)
