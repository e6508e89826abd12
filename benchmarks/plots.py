"""The pictures of the README: accuracy against the time to fit, and accuracy by length of history."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.model import MODELS

_COLOURS = {"baseline": "#999999", "classical": "#4c72b0", "deep": "#c44e52", "ours": "#2a9d4a"}


def draw(figures: pd.DataFrame, runs: pd.DataFrame, folder: Path) -> None:
    """Draw a pair of pictures for every task outside MovieLens that has full-protocol results."""
    import matplotlib

    matplotlib.use("Agg")
    full = figures.query("protocol == 'full' and metric == 'ndcg@10'")
    for task in [one for one in full["task"].unique() if not one.startswith("movielens")]:
        name = "".join(letter if letter.isalnum() else "_" for letter in task)
        here = full[full["task"] == task]
        _time(here[here["group"] == "all"], runs[runs["task"] == task], task, folder / f"{name}_time.png")
        _history(here[here["group"].str.startswith("history")], task, folder / f"{name}_history.png")


def _time(figures: pd.DataFrame, runs: pd.DataFrame, task: str, path: Path) -> None:
    from matplotlib import pyplot

    means, seconds = figures.groupby("model")["mean"].mean(), runs.groupby("model")["fit_seconds"].mean()
    fig, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for model, value in means.items():
        where = max(seconds.get(model, 0.01), 0.01), 100 * value
        axes.scatter(*where, color=_COLOURS[MODELS[model].role])
        axes.annotate(model, where, xytext=(4, 3), textcoords="offset points", fontsize=8)
    axes.set(xscale="log", xlabel="seconds to fit", ylabel="NDCG@10, full ranking, %", title=task)
    fig.savefig(path, dpi=130)
    pyplot.close(fig)


def _history(figures: pd.DataFrame, task: str, path: Path) -> None:
    from matplotlib import pyplot

    if figures.empty:
        return
    groups = sorted(
        figures["group"].unique(), key=lambda one: (one.startswith("history over"), len(one), one)
    )
    table = 100 * figures.groupby(["group", "model"])["mean"].mean().unstack().loc[groups]
    fig, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for model in table:
        colour = _COLOURS[MODELS[model].role]
        axes.plot(groups, table[model], marker=".", color=colour, alpha=0.8)
        axes.annotate(model, (len(groups) - 1, table[model].iloc[-1]), fontsize=7, color=colour)
    axes.set(xlabel="rows outside the target", ylabel="NDCG@10, full ranking, %", title=task)
    fig.savefig(path, dpi=130)
    pyplot.close(fig)
