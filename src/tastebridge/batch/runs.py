"""A run on the disk: a block of bytes for every partition, each with its checksum, followed by an index.

The layout is: the blocks; the index; its SHA-256; its length in 8 bytes; a mark. Every byte is checked before
Arrow sees it. So a damaged run is refused and can neither crash the interpreter nor change an answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import pyarrow as pa

from tastebridge.exceptions import OutputError

_MARK = b"tastebridge run 1\n"
_TAIL = 32 + 8 + len(_MARK)
_DIGEST = 32


@dataclass(frozen=True)
class Run:
    """The index of a run.

    Attributes
    ----------
    path : Path
    events, users : ndarray of int64
        The numbers of rows and of users in every partition.
    nbytes : int
        The bytes of all rows in memory.
    blocks : ndarray of int64, shape (n_partitions, 2)
        The start and the length in bytes of every block.
    digests : bytes
        The SHA-256 of all blocks, concatenated.
    """

    path: Path
    events: np.ndarray
    users: np.ndarray
    nbytes: int
    blocks: np.ndarray
    digests: bytes

    @classmethod
    def open(cls, path: Path, first: int, last: int) -> Self:
        """Read and check the index of the run of the rows from ``first`` to before ``last``.

        Raises
        ------
        OutputError
            If the file is damaged, or holds other rows.
        """
        with _readable(path) as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - _TAIL))
            tail = file.read(_TAIL)
            size = int.from_bytes(tail[32:40], "big")
            # the length is checked before it is used: the index itself is checked only once it is read
            if tail[40:] != _MARK or size > end - _TAIL:
                raise _damaged(path)
            file.seek(end - _TAIL - size)
            index = file.read(size)
        if hashlib.sha256(index).digest() != tail[:32]:
            raise _damaged(path)
        head, _, rest = index.partition(b"\n")
        facts = json.loads(head)
        if facts["rows"] != [first, last]:  # a renamed file would bring rows twice
            raise _damaged(path)
        n = facts["partitions"]
        numbers = np.frombuffer(rest, dtype="<i8", count=4 * n).reshape(4, n)
        # 32 n: the four rows of eight-byte numbers before the digests
        return cls(path, numbers[0], numbers[1], facts["nbytes"], numbers[2:].T, rest[32 * n :])

    def partition(self, number: int) -> pa.Table:
        """Return the rows of a partition.

        Raises
        ------
        OutputError
            If its block is damaged.
        """
        start, size = self.blocks[number].tolist()
        with _readable(self.path) as file:
            file.seek(start)
            block = file.read(size)
        wanted = self.digests[number * _DIGEST : (number + 1) * _DIGEST]
        if hashlib.sha256(block).digest() != wanted:
            raise _damaged(self.path)
        with pa.ipc.open_stream(block) as stream:
            return stream.read_all()


def write_run(
    file: IO[bytes], partitions: Iterator[pa.Table], users: np.ndarray, rows: tuple[int, int]
) -> None:
    """Write a run.

    Parameters
    ----------
    file : file
    partitions : iterator of Table
        The rows of every partition.
    users : ndarray
        The number of users of every partition.
    rows : (int, int)
        The first row of the input in the run, and the row after its last.
    """
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    events, starts, sizes, digests = [], [], [], []
    place = nbytes = 0
    for partition in partitions:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, partition.schema, options=options) as stream:
            stream.write_table(partition)
        block = sink.getvalue()
        file.write(block)
        events.append(len(partition))
        starts.append(place)
        sizes.append(len(block))
        digests.append(hashlib.sha256(block).digest())
        place, nbytes = place + len(block), nbytes + partition.nbytes
    head = {"rows": list(rows), "partitions": len(events), "nbytes": nbytes}
    numbers = np.array([events, users, starts, sizes], dtype="<i8")
    index = json.dumps(head).encode() + b"\n" + numbers.tobytes() + b"".join(digests)
    file.write(index + hashlib.sha256(index).digest() + len(index).to_bytes(8, "big") + _MARK)


@contextmanager
def _readable(path: Path) -> Iterator[IO[Any]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise _damaged(path) from None


def _damaged(path: Path) -> OutputError:
    return OutputError(f"{str(path)!r} is damaged. Start again with restart=True.")
