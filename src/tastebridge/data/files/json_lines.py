"""JSON lines, and arrays of JSON, as columns: nested fields by dotted names, lists as they are."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa

from tastebridge.data.files.literals import literal
from tastebridge.data.files.places import Place
from tastebridge.exceptions import InvalidDataError

_SAMPLE = 1_000


@dataclass(frozen=True)
class JsonTable:
    """One file of JSON records: the names of its fields, and their columns on request.

    Attributes
    ----------
    place : Place
    names : list of str
        The fields of the first thousand records; fields inside others as ``outer.inner``.
    mixed_as_text : bool, default=False
        Whether fields of several types are read as text, and not refused.
    """

    place: Place
    names: list[str]
    mixed_as_text: bool = False

    @classmethod
    def open(cls, place: Place) -> JsonTable:
        """Look at the first records of a file."""
        names: dict[str, None] = {}
        for number, record in enumerate(_records(place)):
            names |= dict.fromkeys(_named(record))
            if number >= _SAMPLE:
                break
        return cls(place, list(names))

    @property
    def note(self) -> str:
        """How the file was read."""
        return f"{self.place}: JSON, one record per line"

    def read(self, columns: Sequence[str], varied: Sequence[str] = ()) -> pa.Table:
        """Return some fields as columns, absent ones as null.

        Raises
        ------
        InvalidDataError
            If a line is no JSON, or a field is of several types; the line or record is named.
        """
        paths = [(name,) if "." not in name else tuple(name.split(".")) for name in columns]
        values: list[list[Any]] = [[] for _ in columns]
        for record in _records(self.place):
            for found, name, path in zip(values, columns, paths, strict=True):
                # A name with a dot may be a field of its own.
                found.append(record[name] if name in record else _inside(record, path))
        make = partial(_array, place=self.place, mixed_as_text=self.mixed_as_text)
        arrays = [make(found, name) for found, name in zip(values, columns, strict=True)]
        return pa.table(dict(zip(columns, arrays, strict=True)))


def _records(place: Place) -> Iterator[dict[str, Any]]:
    with place.opened() as stream:
        text = io.TextIOWrapper(io.BufferedReader(_Raw(stream), 1 << 20), "utf-8-sig")
        try:
            for number, line in enumerate(text, start=1):
                if number == 1 and line.lstrip().startswith("["):
                    yield from _array_of_records(line + text.read(), place)
                    return
                if line.strip():
                    yield _record(line, number, place)
        except UnicodeDecodeError:
            raise InvalidDataError(
                f"{str(place)!r} cannot be read: it is not UTF-8, as JSON must be."
            ) from None


class _Raw(io.RawIOBase):
    """A stream of Arrow as a file of Python."""

    def __init__(self, stream: pa.NativeFile) -> None:
        self.stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - the type of writable buffers comes with 3.12
        data = self.stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _record(line: str, number: int, place: Place) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = literal(line)
    if not isinstance(record, dict):
        raise InvalidDataError(
            f'{str(place)!r} cannot be read: line {number} is not a JSON record, such as {{"user_id": 1, …}}.'
        )
    return record


def _array_of_records(text: str, place: Place) -> Iterator[dict[str, Any]]:
    try:
        records = json.loads(text)
    except ValueError:
        raise InvalidDataError(
            f"{str(place)!r} cannot be read: it begins like a JSON array but is not one."
        ) from None
    for number, record in enumerate(records):
        if not isinstance(record, dict):
            raise InvalidDataError(f"{str(place)!r} cannot be read: element {number} is not a JSON record.")
        yield record


def _named(record: dict[str, Any], before: str = "") -> Iterator[str]:
    """Yield the names of the fields of a record, and of records inside it."""
    for name, value in record.items():
        yield before + name
        # A list of records has the fields of its first one.
        inner = value[0] if isinstance(value, list) and value else value
        if isinstance(inner, dict):
            yield from _named(inner, f"{before}{name}.")


def _inside(record: object, path: Sequence[str]) -> object:
    """Return the value at a dotted name: inside a list, the list of the values."""
    for place, name in enumerate(path):
        if isinstance(record, list):
            return [_inside(one, path[place:]) for one in record]
        if not isinstance(record, dict) or name not in record:
            return None
        record = record[name]
    return record


def _array(values: list[Any], name: str, place: Place, mixed_as_text: bool) -> pa.Array:
    try:
        array = pa.array(values, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        if mixed_as_text:
            texts = [one if one is None or isinstance(one, str) else json.dumps(one) for one in values]
            return pa.array(texts, pa.string()).dictionary_encode()
        kinds: dict[str, int] = {}
        for number, value in enumerate(values):
            if value is not None:
                kinds.setdefault(type(value).__name__, number)
        shown = " and ".join(f"{kind} (first in record {number})" for kind, number in kinds.items())
        told = (
            f"mixes {shown}. Write one type"
            if len(kinds) > 1
            else f"holds {shown} beyond 64 bits. Write text"
            if "int" in kinds
            else f"holds {shown} that Arrow cannot read, such as half a character. Write Unicode text"
        )
        raise InvalidDataError(f"{str(place)!r} cannot be read: the field {name!r} {told}.") from None
    return array.dictionary_encode() if pa.types.is_string(array.type) else array
