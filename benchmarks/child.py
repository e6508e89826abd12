"""One model on one task in a process of its own: fit, score, judge, write down."""

from __future__ import annotations

import argparse
import importlib
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import environment
from benchmarks.model import MODELS, Model, NotApplicable
from benchmarks.protocols import PROTOCOLS
from benchmarks.task import TASKS, Task
from benchmarks.validation import Judge


def main() -> None:
    """Run the job of the command line; write ``OUT.json`` and, unless tuning, ``OUT.parquet``."""
    arguments = _arguments()
    settings = json.loads(arguments.settings)
    TASKS.load()
    importlib.import_module(arguments.module)  # this one only: no model pays for the memory of PyTorch
    model = MODELS[arguments.model](seed=arguments.seed, **settings)
    task = TASKS[arguments.task].make(arguments.seed)
    task = task.as_validation() if arguments.tune else task
    try:
        run, scores = measure(model, task)
    except NotApplicable as error:
        arguments.out.with_suffix(".json").write_text(json.dumps({"note": str(error)}))
        return
    if arguments.tune:
        run["valid"] = Judge(task)(scores)
    else:
        judged(task, scores).to_parquet(arguments.out.with_suffix(".parquet"), index=False)
    arguments.out.with_suffix(".json").write_text(json.dumps(run))


def measure(model: Model, task: Task) -> tuple[dict[str, Any], np.ndarray]:
    """Fit the model and score the users of the truth, against the clock; return times, memory and scores."""
    people = task.split.user_ids
    before = environment.peak_megabytes()
    start, start_cpu = time.perf_counter(), time.process_time()
    model.fit(task)
    fitted, fitted_cpu = time.perf_counter(), time.process_time()
    after_fit = environment.peak_megabytes()
    scores = np.asarray(model.scores(people), dtype=np.float32)
    scored = time.perf_counter()
    expected = (len(people), len(task.panel[task.target].items))
    if scores.shape != expected or not np.isfinite(scores).all():
        raise SystemExit(f"scores must be {expected} and finite; they are {scores.shape}.")
    found: dict[str, Any] = {"fit_seconds": fitted - start, "fit_cpu_seconds": fitted_cpu - start_cpu}
    found["score_seconds"] = scored - fitted
    found |= {"data_mb": before, "fit_peak_mb": after_fit, "peak_mb": environment.peak_megabytes()}
    return {**found, **model.notes, "n_people": len(people), "note": ""}, scores


def judged(task: Task, scores: np.ndarray) -> pd.DataFrame:
    """Return the values of all protocols of the task, with the name of the protocol."""
    people = task.split.user_ids
    parts = [
        judge(task, people, scores).assign(protocol=name) for name, judge in PROTOCOLS[task.kind].items()
    ]
    return pd.concat(parts, ignore_index=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--module", required=True, help="the module that registers it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", default="{}", help="JSON of the model's settings")
    parser.add_argument("--tune", action="store_true", help="judge on valid, learn without it")
    parser.add_argument("--out", type=Path, required=True, help="path without suffix")
    return parser.parse_args()


if __name__ == "__main__":
    main()
