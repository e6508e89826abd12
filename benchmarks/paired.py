"""Two trees of this package, in turns: processor time of a batch, of requests and of a fit.

``python -m benchmarks.paired BEFORE FOLDER [--pairs 3]``: BEFORE is a checkout of an older commit; the other
tree is the one of this file. The events of 60 thousand users, and a model that BEFORE fitted and both load,
are made in FOLDER, once. A figure is the seconds of the processor of a process of its own, on one thread; the
two processes of a pair run one after the other, either first in turn. ``results/paired.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

from benchmarks.environment import RESULTS, child_environment, machine

AFTER = Path(__file__).parents[1]
CHILD = Path(__file__).with_name("paired_child.py")
FIGURES = RESULTS / "paired.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--parts", nargs="+", default=["batch", "requests", "fit"])
    arguments = parser.parse_args()
    trees = {"before": arguments.before.resolve(), "after": AFTER}
    if not (arguments.folder / "model").exists():
        run(trees["before"], "prepare", arguments.folder)
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for part in arguments.parts:
        known |= {name: figure(pairs) for name, pairs in measured(part, trees, arguments).items()}
        known |= {"machine": machine(), "date": date.today().isoformat(), "before": commit(trees["before"])}
        FIGURES.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
        print(json.dumps(known, indent=1, sort_keys=True), flush=True)


def measured(
    part: str, trees: dict[str, Path], arguments: argparse.Namespace
) -> dict[str, list[dict[str, float]]]:
    """Return the seconds of both trees, pair by pair, of everything a part measures."""
    found: dict[str, list[dict[str, float]]] = {}
    for pair in range(arguments.pairs):
        names = list(trees) if pair % 2 else list(trees)[::-1]
        spent = {name: run(trees[name], part, arguments.folder) for name in names}
        for what in spent["before"]:
            found.setdefault(what, []).append({name: seconds[what] for name, seconds in spent.items()})
        print(part, pair, spent, flush=True)
    return found


def figure(pairs: list[dict[str, float]]) -> dict[str, object]:
    """Return the medians of the seconds and of the ratios, and all ratios."""
    ratios = [pair["after"] / pair["before"] for pair in pairs]
    return {
        "seconds_before": statistics.median(pair["before"] for pair in pairs),
        "seconds_after": statistics.median(pair["after"] for pair in pairs),
        "ratio": statistics.median(ratios),
        "ratios": ratios,
    }


def run(tree: Path, part: str, folder: Path) -> dict[str, float]:
    """Run a part with the package of a tree, and return its seconds."""
    environment = child_environment(1) | {"PYTHONPATH": str(tree / "src")}
    words = [sys.executable, "-W", "ignore", str(CHILD), part, str(folder)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    seconds: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def commit(tree: Path) -> str:
    done = subprocess.run(
        ["git", "-C", str(tree), "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


if __name__ == "__main__":
    main()
