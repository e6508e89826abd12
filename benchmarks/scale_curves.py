"""The cost of fitting and scoring as one size grows, with exponents of power laws: :mod:`benchmarks.scale`.

Measured in seconds of the processor on one thread, so that other processes on the machine do not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import tastebridge as tb
from tastebridge._numerics.topk import top_k
from tastebridge.datasets import make_panel

PEOPLE, ITEMS, WIDTH = 8_000, 4_000, 64


def curves(quick: bool = False) -> dict[str, dict[str, object]]:
    """Return for each curve its sizes, seconds and exponent."""
    found = {}
    for name, (sizes, run) in _curves().items():
        sizes = sizes[:-1] if quick else sizes
        seconds = [run(size) for size in sizes]
        found[name] = {"sizes": sizes, "seconds": seconds, "exponent": exponent(sizes, seconds)}
        print(name, found[name], flush=True)
    return found


def _curves() -> dict[str, tuple[list[int], Callable[[int], float]]]:
    return {
        "scoring: people": ([10_000, 20_000, 40_000, 80_000], lambda n: score(n, 20_000, WIDTH)),
        "scoring: items": ([10_000, 20_000, 40_000, 80_000], lambda m: score(20_000, m, WIDTH)),
        "scoring: components": ([32, 64, 128, 256], lambda k: score(20_000, 20_000, k)),
        "fitting: people and interactions": ([8_000, 16_000, 32_000, 64_000], lambda n: fit(n, ITEMS, None)),
        "fitting: interactions a person": ([5, 10, 20, 40], lambda e: fit(PEOPLE, ITEMS, None, e)),
        "fitting: items": ([2_000, 4_000, 8_000, 16_000], lambda m: fit(PEOPLE, m, None)),
        "fitting: components": ([16, 32, 64, 128], lambda k: fit(PEOPLE, ITEMS, k)),
    }


def score(n_people: int, n_items: int, width: int) -> float:
    """Return the seconds of the search for ten items each, of random vectors: nothing can be skipped."""
    rng = np.random.default_rng(0)
    U, V = (rng.standard_normal((n, width), dtype=np.float32) for n in (n_people, n_items))
    return min(_timed(lambda: top_k(U, V, 10)) for _ in range(2))


def fit(n_people: int, n_items: int, k: int | None, events: int = 10) -> float:
    """Return the seconds of a fit with all default routes, over two categories."""
    panel, _ = make_panel(n_people, n_items, events_per_user=events, popularity=0.8, random_state=0)
    return _timed(lambda: tb.InterestMapper("films", n_components=k, n_folds=1, n_jobs=1).fit(panel))


def _timed(call: Callable[[], object]) -> float:
    with threadpool_limits(1):
        start = time.process_time()
        call()
        return time.process_time() - start


def exponent(sizes: list[int], seconds: list[float]) -> float:
    """Return the slope of the least-squares line of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def draw(found: dict[str, dict[str, object]], path: Path) -> None:
    """Draw all curves on logarithmic axes, beside a cost that is linear."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 4, figsize=(15, 7))
    for axis, (name, curve) in zip(axes.flat, found.items(), strict=False):
        sizes, seconds = np.array(curve["sizes"]), np.array(curve["seconds"])
        axis.loglog(sizes, seconds, "o-", color="#1f6f8b")
        axis.loglog(sizes, seconds[0] * sizes / sizes[0], ":", color="#888888")
        axis.set_title(f"{name}\nexponent {curve['exponent']:.2f}", fontsize=10)
        axis.set_ylabel("seconds of one core")
        axis.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize=8)
        axis.set_yticks(seconds, [f"{one:.2g}" for one in seconds], fontsize=8)
        axis.minorticks_off()
        axis.grid(visible=True, alpha=0.2)
    for axis in axes.flat[len(found) :]:
        axis.axis("off")
    figure.tight_layout()
    figure.savefig(path, dpi=100)
