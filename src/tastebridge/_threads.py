"""Calls side by side: independent work on as many threads as are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any, TypeVar

from joblib import effective_n_jobs
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

T = TypeVar("T")


def together(calls: Sequence[Callable[[], T]], n_jobs: int | None = None) -> list[T]:
    """Return the results of calls that do not depend on each other, in their order.

    They run on ``n_jobs`` threads, None or -1 for one a core; the numerics below leave the interpreter free.
    After an error nothing new is begun, and it is raised once the calls that have begun are done.
    """
    workers = min(n_threads(n_jobs), len(calls))
    if workers < 2:
        return [call() for call in calls]
    with ThreadPoolExecutor(workers) as pool:
        running = [pool.submit(call) for call in calls]
        wait(running, return_when=FIRST_EXCEPTION)
        pool.shutdown(wait=True, cancel_futures=True)
    return [part.result() for part in running]  # what was cancelled stands behind the error


def n_threads(n_jobs: int | None) -> int:
    """Return how many threads ``n_jobs`` means on this machine."""
    return int(effective_n_jobs(-1 if n_jobs is None else n_jobs))


def one_blas_thread() -> AbstractContextManager[Any]:
    """Return a context in which numpy and scipy multiply on one thread, quick to enter, and again within."""
    libraries = _libraries()
    if all(library.num_threads == 1 for library in libraries.lib_controllers):
        return nullcontext()
    return libraries.limit(limits=1, user_api="blas")


@cache
def _libraries() -> ThreadpoolController:
    """Return the BLAS libraries that are loaded, which takes a search of all of the process."""
    return ThreadpoolController().select(user_api="blas")
