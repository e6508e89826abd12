"""A model on its way to the workers: the files of a saved model, loaded once by each process."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tastebridge.loading import is_encrypted, load
from tastebridge.persist import fingerprint
from tastebridge.privacy.keys import SIZE
from tastebridge.recommenders import Recommender

_LOADED: dict[str, Recommender] = {}
"""The last model of this process, by its fingerprint."""


@dataclass(frozen=True)
class Shipment:
    """A model for the workers, without the users of its fit.

    Attributes
    ----------
    name : str
        The fingerprint of the model.
    files : Broadcast of dict of name to bytes
        Those that :meth:`~tastebridge.InterestMapper.save` writes, checksums and all.
    seal : bytes or None
        Of a model that was loaded with a key: the key its files are encrypted with on their way, made for
        this shipment alone. It travels with the task, not with the files, so that the files Spark keeps on
        its disks stay sealed. On the network Spark's own encryption protects both.
    """

    name: str
    files: Any
    seal: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, recommender: Recommender, session: Any) -> Shipment:
        """Save a model and hand its files to Spark, which brings them to every machine once."""
        seal = secrets.token_bytes(SIZE) if is_encrypted(recommender) else None
        with TemporaryDirectory() as folder:
            recommender.save(Path(folder, "model"), key=seal)
            files = {path.name: path.read_bytes() for path in sorted(Path(folder, "model").iterdir())}
        return cls(fingerprint(recommender), session.sparkContext.broadcast(files), seal)

    def unpack(self) -> Recommender:
        """Return the model, loaded from its files where this process does not have it yet."""
        if self.name not in _LOADED:
            _LOADED.clear()
            with TemporaryDirectory() as folder:
                for name, content in self.files.value.items():
                    Path(folder, name).write_bytes(content)
                _LOADED[self.name] = load(folder, key=self.seal)
        return _LOADED[self.name]
