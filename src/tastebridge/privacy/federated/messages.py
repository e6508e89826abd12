"""Messages between parties: plain values and arrays as JSON, checked to the last byte, and never pickle."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from tastebridge.exceptions import MessageError

T = TypeVar("T")

SCHEMA = "tastebridge.federated"
VERSION = 1
LARGEST = 256 << 20
"""Bytes a message may have; a longer one is refused before it is read."""

_DTYPES = ("<u8", "<i8", "<f8")
_FIELDS = {"schema", "version", "kind", "session", "sender", "receiver", "values", "arrays"}
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}", re.ASCII)


@dataclass(frozen=True, eq=False)
class Message:
    """A message from one party to another.

    Transport is not the package's: send :meth:`to_bytes` over a channel that is encrypted and names the
    sender, such as TLS with certificates on both sides.

    Attributes
    ----------
    kind : str
        The kind of message, such as ``"masked rows"``.
    session : str
        The run of a protocol it belongs to; masks serve for one session only.
    sender, receiver : str
        Names of parties: lower-case letters, digits, ``_ . -``.
    values : mapping of name to str, int, float, bool, None, or list of these
    arrays : mapping of name to ndarray
        Of uint64, int64 or finite float64.

    Examples
    --------
    >>> import numpy as np
    >>> from tastebridge.privacy.federated import Message
    >>> message = Message("sum", "run-1", "ada", "eva", {"n": 3}, {"total": np.arange(3.0)})
    >>> Message.from_bytes(message.to_bytes()).arrays["total"].tolist()
    [0.0, 1.0, 2.0]
    """

    kind: str
    session: str
    sender: str
    receiver: str
    values: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the message as UTF-8 JSON."""
        content = {
            "schema": SCHEMA,
            "version": VERSION,
            "kind": self.kind,
            "session": self.session,
            "sender": self.sender,
            "receiver": self.receiver,
            "values": dict(self.values),
            "arrays": {name: _packed(name, array) for name, array in self.arrays.items()},
        }
        text = json.dumps(content, allow_nan=False, separators=(",", ":")).encode("utf-8")
        if len(text) > LARGEST:
            raise MessageError(
                f"the message {self.kind!r} has {len(text):,} bytes, more than {LARGEST:,}. Use "
                "fewer users or factors at a time: moments of several runs add up."
            )
        return text

    @classmethod
    def from_bytes(cls, text: bytes) -> Message:
        """Return the message of some bytes.

        Raises
        ------
        MessageError
            If they are not, from first to last, a message of this version. Reasons: cut off, too long, of
            another schema, too many or too few fields, or an array that is not of its stated kind.
        """
        # Before anything is parsed: a hostile message must not cost memory first.
        if len(text) > LARGEST:
            raise MessageError(f"a message may have {LARGEST:,} bytes; this one has {len(text):,}.")
        try:
            content = json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise MessageError(f"this is not a message: {_short(error)}.") from None
        if not isinstance(content, dict) or content.get("schema") != SCHEMA:
            raise MessageError(f"this is not a message of the schema {SCHEMA!r}.")
        if content.get("version") != VERSION:
            raise MessageError(
                f"this message has version {str(content.get('version'))[:20]}; this tastebridge speaks "
                f"{VERSION}. Use the same version on all sides."
            )
        if set(content) != _FIELDS:
            odd = ", ".join(sorted(set(content) ^ _FIELDS))[:200]
            raise MessageError(f"a message has the fields {sorted(_FIELDS)}; it differs in {odd}.")
        _check_texts(content)
        arrays = {name: _unpacked(name, packed) for name, packed in content["arrays"].items()}
        names = {part: content[part] for part in ("kind", "session", "sender", "receiver", "values")}
        return cls(**names, arrays=arrays)

    def expect(self, kind: str, session: str, receiver: str, **shapes: tuple[int | None, ...]) -> Message:
        """Return the message if it is the expected one: of this kind and session, with these arrays.

        Raises
        ------
        MessageError
            If it is another one, or an array is missing or of another shape (None stands for any size).
        """
        came, wanted = (self.kind, self.session, self.receiver), (kind, session, receiver)
        if came != wanted:
            raise MessageError(
                f"expected a message {kind!r} of session {session!r} to {receiver!r}; got {came[0]!r} of "
                f"session {came[1]!r} to {came[2]!r}."
            )
        for name, shape in shapes.items():
            found = self.arrays[name].shape if name in self.arrays else None
            fits = found is not None and len(found) == len(shape)
            if not fits or any(want not in (None, got) for want, got in zip(shape, found or (), strict=True)):
                raise MessageError(f"{kind!r} needs the array {name!r} of shape {shape}; got {found}.")
        return self

    def value(self, name: str, kind: type[T]) -> T:
        """Return a value that must be there and of a type."""
        found = self.values.get(name)
        if type(found) is not kind:
            raise MessageError(
                f"{self.kind!r} needs the value {name!r} as {kind.__name__}; got a {type(found).__name__}."
            )
        return found


