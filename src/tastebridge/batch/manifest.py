"""The manifest of a finished batch: its parameters, its counts, and the checksum of every part."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import Any

from tastebridge.batch.account import Account
from tastebridge.batch.parts import Part, part_name
from tastebridge.exceptions import InvalidDataError

NAME, KIND, FORMAT = "_manifest.json", "tastebridge batch", 1


@dataclass(frozen=True)
class Manifest:
    """The parameters, parts and counts of a finished batch.

    Attributes
    ----------
    job : dict
        The parameters, and fingerprints of model and events.
    parts : tuple of Part
        Every file, its size, SHA-256 and counts, in the order of the users.
    account : Account
        The counts of all parts together.

    Examples
    --------
    >>> manifest = Manifest({"n": 10}, ())
    >>> Manifest.parse(manifest.render()) == manifest
    True
    """

    job: dict[str, Any]
    parts: tuple[Part, ...]

    @property
    def account(self) -> Account:
        """The counts of all parts together."""
        return reduce(add, (part.account for part in self.parts), Account())

    def render(self) -> bytes:
        """Return the text: JSON that ends in the checksum of everything before it."""
        content = {
            "kind": KIND,
            "format": FORMAT,
            "job": self.job,
            "account": asdict(self.account),
            "parts": [part.to_json() for part in self.parts],
        }
        return _text({**content, "checksum": hashlib.sha256(_text(content)).hexdigest()})

    @classmethod
    def parse(cls, text: bytes) -> Manifest:
        """Return the manifest of a text.

        Raises
        ------
        InvalidDataError
            If :meth:`render` does not give the same bytes for its content.
        """
        try:
            content = json.loads(text)
            parts = [Part.from_json(part, part_name(place)) for place, part in enumerate(content["parts"])]
            manifest = cls(dict(content["job"]), tuple(parts))
            valid = manifest.render() == text
        except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError):
            valid = False
        if not valid:
            raise InvalidDataError("it is not the manifest of a batch, or it is damaged.")
        return manifest


def _text(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode("ascii")
