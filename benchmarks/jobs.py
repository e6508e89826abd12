"""Runs: one model on one task with one seed, each in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import environment
from benchmarks.model import MODELS

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Job:
    """A job; two jobs of equal ``key`` are the same run."""

    mode: str
    task: str
    model: str
    seed: int
    settings: dict[str, Any] = field(default_factory=dict, hash=False)
    tune: bool = False

    @property
    def key(self) -> tuple[str, ...]:
        """Identify the run in the tables of results."""
        return (self.mode, self.task, self.model, str(self.seed))

    @property
    def settings_text(self) -> str:
        """The settings, always written alike."""
        return json.dumps(self.settings, sort_keys=True)

    @property
    def file_name(self) -> str:
        """A name for its file of values."""
        text = "--".join((self.mode, self.task, self.model, str(self.seed)))
        return "".join(letter if letter.isalnum() or letter in "-." else "_" for letter in text)


@dataclass(frozen=True)
class Outcome:
    """The result of a run: a row for the table of runs, and one value per user, metric and group."""

    row: dict[str, Any]
    values: pd.DataFrame | None


def run(job: Job, threads: int = 1, time_limit: float = 3600.0) -> Outcome:
    """Run the job and return its outcome; a crash or a run out of time becomes a note in the row."""
    base: dict[str, Any] = dict(zip(("mode", "task", "model", "seed"), job.key, strict=True))
    base |= {
        "settings": job.settings_text,
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
    }
    base |= {"threads": threads, "machine": environment.machine(), "versions": environment.versions()}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        note = _call(job, out, threads, time_limit)
        found = json.loads(out.with_suffix(".json").read_text()) if note is None else {"note": note}
        values = out.with_suffix(".parquet")
        return Outcome({**base, **found}, pd.read_parquet(values) if values.is_file() else None)


def _call(job: Job, out: Path, threads: int, time_limit: float) -> str | None:
    """Run the process; return None, or an error message."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.child"]
    command += ["--task", job.task, "--model", job.model, "--module", MODELS[job.model].__module__]
    command += ["--seed", str(job.seed), "--out", str(out)]
    command += ["--settings", job.settings_text, *(["--tune"] if job.tune else [])]
    options: dict[str, Any] = {"cwd": ROOT, "env": environment.child_environment(threads)}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=time_limit, **options
        )
    except subprocess.TimeoutExpired:
        return f"out of time after {time_limit:.0f} s"
    if done.returncode or not out.with_suffix(".json").is_file():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return f"failed: {last[:300]}"
    return None
