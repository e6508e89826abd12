"""Secret keys: made here, kept in a file that only the owner can read, and never shown."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path

from tastebridge._foundation.warnings import warn
from tastebridge.exceptions import InvalidParameterError

SIZE = 32
VARIABLE = "TASTEBRIDGE_KEY"
"""The environment variable the command line reads a key from."""

_PREFIX = "tastebridge-key-1:"
_LONGEST = 4096


class Key:
    """A secret of 32 bytes, which its ``repr`` does not show.

    One key may serve several purposes. The secret itself is never used: :meth:`derive` gives each purpose a
    secret of its own.

    Parameters
    ----------
    secret : bytes
        32 bytes from a secure source; :func:`new_key` makes them.

    Raises
    ------
    InvalidParameterError
        If it does not have 32 bytes.

    Examples
    --------
    >>> from tastebridge.privacy import new_key
    >>> key = new_key()
    >>> key == new_key()
    False
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if not isinstance(secret, bytes) or len(secret) != SIZE:
            came = f"{len(secret)} bytes" if isinstance(secret, bytes) else f"a {type(secret).__name__}"
            raise InvalidParameterError(
                f"a key must be {SIZE} bytes; got {came}. Make one with tastebridge.privacy.new_key(), not "
                "from a password."
            )
        self._secret = secret

    def derive(self, purpose: str) -> bytes:
        """Return the secret (32 bytes) of a purpose, ``HMAC-SHA256(key, "tastebridge/" purpose)``."""
        return hmac.digest(self._secret, b"tastebridge/" + purpose.encode("utf-8"), "sha256")

    def text(self) -> str:
        """Return the key as the one line of a key file: keep it secret."""
        body = self._secret + _check(self._secret)
        return _PREFIX + base64.urlsafe_b64encode(body).decode("ascii")

    @classmethod
    def from_text(cls, text: str) -> Key:
        """Return the key of a line that :meth:`text` wrote.

        Raises
        ------
        InvalidParameterError
            If it is not such a line, or was mistyped. The message never holds the text given.
        """
        line = text.strip()
        if not line.startswith(_PREFIX):
            raise InvalidParameterError(
                f"this is not a key of tastebridge: a key is one line that begins with {_PREFIX!r}. Make one "
                "with `tastebridge key -o FILE`."
            )
        try:
            body = base64.b64decode(line[len(_PREFIX) :].encode("ascii"), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            body = b""
        if len(body) != SIZE + 4 or not hmac.compare_digest(body[SIZE:], _check(body[:SIZE])):
            raise InvalidParameterError(
                "this key is damaged: a character is wrong or missing. Copy it again."
            )
        return cls(body[:SIZE])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and hmac.compare_digest(self._secret, other._secret)

    def __hash__(self) -> int:
        return hash(self.derive("hash"))

    def __repr__(self) -> str:
        return "<Key>"

    def __reduce__(self) -> str:
        raise TypeError("a Key is not pickled, so that it does not leave the process unseen; use write_key.")


def new_key() -> Key:
    """Return a new key from the system's secure source.

    Examples
    --------
    >>> from tastebridge.privacy import new_key
    >>> new_key()
    <Key>
    """
    return Key(secrets.token_bytes(SIZE))


def as_key(value: Key | bytes, name: str = "key") -> Key:
    """Return a key given as such or as its 32 bytes; a str is refused, for it might be a password."""
    if isinstance(value, Key):
        return value
    if isinstance(value, bytes):
        return Key(value)
    raise InvalidParameterError(
        f"{name} must be a Key or its {SIZE} bytes; got a {type(value).__name__}. Read one with "
        "tastebridge.privacy.read_key(path)."
    )


def write_key(key: Key, path: str | Path) -> None:
    """Write a key to a new file that only its owner can read (mode 0600).

    Raises
    ------
    InvalidParameterError
        If the file exists. Overwriting a key would make all files encrypted with it unreadable.

    Examples
    --------
    >>> import tempfile
    >>> from tastebridge.privacy import new_key, read_key, write_key
    >>> key = new_key()
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_key(key, f"{folder}/key")
    ...     read_key(f"{folder}/key") == key
    True
    """
    try:
        # One call makes the file and its mode, so that at no moment others can open it; O_EXCL follows no
        # link.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise InvalidParameterError(
            f"{str(path)!r} exists; key files are never overwritten, because the files encrypted with them "
            "would be lost. "
            "Choose another path."
        ) from None
    with os.fdopen(file, "w", encoding="ascii") as out:
        out.write(key.text() + "\n")


def read_key(path: str | Path) -> Key:
    """Return the key of a file.

    Raises
    ------
    InvalidParameterError
        If there is no such file, or it is not a key.

    Warns
    -----
    TastebridgeWarning
        If the file can be read by others than its owner.

    Examples
    --------
    >>> from tastebridge.privacy import read_key
    >>> read_key("none.key")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tastebridge.exceptions.InvalidParameterError: the key file 'none.key' cannot be read: ...
    """
    try:
        with open(path, "rb") as file:
            # A path given by mistake may be a device or a huge file; a key is one short line.
            raw = file.read(_LONGEST)
            mode = os.fstat(file.fileno()).st_mode
    except OSError as error:
        raise InvalidParameterError(
            f"the key file {str(path)!r} cannot be read: {error.strerror or error}."
        ) from None
    if os.name == "posix" and stat.S_ISREG(mode) and mode & 0o077:
        warn(f"the key file {str(path)!r} can be read by others than its owner; chmod 600 it.")
    return Key.from_text(raw.decode("ascii", errors="replace"))


def key_from_environment(variable: str = VARIABLE) -> Key | None:
    """Return the key in an environment variable, or None if it is not set.

    Examples
    --------
    >>> from tastebridge.privacy import key_from_environment
    >>> key_from_environment("NO_SUCH_VARIABLE") is None
    True
    """
    text = os.environ.get(variable)
    return Key.from_text(text) if text else None


def _check(secret: bytes) -> bytes:
    """Return four bytes that show a mistyped key and do not help to guess the right one."""
    return hashlib.sha256(b"tastebridge key check" + secret).digest()[:4]
