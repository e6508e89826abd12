"""The pictures of the README: accuracy against the time to fit, and accuracy by length of history."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.model import role_of

_COLOURS = {"baseline": "#999999", "classical": "#4c72b0", "deep": "#c44e52", "ours": "#2a9d4a"}

_SMALL = ("movielens", "ciao", "yelp")
"""Data sets of many small tasks."""


def draw(figures: pd.DataFrame, runs: pd.DataFrame, folder: Path) -> None:
    """Draw a pair of pictures for every Amazon and Douban task that has full-protocol results.

    A picture stays as it is while some model with runs of the task has no figures here, as in a clone.
    """
    import matplotlib

    matplotlib.use("Agg")
    full = figures.query("protocol == 'full' and metric == 'ndcg@10'")
    for task in [one for one in full["task"].unique() if not one.startswith(_SMALL)]:
        name = "".join(letter if letter.isalnum() else "_" for letter in task)
        here = full[full["task"] == task]
        run = runs[(runs["task"] == task) & runs["fit_seconds"].notna()]
        if lost := sorted(set(run["model"]) - set(here["model"])):
            print(f"the pictures of {task} stay as they are: there are no figures of {', '.join(lost)}")
            continue
        _time(here[here["group"] == "all"], runs[runs["task"] == task], task, folder / f"{name}_time.png")
        _history(here[here["group"].str.startswith("history")], task, folder / f"{name}_history.png")


def _time(figures: pd.DataFrame, runs: pd.DataFrame, task: str, path: Path) -> None:
    from matplotlib import pyplot

    means, seconds = figures.groupby("model")["mean"].mean(), runs.groupby("model")["fit_seconds"].mean()
    fig, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for model, value in means.items():
        where = max(seconds.get(model, 0.01), 0.01), 100 * value
        axes.scatter(*where, color=_COLOURS[role_of(model)])
        axes.annotate(model, where, xytext=(4, 3), textcoords="offset points", fontsize=8)
    axes.set(xscale="log", xlabel="seconds to fit", ylabel="NDCG@10, full ranking, %", title=task)
    axes.set_xlim(right=6 * axes.get_xlim()[1])
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
    fig, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for model in table:
        axes.plot(groups, table[model], marker=".", color=_COLOURS[role_of(model)], alpha=0.8)
    last = table.iloc[-1].sort_values()
    for (model, value), height in zip(last.items(), _apart(last.to_list(), axes.get_ylim()), strict=True):
        line = {"arrowstyle": "-", "color": "#cccccc", "lw": 0.6}
        axes.annotate(
            str(model),
            (len(groups) - 1, value),
            (len(groups) - 0.85, height),
            arrowprops=line,
            fontsize=8,
            va="center",
            color=_COLOURS[role_of(str(model))],
        )
    axes.set(xlabel="rows outside the target", ylabel="NDCG@10, full ranking, %", title=task)
    axes.set_xlim(right=len(groups) - 0.2)
    fig.savefig(path, dpi=130)
    pyplot.close(fig)


def _apart(heights: list[float], limits: tuple[float, float]) -> list[float]:
    """Return rising heights moved up and down until labels there do not touch."""
    gap = (limits[1] - limits[0]) / 24
    found: list[float] = []
    for height in heights:
        found.append(max(height, found[-1] + gap) if found else height)
    over = max(0.0, found[-1] - limits[1])
    return [height - over * place / max(1, len(found) - 1) for place, height in enumerate(found)]
