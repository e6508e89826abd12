"""Finished parts: Parquet files, each with a record by which it is known to be complete."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tastebridge.batch.account import Account
from tastebridge.batch.files import disk, whole
from tastebridge.batch.stamping import Stamp
from tastebridge.exceptions import InvalidDataError
from tastebridge.persist.disk import digest
from tastebridge.persist.manifest import describe_file

_KEYS = {"file", "size", "sha256", "account"}


@dataclass(frozen=True)
class Part:
    """A finished part: its file with size and checksum, and its counts."""

    file: str
    size: int
    sha256: str
    account: Account

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {**asdict(self), "account": asdict(self.account)}

    @classmethod
    def from_json(cls, values: object, name: str) -> Part:
        """Return the record of the file of this name; refuse anything else."""
        if not (isinstance(values, dict) and set(values) == _KEYS and values["file"] == name):
            raise InvalidDataError(f"it is not a record of {name!r}.")
        if type(values["size"]) is not int or not isinstance(values["sha256"], str):
            raise InvalidDataError(f"it is not a record of {name!r}.")
        return cls(**{**values, "account": Account.from_json(values["account"])})

    def is_whole(self, folder: Path) -> bool:
        """Return whether the file in the folder is complete and unchanged."""
        path = folder / self.file
        return path.is_file() and path.stat().st_size == self.size and digest(path) == self.sha256


def part_name(number: int) -> str:
    """Return the name of a part."""
    return f"part-{number:05d}.parquet"


def write_part(
    rows: pa.RecordBatch,
    account: Account,
    number: int,
    folder: Path,
    records: Path,
    stamp: Stamp | None = None,
) -> Part:
    """Write a part, with a stamp if there is one, and then its record, each in one step."""
    # the record last: a part without one is made again
    path = folder / part_name(number)
    tables = iter([pa.Table.from_batches([rows])])
    if stamp is not None:
        tables = stamp.tables(tables)
    kinds = {field.name: getattr(field.type, "value_type", field.type) for field in rows.schema}
    # scores hardly ever repeat, and a dictionary of them would only be built to be thrown away
    repeating = [name for name, kind in kinds.items() if not pa.types.is_floating(kind)]
    with whole(path) as file, disk(path):
        first = next(tables)
        repeating += first.column_names[len(rows.schema) :]
        with pq.ParquetWriter(file, first.schema, compression="zstd", use_dictionary=repeating) as writer:
            for table in chain([first], tables):
                writer.write_table(table)
    part = Part(**describe_file(path), account=account)
    with whole(records / f"{path.stem}.json") as file:
        file.write(json.dumps(part.to_json()).encode())
    return part


def finished(number: int, folder: Path, records: Path) -> Part | None:
    """Return the record of a part that is there and complete; None if it must be made again."""
    name = part_name(number)
    try:
        values = json.loads((records / f"{Path(name).stem}.json").read_bytes())
        part = Part.from_json(values, name)
    except (OSError, ValueError, RecursionError):
        return None
    return part if part.is_whole(folder) else None
