"""The time of a fit of many small sources. ``python -m benchmarks.many_sources FOLDER``.

Makes a panel of 500 categories, 40,000 users and a million events, and the same events in five categories
(each of a hundred of the former, under the same item ids). Both are fitted with the defaults, each in a
process of its own, and the first once more with ``time_budget=30``, whose clock is the processor's: on a
shared machine a fit of one thread can then be judged too. The result is ``results/many_sources.json``:
seconds of the processor and of the clock, and the peak memory.

``python -m benchmarks.many_sources FOLDER --ciao TREE`` fits one target of Ciao from nineteen sources
instead, by this version and by the one in the folder ``TREE`` (its ``src``), in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import environment

N_CATEGORIES, N_USERS, N_ITEMS, GROUP = 500, 40_000, 40, 100
FILES = {"500": "c000", "5": "g0"}
"""The target of each panel."""


def main() -> None:
    """Run what the command line says, and write the figures after each fit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--parts", nargs="+", default=["budget", "500", "5"])
    parser.add_argument("--ciao", type=Path, metavar="TREE")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        path, target, budget = arguments.child
        print(json.dumps(fitted(path, target, float(budget) or None)))
    elif arguments.ciao:
        ciao(arguments.folder, arguments.ciao, arguments.rounds)
    else:
        made(arguments.folder)
        for part in arguments.parts:
            name, budget = ("500", 30.0) if part == "budget" else (part, 0.0)
            _keep(part, _child(arguments.folder / f"{name}.parquet", FILES[name], budget))


def made(folder: Path) -> None:
    """Write both panels unless they are there."""
    if all((folder / f"{name}.parquet").is_file() for name in FILES):
        return
    from tastebridge.datasets import make_panel

    names = [f"c{number:03d}" for number in range(N_CATEGORIES)]
    panel, _ = make_panel(N_USERS, N_ITEMS, names, overlap=0.05, events_per_user=1)
    table = panel.to_frame()[["user_id", "item_id", "category"]].astype({"category": str})
    folder.mkdir(parents=True, exist_ok=True)
    table.to_parquet(folder / "500.parquet", index=False)
    groups = "g" + (table["category"].str[1:].astype(int) // GROUP).astype(str)
    table.assign(category=groups).to_parquet(folder / "5.parquet", index=False)


def ciao(folder: Path, old: Path, rounds: int) -> None:
    """Fit one target of Ciao by both versions, in turns."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ciao.parquet"
    table = pd.read_parquet(environment.data_file("ciao_cold.parquet"))
    table[table["split"] == "train"].drop(columns="split").to_parquet(path, index=False)
    for number in range(rounds):
        for name, source in (("new", None), ("old", old / "src")):
            _keep(f"ciao {name} {number}", _child(path, "c06", 0.0, source))


def fitted(path: str, target: str, budget: float | None) -> dict[str, Any]:
    """Read the events and fit; only what older versions have too is used."""
    import tastebridge as tb

    table = pd.read_parquet(path)
    panel = tb.Panel.from_frame(table)
    figures: dict[str, Any] = {"events": len(table), "categories": len(panel.categories)}
    figures |= {"users": len(panel.users), "data_mb": environment.peak_megabytes()}
    options: dict[str, Any] = {}
    if budget:
        from tastebridge.fitting.deadline import Deadline

        Deadline.__init__.__defaults__ = (None, time.process_time)
        options["time_budget"] = budget
    wall, cpu = time.perf_counter(), time.process_time()
    tb.InterestMapper(target, random_state=0, n_jobs=1, **options).fit(panel)
    figures |= {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
    return {**figures, "peak_mb": environment.peak_megabytes(), "load": os.getloadavg()[0]}


def _child(path: Path, target: str, budget: float, source: Path | None = None) -> dict[str, Any]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.many_sources", str(path.parent)]
    env = environment.child_environment(1)
    if source is not None:
        env["PYTHONPATH"] = str(source)
    done = subprocess.run(
        [*command, "--child", str(path), target, str(budget)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return {"failed": (done.stderr.strip().splitlines() or ["no message"])[-1][:300]}
    return json.loads(done.stdout.splitlines()[-1])


def _keep(part: str, figures: dict[str, Any]) -> None:
    path = environment.RESULTS / "many_sources.json"
    kept = json.loads(path.read_text()) if path.is_file() else {}
    kept[part] = figures | {"machine": environment.machine(), "date": time.strftime("%Y-%m-%d")}
    path.write_text(json.dumps(kept, indent=1) + "\n")
    print(part, json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
