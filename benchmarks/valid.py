"""The command line of the comparisons on ``valid``: tasks by name or pattern, one table of results."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pandas as pd

from benchmarks.environment import RESULTS, machine
from benchmarks.task import TASKS


def run(doc: str | None, tasks: list[str], compare: Callable[[str], pd.DataFrame], result: str) -> None:
    """Compare on the tasks the command line names, and write the table after each."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", default=tasks, help="names or patterns")
    arguments = parser.parse_args()
    print(machine())
    TASKS.load()
    parts = []
    for name in TASKS.match(arguments.tasks):
        parts.append(compare(name))
        pd.concat(parts).to_csv(RESULTS / f"{result}.csv", index=False, float_format="%.6g")
