"""One batch in a process of its own, so that its peak memory is its own: prints figures as JSON."""

from __future__ import annotations

import json
import sys
import time

from tastebridge.batch import RecommendationKernel, parse_memory, recommend_all
from tastebridge.batch.memory import peak


def main() -> None:
    in_kernel = watch_kernel()
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
        "kernel_seconds_within": sum(in_kernel) / int(n_jobs),
        "end_to_end_over_kernel_within": seconds * int(n_jobs) / sum(in_kernel),
    }
    print(json.dumps(figures))


def watch_kernel() -> list[float]:
    """Return a list that every call of the kernel adds its seconds to."""
    spent: list[float] = []
    plain = RecommendationKernel.__call__

    def watched(kernel: RecommendationKernel, histories: object) -> object:
        start = time.perf_counter()
        try:
            return plain(kernel, histories)
        finally:
            spent.append(time.perf_counter() - start)

    RecommendationKernel.__call__ = watched
    return spent


if __name__ == "__main__":
    main()
