"""The search against the bare matrix product and implicit's ``topk``: ratios within rounds.

Every round times the three one after another on the same vectors, so that other load on the machine affects
them alike. The figure is the median of the ratios within rounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from unittest import mock

import numpy as np
from implicit.cpu.topk import topk
from threadpoolctl import threadpool_limits

from benchmarks.environment import machine
from tastebridge._numerics import topk as search
from tastebridge._numerics.topk import top_k

WIDTH, K, STEP = 64, 10, 1024


def kernel_figures(
    users: np.ndarray, items: np.ndarray, threads: int, rounds: int = 7, k: int = K
) -> dict[str, object]:
    """Return medians of the ratios of seconds, and whether the answers are the same."""
    ours: Callable[[], object] = lambda: top_k(users, items, k, n_jobs=threads)  # noqa: E731
    theirs: Callable[[], object] = lambda: implicit_topk(users, items, threads, k)  # noqa: E731
    spent: dict[str, list[float]] = {"product": [], "ours": [], "implicit": []}
    calls = {"product": lambda: product(users, items, threads), "ours": ours, "implicit": theirs}
    for call in calls.values():
        call()  # warm
    for turn in range(rounds):
        names = list(calls)
        for name in names[turn % 3 :] + names[: turn % 3]:
            start = time.perf_counter()
            calls[name]()
            spent[name].append(time.perf_counter() - start)
    times = {name: np.array(values) for name, values in spent.items()}
    return {
        "people": len(users),
        "items": len(items),
        "components": items.shape[1],
        "threads": threads,
        "seconds": {name: float(np.median(values)) for name, values in times.items()},
        "ours_over_product": float(np.median(times["ours"] / times["product"])),
        "implicit_over_ours": float(np.median(times["implicit"] / times["ours"])),
        **agreement(users, items, threads, k),
    }


def search_figures(n_users: int, n_items: int, threads: int, rounds: int = 11) -> dict[str, object]:
    """Return :func:`kernel_figures` of random vectors, with numba and without."""
    vectors = random_vectors(n_users, n_items)
    compiled = kernel_figures(*vectors, threads, rounds)
    with mock.patch.object(search, "_compiled_keep", return_value=None):
        plain = kernel_figures(*vectors, threads, rounds)
    return {"machine": machine(), "date": date.today().isoformat(), "numba": compiled, "numpy": plain}


def product(users: np.ndarray, items: np.ndarray, threads: int) -> None:
    """Multiply, into one buffer: all scores do not fit in memory."""
    buffer = np.empty((STEP, len(items)), dtype=np.float32)
    with threadpool_limits(threads, "blas"):
        for start in range(0, len(users), STEP):
            part = users[start : start + STEP]
            np.matmul(part, items.T, out=buffer[: len(part)])


def implicit_topk(
    users: np.ndarray, items: np.ndarray, threads: int, k: int
) -> tuple[np.ndarray, np.ndarray]:
    with threadpool_limits(1, "blas"):
        return topk(items, users, k, num_threads=threads)


def agreement(users: np.ndarray, items: np.ndarray, threads: int, k: int) -> dict[str, float]:
    """Return the share of lists that are the same, and how far the scores of the two differ at most."""
    mine, scores = top_k(users, items, k, n_jobs=threads)
    other, found = implicit_topk(users, items, threads, k)
    apart = np.abs(scores - found) / np.abs(scores).max(axis=1, keepdims=True)
    return {"same_lists": float((mine == other).all(axis=1).mean()), "scores_apart": float(apart.max())}


def random_vectors(n_people: int, n_items: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return tuple(rng.standard_normal((n, WIDTH), dtype=np.float32) for n in (n_people, n_items))  # type: ignore[return-value]
