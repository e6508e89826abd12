"""The options that every command has, for a shell and for a job that runs at night."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal

import typer

from tastebridge.cli.messages import in_lines, refuse
from tastebridge.cli.output import STANDARD_OUTPUT
from tastebridge.cli.record import Record, recording
from tastebridge.cli.signatures import with_options
from tastebridge.exceptions import InvalidParameterError, OutputError
from tastebridge.persist.writable import check_parent

_PANEL = "Running as a job"
_INTERRUPTED, _TERMINATED = 130, 143
"""Exit codes after the signals INT and TERM, as of a shell."""


_IN_PARTS = ("recommend", "audience", "vectors")
"""The commands whose work is kept in parts."""


@dataclass(frozen=True)
class JobOptions:
    """The options of a job, as Typer shows and parses them; each field is one option."""

    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Show errors only.", rich_help_panel=_PANEL)
    ] = False
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Rows left out, unknown items and guesses are errors, with exit code 1 and no output.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        typer.Option(
            "--log-level",
            metavar="LEVEL",
            help="Log to the standard error: debug, info, warning or error. Notes are warnings.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    summary: Annotated[
        Path | None,
        typer.Option(
            "--summary",
            metavar="FILE",
            help="Write counts, notes, seconds and the model's fingerprint to a JSON file.",
            rich_help_panel=_PANEL,
        ),
    ] = None


def as_job(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command with the options of a job, its errors in one line, and its exit code in a summary."""

    def call(options: JobOptions, given: dict[str, object]) -> None:
        run = Record(
            command.__name__,
            quiet=options.quiet,
            logged=options.log_level is not None,
            # decided before anything is printed: one line among the rows would spoil the table
            piped=str(given.get("output")) == STANDARD_OUTPUT,
            summary=options.summary,
        )
        with ExitStack() as stack:
            stack.enter_context(recording(run))
            stack.enter_context(_logging(options.log_level))
            stack.enter_context(_ending_in_order())
            _check_summary(run, given)
            # until it is known better: an exception that nobody expected is a failure too
            code = 1
            try:
                in_lines(command, options.strict)(**given)
                code = 0
            except typer.Exit as stop:
                code = stop.exit_code
                raise
            except KeyboardInterrupt:
                goes_on = " The same command goes on with the parts that are finished."
                refuse(f"stopped before the end.{goes_on if command.__name__ in _IN_PARTS else ''}")
                code = _INTERRUPTED
                raise typer.Exit(code) from None
            except SystemExit as stop:
                code = stop.code if isinstance(stop.code, int) else 1
                raise
            finally:
                _finish(run, code)

    return with_options(command, JobOptions, call)


def _check_summary(run: Record, given: dict[str, object]) -> None:
    """Refuse a summary that cannot be written, or would replace a file of the command."""
    path = run.summary
    if path is None:
        return
    paths = [one for one in given.values() if isinstance(one, Path)]
    run.summary = None  # an error here has no place to be written to
    try:
        check_parent("--summary", path)
        if path.is_dir() or str(path) == STANDARD_OUTPUT:
            raise InvalidParameterError(f"--summary takes a file; got {str(path)!r}.")
        if path.resolve() in [one.resolve() for one in paths]:
            raise InvalidParameterError(
                f"--summary {str(path)!r} is a file of the command itself. Choose another path."
            )
    except InvalidParameterError as error:
        refuse(error)
        raise typer.Exit(2) from None
    run.summary = path


def _finish(run: Record, code: int) -> None:
    try:
        run.write(code)
    except OutputError as error:
        refuse(error)
        raise typer.Exit(1) from None


@contextmanager
def _logging(level: str | None) -> Iterator[None]:
    """Show the log of the package on the standard error from a level on."""
    if level is None:
        yield
        return
    logger, handler = logging.getLogger("tastebridge"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    before = logger.level
    # added and removed again: in one process, as in tests, several commands can run
    logger.addHandler(handler)
    logger.setLevel(level.upper())
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


@contextmanager
def _ending_in_order() -> Iterator[None]:
    """Let the signal TERM end the command as an exception, so that locks and temporary files are removed."""

    # Python ends without its finally blocks on this signal, and would leave locks and temporary files
    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(_TERMINATED)

    try:
        before = signal.signal(signal.SIGTERM, end)
    except ValueError:  # in another thread than the main one, which alone gets signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
