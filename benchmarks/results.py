"""The tables of results on disk: rows are added as runs end, so an interrupted benchmark can go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.environment import RESULTS
from benchmarks.jobs import Job, Outcome
from benchmarks.summary import figures

KEY = ("mode", "task", "model", "seed")
RUN_COLUMNS = (
    *KEY, "fit_seconds", "fit_cpu_seconds", "score_seconds", "data_mb", "fit_peak_mb", "peak_mb", "valid",
    "epochs", "best_seconds", "stopped_by_clock", "first_epochs", "n_people", "settings", "note", "threads",
    "date", "machine", "versions",
)  # fmt: skip


def read(name: str, folder: Path = RESULTS) -> pd.DataFrame:
    """Return a table, empty if there is none yet."""
    path = folder / f"{name}.csv"
    return pd.read_csv(path, keep_default_na=True) if path.is_file() else pd.DataFrame()


def keys(name: str, columns: tuple[str, ...] = KEY) -> set[tuple[str, ...]]:
    """Return the keys of the runs a table has; those that failed are to be tried again."""
    table = read(name)
    if table.empty:
        return set()
    table = table[~table["note"].fillna("").str.startswith(("failed", "out of time"))]
    return _places(table, columns)


def measured() -> set[tuple[str, ...]]:
    """Return the keys and settings of the runs whose figures are here too: a clone has rows without them."""
    figured = set() if (table := read("figures")).empty else _places(table)
    return {key for key in keys("runs", (*KEY, "settings")) if key[: len(KEY)] in figured}


def _places(table: pd.DataFrame, key: tuple[str, ...] = KEY) -> set[tuple[str, ...]]:
    return set(zip(*(table[one].astype(str) for one in key), strict=True))


def put(name: str, rows: pd.DataFrame, key: tuple[str, ...] = KEY, folder: Path = RESULTS) -> None:
    """Add rows to a table; earlier rows of the same key give way."""
    table = read(name, folder)
    if not table.empty:
        new = _places(rows, key)
        old = [one not in new for one in zip(*(table[column].astype(str) for column in key), strict=True)]
        rows = pd.concat([table[old], rows], ignore_index=True)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{name}.csv.tmp"
    rows.to_csv(part, index=False, float_format="%.6g")
    part.replace(folder / f"{name}.csv")


def keep(job: Job, outcome: Outcome) -> None:
    """Write down a run: its row, its figures, and the values of its users."""
    put("runs", pd.DataFrame([outcome.row]).reindex(columns=list(RUN_COLUMNS)))
    if outcome.values is None:
        return
    (RESULTS / "values").mkdir(parents=True, exist_ok=True)
    outcome.values.to_parquet(RESULTS / "values" / f"{job.file_name}.parquet", index=False)
    own: dict[str, Any] = dict(zip(KEY, job.key, strict=True))
    put("figures", figures(outcome.values).assign(**own)[[*KEY, *figures_columns()]])


def figures_columns() -> list[str]:
    """Return the columns of the table of figures behind the key."""
    return ["protocol", "group", "metric", "mean", "low", "high", "n_people", "n_rows"]


def values_of(job: Job) -> pd.DataFrame | None:
    """Return the values of the users of an earlier run, if they are on this machine."""
    path = RESULTS / "values" / f"{job.file_name}.parquet"
    return pd.read_parquet(path) if path.is_file() else None