def _packed(name: str, array: NDArray[Any]) -> dict[str, Any]:
    array = np.ascontiguousarray(array)
    # Little-endian on the wire, so that machines of any byte order read the same numbers.
    code = array.dtype.newbyteorder("<").str
    if code not in _DTYPES or (code == "<f8" and not np.isfinite(array).all()):
        raise MessageError(
            f"the array {name!r} must hold uint64, int64 or finite float64; got {array.dtype}."
        )
    data = base64.b64encode(array.astype(code, copy=False).tobytes()).decode("ascii")
    return {"dtype": code, "shape": list(array.shape), "data": data}


def _unpacked(name: str, packed: object) -> NDArray[Any]:
    if not isinstance(packed, dict) or set(packed) != {"dtype", "shape", "data"}:
        raise MessageError(f"the array {name[:80]!r} needs dtype, shape and data.")
    dtype, shape, data = packed["dtype"], packed["shape"], packed["data"]
    if dtype not in _DTYPES or not isinstance(shape, list) or not 1 <= len(shape) <= 2:
        raise MessageError(f"the array {name[:80]!r} must be of {_DTYPES} with one or two axes.")
    # Not isinstance: True is an int, and a size it is not.
    if not all(type(size) is int and 0 <= size <= LARGEST for size in shape) or not isinstance(data, str):
        raise MessageError(f"the array {name[:80]!r} has a broken shape or data.")
    try:
        raw = base64.b64decode(data.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        raise MessageError(f"the array {name[:80]!r} is not base64.") from None
    if len(raw) != 8 * math.prod(shape):
        raise MessageError(f"the array {name[:80]!r} of shape {shape} has {len(raw)} bytes.")
    array = np.frombuffer(raw, dtype=dtype).reshape(shape)
    if dtype == "<f8" and not np.isfinite(array).all():
        raise MessageError(f"the array {name[:80]!r} holds values that are not finite.")
    return array


def _check_texts(content: dict[str, Any]) -> None:
    for part in ("session", "sender", "receiver"):
        if not isinstance(content[part], str) or not _NAME.fullmatch(content[part]):
            raise MessageError(f"{part} must be lower-case letters, digits and _ . -; it is not.")
    if not isinstance(content["kind"], str) or len(content["kind"]) > 64:
        raise MessageError("kind must be a short text.")
    for part in ("values", "arrays"):
        if not isinstance(content[part], dict):
            raise MessageError(f"{part} must map names to contents.")
    if not all(_plain(value) for value in content["values"].values()):
        raise MessageError("values must be plain: text, numbers, true, false, null, or lists of these.")


def _plain(value: object) -> bool:
    flat = value if isinstance(value, list) else [value]
    if any(isinstance(part, float) and not math.isfinite(part) for part in flat):
        return False
    return all(part is None or isinstance(part, str | int | float | bool) for part in flat)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of pairs that name each field once: other readers may take either of two."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field comes twice")
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _short(error: Exception) -> str:
    return str(error).partition("\n")[0][:120]
