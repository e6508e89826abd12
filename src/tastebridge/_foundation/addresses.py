"""Addresses such as ``s3://key:secret@shop/events.csv``: the credentials in them are shown nowhere.

They are taken out as soon as an address comes in, and a mark stands in their place. Whatever prints, logs or
stores the address later has no secret to give away; only the call that opens it puts them back.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

__all__ = ["as_address", "conceal", "concealed_in", "is_marked", "known_secrets", "reveal"]

_ADDRESS = re.compile(r"(?P<scheme>s3|gs|gcs|hdfs|viewfs|abfs|abfss|file):/+(?P<rest>.+)", re.DOTALL)
_WORD = re.compile(rf"(?P<before>(?:.*=)?){_ADDRESS.pattern}", re.DOTALL)
_MARK = "…"
_PLAIN = frozenset(
    {
        "scheme",
        "region",
        "endpoint_override",
        "smart_defaults",
        "background_writes",
        "project_id",
        "enable_tls",
        "allow_bucket_creation",
        "allow_bucket_deletion",
        "retry_limit_seconds",
        "tls_ca_file_path",
        "tls_verify_certificates",
    }
)
"""The parameters of an address whose values are no secrets."""
_SECRETS: dict[tuple[str, str], str] = {}
"""The hidden parts by the start of an address and the name of the part."""
_LEAST = 4
"""Shorter parts would be found everywhere in a message."""
_Given = TypeVar("_Given")


def conceal(path: _Given) -> _Given:
    """Return a path without the credentials it may hold, which :func:`reveal` puts back.

    Parameters
    ----------
    path : str, Path, or anything else
        Only addresses with credentials are changed.

    Examples
    --------
    >>> conceal("s3://key:secret@shop/events.csv?region=eu-west-1")
    's3://…@shop/events.csv?region=eu-west-1'
    >>> conceal("events.csv")
    'events.csv'
    """
    if isinstance(path, Path):
        return type(path)(conceal(str(path)))
    if not isinstance(path, str) or (found := _ADDRESS.fullmatch(path)) is None:
        return path
    return type(path)(_without_secrets(found["scheme"], found["rest"]) or path)


def concealed_in(word: str) -> str:
    """Return a word of a command line, such as ``--items=s3://…``, without credentials.

    Examples
    --------
    >>> concealed_in("--items=s3://key:secret@shop/films.csv")
    '--items=s3://…@shop/films.csv'
    """
    found = _WORD.fullmatch(word)
    shown = None if found is None else _without_secrets(found["scheme"], found["rest"])
    return word if found is None or shown is None else found["before"] + shown


def as_address(path: object) -> str | None:
    """Return the address that a path is, without credentials; None for a path on the disk.

    A :class:`~pathlib.Path` has one slash where an address has two.

    Examples
    --------
    >>> as_address(Path("s3://shop/events.csv")), as_address("events.csv")
    ('s3://shop/events.csv', None)
    """
    found = _ADDRESS.fullmatch(str(conceal(path))) if isinstance(path, str | Path) else None
    if found is None:
        return None
    place, sign, query = found["rest"].partition("?")
    root = "/" if found["scheme"] == "file" else ""
    return f"{found['scheme']}://{root}{place}{sign}{re.sub(':/+', '://', query)}"


def reveal(address: str) -> str:
    """Return an address with its hidden credentials restored, quoted as a URI.

    Examples
    --------
    >>> reveal(conceal("s3://key:a/b@shop/my events.csv"))
    's3://key:a%2Fb@shop/my%20events.csv'
    """
    scheme, _, rest = address.partition("://")
    place, sign, query = rest.partition("?")
    user, at, after = place.rpartition("@") if "@" in place.partition("/")[0] else ("", "", place)
    if scheme == "file":
        user, at, after = "", "", place
    start = f"{scheme}://{after.partition('/')[0]}"
    user = _SECRETS.get((start, ""), user) if _MARK in user else user
    pairs = [pair.partition("=") for pair in query.split("&")] if query else []
    values = [
        f"{name}{equals}{_SECRETS.get((start, name), value) if value == _MARK else value}"
        for name, equals, value in pairs
    ]
    names = ":".join(_quoted(part, "") for part in user.split(":", 1))
    return f"{scheme}://{names}{at}{_quoted(after, '/:@!$&()*+,;=~')}{sign}{'&'.join(values)}"


def is_marked(uri: str) -> bool:
    """Return whether parts of a revealed address stay hidden, as of one that was copied from a message."""
    return re.search(rf"://[^/]*{quote(_MARK)}@|=(?:{_MARK}|{quote(_MARK)})(?:&|$)", uri) is not None


def known_secrets() -> list[str]:
    """Return all texts that must not appear in a message, longest first."""
    every = {part for secret in _SECRETS.values() for part in (secret, *secret.split(":"))}
    parts = {part for part in every if len(part) >= _LEAST}
    return sorted(parts | {_quoted(part, "") for part in parts}, key=len, reverse=True)


def _without_secrets(scheme: str, rest: str) -> str | None:
    """Return an address without its secrets, which are kept; None if it has none."""
    if scheme == "file":
        return None
    place, sign, query = rest.partition("?")
    user, after = _parted(scheme, place)
    start = f"{scheme}://{after.partition('/')[0]}"
    pairs = [pair.partition("=") for pair in query.split("&")] if query else []
    secret = {name: value for name, _, value in pairs if name not in _PLAIN and value not in ("", _MARK)}
    name, colon, _ = user.partition(":")
    if (not colon or user.endswith(_MARK)) and not secret:
        return None
    if colon:
        _SECRETS[start, ""] = user
        # of S3 the first part is an id of a key; elsewhere it is the name of a container or a user
        user = _MARK if scheme == "s3" else f"{name}:{_MARK}"
    _SECRETS.update({(start, name): value for name, value in secret.items()})
    shown = "&".join(f"{name}{equals}{_MARK if name in secret else value}" for name, equals, value in pairs)
    return f"{scheme}://{user}{'@' if user else ''}{after}{sign}{shown}"


def _parted(scheme: str, place: str) -> tuple[str, str]:
    """Return the credentials in front of a place, and the place; a secret of S3 may hold unquoted slashes."""
    first = place.partition("/")[0]
    if "@" in first:
        user, _, after = first.rpartition("@")
        return user, after + place[len(first) :]
    if scheme == "s3" and ":" in first:
        user, at, after = place.partition("@")
        # without a sign for its end the secret ends at the first slash, and no bucket is named
        return (user, after) if at else (first, place[len(first) :])
    return "", place


def _quoted(text: str, safe: str) -> str:
    """Return a text quoted as a part of a URI; quoted characters stay."""
    return re.sub("%(?![0-9A-Fa-f]{2})", "%25", quote(text, safe + "%"))
