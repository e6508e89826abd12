"""How many times the NDCG@10 of popularity: each task of a pattern, and the mean of the ratios.

``python -m benchmarks.over_popularity 'yelp*' 'ciao * cold'`` reads the values of finished runs and adds its
figures to ``results/over_popularity.csv``, of which ``benchmarks.tables`` makes tables. Differences are
paired, over the seeds both models have; their intervals resample users.
"""

from __future__ import annotations

import argparse

import pandas as pd

from benchmarks import results
from benchmarks.jobs import Job
from benchmarks.markdown import ends, markdown
from benchmarks.model import MODELS
from benchmarks.summary import N_RESAMPLES
from benchmarks.task import TASKS
from tastebridge.metrics.intervals import paired_difference

METRIC, BASE = "ndcg@10", "popularity"
PROTOCOLS = ("full", "sampled")


def main() -> None:
    """Write the figures of the command line's tasks and print their tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", nargs="+", help="patterns of names, such as 'yelp*'")
    parser.add_argument("--model", default="tastebridge")
    parser.add_argument("--fast", dest="mode", action="store_const", const="fast", default="full")
    arguments = parser.parse_args()
    TASKS.load(), MODELS.load()
    for pattern in arguments.tasks:
        found = figures(arguments.mode, TASKS.match([pattern]), arguments.model)
        if found.empty:
            raise SystemExit(f"no runs of {BASE} and {arguments.model} on {pattern!r}; first: benchmarks.run")
        results.put("over_popularity", found, ("mode", "task", "model"))
        print(shown(found))


def figures(mode: str, tasks: list[str], model: str) -> pd.DataFrame:
    """Return a row for each task with runs of both, and each protocol."""
    runs, rows = results.read("runs"), []
    for task in tasks:
        here = runs[(runs["mode"] == mode) & (runs["task"] == task)] if len(runs) else runs
        seeds = [
            set(here.loc[here["model"] == name, "seed"]) if len(here) else set() for name in (BASE, model)
        ]
        parts = [
            tuple(results.values_of(Job(mode, task, name, int(seed))) for name in (BASE, model))
            for seed in sorted(seeds[0] & seeds[1])
        ]
        pairs = [(base, own) for base, own in parts if base is not None and own is not None]
        rows += [
            {"mode": mode, "task": task, "model": model, **_row(pairs, one)} for one in PROTOCOLS if pairs
        ]
    return pd.DataFrame(rows)


def _row(pairs: list[tuple[pd.DataFrame, pd.DataFrame]], protocol: str) -> dict[str, object]:
    base, own = (pd.concat([_of(pair[side], protocol) for pair in pairs]) for side in (0, 1))
    gap = paired_difference(own["value"], base["value"], N_RESAMPLES, people=own["user_id"].to_numpy())
    row = {"protocol": protocol, "popularity": base["value"].mean(), "value": own["value"].mean()}
    row |= {"difference": gap.mean, "low": gap.low, "high": gap.high}
    return row | {"n_people": own["user_id"].nunique(), "n_seeds": len(pairs)}


def _of(values: pd.DataFrame, protocol: str) -> pd.DataFrame:
    wanted = (values["protocol"] == protocol) & (values["group"] == "all") & (values["metric"] == METRIC)
    return values[wanted].reset_index(drop=True)


def shown(figures: pd.DataFrame) -> str:
    """Return the table: a row for each task and protocol, and the mean of the ratios of each protocol."""
    rows = []
    for protocol, part in figures.groupby("protocol", sort=False):
        ratios = part["value"] / part["popularity"]
        for one, ratio in zip(part.itertuples(), ratios, strict=True):
            values = [f"{100 * one.popularity:.2f}", f"{100 * one.value:.2f}", f"{ratio:.2f}"]
            gap = f"{100 * one.difference:+.2f} [{ends(one.low, one.high)}]"
            rows.append([one.task, str(protocol), str(one.n_people), str(one.n_seeds), *values, gap])
        rows.append(["mean of ratios", str(protocol), "", "", "", "", f"{ratios.mean():.2f}", ""])
    head = ["task", "protocol", "users", "seeds", "popularity", "tastebridge", "ratio", "difference (95 %)"]
    return markdown(head, rows)


if __name__ == "__main__":
    main()
