"""One batch in a process of its own, so that its peak memory is its own: prints figures as JSON."""

from __future__ import annotations

import json
import sys
import time

from tastebridge.batch import parse_memory, recommend_all
from tastebridge.batch.memory import peak


def main() -> None:
    folder, out, memory, n_jobs, n = sys.argv[1:]
    start = time.perf_counter()
    manifest = recommend_all(
        f"{folder}/model", f"{folder}/events", out, int(n), memory=memory, n_jobs=int(n_jobs), progress=True
    )
    seconds = time.perf_counter() - start
    account = manifest.account
    figures = {
        "people": account.people,
        "events": account.events,
        "recommendations": account.rows,
        "parts": len(manifest.parts),
        "memory": parse_memory(memory),
        "peak_memory": peak(),
        "seconds": seconds,
        "people_per_second": account.people / seconds,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
