"""Turn ``results/*.csv`` into the tables and pictures of ``README.md`` and ``benchmarks/README.md``.

``python -m benchmarks.tables`` rewrites the text between ``<!-- table:NAME -->`` and ``<!-- /table -->``
in both files, and draws ``benchmarks/results/*.png``. A file without the markers stays as it is.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import plots, results
from benchmarks.environment import RESULTS
from benchmarks.model import MODELS
from benchmarks.task import TASKS

ROOT = Path(__file__).resolve().parent.parent
FILES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md")
_NOTHING = "no results yet"
"""Text of another mode stays where this mode has no figures."""
_MARKED = re.compile(r"(<!-- table:([a-z-]+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def main() -> None:
    """Rewrite the tables and draw the plots of one mode."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fast", dest="mode", action="store_const", const="fast", default="full")
    mode = parser.parse_args().mode
    TASKS.load(), MODELS.load()
    figures, runs, gaps = (_of_mode(name, mode) for name in ("figures", "runs", "differences"))
    if figures.empty:
        raise SystemExit(f"no results of mode {mode!r}; first: python -m benchmarks.run")
    for path in FILES:
        if path.is_file():
            text = path.read_text()
            path.write_text(_MARKED.sub(lambda found: _filled(found, figures, runs, gaps), text))
    plots.draw(figures, runs, RESULTS)


def _of_mode(name: str, mode: str) -> pd.DataFrame:
    table = results.read(name)
    return table if table.empty else table[table["mode"] == mode]


def _filled(found: re.Match[str], *frames: pd.DataFrame) -> str:
    start, name, end = found.groups()
    made = TABLES[name](*frames) if name in TABLES else _NOTHING
    lost = _heads(found.group(0)) - _heads(made)
    if made == _NOTHING or lost:
        if made != _NOTHING:
            print(f"the table {name} stays as it is: there are no figures of {', '.join(sorted(lost))}")
        return found.group(0)
    return f"{start}{made}\n{end}"


