"""Run models × tasks × protocols × seeds and write ``benchmarks/results/*.csv``.

``python -m benchmarks.run --fast`` is the short one: one seed, seven tasks, deep models stopped by the clock.
``python -m benchmarks.run`` runs everything: three seeds, all tasks, deep models until ``valid`` stops
improving. Runs that ``results/runs.csv`` has with the same settings are not repeated (``--again`` repeats
them), so an interrupted benchmark goes on where it stopped. The real data are found in the folder that the
environment variable TASTEBRIDGE_DATA names; tasks whose file is not there are skipped, and it is said.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import pandas as pd

from benchmarks import environment, results
from benchmarks.jobs import Job, run
from benchmarks.model import MODELS, Model
from benchmarks.summary import differences
from benchmarks.task import TASKS, Recipe
from benchmarks.tune import chosen_settings

_writing = Lock()


def main() -> None:
    """Run what the command line says."""
    arguments = _arguments()
    TASKS.load(), MODELS.load()
    print(f"{environment.machine()}\n{environment.versions()}")
    for module, package in MODELS.absent.items():
        print(f"skipped: models/{module}.py needs {package}; pip install 'tastebridge[benchmark]'")
    jobs = plan(arguments)
    done = set() if arguments.again else results.measured()
    todo = [job for job in jobs if (*job.key, job.settings_text) not in done]
    print(f"{len(jobs)} runs, {len(jobs) - len(todo)} of them done before", flush=True)
    start = time.perf_counter()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(lambda job: _run(job, arguments.threads, arguments.time_limit), todo))
    compare(arguments.mode, sorted({job.task for job in jobs}))
    print(f"{time.perf_counter() - start:.0f} s; now: python -m benchmarks.tables")


def plan(arguments: argparse.Namespace) -> list[Job]:
    """Return the runs asked for, without those a model or a missing file makes pointless."""
    tuned, jobs = chosen_settings(), []
    for task in TASKS.match(arguments.tasks or ["*"]):
        recipe = TASKS[task]
        if arguments.mode == "fast" and not (recipe.fast or arguments.tasks):
            continue
        if recipe.file and (missing := environment.why_missing(recipe.file)):
            print(f"skipped: {task}: {missing}")
            continue
        for name in MODELS.match(arguments.models):
            if fits(MODELS[name], recipe):
                settings = tuned.get((recipe.family, name), {}) | _settings(MODELS[name], recipe, arguments)
                seeds = range(_n_seeds(MODELS[name], recipe, arguments))
                jobs += [Job(arguments.mode, task, name, seed, settings) for seed in seeds]
    return jobs


def fits(model: type[Model], recipe: Recipe) -> bool:
    """Return whether the model has anything to say on the task."""
    return model.kind == recipe.kind and not (recipe.cold and model.needs_history)


def compare(mode: str, tasks: list[str]) -> None:
    """Write the paired differences of all models with results on these tasks.

    Where the values of some models with figures are on another machine, the differences stay as they are: the
    best of fewer opponents is not the best.
    """
    runs, figured, kept = (results.read(name) for name in ("runs", "figures", "differences"))
    for task in tasks:
        values = _values_by_model(mode, task, runs)
        lost = sorted(_models_of(figured, mode, task) - set(values))
        if lost and _models_of(kept, mode, task):
            print(
                f"the differences of {task} stay as they are: there are no values of {', '.join(lost)} here"
            )
            continue
        classes = {
            against: [model for model in values if MODELS[model].role in roles]
            for against, roles in _CLASSES.items()
        }
        found = differences(values, classes)
        if len(found):
            results.put("differences", found.assign(mode=mode, task=task), ("mode", "task"))


def _models_of(table: pd.DataFrame, mode: str, task: str) -> set[str]:
    """Return the models that a table of results has on a task."""
    return set() if table.empty else set(table.query("mode == @mode and task == @task")["model"])


_CLASSES = {
    "best baseline": ("baseline",),
    "best deep": ("deep",),
    "best other": ("baseline", "classical", "deep"),
}


def _values_by_model(mode: str, task: str, runs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the values of the users of each model with a run, all seeds one below the other."""
    found: dict[str, list[pd.DataFrame]] = {}
    here = runs[(runs["mode"] == mode) & (runs["task"] == task)] if len(runs) else runs
    for run_ in here.itertuples():
        values = results.values_of(Job(mode, task, str(run_.model), int(run_.seed)))
        if values is not None and run_.model in MODELS:
            found.setdefault(str(run_.model), []).append(values.assign(seed=int(run_.seed)))
    return {model: pd.concat(parts, ignore_index=True) for model, parts in found.items()}


def _settings(model: type[Model], recipe: Recipe, arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.mode == "fast":
        return dict(model.fast)
    return {"seconds": recipe.clock} if model.role == "deep" else {}


def _n_seeds(model: type[Model], recipe: Recipe, arguments: argparse.Namespace) -> int:
    wanted = arguments.seeds or (1 if arguments.mode == "fast" else 3)
    return min(wanted, recipe.deep_seeds or wanted) if model.role == "deep" else wanted


def _run(job: Job, threads: int, time_limit: float) -> None:
    outcome = run(job, threads, time_limit)
    with _writing:
        results.keep(job, outcome)
    row = outcome.row
    if row["note"]:
        print(f"{job.task} | {job.model} | seed {job.seed} | {row['note']}", flush=True)
        return
    values = outcome.values
    assert values is not None
    shown = values[(values["group"] == "all") & values["metric"].isin(("ndcg@10", "squared error"))]
    means = ", ".join(f"{name} {part['value'].mean():.4f}" for name, part in shown.groupby("protocol"))
    took = f"fit {row['fit_seconds']:.1f} s, score {row['score_seconds']:.2f} s, {row['peak_mb']:.0f} MB"
    print(f"{job.task} | {job.model} | seed {job.seed} | {means} | {took}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fast", dest="mode", action="store_const", const="fast", default="full")
    parser.add_argument("--tasks", nargs="+", help="names or patterns, such as 'cloth<-*'; default: all")
    parser.add_argument("--models", nargs="+", default=["*"], help="names or patterns")
    parser.add_argument("--seeds", type=int, help="how many; default 3, and 1 with --fast")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side; above 1 clocks suffer")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process")
    parser.add_argument("--time-limit", type=float, default=3600.0, help="seconds a run may take")
    parser.add_argument("--again", action="store_true", help="repeat runs that have results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
