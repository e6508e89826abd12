"""Memory: the bound, the memory in use, and the number of users that may be held at once."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tastebridge.exceptions import InvalidParameterError
from tastebridge.model import LinearModel
from tastebridge.model.chunks import CHUNK
from tastebridge.model.similarity import ItemSimilarity

_UNITS = {"": 1, **{f"{letter}b": 1000**power for power, letter in enumerate("kmgt", 1)}}
_UNITS |= {f"{letter}ib": 1024**power for power, letter in enumerate("kmgt", 1)}
_SPARE = 0.9
"""The share of the free memory that is used for planning: allocators keep more than was requested."""
_MORE = 1.02
"""The memory to ask for, over the memory needed now."""
_WORKER = 200 << 20
"""Working memory of a worker for any users: blocks of the search and of the fold-in."""
_EVENT = 160
"""Bytes that an event of a partition needs on its way into a sparse row, besides its text."""
_FEWEST, _BUFFER = 256, 128 << 20  # least users in a chunk; most bytes of events held while reading


def parse_memory(memory: str | int) -> int:
    """Return a size in bytes.

    Parameters
    ----------
    memory : str or int
        Such as ``"2GB"``, ``"500 MB"`` or ``"1.5GiB"`` (GB are 1000³ bytes, GiB 1024³), or bytes.

    Raises
    ------
    InvalidParameterError
        If it is anything else, or less than one byte.

    Examples
    --------
    >>> parse_memory("2GB"), parse_memory("1.5 GiB")
    (2000000000, 1610612736)
    """
    found = None
    if isinstance(memory, int) and not isinstance(memory, bool):
        found = re.fullmatch(r"([0-9]+)()", str(memory))
    elif isinstance(memory, str):
        found = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)\s*([a-z]*)", memory.strip().lower())
    unit = None if found is None else _UNITS.get(found[2])
    size = 0 if found is None or unit is None else int(float(found[1]) * unit)
    if size < 1:
        raise InvalidParameterError(
            f"memory must be a size such as '2GB', '500MB' or '1.5GiB', or a number of bytes; got {memory!r}."
        )
    return size


def resident() -> int:
    """Return the bytes of memory this process holds now; if unknown, the most it ever held."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak()


def release() -> None:
    """Return freed memory to the system, where that is possible."""
    # both keep freed memory for later use, and resident() counts it
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError, TypeError):  # not glibc
        ctypes.CDLL(None).malloc_trim(0)


def peak() -> int:
    """Return the most memory this process ever held, in bytes; 0 if the system does not report it."""
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # bytes on macOS, kilobytes on Linux


@dataclass(frozen=True)
class Budget:
    """The division of a bound on memory.

    Attributes
    ----------
    total : int
        The bound in bytes.
    workers : int
        Partitions worked on at once.
    chunk : int
        Number of users whose vectors a worker holds at once.
    buffer : int
        Bytes of events held while they are spread over partitions.
    """

    total: int
    workers: int
    chunk: int
    buffer: int

    @classmethod
    def of(cls, total: int, n_jobs: int, model: LinearModel | ItemSimilarity, partition: int = 0) -> Budget:
        """Divide the memory that is free now among workers.

        Parameters
        ----------
        total : int
            The bound in bytes.
        n_jobs : int
            Workers wanted; there are fewer if the memory does not suffice.
        model : LinearModel or ItemSimilarity
        partition : int
            Bytes of the largest partition and its answer.

        Raises
        ------
        InvalidParameterError
            If the memory does not suffice for a single worker.
        """
        free = int((total - resident()) * _SPARE)
        per_user, fixed = _user_bytes(model), _WORKER + _catalogue(model) + partition
        least = fixed + _FEWEST * per_user
        if free < least:
            # two runs hold not quite the same: a memory told here suffices in the next one
            needed = int(_MORE * (resident() + least / _SPARE))
            raise InvalidParameterError(
                f"memory={shown(total)} is too little: this process holds {shown(resident())} with the "
                f"model loaded, and scoring needs more. Give at least {shown(needed)}."
            )
        workers = max(1, min(n_jobs, free // least))
        chunk = min(CHUNK, (free // workers - fixed) // per_user)
        return cls(total, workers, chunk, min(_BUFFER, free // 8))


def partition_bytes(events: int, users: int, event_bytes: int, answer_bytes: int) -> int:
    """Return the bytes of a partition in a kernel: its events, and the answer to its users."""
    # room for four copies of the text of an event, which is sorted, nested, unnested and cleaned
    return events * (_EVENT + 4 * event_bytes) + users * answer_bytes


def _user_bytes(model: LinearModel | ItemSimilarity) -> int:
    """Return the bytes that a user needs while being scored."""
    if not isinstance(model, LinearModel):
        return 4096
    widths = [
        len(model.spaces[route.space][0]) if route.coef is None else route.coef.shape[1]
        for route in model.routes
    ]
    return 24 * sum(widths) + 16 * model.item_vectors().shape[1] + 4096


def _catalogue(model: LinearModel | ItemSimilarity) -> int:
    """Return the bytes of the copy of the item vectors that a search arranges for itself."""
    return int(model.item_vectors().nbytes * 1.1) if isinstance(model, LinearModel) else 0


def shown(size: int) -> str:
    """Return a number of bytes for a sentence, rounded up.

    Examples
    --------
    >>> shown(1_581_000_000), shown(2_000_000_000), shown(1)
    ('1.59GB', '2GB', '1MB')
    """
    return f"{-(-size // 10**7) / 100:g}GB" if size >= 10**9 else f"{-(-size // 10**6)}MB"