def _heads(table: str) -> set[str]:
    """Return the first cells of the rows of a table."""
    return {line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")}


def ranking(protocol: str, group: str, metric: str, pattern: str) -> Callable[..., str]:
    """Return a maker of the table models × tasks of one metric, in per cent, with half the interval."""

    def table(figures: pd.DataFrame, runs: pd.DataFrame, gaps: pd.DataFrame) -> str:
        wanted = _select(figures, protocol, group, metric)
        return _wide(wanted[wanted["task"].str.match(pattern)], 100, 1)

    return table


def rating(metric: str) -> Callable[..., str]:
    """Return a maker of the table models × tasks of a rating metric."""

    def table(figures: pd.DataFrame, runs: pd.DataFrame, gaps: pd.DataFrame) -> str:
        return _wide(_select(figures, "rating", "all", metric), 1, 4)

    return table


def costs(figures: pd.DataFrame, runs: pd.DataFrame, gaps: pd.DataFrame) -> str:
    """Return fit seconds, score seconds and peak memory of each model, means over seeds."""
    runs = runs[runs["fit_seconds"].notna() & ~runs["task"].str.startswith("movielens")]
    means = runs.groupby(["task", "model"])[
        ["fit_seconds", "best_seconds", "score_seconds", "peak_mb", "threads"]
    ].mean()
    rows = [
        [
            task,
            model,
            *(f"{value:.1f}" if pd.notna(value) else "" for value in row[:3]),
            *map("{:.0f}".format, row[3:]),
        ]
        for (task, model), row in zip(means.index, means.to_numpy(), strict=True)
    ]
    return markdown(["task", "model", "fit s", "s to best on valid", "score s", "peak MB", "threads"], rows)


def gaps_to(against: str) -> Callable[..., str]:
    """Return a maker of the table of tastebridge's paired differences to the best of a class."""

    def table(figures: pd.DataFrame, runs: pd.DataFrame, gaps: pd.DataFrame) -> str:
        if gaps.empty:
            return "no differences yet"
        own = gaps[(gaps["model"] == "tastebridge") & (gaps["against"] == against)]
        wanted = pd.concat([_select(own, protocol, "all", "ndcg@10") for protocol in ("full", "sampled")])
        rows = [[one.task, one.protocol, one.opponent, *_points(one)] for one in wanted.itertuples()]
        return markdown(["task", "protocol", against, "difference", "95 %"], rows)

    return table


def _points(row: Any) -> list[str]:
    low, high = f"{100 * row.low:+.2f}", f"{100 * row.high:+.2f}"
    return [f"{100 * row.difference:+.2f}", f"[{low}, {high}]"]


def headline(figures: pd.DataFrame, runs: pd.DataFrame, gaps: pd.DataFrame) -> str:
    """Return sampled NDCG@10 on Amazon, with twins and without, and where and when it was measured."""
    amazon = figures[figures["task"].str.match(_AMAZON)]
    whole = _select(amazon, "sampled", "all", "ndcg@10")
    bare = _select(amazon, "sampled", "without twins", "ndcg@10")
    bare = bare[bare["task"].str.endswith("cold")]
    wanted = pd.concat([whole, bare.assign(task=bare["task"] + ", without twins")])
    tasks = [
        name for task in TASKS for name in (task, f"{task}, without twins") if name in set(wanted["task"])
    ]
    dates, seeds = sorted(runs["date"].str[:10].unique()), runs["seed"].nunique()
    fast = (runs["mode"] == "fast").all()
    told = (
        "NDCG@10 in %, ± half the 95 % interval over people; each held-out row against 999 others. Made by "
        f"`python -m benchmarks.run{' --fast' if fast else ''}` on {dates[-1]} ({runs['machine'].iloc[-1]}; "
        f"{seeds} seed{'s' if seeds > 1 else ''}"
        f"{', opponents at their defaults, deep models stopped by the clock' if fast else ''}); all else, "
        "full rankings and costs among it, is in [benchmarks](benchmarks/README.md)."
    )
    return f"{_wide(wanted, 100, 1, tasks)}\n\n{told}"


def genres(figures: pd.DataFrame, runs: pd.DataFrame, gaps: pd.DataFrame) -> str:
    """Return the mean over the MovieLens pairs of each model run on all, and on how many it is best."""
    wanted = _select(figures, "full", "all", "ndcg@10")
    wanted = wanted[wanted["task"].str.startswith("movielens ")]  # those in time are no pairs
    if wanted.empty:
        return _NOTHING
    means = wanted.groupby(["task", "model"])["mean"].mean().unstack()
    means = means.dropna(axis=1)  # a mean over other pairs would not compare
    best = means.idxmax(axis=1).value_counts()
    order = means.mean().sort_values(ascending=False)
    rows = [[model, f"{100 * value:.2f}", str(best.get(model, 0))] for model, value in order.items()]
    return markdown(["model", f"NDCG@10, mean of {len(means)} pairs", "pairs where it is best"], rows)


def _select(table: pd.DataFrame, protocol: str, group: str, metric: str) -> pd.DataFrame:
    """Return the rows of one metric of one group in one protocol."""
    return table[(table["protocol"] == protocol) & (table["group"] == group) & (table["metric"] == metric)]


def _wide(wanted: pd.DataFrame, scale: float, digits: int, tasks: list[str] | None = None) -> str:
    """Return models × tasks: the mean over seeds, ± half the mean width of the intervals."""
    if wanted.empty:
        return _NOTHING
    means = wanted.groupby(["model", "task"])[["mean", "low", "high"]].mean()
    shown = {
        key: f"{scale * row['mean']:.{digits}f}" + _half(scale * (row["high"] - row["low"]) / 2, digits)
        for key, row in means.iterrows()
    }
    tasks = tasks or [name for name in TASKS if name in set(wanted["task"])]
    models = sorted(set(wanted["model"]), key=lambda name: (_ROLES.index(MODELS[name].role), name))
    return markdown(
        ["model", *tasks], [[one, *(shown.get((one, task), "") for task in tasks)] for one in models]
    )


def _half(width: float, digits: int) -> str:
    return f" ±{width:.{digits}f}" if pd.notna(width) else ""


_ROLES = ["baseline", "classical", "deep", "ours"]


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Return a markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


_AMAZON = "cloth|sport|phone"
TABLES: dict[str, Callable[..., str]] = {
    "headline": headline,
    "sampled-ndcg": ranking("sampled", "all", "ndcg@10", _AMAZON),
    "sampled-hr": ranking("sampled", "all", "hr@10", _AMAZON),
    "sampled-ndcg-without-twins": ranking("sampled", "without twins", "ndcg@10", _AMAZON),
    "full-ndcg": ranking("full", "all", "ndcg@10", _AMAZON),
    "full-ndcg-without-twins": ranking("full", "without twins", "ndcg@10", _AMAZON),
    "coverage": ranking("full", "all", "coverage@10", _AMAZON),
    "movielens": genres,
    "time": ranking("full", "all", "ndcg@10", "movielens-time"),
    "rating-rmse": rating("rmse"),
    "rating-mae": rating("mae"),
    "costs": costs,
    "gaps-baseline": gaps_to("best baseline"),
    "gaps-deep": gaps_to("best deep"),
}
"""The tables that may be between the markers."""

if __name__ == "__main__":
    main()
