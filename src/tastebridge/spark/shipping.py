"""A model on its way to the workers: the files of a saved model, loaded once by each process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tastebridge.loading import load
from tastebridge.persist import fingerprint
from tastebridge.recommenders import Recommender

_LOADED: dict[str, Recommender] = {}
"""The model this process had to do with last, by its fingerprint."""


@dataclass(frozen=True)
class Shipment:
    """What a worker needs to have the model: no people of the fit among it.

    Attributes
    ----------
    name : str
        The fingerprint of the model.
    files : Broadcast of dict of name to bytes
        Those that :meth:`~tastebridge.InterestMapper.save` writes, checksums and all.
    """

    name: str
    files: Any

    @classmethod
    def of(cls, recommender: Recommender, session: Any) -> Shipment:
        """Save a model and hand its files to Spark, which brings them to every machine once."""
        with TemporaryDirectory() as folder:
            recommender.save(Path(folder, "model"))
            files = {path.name: path.read_bytes() for path in sorted(Path(folder, "model").iterdir())}
        return cls(fingerprint(recommender), session.sparkContext.broadcast(files))

    def unpack(self) -> Recommender:
        """Return the model, loaded from its files where this process does not have it yet."""
        if self.name not in _LOADED:
            _LOADED.clear()
            with TemporaryDirectory() as folder:
                for name, content in self.files.value.items():
                    Path(folder, name).write_bytes(content)
                _LOADED[self.name] = load(folder)
        return _LOADED[self.name]
