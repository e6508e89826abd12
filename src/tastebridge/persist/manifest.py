"""The manifest: the content of a folder with sizes and checksums, and a checksum of the manifest itself."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from tastebridge.exceptions import ModelFileError, ModelFormatError
from tastebridge.persist.disk import digest, installed_memory, open_regular

MANIFEST = "manifest.json"
CARD = "README.md"
PACKAGE = "tastebridge"
FORMAT = 1
"""Raised by one when older versions of tastebridge cannot read the new files."""

LARGEST = 1 << 26
"""Bytes a manifest can have at most."""
WAITING_CARD = r"\.card-([0-9a-f]{12})\.md"
"""The name of a card on its way into a folder that holds an older one."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def render(content: dict[str, Any]) -> str:
    """Return the text of a manifest, which ends in the checksum of everything before it."""
    return _text({**content, "checksum": _checksum(content)})


def parse(text: bytes, path: Path) -> dict[str, Any]:
    """Return the content of a manifest, or raise an error that explains the damage.

    A manifest is valid only if :func:`render` gives the same bytes for its content.
    """
    try:
        content = json.loads(text.decode("ascii"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ModelFileError(
            f"{str(path)!r} has a damaged {MANIFEST}: it is not JSON. Save the model again."
        ) from None
    if not isinstance(content, dict) or content.get("package") != PACKAGE:
        raise ModelFileError(f"{str(path)!r} is not a model of tastebridge: its {MANIFEST} says otherwise.")
    # the format before the checksum: a later version may compute that in another way
    _check_format(content.get("format"), path)
    checksum = content.pop("checksum", None)
    try:
        whole = checksum == _checksum(content) and text.decode("ascii") == render(content)
    except (ValueError, RecursionError):  # 1e999 is read as infinity; deep lists are read and not written
        whole = False
    if not whole:
        raise ModelFileError(
            f"{str(path)!r} has a damaged {MANIFEST}: its checksum is wrong. Save the model again."
        )
    return content


def describe_file(path: Path) -> dict[str, Any]:
    """Return the record of a file: its name, size and SHA-256."""
    return {"file": path.name, "size": path.stat().st_size, "sha256": digest(path)}


def card_waiting(checksum: str) -> str:
    """Return the name under which a card waits for the manifest of its model."""
    return f".card-{checksum[:12]}.md"


def check_file(folder: Path, record: dict[str, Any]) -> None:
    """Check the checksum of a file in the manifest, in constant memory."""
    with _opened(folder, record) as (file, path):
        if hashlib.file_digest(file, "sha256").hexdigest() != record["sha256"]:
            raise _damaged(path)


def read_file(folder: Path, record: dict[str, Any]) -> bytes:
    """Return the content of a file in the manifest after checking its checksum.

    The file is read once: the bytes that are checked are the bytes returned.
    """
    with _opened(folder, record) as (file, path):
        memory = installed_memory()
        if memory is not None and record["size"] > memory:
            raise ModelFileError(
                f"{str(path)!r} has {record['size']:,} bytes, and this machine has {memory:,} of memory. "
                "Load it on a larger one."
            )
        text = file.read(record["size"] + 1)
        if hashlib.sha256(text).hexdigest() != record["sha256"]:
            raise _damaged(path)
    return text


@contextmanager
def _opened(folder: Path, record: dict[str, Any]) -> Iterator[tuple[BufferedReader, Path]]:
    """Open a file in the manifest, which must have the size recorded there."""
    name, size, sha256 = record["file"], record["size"], record["sha256"]
    if not isinstance(name, str) or not _PLAIN_NAME.fullmatch(name):
        raise ModelFileError(f"{str(folder)!r} names the file {name!r}, which cannot lie in a model folder.")
    if type(size) is not int or not isinstance(sha256, str) or not _DIGEST.fullmatch(sha256):
        raise ModelFileError(f"{str(folder)!r} has a broken record of the file {name!r}. Save it again.")
    path = _present(folder, name, sha256)
    try:
        with open_regular(path) as (file, found):
            if found != size:
                raise ModelFileError(
                    f"{str(path)!r} should have {size} bytes; it has {found}. Copy the whole folder again."
                )
            yield file, path
    except FileNotFoundError:
        raise ModelFileError(
            f"{str(folder)!r} lacks the file {name!r}. Copy the whole folder again."
        ) from None


def _present(folder: Path, name: str, sha256: str) -> Path:
    """Return the path of a file; for the card of a save that was killed, the path where it waits."""
    path, waiting = folder / name, folder / card_waiting(sha256)
    return waiting if name == CARD and waiting.is_file() else path


def _damaged(path: Path) -> ModelFileError:
    return ModelFileError(f"{str(path)!r} is damaged: its checksum is wrong. Copy the whole folder again.")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number.")


def _check_format(number: object, path: Path) -> None:
    # a newer file is whole and only this version is too old, so it has its own message
    if isinstance(number, int) and number > FORMAT:
        raise ModelFormatError(
            f"{str(path)!r} has format {number}, and this version of tastebridge reads formats up to "
            f"{FORMAT}. Upgrade: pip install --upgrade tastebridge."
        )
    if not isinstance(number, int) or number < 1:
        raise ModelFormatError(f"{str(path)!r} has the unknown format {number!r}. Save the model again.")


def _text(content: dict[str, Any]) -> str:
    # other programs refuse NaN in JSON; ASCII, so that no encoding can change the bytes of the checksum
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(_text(content).encode("ascii")).hexdigest()
