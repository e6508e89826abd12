"""Amazon sports and phones, warm users, both directions (the split published with DisenCDR, SIGIR 2022)."""

from __future__ import annotations

from functools import partial

import pandas as pd

from benchmarks.environment import data_file
from benchmarks.task import TASKS, Recipe, Task, clean_rows
from tastebridge.data import Panel
from tastebridge.splits import leave_last

FILE = "amazon_sport_phone_warm.parquet"


def make(target: str, source: str, seed: int) -> Task:
    """Return the task. The test is the published one; to choose by, one more random row each is hidden."""
    table = pd.read_parquet(data_file(FILE))
    panel = Panel.from_frame(table[table["split"] == "train"].drop(columns="split"))
    test = clean_rows(table[(table["split"] == "test") & (table["category"] == target)])
    inner = leave_last(panel, target, n_last=1, random_state=seed)
    return Task(f"{target}<-{source} warm", target, panel, test, inner.train, clean_rows(inner.truth))


for target, source in (("sport", "phone"), ("phone", "sport")):
    recipe = Recipe(partial(make, target, source), family="sport-phone", cold=False, file=FILE, fast=True)
    TASKS.register(f"{target}<-{source} warm")(recipe)
