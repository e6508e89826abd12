"""Files in the format of word2vec, text or binary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tastebridge.exceptions import InvalidDataError
from tastebridge.factors.pretrained import PretrainedFactors
from tastebridge.factors.readers.damage import reading

_CONTENT = "vectors in the format of word2vec"
_LONGEST = 10_000
"""Bytes of a key at most: a longer one is the noise of another format."""

Keyed = tuple[list[str], NDArray[np.float32]]


def read_word2vec(path: str | Path, binary: bool | None = None) -> PretrainedFactors:
    r"""Return the vectors of a file that gensim's ``save_word2vec_format`` or word2vec wrote.

    The first line holds the numbers of keys and of components. In a text each further line is a key and its
    numbers. In a binary file a key, a space and the numbers as float32 follow each other.

    Parameters
    ----------
    path : str or Path
    binary : bool, optional
        None to tell by the name: ``.bin`` is binary.

    Returns
    -------
    PretrainedFactors
        ``rule="mean"``; the ids are the keys, as texts.

    Raises
    ------
    InvalidDataError
        If the file is damaged, cut off or of another format.

    References
    ----------
    T. Mikolov et al., "Efficient estimation of word representations in vector space", ICLR workshop (2013).

    Examples
    --------
    >>> import tempfile
    >>> from tastebridge.factors import read_word2vec
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = open(f"{folder}/books.txt", "w").write("2 3\ndune 1 0 0\nemma 0 1 0.5\n")
    ...     read_word2vec(f"{folder}/books.txt").factors.tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.5]]
    """
    with reading(path, _CONTENT) as found:
        is_binary = found.suffix == ".bin" if binary is None else binary
        data = found.read_bytes()  # whole, as the header is checked against its size
        line, _, rest = data.partition(b"\n")
        n, k = _header(line, len(rest), 4 if is_binary else 2)
        keys, vectors = (_binary if is_binary else _text)(rest, n, k)
        if len(set(keys)) < len(keys):
            raise InvalidDataError(f"{str(found)!r} has keys twice. Leave the repetitions out.")
        return PretrainedFactors(keys, vectors, rule="mean").checked()


def _header(line: bytes, n_bytes: int, least: int) -> tuple[int, int]:
    parts = line.split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        raise ValueError(f"the first line must be the numbers of keys and components, not {line[:40]!r}")
    n, k = int(parts[0]), int(parts[1])
    # before any array is made: a damaged header may ask for more memory than there is
    if n < 1 or k < 1 or n * k * least > n_bytes + 1:
        raise ValueError(f"{n} vectors of {k} numbers do not fit into {n_bytes} bytes")
    return n, k


def _text(rest: bytes, n: int, k: int) -> Keyed:
    lines = rest.decode("utf-8").rstrip("\n").split("\n")
    if len(lines) != n:
        raise ValueError(f"the first line says {n} vectors, and there are {len(lines)}")
    keys, out = [], np.empty((n, k), dtype=np.float32)
    for place, line in enumerate(lines):
        key, *numbers = line.rstrip().split(" ")
        if len(numbers) != k or not key:
            raise ValueError(f"line {place + 2} has {len(numbers)} numbers, not {k}")
        keys.append(key)
        out[place] = [float(number) for number in numbers]
    return keys, out


def _binary(rest: bytes, n: int, k: int) -> Keyed:
    keys, out, at = [], np.empty((n, k), dtype=np.float32), 0
    for place in range(n):
        end = rest.find(b" ", at, at + _LONGEST)
        stop = end + 1 + 4 * k
        if end < 0 or stop > len(rest):
            raise ValueError(f"it ends after {place} of {n} vectors")
        keys.append(rest[at:end].lstrip(b"\n").decode("utf-8"))  # word2vec ends a vector by a line break
        out[place] = np.frombuffer(rest, dtype="<f4", count=k, offset=end + 1)
        at = stop
    return keys, out
