"""Independent calls on several threads, and BLAS on one thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from contextvars import copy_context
from functools import cache
from threading import Lock, local
from typing import Protocol, TypeVar, cast

import numpy as np
from joblib import effective_n_jobs
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from tastebridge._numerics.warning_filters import filters_kept

T = TypeVar("T")
_LOCK = Lock()


class _Library(Protocol):
    """A loaded BLAS library, as threadpoolctl controls it."""

    internal_api: str
    num_threads: int

    def set_num_threads(self, num_threads: int) -> None:
        """Set the number of threads of the library."""


def together(calls: Sequence[Callable[[], T]], n_jobs: int | None = None) -> list[T]:
    """Return the results of calls that do not depend on each other, in their order.

    They run on ``n_jobs`` threads, None or -1 for one per core; numpy and scipy release the interpreter lock.
    After an error no new call is started, and the error is raised once the running calls are done.
    """
    workers = min(n_threads(n_jobs), len(calls))
    if workers < 2:
        return [_usually(call) for call in calls]
    with filters_kept(), ThreadPoolExecutor(workers) as pool:
        # a thread of a pool does not have the context variables of its caller
        running = [pool.submit(copy_context().run, _usually, call) for call in calls]
        wait(running, return_when=FIRST_EXCEPTION)
        pool.shutdown(wait=True, cancel_futures=True)
    return [part.result() for part in running]  # raises the error before it reaches a cancelled call


def usual_errors() -> AbstractContextManager[None]:
    """Return a context in which numpy treats floating point errors as it does by default.

    An underflow to 0 is part of many results, and is no error where the caller has set ``np.seterr``.
    """
    usual = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
    return cast("AbstractContextManager[None]", usual)  # numpy declares no base class for it


def _usually(call: Callable[[], T]) -> T:
    # numpy 1 keeps the error state by thread, and a new thread has none of the caller's
    with usual_errors():
        return call()


def n_threads(n_jobs: int | None) -> int:
    """Return the number of threads of ``n_jobs`` on this machine."""
    # None is one thread to joblib, and all cores here
    return int(effective_n_jobs(-1 if n_jobs is None else n_jobs))


def one_blas_thread() -> AbstractContextManager[None]:
    """Return a context with one BLAS thread for numpy and scipy; it is fast to enter, and can be nested.

    It holds in every Python thread that has entered it, until the last of them has left. The thread that
    enters it also has :func:`usual_errors` there.
    """
    return _one_thread()


class _Limit:
    """The limit of one BLAS thread on some libraries, from the first to enter to the last to leave."""

    def __init__(self, libraries: list[_Library]) -> None:
        self._libraries, self._within = libraries, 0
        self._before: dict[int, int] = {}

    def enter(self) -> None:
        for place, library in enumerate(self._libraries):
            if (n := library.num_threads) != 1:
                self._before[place] = n
                _set_threads(library, 1)
        self._within += 1

    def leave(self) -> None:
        self._within -= 1
        if not self._within:
            for place, n in self._before.items():
                _set_threads(self._libraries[place], n)
            self._before.clear()


class _OneThread(local):
    """The limit shared by all Python threads, and one per thread for BLAS that counts threads for each."""

    def __init__(self) -> None:
        self._own = _Limit([library for library in _libraries() if _counts_apart(library)])
        self._errors: list[AbstractContextManager[None]] = []

    def __enter__(self) -> None:
        self._errors.append(usual_errors())
        self._errors[-1].__enter__()
        with _LOCK:
            _shared().enter()
        # BLAS under OpenMP keeps a number of its own for every Python thread
        self._own.enter()

    def __exit__(self, *error: object) -> None:
        self._own.leave()
        with _LOCK:
            _shared().leave()
        self._errors.pop().__exit__(None, None, None)


def _counts_apart(library: _Library) -> bool:
    return getattr(library, "threading_layer", None) == "openmp" and library.internal_api == "openblas"


def _set_threads(library: _Library, n: int) -> None:
    """Set the number of threads; threadpoolctl lets only the Python thread do it that did it first."""
    getattr(library, "_real_set_num_threads", library.set_num_threads)(n)


@cache
def _one_thread() -> _OneThread:
    return _OneThread()


@cache
def _shared() -> _Limit:
    return _Limit([library for library in _libraries() if not _counts_apart(library)])


@cache
def _libraries() -> list[_Library]:
    """Return the loaded BLAS libraries; it searches the whole process, so the result is kept."""
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)
