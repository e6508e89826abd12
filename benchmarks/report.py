"""The report of a model on 100,000 users: processor time and megabytes. ``python -m benchmarks.report``."""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path

import tastebridge as tb
from tastebridge.datasets import make_panel


def main() -> None:
    """Fit, save with and without users, and report both from the saved model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--items", type=int, default=5_000)
    given = parser.parse_args()
    panel, _ = make_panel(given.people, given.items, ("books", "films", "music"), events_per_user=10)
    start = time.process_time()
    mapper = tb.InterestMapper("films").fit(panel)
    print(f"{len(panel):,} people, {given.items:,} items a category: fitted in {_since(start)}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        for with_users in (False, True):
            folder = Path(name) / str(with_users)
            mapper.save(folder, with_users=with_users)
            start = time.process_time()
            loaded = tb.load(folder)
            opened = _since(start)
            start = time.process_time()
            page = loaded.report(folder.with_suffix(".html"))
            told = page.read_text(encoding="utf-8")
            hosts = len(re.findall("https?://", told))
            kind = "with" if with_users else "without"
            size = page.stat().st_size / 1e6
            made = f"{kind} people: loaded in {opened}, reported in {_since(start)}, {size:.2f} MB"
            print(f"{made}, {hosts} addresses of hosts", flush=True)


def _since(start: float) -> str:
    return f"{time.process_time() - start:.1f} s"


if __name__ == "__main__":
    main()
