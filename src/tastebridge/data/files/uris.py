"""Tables at addresses such as ``s3://bucket/events.parquet``, by the file systems of pyarrow."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.fs as pafs

from tastebridge._foundation.addresses import as_address, is_marked, known_secrets, reveal
from tastebridge.data.files.excel import ENDINGS as WORKBOOKS
from tastebridge.data.files.places import PACKED, Place, are_tables, is_hidden, only_member
from tastebridge.exceptions import InvalidDataError

_WEB = re.compile(r"(https?|ftp):/+(.+)")
_MAGIC = re.compile(r"[*\[]")  # the question mark starts the options of an address
_CHUNK = 1 << 22
# Google's client tries again for a quarter of an hour unless it is told otherwise.
_PATIENCE = {"gs": "retry_limit_seconds=30", "gcs": "retry_limit_seconds=30"}


def uri_of(path: object) -> str | None:
    """Return the address that a path is, also of a Path, in which ``s3://`` has become ``s3:/``; else None.

    Credentials in it are taken out, and put back when it is opened.

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
            f"{web[1]}://{web[2]} is a web address, which is not read. Download the file, and give its path."
        )
    return as_address(path)


@dataclass(frozen=True)
class RemoteFiles:
    """The files of one table at an address.

    Attributes
    ----------
    address : str
        Without credentials.
    system : FileSystem
    base : str
        The file, or the folder in which all files lie.
    files : tuple of FileInfo
        In the order of their names.
    """

    address: str
    system: pafs.FileSystem
    base: str
    files: tuple[pafs.FileInfo, ...]

    @property
    def parquet(self) -> list[str]:
        """The Parquet files."""
        return [one.path for one in self.files if one.path.endswith(".parquet")]

    @property
    def text_size(self) -> tuple[int, int]:
        """The bytes of packed and of plain files that are read whole."""
        if self.parquet:
            return 0, 0
        packed = sum(one.size for one in self.files if one.path.endswith(PACKED))
        return packed, sum(one.size for one in self.files) - packed

    def places(self) -> list[Place]:
        """Return the text, JSON lines and workbooks, with their contents."""
        with _reached(self.address):
            return [self._place(one) for one in self.files]

    def digests(self) -> Iterator[str]:
        """Yield the name and the SHA-256 of each file."""
        for one in self.files:
            whole = hashlib.sha256()
            with _reached(self.address), self.system.open_input_stream(one.path, compression=None) as stream:
                while chunk := stream.read(_CHUNK):
                    whole.update(chunk)
            yield f"{one.path.removeprefix(self.base)} {whole.hexdigest()}"

    def _place(self, one: pafs.FileInfo) -> Place:
        path = Path(PurePosixPath(one.path).name)
        if not one.size:
            raise InvalidDataError(f"{one.path!r} is an empty file.")
        with self.system.open_input_stream(one.path) as stream:  # unpacked by the ending of its name
            place = Place(path, None, stream.read())
        return only_member(place) if path.suffix == ".zip" else place


def look_up(address: str) -> RemoteFiles:
    """Return the files of a table at an address: a file, all below a folder, or those that fit a pattern.

    Raises
    ------
    InvalidDataError
        If nothing is there, or the file system cannot be reached.
    """
    place, sign, query = address.partition("?")
    names = place.partition("://")[2].split("/")
    fixed = next((at for at, name in enumerate(names) if at and _MAGIC.search(name)), len(names))
    pattern = "/".join(names[fixed:])
    start = place.removesuffix(pattern).rstrip("/") if pattern else place
    with _reached(address):
        system, base = pafs.FileSystem.from_uri(_with_patience(reveal(f"{start}{sign}{query}")))
        base = base.rstrip("/")
        info = system.get_file_info(base)
        if info.type == pafs.FileType.NotFound:
            raise InvalidDataError(f"there is no file or folder {address!r}.")
        found = [info]
        if info.type == pafs.FileType.Directory:
            inside = system.get_file_info(pafs.FileSelector(base, recursive=True))
            found = [one for one in inside if one.is_file]
    if info.type == pafs.FileType.Directory:
        found = _tables(found, base, pattern)
        if not found:
            where = f"no file matches {address!r}" if pattern else f"the folder {address!r} holds no table"
            raise InvalidDataError(f"{where}: .parquet, text or JSON lines.")
    elif pattern:
        raise InvalidDataError(f"there is no file or folder {address!r}.")
    return RemoteFiles(address, system, base, tuple(found))


def _tables(found: list[pafs.FileInfo], base: str, pattern: str) -> list[pafs.FileInfo]:
    """Return the files that are read: those of Parquet if there are any, else text and JSON lines."""
    fits = re.compile(_expression(pattern) if pattern else ".+", re.DOTALL)
    shown = [(one, one.path.removeprefix(base).lstrip("/")) for one in found]
    kept = [one for one, name in shown if fits.fullmatch(name) and not is_hidden(PurePosixPath(name))]
    kept.sort(key=lambda one: one.path)
    parts = [one for one in kept if one.path.endswith(".parquet")]
    endings = () if not pattern else (*WORKBOOKS, ".zip")
    return parts or [one for one in kept if are_tables(one.path) or one.path.lower().endswith(endings)]


def _expression(pattern: str) -> str:
    """Return the regular expression of a file pattern; a matching folder includes all of its files."""
    parts = [
        r"(?:[^/]+/)*" if name == "**" else _SIGNS.sub(_one_sign, name) + "/" for name in pattern.split("/")
    ]
    return "".join(parts).removesuffix("/") + "(?:/.*)?"


_SIGNS = re.compile(r"\*|\[(!?)([^\]]+)\]|.", re.DOTALL)


def _one_sign(found: re.Match[str]) -> str:
    if found[2] is not None:
        return f"[{'^' if found[1] else ''}{found[2]}]"
    return "[^/]*" if found[0] == "*" else re.escape(found[0])


def _with_patience(uri: str) -> str:
    limit = _PATIENCE.get(uri.partition("://")[0])
    if limit is None or limit.partition("=")[0] in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{limit}"


@contextmanager
def _reached(address: str) -> Iterator[None]:
    """Turn errors of file systems into one that names the address, without anything secret."""
    if is_marked(reveal(address)):
        raise InvalidDataError(
            f"the credentials of {address!r} were left out where it was shown. Put them back in, or give them"
            " by the environment, as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    try:
        yield
    except InvalidDataError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        told = (str(error).splitlines() or [type(error).__name__])[0].replace(reveal(address), address)
        for secret in known_secrets():
            told = told.replace(secret, "…")
        raise InvalidDataError(f"{address!r} cannot be reached: {told[:300].rstrip('.')}.") from None
