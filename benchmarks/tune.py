"""Choose each model's settings on ``valid``: every combination of its grid, on the tasks of each family.

``python -m benchmarks.tune`` writes ``results/tuning.csv``; ``benchmarks.run`` takes, for each family of
tasks, the settings with the best mean on ``valid``. The test rows are not read.
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from typing import Any

import pandas as pd

from benchmarks import results
from benchmarks.jobs import Job, run
from benchmarks.model import MODELS, Model
from benchmarks.task import TASKS

COLUMNS = ("task", "model", "seed", "settings")


def combinations(model: type[Model], fixed: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every combination of the model's grid, with the fixed settings."""
    names = list(model.grid)
    return [{**fixed, **dict(zip(names, chosen, strict=True))} for chosen in product(*model.grid.values())]


def chosen_settings() -> dict[tuple[str, str], dict[str, Any]]:
    """Return the best settings by (family, model): of the tuning on this machine, or else those committed."""
    kept, table = results.read("chosen"), results.read("tuning")
    committed = {(one.family, one.model): json.loads(one.settings) for one in kept.itertuples()}
    if table.empty:
        return committed
    table = table[table["valid"].notna() & table["task"].isin(list(TASKS))]
    table["family"] = [TASKS[name].family for name in table["task"]]
    means = table.groupby(["family", "model", "settings"])["valid"].mean()
    best = means.groupby(level=["family", "model"]).idxmax()
    return committed | {(family, model): json.loads(settings) for family, model, settings in best}


def main() -> None:
    """Tune the models of the command line; runs that are in the table already are not repeated."""
    arguments = _arguments()
    TASKS.load(), MODELS.load()
    done = results.keys("tuning", COLUMNS)
    for job in _jobs(arguments):
        key = (job.task, job.model, str(job.seed), job.settings_text)
        if key in done:
            continue
        row = run(job, arguments.threads).row
        results.put("tuning", pd.DataFrame([row]).reindex(columns=list(results.RUN_COLUMNS)), COLUMNS)
        print(
            f"{job.task} | {job.model} | {job.settings} | {row.get('valid')} {row.get('note', '')}",
            flush=True,
        )
    rows = [(*key, json.dumps(settings)) for key, settings in chosen_settings().items()]
    results.put("chosen", pd.DataFrame(rows, columns=["family", "model", "settings"]), ("family", "model"))


def _jobs(arguments: argparse.Namespace) -> list[Job]:
    jobs = []
    for task in TASKS.match(arguments.tasks):
        for name in MODELS.match(arguments.models):
            model = MODELS[name]
            useful = model.grid and model.kind == TASKS[task].kind
            if useful and not (TASKS[task].cold and model.needs_history):
                fixed = {"seconds": arguments.seconds} if model.role == "deep" else {}
                settings = combinations(model, fixed)
                jobs += [Job("tune", task, name, arguments.seed, one, tune=True) for one in settings]
    return jobs


_TASKS = ["cloth<-*", "phone<-*", "movielens Drama<-Action", "douban music*50*"]
"""One task a family."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", nargs="+", default=_TASKS)
    parser.add_argument("--models", nargs="+", default=["*"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=300.0, help="the clock of a deep model's training")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
