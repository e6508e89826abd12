"""Amazon clothing and sports, cold users, both directions (the split published with CDRIB, ICDE 2022)."""

from __future__ import annotations

from functools import partial

import pandas as pd

from benchmarks.environment import data_file
from benchmarks.task import TASKS, Recipe, Task, clean_rows
from tastebridge.data import Panel

FILE = "amazon_cloth_sport_cold.parquet"


def make(target: str, source: str, seed: int) -> Task:
    """Return the task; the split is the published one, whatever the seed."""
    table = pd.read_parquet(data_file(FILE))
    panel = Panel.from_frame(table[table["split"] == "train"].drop(columns="split"))
    held_out = table[table["category"] == target]
    valid, test = (clean_rows(held_out[held_out["split"] == part]) for part in ("valid", "test"))
    return Task(f"{target}<-{source} cold", target, panel, test, panel, valid)


for target, source in (("cloth", "sport"), ("sport", "cloth")):
    recipe = Recipe(partial(make, target, source), family="cloth-sport", cold=True, file=FILE, fast=True)
    TASKS.register(f"{target}<-{source} cold")(recipe)
