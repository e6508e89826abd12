r"""Authenticated encryption of byte strings of any length: AES-256-GCM in segments.

GCM alone takes no message above 2 GiB, and shows nothing of it before the last byte is there. So a message is
cut into segments, each sealed under the same key with the nonce :math:`(i, \text{last?})`: the STREAM
construction. A segment that is changed, moved, left out, repeated or cut off at the end is refused.
The key of a message is used for this message only, so no nonce is used twice. HKDF-SHA256 derives it from
the caller's key, a random salt and the name of the message.

References
----------
V. T. Hoang et al., "Online authenticated-encryption and its nonce-reuse misuse-resistance", CRYPTO (2015).
NIST SP 800-38D (GCM); RFC 5869 (HKDF).
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from tastebridge.exceptions import MissingDependencyError, ModelFileError
from tastebridge.privacy.keys import Key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# Part of the format: files sealed with another size cannot be opened.
SEGMENT = 1 << 24
TAG = 16


def seal(key: Key, salt: bytes, name: str, text: bytes, associated: bytes = b"") -> bytes:
    """Return ``text`` sealed as the message called ``name``; ``associated`` must be the same at opening.

    A salt must be random and serve for one set of messages with different names.

    Examples
    --------
    >>> import secrets
    >>> from tastebridge.privacy.encryption import open_sealed, seal
    >>> from tastebridge.privacy import new_key
    >>> key, salt = new_key(), secrets.token_bytes(32)
    >>> sealed = seal(key, salt, "letter", b"meet me at noon")
    >>> open_sealed(key, salt, "letter", sealed)
    b'meet me at noon'
    """
    cipher = _cipher(key, salt, name)
    whole = memoryview(text)
    # An empty message still has one segment, whose tag authenticates it.
    starts = range(0, max(len(text), 1), SEGMENT)
    parts = [
        cipher.encrypt(_nonce(i, start + SEGMENT >= len(text)), whole[start : start + SEGMENT], associated)
        for i, start in enumerate(starts)
    ]
    return b"".join(parts)


def open_sealed(key: Key, salt: bytes, name: str, sealed: bytes, associated: bytes = b"") -> bytes:
    """Return the text of a message that :func:`seal` made.

    Raises
    ------
    ModelFileError
        If a bit of it, the key, the salt, the name or ``associated`` has changed.
    """
    cipher = _cipher(key, salt, name)
    whole, step = memoryview(sealed), SEGMENT + TAG
    if len(sealed) < TAG or 0 < len(sealed) % step < TAG:
        raise ModelFileError(f"the encrypted file {name!r} is cut off.")
    parts = []
    for i, start in enumerate(range(0, len(sealed), step)):
        try:
            last = start + step >= len(sealed)
            parts.append(cipher.decrypt(_nonce(i, last), whole[start : start + step], associated))
        except _invalid_tag():
            raise ModelFileError(
                f"the encrypted file {name!r} is not the one that was saved: it was changed, cut off, or put "
                "in the place of another."
            ) from None
    return b"".join(parts)


def commitment(key: Key, salt: bytes) -> bytes:
    """Return 32 bytes that only this key and salt give. They distinguish a wrong key from a damaged file."""
    return _hkdf(key, salt, "commitment")


def _cipher(key: Key, salt: bytes, name: str) -> AESGCM:
    return _library("ciphers.aead").AESGCM(_hkdf(key, salt, f"file {name}"))


def _hkdf(key: Key, salt: bytes, info: str) -> bytes:
    sha256 = _library("hashes").SHA256()
    derived = _library("kdf.hkdf").HKDF(algorithm=sha256, length=32, salt=salt, info=info.encode("utf-8"))
    return bytes(derived.derive(key.derive("encryption")))


def _nonce(segment: int, last: bool) -> bytes:
    # 11 bytes of counter and 1 of the flag make the 96 bits that GCM takes without hashing.
    return segment.to_bytes(11, "big") + bytes([last])


def _invalid_tag() -> type[Exception]:
    from cryptography.exceptions import InvalidTag

    return InvalidTag


def _library(module: str) -> ModuleType:
    """Return a module of ``cryptography``'s primitives."""
    try:
        from importlib import import_module

        return import_module(f"cryptography.hazmat.primitives.{module}")
    except ImportError:
        raise MissingDependencyError(
            "encrypted models need the package cryptography. Install it: pip install 'tastebridge[privacy]'."
        ) from None
