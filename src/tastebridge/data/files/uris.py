"""Tables at URIs such as ``s3://bucket/events.parquet``, by the file systems of pyarrow."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as pafs

from tastebridge.data.files.parquet import check_agreed, folder_columns, schema_of_all
from tastebridge.data.files.places import Place
from tastebridge.exceptions import InvalidDataError

_URI = re.compile(r"(?P<scheme>s3|gs|gcs|hdfs|viewfs|abfs|abfss|file):/+(?P<rest>.+)")


@dataclass(frozen=True)
class DatasetTable:
    """Parquet at a URI: a file, or a folder with names of folders that may be columns."""

    data: ds.Dataset
    uri: str

    @property
    def names(self) -> list[str]:
        """The columns, in order."""
        return list(self.data.schema.names)

    @property
    def note(self) -> str:
        """How the table was read."""
        return f"{self.uri}: Parquet, {len(self.data.files):,} file{'s' if len(self.data.files) > 1 else ''}"

    def read(self, columns: Sequence[str], varied: Sequence[str] = ()) -> pa.Table:
        """Return some columns of all files; a column that a file lacks is null there, and is warned of."""
        check_agreed(self.data.schema, columns)
        return self.data.to_table(columns=list(columns))


_WEB = re.compile(r"(https?|ftp):/+(.+)")


def uri_of(path: object) -> str | None:
    """Return the URI that a path is, also of a Path, in which ``s3://`` has become ``s3:/``; else None.

    Raises
    ------
    InvalidDataError
        If it is an address of the web, which no file system of pyarrow reads.

    Examples
    --------
    >>> uri_of("s3://shop/events.csv"), uri_of("events.csv")
    ('s3://shop/events.csv', None)
    """
    given = str(path) if isinstance(path, str | Path) else ""
    if (web := _WEB.fullmatch(given)) is not None:
        raise InvalidDataError(
            f"{web[1]}://{web[2]} is an address of the web, which is not read from here. Download the file, "
            "and give its path."
        )
    found = _URI.fullmatch(given)
    if found is None:
        return None
    return f"{found['scheme']}://{'/' if found['scheme'] == 'file' else ''}{found['rest']}"


def open_uri(uri: str) -> DatasetTable | list[Place]:
    """Return the Parquet at a URI as a table, or text and JSON files as places with their content.

    Raises
    ------
    InvalidDataError
        If nothing is there, or the file system cannot be reached.
    """
    try:
        system, path = pafs.FileSystem.from_uri(uri)
        info = system.get_file_info(path)
        if info.type == pafs.FileType.NotFound:
            raise InvalidDataError(f"there is no file or folder {uri!r}.")
        names = [path]
        if info.type == pafs.FileType.Directory:
            inside = system.get_file_info(pafs.FileSelector(path, recursive=True))
            shown = [one for one in inside if one.is_file and not one.base_name.startswith((".", "_"))]
            names = sorted(one.path for one in shown)
        if parts := [name for name in names if name.endswith(".parquet")]:
            folders = folder_columns(parts, Path(path))
            how: dict[str, Any] = {
                "format": "parquet",
                "partitioning": ds.partitioning(folders, flavor="hive"),
            }
            how |= {"partition_base_dir": path, "filesystem": system}
            # by itself, pyarrow takes the columns of the first file for those of all
            schema = schema_of_all(ds.dataset(parts, **how), folders)
            return DatasetTable(ds.dataset(parts, schema, **how), uri)
        return [_place(system, name) for name in names]
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, InvalidDataError):
            raise
        told = str(error).splitlines()[0][:200]
        raise InvalidDataError(f"{uri!r} cannot be reached: {told}") from None


def _place(system: pafs.FileSystem, name: str) -> Place:
    with system.open_input_stream(name) as stream:  # unpacked by the ending of its name
        return Place(Path(PurePosixPath(name).name), None, stream.read())
