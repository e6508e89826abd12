"""The fields in the footer of a Parquet file from which its unfolded size follows.

The footer is a structure of Thrift's compact protocol. Arrow reads it too, but some damaged footers make
Arrow end the process. So an untrusted file is examined here first.

References
----------
https://parquet.apache.org/docs/file-format/metadata/
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tastebridge.exceptions import ModelFileError

_MARK = b"PAR1"
_DEEPEST, _LARGEST = 12, 1 << 24  # nesting of structures, and bytes of a footer, far beyond any model's
_ROW_GROUPS, _ROWS_OF_FILE = 4, 3
_COLUMNS, _ROWS_OF_GROUP = 1, 3
_METADATA = 3
_CODEC, _UNFOLDED = 4, 6
"""Field numbers in the file, in a row group, in a column chunk, and in its metadata."""


class Footer(NamedTuple):
    """The size of a Parquet file according to its footer.

    Attributes
    ----------
    n_rows : int
        The larger of two counts: the rows of the file, and the sum over its row groups.
    n_bytes : int
        The unpacked bytes of all column chunks.
    codecs : set of int
        Parquet's numbers: 0 for none, 1 for Snappy.
    """

    n_rows: int
    n_bytes: int
    codecs: set[int]


def footer_of(text: bytes) -> Footer:
    """Return the sizes and codecs in the footer of a Parquet file.

    Raises
    ------
    ModelFileError
        If the bytes are not a Parquet file.
    """
    size = int.from_bytes(text[-8:-4], "little")
    if text[:4] != _MARK or text[-4:] != _MARK or not 0 < size <= min(len(text) - 12, _LARGEST):
        raise ModelFileError("its table is not a Parquet file.")
    try:
        found = _Compact(text[-8 - size : -8]).structure(0)
        groups = found[_ROW_GROUPS]
        columns = [chunk[_METADATA] for group in groups for chunk in group[_COLUMNS]]
        # a hostile footer can contradict itself, or hide bytes behind negative ones: take the worst
        rows = max(found[_ROWS_OF_FILE], sum(group[_ROWS_OF_GROUP] for group in groups))
        unfolded = sum(abs(column[_UNFOLDED]) for column in columns)
        return Footer(rows, unfolded, {int(column[_CODEC]) for column in columns})
    except (LookupError, TypeError, ValueError):
        raise ModelFileError("its table has a damaged footer.") from None


class _Compact:
    """Reader of Thrift's compact protocol: fields by their numbers, texts as bytes."""

    def __init__(self, text: bytes) -> None:
        self._text, self._at = text, 0

    def structure(self, depth: int) -> dict[int, Any]:
        """Return the fields of a structure."""
        if depth > _DEEPEST:
            raise ValueError("too deep")
        found: dict[int, Any] = {}
        number = 0
        while (head := self._byte()) != 0:
            number = number + (head >> 4) if head >> 4 else self._whole()
            found[number] = self._value(head & 15, depth, field=True)
        return found

    def _value(self, kind: int, depth: int, field: bool = False) -> object:
        if kind in (1, 2):  # a field holds its truth value in the type itself, a list one byte for each
            return kind == 1 if field else self._byte() == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._whole()
        if kind in (7, 8):
            return self._bytes(8 if kind == 7 else self._unsigned())
        if kind in (9, 10):
            return self._list(depth)
        if kind == 12:
            return self.structure(depth + 1)
        raise ValueError("unknown type")  # Parquet has no maps

    def _list(self, depth: int) -> list[object]:
        if depth > _DEEPEST:
            raise ValueError("too deep")
        head = self._byte()
        n = head >> 4 if head >> 4 != 15 else self._unsigned()
        if n > len(self._text) - self._at:  # every element takes a byte at least
            raise ValueError("longer than the file")
        return [self._value(head & 15, depth + 1) for _ in range(n)]

    def _whole(self) -> int:
        number = self._unsigned()
        return (number >> 1) ^ -(number & 1)  # zigzag: 0, -1, 1, -2 … are stored as 0, 1, 2, 3

    def _unsigned(self) -> int:
        number = 0
        for shift in range(0, 70, 7):  # 64 bits take ten bytes of seven
            byte = self._byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise ValueError("too long a number")

    def _byte(self) -> int:
        self._at += 1
        return self._text[self._at - 1]

    def _bytes(self, n: int) -> bytes:
        if n > len(self._text) - self._at:
            raise ValueError("longer than the file")
        self._at += n
        return self._text[self._at - n : self._at]
