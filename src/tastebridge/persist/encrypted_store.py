"""The encrypted form of a model's folder: sealed files, and a plain manifest with as little as possible.

Readable without the key are the format, the salt, the number of files and their sizes. The real manifest and
every file are sealed. Each opens only under its own name and with the salt of its save. So no file can be
replaced by another one, nor by its own version of an earlier save. A whole folder can still be put back to an
earlier save, as with any backup; the key does not detect that.
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
    """Seals and opens the files of one save.

    Parameters
    ----------
    key : Key
    salt : bytes
        32 random bytes, new for every save.
    """

    def __init__(self, key: Key, salt: bytes) -> None:
        self._key, self._salt = key, salt
        self.header = {"cipher": CIPHER, "salt": salt.hex(), "commitment": commitment(key, salt).hex()}
        # authenticated with every file, so that nothing in the plain header can be changed unnoticed
        self._associated = render({"package": PACKAGE, "format": FORMAT, **self.header}).encode("ascii")

    @classmethod
    def new(cls, key: Key | bytes) -> Vault:
        """Return a vault with a new salt."""
        return cls(as_key(key), secrets.token_bytes(32))

    @classmethod
    def of(cls, header: Mapping[str, Any], key: Key | bytes, path: Path) -> Vault:
        """Return the vault of a folder whose manifest has this header.

        Raises
        ------
        ModelFileError
            If the folder was saved with another key, or the header is damaged.
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
        # checked first, so that a wrong key is not reported as a damaged file
        if not secrets.compare_digest(given, bytes.fromhex(vault.header["commitment"])):
            raise ModelFileError(f"{str(path)!r} was saved with a different key.")
        return vault

    def write(self, folder: Path, text: bytes) -> dict[str, Any]:
        """Seal a text into a new file of the folder and return its record."""
        # a random name, since a role such as "people" would show that the model holds users
        name = f"{secrets.token_hex(16)}.sealed"
        (folder / name).write_bytes(seal(self._key, self._salt, name, text, self._associated))
        return describe_file(folder / name)

    def read(self, folder: Path, record: dict[str, Any]) -> bytes:
        """Return the text of a sealed file."""
        sealed = read_file(folder, record)
        return open_sealed(self._key, self._salt, record["file"], sealed, self._associated)


def outer_manifest(vault: Vault, inner: dict[str, Any], files: Records) -> dict[str, Any]:
    """Return the plain manifest: the sealed files in the order of their random names."""
    # the order of writing would show which file is which
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
    """Return the sealed manifest of a folder, and a function that opens a file by its record there."""
    header = content["encryption"]
    vault = Vault.of(header, key, path)
    records = {record["file"]: record for record in content["files"].values()}
    # all checksums before any decryption: a damaged copy is reported as such, not as a wrong key
    for record in records.values():
        check_file(path, record)
    inner = parse(vault.read(path, _known(header["manifest"], records)), path)
    return inner, lambda record: io.BytesIO(vault.read(path, _known(record["file"], records)))


def _known(name: str, records: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a file in the plain manifest, with its size and checksum."""
    if name not in records:
        raise ModelFileError(f"it names the file {str(name)[:80]!r}, which is not in its list.")
    return dict(records[name])
