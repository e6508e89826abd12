"""The transfer of a model to the workers: the files of a saved model, loaded once by each process."""

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
        The files that :meth:`~tastebridge.InterestMapper.save` writes, with their checksums.
    seal : bytes or None
        A key for this transfer alone, if the model was loaded with a key; its files are then encrypted. The
        key is sent with the task, not with the files, so that the files on Spark's disks stay sealed. On the
        network Spark's encryption protects both.
    """

    name: str
    files: Any
    seal: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, recommender: Recommender, session: Any) -> Shipment:  # noqa: ANN401 - pyspark's
        """Save a model and broadcast its files, which Spark sends to every machine once."""
        seal = secrets.token_bytes(SIZE) if is_encrypted(recommender) else None
        with TemporaryDirectory() as folder:
            recommender.save(Path(folder, "model"), key=seal)
            files = {path.name: path.read_bytes() for path in sorted(Path(folder, "model").iterdir())}
        return cls(fingerprint(recommender), session.sparkContext.broadcast(files), seal)

    def unpack(self) -> Recommender:
        """Return the model, loaded from its files unless this process has it already."""
        if self.name not in _LOADED:
            _LOADED.clear()  # a worker lives on between jobs, and should hold one model
            with TemporaryDirectory() as folder:
                for name, content in self.files.value.items():
                    Path(folder, name).write_bytes(content)
                _LOADED[self.name] = load(folder, key=self.seal)
        return _LOADED[self.name]
