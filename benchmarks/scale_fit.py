"""A fit of many users from a folder of Parquet, in a process of its own. ``python -m benchmarks.scale_fit``.

``make FOLDER PEOPLE`` writes the events of a panel with six categories of 33,334 items each, a fifth of a
million together, about 20 events a user; ``fit FOLDER THREADS`` reads the folder and fits, and prints the
seconds and the peak memory of each as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import tastebridge as tb
from benchmarks.environment import peak_megabytes
from tastebridge.datasets import make_panel

CATEGORIES = ("books", "films", "games", "music", "sport", "travel")
TARGET, N_ITEMS = "films", 33_334


def make(folder: Path, n_people: int) -> None:
    """Write a file a category."""
    panel, _ = make_panel(
        n_people, N_ITEMS, CATEGORIES, n_components=16, overlap=0.3, events_per_user=8, popularity=0.8
    )
    folder.mkdir(parents=True)
    for name, part in panel.interactions.items():
        matrix = part.matrix
        people = np.repeat(panel.users.ids, np.diff(matrix.indptr))
        items = pa.array(part.items.ids.tolist()).take(pa.array(matrix.indices))
        category = pa.array([name]).take(pa.array(np.zeros(len(people), dtype=np.int32)))
        table = pa.table({"user_id": people, "item_id": items, "category": category})
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=1 << 19)


def fit(folder: Path, threads: int) -> dict[str, object]:
    """Read and fit; the seconds of the processor too, which do not depend on who else is at work."""
    figures: dict[str, object] = {"before_megabytes": peak_megabytes()}
    wall, cpu = time.perf_counter(), time.process_time()
    panel = tb.read_panel(folder)
    figures |= {"read_seconds": time.perf_counter() - wall, "read_cpu_seconds": time.process_time() - cpu}
    figures |= {"people": len(panel), "read_peak_megabytes": peak_megabytes()}
    figures["interactions"] = sum(part.matrix.nnz for part in panel.interactions.values())
    figures["items"] = sum(len(part.items) for part in panel.interactions.values())
    wall, cpu = time.perf_counter(), time.process_time()
    mapper = tb.InterestMapper(TARGET, random_state=0, n_jobs=threads).fit(panel)
    figures |= {"fit_seconds": time.perf_counter() - wall, "fit_cpu_seconds": time.process_time() - cpu}
    return {
        **figures,
        "peak_megabytes": peak_megabytes(),
        "kept_sources": int(mapper.transfer_["kept"].sum()),
    }


def main() -> None:
    what, folder, number = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if what == "make":
        make(folder, number)
    else:
        print(json.dumps(fit(folder, number)))


if __name__ == "__main__":
    main()
