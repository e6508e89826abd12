"""The place of results: a folder of parts, or one file that is joined from parts in a work folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tastebridge._foundation.validation import check_path
from tastebridge.batch import lock, manifest
from tastebridge.batch.files import disk, sweep, whole
from tastebridge.batch.job import Job
from tastebridge.batch.joining import join
from tastebridge.batch.manifest import Manifest
from tastebridge.batch.parts import Part
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, OutputError
from tastebridge.persist.disk import resolved
from tastebridge.persist.output import sweep as sweep_temporary
from tastebridge.persist.writable import check_file, check_parent

_JOB = "job.json"
# files of other names are never removed, and a folder that holds any is refused
_OURS = re.compile(
    r"part-\d{5}\.(parquet|json)|run-\d{15}-\d{15}\.arrow|job\.json|_manifest\.json|lock"
    r"|\..*-[0-9a-f]{8}\.tmp"
)


Combine = Callable[[Iterator[pa.Table]], Iterator[pa.Table]]
"""Makes the tables of one file from the parts in order."""


@dataclass(frozen=True)
class Destination:
    """A place for results.

    Attributes
    ----------
    path : Path
        The path that the caller named.
    folder : Path
        The folder of the parts.
    work : Path
        The folder with the files needed to resume, until the job is finished.
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
            If the place cannot be written to.
        """
        path = check_path("out", out)
        with disk(path):
            _check(path, endings)
            # the parent alone: an output that is a link is replaced, not the file it leads to
            path = resolved(path.parent) / path.name
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
        """Hold the lock of the destination for this process."""
        with lock.locked(self.work, self.path):
            try:
                yield
            finally:
                self._remove_if_idle()

    def begun(self) -> object:
        """Return the parameters of an earlier run here, as plain values; None if there are none to read."""
        try:
            done = self.folder / manifest.NAME
            if not self.is_file and done.exists():
                return Manifest.parse(done.read_bytes()).job
            return json.loads((self.work / _JOB).read_bytes())
        except (InvalidDataError, OSError, ValueError, RecursionError):
            return None

    def admit(self, job: Job, restart: bool) -> Manifest | None:
        """Begin or resume the job here; return its manifest if it is finished.

        Raises
        ------
        OutputError
            If other files are there, a finished part is damaged, or another job was begun.
        """
        self._refuse_foreign()
        if restart:
            self._clear()
        sweep(self.folder)
        sweep(self.work)
        with disk(self.path):
            sweep_temporary(self.path)
        if not self.is_file and (self.folder / manifest.NAME).exists():
            return self._finished(job)
        if (self.work / _JOB).exists():
            job.check_same(self._begun(), str(self.path))
        elif self._names(self.folder):
            raise OutputError(
                f"{str(self.path)!r} holds parts of an earlier run, but not its parameters. Start again with "
                "restart=True, which removes the parts, or choose another output."
            )
        else:
            # before the first part, so that every part can be traced to its parameters
            with whole(self.work / _JOB) as file:
                file.write(json.dumps(job.values).encode())
        return None

    def finish(self, job: Job, parts: list[Part], combine: Combine = iter) -> Manifest:
        """Put the results in their place, with the manifest, and remove all other files."""
        done = Manifest(job.values, tuple(parts))
        if self.is_file:
            # a generator: one part at a time is in memory
            tables = (pq.ParquetFile(self.folder / part.file).read() for part in parts)
            join(combine(tables), self.path, sum(part.account.rows for part in parts))
        else:
            with whole(self.folder / manifest.NAME) as file:
                file.write(done.render())
        self._clear_work()  # last: killed before it, the job can still be resumed
        return done

    def forget(self) -> None:
        """Remove all files of a job that failed because of its input."""
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
                raise OutputError(f"{str(self.folder / part.file)!r} is damaged or missing. {_ANEW}")
        self._clear_work()
        return done

    def _begun(self) -> object:
        path = self.work / _JOB
        try:
            return json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            raise OutputError(f"{str(path)!r} is damaged. {_ANEW}") from None

    def _refuse_foreign(self) -> None:
        for folder in {self.folder, self.work}:
            for name in self._names(folder):
                if not _OURS.fullmatch(name):
                    raise OutputError(
                        f"{str(folder)!r} holds other files than results, such as {name!r}. Choose "
                        "another output, or remove them first."
                    )

    def _names(self, folder: Path) -> list[str]:
        """Return the names in a folder, except the work folder and the lock."""
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
            # the job last: killed on the way, the rest can still be recognised and resumed
            for name in sorted(names, key=lambda name: name == _JOB):
                (self.work / name).unlink()

    def _remove_if_idle(self) -> None:
        """Remove the work folder if it is empty, and then the output folder if that is empty too."""
        with suppress(OSError):  # an empty folder that stays does no harm
            if not self._names(self.work):
                (self.work / lock.NAME).unlink()
                self.work.rmdir()
                if not any(self.folder.iterdir()):
                    self.folder.rmdir()


_ANEW = "Start again with restart=True, which removes the files there."


def _check(path: Path, endings: tuple[str, ...]) -> None:
    """Refuse a place that cannot be written to, before any work."""
    if path.suffix.lower() in endings:
        check_file("the output", path)
        return
    # a suffix of letters is meant as a kind of file, such as .xlsx; v1.2 is a fine name of a folder
    if re.fullmatch(r"\.[A-Za-z]{1,7}", path.suffix) and not path.is_dir():
        raise InvalidParameterError(
            f"the output must end in {' or '.join(endings)}, or name a folder; got {str(path)!r}."
        )
    if path.exists() and not path.is_dir():
        raise InvalidParameterError(f"the output {str(path)!r} is a file. Choose another path.")
    check_parent("the output", path)
