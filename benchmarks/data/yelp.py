"""Yelp check-ins by city: users cold at random in one city, seven cities, six of them sources.

Each source alone says little, since few users are in two cities, and catalogues are small. So this data set
shows whether sources that are weak one by one help together.
"""

from __future__ import annotations

from functools import partial

import pandas as pd

from benchmarks.environment import data_file
from benchmarks.task import TASKS, Recipe, Task, clean_rows
from tastebridge.data import Panel

CITIES = ("city10", "city17", "city18", "city26", "city31", "city35", "city40")
FILE = "yelp_cities_cold.parquet"


def make(target: str, seed: int) -> Task:
    """Return the task; the split is the one of the file, whatever the seed."""
    table = pd.read_parquet(data_file(FILE))
    panel = Panel.from_frame(table[table["split"] == "train"].drop(columns="split"))
    held_out = table[table["category"] == target]
    valid, test = (clean_rows(held_out[held_out["split"] == part]) for part in ("valid", "test"))
    return Task(f"yelp {target} cold", target, panel, test, panel, valid)


for target in CITIES:
    TASKS.register(f"yelp {target} cold")(Recipe(partial(make, target), family="yelp", cold=True, file=FILE))
