"""The encrypted form of a model's folder: sealed files, and a manifest that says so and no more.

In the open are the format, the salt, the number of files and their sizes. Sealed are the manifest proper and
every file; each opens only under its own name and with the salt of its own save, so that none can stand in
for another, nor for itself as an earlier save left it. (A whole folder can be put back to an earlier save, as
any backup can; the key cannot tell.)
"""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tastebridge._foundation.version import __version__
from tastebridge.exceptions import ModelFileError, ModelFormatError
from tastebridge.persist.manifest import FORMAT, PACKAGE, check_file, describe_file, parse, read_file, render
from tastebridge.privacy.encryption import commitment, open_sealed, seal
from tastebridge.privacy.keys import Key, as_key

CIPHER = "AES-256-GCM-STREAM-1"

Records = dict[str, dict[str, Any]]


class Vault:
    """What seals and opens the files of one save.

    Parameters
    ----------
    key : Key
    salt : bytes
        32 random bytes, new for every save.
    """

    def __init__(self, key: Key, salt: bytes) -> None:
        self._key, self._salt = key, salt
        self.header = {"cipher": CIPHER, "salt": salt.hex(), "commitment": commitment(key, salt).hex()}
        self._associated = render({"package": PACKAGE, "format": FORMAT, **self.header}).encode("ascii")

    @classmethod
    def new(cls, key: Key | bytes) -> Vault:
        """Return a vault with a new salt."""
        return cls(as_key(key), secrets.token_bytes(32))

    @classmethod
    def of(cls, header: Any, key: Key | bytes, path: Path) -> Vault:
        """Return the vault of a folder whose manifest has this header.

        Raises
        ------
        ModelFileError
            If the key is not the one of the folder, or the header is broken.
        """
        try:
            cipher, salt = header["cipher"], bytes.fromhex(header["salt"])
            given = bytes.fromhex(header["commitment"])
        except (KeyError, TypeError, ValueError):
            raise ModelFileError(
                f"{str(path)!r} has a damaged header. Copy the whole folder again."
            ) from None
        if cipher != CIPHER:
            raise ModelFormatError(
                f"{str(path)!r} is encrypted by {str(cipher)[:40]!r}, and this version of tastebridge knows "
                f"{CIPHER!r}. Upgrade: pip install --upgrade tastebridge."
            )
        vault = cls(as_key(key), salt)
        if not secrets.compare_digest(given, bytes.fromhex(vault.header["commitment"])):
            raise ModelFileError(f"{str(path)!r} was saved with another key than the one given.")
        return vault

    def write(self, folder: Path, text: bytes) -> dict[str, Any]:
        """Seal a text into a new file of the folder and return its record."""
        name = f"{secrets.token_hex(16)}.sealed"
        (folder / name).write_bytes(seal(self._key, self._salt, name, text, self._associated))
        return describe_file(folder / name)

    def read(self, folder: Path, record: dict[str, Any]) -> bytes:
        """Return the text of a sealed file."""
        sealed = read_file(folder, record)
        return open_sealed(self._key, self._salt, record["file"], sealed, self._associated)


def outer_manifest(vault: Vault, inner: dict[str, Any], files: Records) -> dict[str, Any]:
    """Return the manifest in the open: the sealed files in the order of their random names."""
    records = sorted([inner, *files.values()], key=lambda record: record["file"])
    return {
        "package": PACKAGE,
        "format": FORMAT,
        "version": __version__,
        "encryption": {**vault.header, "manifest": inner["file"]},
        "files": {str(place): record for place, record in enumerate(records)},
    }


def open_folder(
    path: Path, content: Mapping[str, Any], key: Key | bytes
) -> tuple[dict[str, Any], Callable[[dict[str, Any]], io.BytesIO]]:
    """Return the sealed manifest of a folder, and how to open a file by its record there."""
    header = content["encryption"]
    vault = Vault.of(header, key, path)
    records = {record["file"]: record for record in content["files"].values()}
    for record in records.values():
        check_file(path, record)
    inner = parse(vault.read(path, _known(header["manifest"], records)), path)
    return inner, lambda record: io.BytesIO(vault.read(path, _known(record["file"], records)))


def _known(name: Any, records: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a file of the open list, which holds the size and the checksum."""
    if name not in records:
        raise ModelFileError(f"it names the file {str(name)[:80]!r}, which is not in its list.")
    return dict(records[name])
