"""The filters of warnings, kept while libraries change them in several threads."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any, SupportsIndex, cast, overload
from weakref import WeakValueDictionary


class _Copy(list[Any]):
    """A copy of the filters; ``warnings.catch_warnings`` copies it by a slice, which is a copy too."""

    @overload
    def __getitem__(self, at: SupportsIndex, /) -> object: ...
    @overload
    def __getitem__(self, at: slice, /) -> list[Any]: ...
    def __getitem__(self, at: SupportsIndex | slice, /) -> object:
        found = super().__getitem__(at)
        return _FILTERS.copy_of(found) if isinstance(at, slice) else found


class _Filters:
    """The filters from before the first of the threads that are running now."""

    def __init__(self) -> None:
        self._lock, self._within = RLock(), 0
        self._before: list[Any] = []
        self._copies: WeakValueDictionary[int, _Copy] = WeakValueDictionary()

    def copy_of(self, filters: list[Any]) -> _Copy:
        """Return a copy that :meth:`leave` finds."""
        copy = _Copy(filters)
        with self._lock:
            self._copies[id(copy)] = copy
        return copy

    def enter(self) -> None:
        """Give all threads a copy of the filters."""
        with self._lock:
            if not self._within:
                self._before = cast(list[Any], warnings.filters)
                warnings.filters = self.copy_of(self._before)
            self._within += 1

    def leave(self) -> None:
        """Restore the filters after the last of the threads."""
        with self._lock:
            self._within -= 1
            if self._within:
                return
            # another list was set by a thread that left a context of its own: that is newer
            if isinstance(warnings.filters, _Copy):
                warnings.filters = self._before
            # a context of another thread may set one of them again when it ends
            for copy in list(self._copies.values()):
                copy[:] = self._before
            self._before = []


_FILTERS = _Filters()


@contextmanager
def filters_kept() -> Iterator[None]:
    """Keep the filters of warnings while threads of this process run.

    pandas and scikit-learn change the filters for a moment and restore them. In two threads at once one of
    them may restore the filters of the other, and so hide warnings from then on, or empty the list itself.
    So threads work on a copy. The list of before is restored when the last of them has ended.

    Examples
    --------
    >>> before = warnings.filters
    >>> with filters_kept():
    ...     warnings.simplefilter("ignore")  # by a library, in a thread
    >>> warnings.filters is before
    True
    """
    # from Python 3.14 on a thread can have filters of its own
    if getattr(sys.flags, "context_aware_warnings", False):
        yield
        return
    _FILTERS.enter()
    try:
        yield
    finally:
        _FILTERS.leave()
