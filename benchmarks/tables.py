"""Turn ``results/*.csv`` into the tables and pictures of ``README.md`` and ``benchmarks/README.md``.

``python -m benchmarks.tables`` rewrites the text between ``<!-- table:NAME -->`` and ``<!-- /table -->``
in both files, and draws ``benchmarks/results/*.png``. A file without the markers stays as it is, and so do
tables, rows and pictures for which ``results/*.csv`` have no figures.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks import over_popularity, plots, pooled, results
from benchmarks.environment import RESULTS
from benchmarks.markdown import markdown
from benchmarks.model import MODELS, role_of
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
    if made == _NOTHING:
        return found.group(0)
    old, new = _rows(found.group(0)), _rows(made)
    lost = sorted({key[0] for key in old if key not in new})
    same_head = found.group(0).splitlines()[1] == made.splitlines()[0]
    if lost and (name in _WHOLE or not same_head):
        print(f"the table {name} stays as it is: there are no figures of {', '.join(lost)}")
        return found.group(0)
    if lost:
        print(f"the table {name} keeps its rows of {', '.join(lost)}: there are no new figures of them")
    if same_head and name not in _WHOLE:
        made = "\n".join([*made.splitlines()[:2], *_merged(old, new)])
    return f"{start}{made}\n{end}"


_KEYS = ("model", "task", "protocol")
"""Columns that name a row."""
_WHOLE = ("headline", "movielens", "yelp", "ciao-random")
"""Tables with rows or words about all models or tasks together, so that old rows and new ones do not mix."""


def _rows(table: str) -> dict[tuple[str, ...], str]:
    """Return the lines of a table below its head, by the cells that name them."""
    head, *lines = [line for line in table.splitlines() if line.startswith("| ")] or [""]
    width = max(1, sum(cell in _KEYS for cell in _cells(head)))
    return {tuple(_cells(line)[:width]): line for line in lines if not line.startswith("| ---")}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split("|")]


def _merged(old: dict[tuple[str, ...], str], new: dict[tuple[str, ...], str]) -> list[str]:
    """Return the new rows; empty cells and missing rows are as they were. Models stand by role."""
    rows = old | {key: _filled_up(line, old.get(key, line)) for key, line in new.items()}
    if all(len(key) == 1 for key in rows):
        return [rows[key] for key in sorted(rows, key=lambda key: _place(key[0]))]
    return list(rows.values())


def _filled_up(line: str, old: str) -> str:
    pairs = zip(line.split(" | "), old.split(" | "), strict=True)
    return " | ".join(new if new.strip(" |") else was for new, was in pairs)


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
    """Return fit seconds, score seconds and peak memory of each model, means over seeds.

    Seconds of a fit are of the processor where they were taken, else of the clock.
    """
    if "fit_cpu_seconds" in runs:
        runs = runs.assign(fit_seconds=runs["fit_cpu_seconds"].fillna(runs["fit_seconds"]))
    runs = runs[runs["fit_seconds"].notna() & ~runs["task"].str.match(f"movielens|{_SMALL}")]
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
            return _NOTHING
        own = gaps[(gaps["model"] == "tastebridge") & (gaps["against"] == against)]
        own = own[~own["task"].str.match(_SMALL)]
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
        "NDCG@10 in %, ± half the 95 % interval over users; each held-out row is ranked among 999 other "
        f"items. Made by `python -m benchmarks.run{' --fast' if fast else ''}` on {dates[-1]} "
        f"({runs['machine'].iloc[-1]}; {seeds} seed{'s' if seeds > 1 else ''}"
        f"{', opponents at their defaults, deep models stopped by the clock' if fast else ''}). "
        "Full rankings, costs and more are in [benchmarks](benchmarks/README.md)."
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
    models = sorted(set(wanted["model"]), key=_place)
    return markdown(
        ["model", *tasks], [[one, *(shown.get((one, task), "") for task in tasks)] for one in models]
    )


def _half(width: float, digits: int) -> str:
    return f" ±{width:.{digits}f}" if pd.notna(width) else ""


def _place(model: str) -> tuple[int, str]:
    return _ROLES.index(role_of(model)), model


_ROLES = ["baseline", "classical", "deep", "ours"]


def by_category(pattern: str) -> Callable[..., str]:
    """Return a maker of the table of small categories over popularity, of ``results/over_popularity.csv``."""

    def table(figures: pd.DataFrame, runs: pd.DataFrame, gaps: pd.DataFrame) -> str:
        kept = _of_mode("over_popularity", str(figures["mode"].iloc[0]))
        kept = kept[kept["task"].str.match(pattern)] if len(kept) else kept
        return over_popularity.shown(kept) if len(kept) else _NOTHING

    return table


def pooled_of(*patterns: str) -> Callable[..., str]:
    """Return a maker of the table of pooled figures, a row of each pattern of tasks, protocol and model."""

    def table(figures: pd.DataFrame, runs: pd.DataFrame, gaps: pd.DataFrame) -> str:
        kept = _of_mode("pooled", str(figures["mode"].iloc[0]))
        kept = kept[kept["tasks"].isin(patterns)] if len(kept) else kept
        return pooled.shown(kept) if len(kept) else _NOTHING

    return table


_AMAZON = "cloth|sport|phone"
_SMALL = "ciao|yelp|movielens-time"
"""Data sets of many small tasks, which have tables of their own."""
TABLES: dict[str, Callable[..., str]] = {
    "headline": headline,
    "sampled-ndcg": ranking("sampled", "all", "ndcg@10", _AMAZON),
    "sampled-hr": ranking("sampled", "all", "hr@10", _AMAZON),
    "sampled-ndcg-without-twins": ranking("sampled", "without twins", "ndcg@10", _AMAZON),
    "full-ndcg": ranking("full", "all", "ndcg@10", _AMAZON),
    "full-ndcg-without-twins": ranking("full", "without twins", "ndcg@10", _AMAZON),
    "popularity-weighted-ndcg": ranking("popularity-weighted", "all", "ndcg@10", _AMAZON),
    "popularity-weighted-ndcg-without-twins": ranking(
        "popularity-weighted", "without twins", "ndcg@10", _AMAZON
    ),
    "yelp": by_category("yelp"),
    "ciao-random": by_category("ciao .* cold"),
    "ciao-pooled": pooled_of("ciao * cold", "ciao * entrants"),
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
