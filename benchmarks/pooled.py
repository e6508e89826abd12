"""Figures of small categories, pooled: all users of all tasks of a pattern as one test set.

``python -m benchmarks.pooled 'ciao * entrants'`` prints, for each protocol, the mean of every model over the
users of all tasks that match, with 95 % intervals over users, and the paired difference to the better of
popularity and recent popularity. The better one has the higher pooled mean: it is chosen on the test, so
against the model that is compared. First: ``python -m benchmarks.run --tasks 'ciao * entrants'``. The figures
are added to ``results/pooled.csv``, of which ``benchmarks.tables`` makes a table.
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
from tastebridge.metrics.intervals import bootstrap_mean, paired_difference

METRIC = "ndcg@10"
POPULAR = ("popularity", "recent popularity")
"""The opponents of a split in time."""


def main() -> None:
    """Print the table of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tasks", help="a pattern of names, such as 'ciao * entrants'")
    parser.add_argument("--group", default="all")
    parser.add_argument("--fast", dest="mode", action="store_const", const="fast", default="full")
    arguments = parser.parse_args()
    TASKS.load(), MODELS.load()
    values = pooled(arguments.mode, TASKS.match([arguments.tasks]), arguments.group)
    if values.empty:
        raise SystemExit(f"no results of {arguments.tasks!r}; first: python -m benchmarks.run")
    found = figures(values).assign(mode=arguments.mode, tasks=arguments.tasks, group=arguments.group)
    results.put("pooled", found, ("mode", "tasks", "group"))
    print(shown(found))


def pooled(mode: str, tasks: list[str], group: str) -> pd.DataFrame:
    """Return the values of all tasks: protocol, model, row (of a user in a task), user_id, value."""
    runs, parts = results.read("runs"), []
    here = runs[(runs["mode"] == mode) & runs["task"].isin(tasks)] if len(runs) else runs
    for run in here.itertuples():
        values = results.values_of(Job(mode, str(run.task), str(run.model), int(run.seed)))
        if values is None:
            continue
        wanted = values[(values["group"] == group) & (values["metric"] == METRIC)].copy()
        number = wanted.groupby("protocol").cumcount().astype(str)
        wanted["row"] = f"{run.task} " + number
        parts.append(wanted.assign(model=run.model))
    if not parts:
        return pd.DataFrame()
    every = pd.concat(parts)
    means = every.groupby(["protocol", "model", "row", "user_id"])["value"].mean()  # over seeds
    return means.reset_index()


def figures(values: pd.DataFrame) -> pd.DataFrame:
    """Return the pooled means of each protocol; models without results on every task are left out."""
    rows: list[dict] = []
    for protocol, part in values.groupby("protocol"):
        wide = part.pivot_table(index=["row", "user_id"], columns="model", values="value").dropna(axis=1)
        users = wide.index.get_level_values("user_id").to_numpy()
        best = max((name for name in POPULAR if name in wide), key=lambda name: wide[name].mean())
        for model in wide:
            mean = bootstrap_mean(wide[model].to_numpy(), N_RESAMPLES, people=users)
            gap = paired_difference(wide[model].to_numpy(), wide[best].to_numpy(), N_RESAMPLES, people=users)
            row = {"protocol": protocol, "model": model, "mean": mean.mean, "low": mean.low}
            row |= {"high": mean.high, "against": best, "difference": gap.mean, "gap_low": gap.low}
            rows.append(row | {"gap_high": gap.high, "n_people": len(set(users))})
    return pd.DataFrame(rows)


def shown(figures: pd.DataFrame) -> str:
    """Return the table of pooled figures."""
    rows = []
    for one in figures.itertuples():
        gap = f"{100 * one.difference:+.2f} [{ends(one.gap_low, one.gap_high)}]"
        mean = f"{100 * one.mean:.2f} [{ends(one.low, one.high)}]"
        against = "" if one.model == one.against else f"{gap} ({one.against})"
        rows.append([one.tasks, one.protocol, one.model, str(one.n_people), mean, against])
    head = ["task", "protocol", "model", "users", "NDCG@10, %", "against the better popularity"]
    return markdown(head, rows)


if __name__ == "__main__":
    main()
