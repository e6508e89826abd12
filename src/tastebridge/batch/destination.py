"""Where results go: a folder of parts, or one file put together of parts that wait beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tastebridge.batch import lock, manifest
from tastebridge.batch.files import disk, sweep, whole
from tastebridge.batch.job import Job
from tastebridge.batch.joining import join
from tastebridge.batch.manifest import Manifest
from tastebridge.batch.parts import Part
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, OutputError
from tastebridge.persist.output import sweep as sweep_beside

_JOB = "job.json"
_OURS = re.compile(
    r"part-\d{5}\.(parquet|json)|run-\d{15}-\d{15}\.arrow|job\.json|_manifest\.json|lock"
    r"|\..*-[0-9a-f]{8}\.tmp"
)


Combine = Callable[[Iterator[pa.Table]], Iterator[pa.Table]]
"""What one file is made of, given the parts in order."""


@dataclass(frozen=True)
class Destination:
    """A place for results.

    Attributes
    ----------
    path : Path
        What the user named.
    folder : Path
        Where the parts are.
    work : Path
        Where what is needed to go on after a stop is kept until all is finished.
    """

    path: Path
    folder: Path
    work: Path

    @classmethod
    def of(cls, out: str | Path, endings: tuple[str, ...] = (".parquet", ".csv")) -> Destination:
        """Return the destination of a name: one file if it has one of the endings, a folder otherwise.

        Raises
        ------
        InvalidParameterError
            If nothing can be written there.
        """
        path = Path(out)
        _check(path, endings)
        path = path.parent.resolve() / path.name
        if path.suffix.lower() in endings:
            work = path.with_name(f".{path.name}.work")
            return cls(path, work, work)
        return cls(path, path, path / ".work")

    @property
    def is_file(self) -> bool:
        """Whether the results are one file."""
        return self.folder == self.work

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the place for this process."""
        with lock.locked(self.work, self.path):
            try:
                yield
            finally:
                self._remove_if_idle()

    def admit(self, job: Job, restart: bool) -> Manifest | None:
        """Begin the job here, or go on with it; return its manifest where it is finished.

        Raises
        ------
        OutputError
            If something else is there, a finished part is damaged, or another job was begun.
        """
        self._refuse_strangers()
        if restart:
            self._clear()
        sweep(self.folder)
        sweep(self.work)
        with disk(self.path):
            sweep_beside(self.path)
        if not self.is_file and (self.folder / manifest.NAME).exists():
            return self._finished(job)
        if (self.work / _JOB).exists():
            job.check_same(self._begun(), str(self.path))
        elif self._names(self.folder):
            raise OutputError(
                f"{str(self.path)!r} holds parts of a run that left no word of what it was. Begin anew with "
                "restart=True, which removes them, or choose another output."
            )
        else:
            with whole(self.work / _JOB) as file:
                file.write(json.dumps(job.values).encode())
        return None

    def finish(self, job: Job, parts: list[Part], combine: Combine = iter) -> Manifest:
        """Put the results in their place, with the manifest, and remove all else."""
        done = Manifest(job.values, tuple(parts))
        if self.is_file:
            tables = (pq.ParquetFile(self.folder / part.file).read() for part in parts)
            join(combine(tables), self.path, sum(part.account.rows for part in parts))
        else:
            with whole(self.folder / manifest.NAME) as file:
                file.write(done.render())
        self._clear_work()
        return done

    def forget(self) -> None:
        """Remove all that a job left that failed by its input."""
        self._clear()

    def _finished(self, job: Job) -> Manifest:
        path = self.folder / manifest.NAME
        try:
            done = Manifest.parse(path.read_bytes())
        except (InvalidDataError, OSError) as error:
            raise OutputError(f"{str(path)!r} cannot be used: {error} {_ANEW}") from None
        job.check_same(done.job, str(self.path))
        for part in done.parts:
            if not part.is_whole(self.folder):
                raise OutputError(f"{str(self.folder / part.file)!r} is damaged or gone. {_ANEW}")
        self._clear_work()
        return done

    def _begun(self) -> Any:
        path = self.work / _JOB
        try:
            return json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            raise OutputError(f"{str(path)!r} is damaged. {_ANEW}") from None

    def _refuse_strangers(self) -> None:
        for folder in {self.folder, self.work}:
            for name in self._names(folder):
                if not _OURS.fullmatch(name):
                    raise OutputError(
                        f"{str(folder)!r} holds something else than results, such as {name!r}. Choose "
                        "another output, or remove it first."
                    )

    def _names(self, folder: Path) -> list[str]:
        """Return the names in a folder, but for the work folder and the lock."""
        return (
            sorted(path.name for path in folder.iterdir() if path not in (self.work, folder / lock.NAME))
            if folder.exists()
            else []
        )

    def _clear(self) -> None:
        self._clear_work()
        with disk(self.path):
            for name in [] if self.is_file else self._names(self.folder):
                (self.folder / name).unlink()

    def _clear_work(self) -> None:
        with disk(self.work):
            names = self._names(self.work)
            for name in sorted(names, key=lambda name: name == _JOB):  # the job last: without it no resume
                (self.work / name).unlink()

    def _remove_if_idle(self) -> None:
        """Remove the work folder if nothing waits in it, and the output if nothing is in it."""
        with suppress(OSError):  # an empty folder that stays does no harm
            if not self._names(self.work):
                (self.work / lock.NAME).unlink()
                self.work.rmdir()
                if not any(self.folder.iterdir()):
                    self.folder.rmdir()


_ANEW = "Begin anew with restart=True, which removes what is there."


def _check(path: Path, endings: tuple[str, ...]) -> None:
    """Refuse a place nothing can be written to, before any work."""
    if path.suffix.lower() in endings:
        if path.is_dir():
            raise InvalidParameterError(f"the output {str(path)!r} is a folder. Choose another path.")
    elif re.fullmatch(r"\.[A-Za-z]{1,7}", path.suffix) and not path.is_dir():
        raise InvalidParameterError(
            f"the output must end in {' or '.join(endings)}, or name a folder; got {str(path)!r}."
        )
    elif path.exists() and not path.is_dir():
        raise InvalidParameterError(f"the output {str(path)!r} is a file. Choose another path.")
    if not path.parent.is_dir():
        raise InvalidParameterError(
            f"the output {str(path)!r} lies in a folder that does not exist. Make it, or choose another path."
        )
