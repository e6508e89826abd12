"""Comparisons on ``valid``: one loop over the variants of a task, and one command line.

Held-out rows of ``valid`` are ranked among 999 others, and the test rows are not read.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.environment import machine
from benchmarks.protocols.groups import row_groups
from benchmarks.protocols.sampled import row_ranks
from benchmarks.results import put
from benchmarks.task import TASKS, Task
from tastebridge.evaluation import draw_negatives
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.metrics import rank_ndcg
from tastebridge.metrics.intervals import paired_difference

Variants = Callable[[Task], Iterator[tuple[str, Any]]]
"""The names and recommenders to compare on a task; the first is the one others are compared with."""
_COLUMNS = ["ndcg@10", "difference", "difference_low", "difference_high"]
_DRAW = 1
"""Another draw of the 999 than the test's."""


def run(doc: str | None, tasks: list[str], variants: Variants, result: str) -> None:
    """Compare on the tasks the command line names, and write the table after each."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=tasks, help="names or patterns")
    arguments = parser.parse_args()
    print(machine())
    TASKS.load()
    for name in TASKS.match(arguments.tasks):
        put(result, compare(name, variants), key=("task",))


def compare(name: str, variants: Variants) -> pd.DataFrame:
    """Return a row for each variant and group of rows of a task; seconds are of the processor."""
    task = TASKS[name].make(0).as_validation()
    people = task.truth["user_id"].to_numpy()
    groups = {key: mask for key, mask in row_groups(task) if key in ("all", "without twins")}
    rows, base = [], None
    for variant, recommender in variants(task):
        start = time.process_time()
        values = _judged(task, recommender)
        seconds = time.process_time() - start
        base = values if base is None else base
        for group, mask in groups.items():
            gap = paired_difference(values[mask], base[mask], people=people[mask])
            rows.append((name, variant, group, values[mask].mean(), gap.mean, gap.low, gap.high, seconds))
            print(*rows[-1], flush=True)
    return pd.DataFrame(rows, columns=["task", "variant", "rows", *_COLUMNS, "seconds"])


def _judged(task: Task, recommender: Any) -> NDArray[np.float64]:
    """Return NDCG@10 of every held-out row of ``valid``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        recommender.fit(task.valid_panel)
    people = task.valid_split.user_ids
    scores = recommender.user_vectors(people).vectors @ recommender.item_vectors().vectors.T
    negatives = draw_negatives(task.valid_split, random_state=_DRAW)
    return np.asarray(rank_ndcg(row_ranks(task.valid_split, people, scores, negatives), 10))
