"""The manifest: what a folder holds, with sizes and checksums, and a checksum of the manifest itself."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from tastebridge.exceptions import ModelFileError, ModelFormatError

MANIFEST = "manifest.json"
CARD = "README.md"
PACKAGE = "tastebridge"
FORMAT = 1
"""Raised when a change makes a version of tastebridge unable to read what a later one writes."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def render(content: dict[str, Any]) -> str:
    """Return the text of a manifest, which ends in the checksum of all before."""
    return _text({**content, "checksum": _checksum(content)})


def parse(text: bytes, path: Path) -> dict[str, Any]:
    """Return the content of a manifest, or say what is wrong with it.

    A manifest is valid only if it is, byte for byte, what :func:`render` makes of its content.
    """
    try:
        content = json.loads(text.decode("ascii"))
    except (ValueError, RecursionError):
        raise ModelFileError(
            f"{str(path)!r} has a damaged {MANIFEST}: it is not JSON. Save the model again."
        ) from None
    if not isinstance(content, dict) or content.get("package") != PACKAGE:
        raise ModelFileError(f"{str(path)!r} is not a model of tastebridge: its {MANIFEST} says otherwise.")
    _check_format(content.get("format"), path)
    checksum = content.pop("checksum", None)
    if checksum != _checksum(content) or text.decode("ascii") != render(content):
        raise ModelFileError(
            f"{str(path)!r} has a damaged {MANIFEST}: its checksum is wrong. Save the model again."
        )
    return content


def describe_file(path: Path) -> dict[str, Any]:
    """Return the record of a file: its name, size and SHA-256."""
    return {"file": path.name, "size": path.stat().st_size, "sha256": digest(path)}


def check_file(folder: Path, record: dict[str, Any]) -> Path:
    """Return the path of a file of the manifest, if it is the file that was written."""
    name = record["file"]
    if not isinstance(name, str) or not _PLAIN_NAME.fullmatch(name):
        raise ModelFileError(f"{str(folder)!r} names the file {name!r}, which cannot lie in a model folder.")
    path = folder / name
    if not path.is_file():
        raise ModelFileError(f"{str(folder)!r} lacks the file {name!r}. Copy the whole folder again.")
    if path.stat().st_size != record["size"]:
        raise ModelFileError(
            f"{str(path)!r} should have {record['size']} bytes; it has {path.stat().st_size}. Copy the whole "
            "folder again."
        )
    if digest(path) != record["sha256"]:
        raise ModelFileError(f"{str(path)!r} is damaged: its checksum is wrong. Copy the whole folder again.")
    return path


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_format(number: Any, path: Path) -> None:
    if isinstance(number, int) and number > FORMAT:
        raise ModelFormatError(
            f"{str(path)!r} has format {number}, and this version of tastebridge reads formats up to "
            f"{FORMAT}. Upgrade: pip install --upgrade tastebridge."
        )
    if not isinstance(number, int) or number < 1:
        raise ModelFormatError(f"{str(path)!r} has the unknown format {number!r}. Save the model again.")


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(_text(content).encode("ascii")).hexdigest()
