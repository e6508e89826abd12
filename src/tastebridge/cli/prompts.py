"""Questions in a terminal or through a pipe, and the lines that answer them."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import TypeVar

import typer

from tastebridge._foundation.printable import printable
from tastebridge.cli.messages import note

_Read = TypeVar("_Read")
_WORDS = {"y": "liked", "yes": "liked", "n": "not", "no": "not", "?": "unknown", "": "unknown"}
_NONE = ("", "0", "?", "-", "n", "no", "none")
_ESCAPED = "backslashreplace"
_QUIT = ("q", "quit", "exit")


def say(text: str, end: str = "\n") -> None:
    """Show a part of a question, where the user who answers can see it."""
    # with the lists sent to a file, the terminal still shows the questions
    typer.echo(printable(text) + end, nl=False, err=_typed() and not sys.stdout.isatty())


def answer(question: str, read: Callable[[str], _Read | None], expected: str) -> _Read | None:
    """Return the answer to a question, asked again until it is one; None for q or the end of the input."""
    while True:
        say(question, end="")
        line = _line()
        if not line.endswith("\n"):  # the end of the input, at once or after some letters
            say("")
        if not line:
            return None
        given = line.strip()
        if not _typed():
            say(given)  # a pipe echoes nothing by itself
        if given.lower() in _QUIT:
            return None
        if (found := read(given.lower())) is not None:
            return found
        note(f"an answer is {expected}; got {given!r}.")


def word(line: str) -> str | None:
    """Return the answer about one item; None if the line is none."""
    return _WORDS.get(line)


def numbers(line: str, limit: int) -> set[int] | None:
    """Return the numbers in a line, ranges such as 5-7 too; None if one is no number from 1 to ``limit``."""
    if line in _NONE:
        return set()
    found = set[int]()
    for part in line.replace(",", " ").split():
        first, _, last = part.partition("-")
        last = last if "-" in part else first
        # longer numbers are no place, and int() of very long ones is an error
        if not all(one.isdecimal() and len(one) < 10 for one in (first, last)):
            return None
        if not 1 <= int(first) <= int(last) <= limit:
            return None
        found.update(range(int(first), int(last) + 1))
    return found


def _line() -> str:
    """Return the next line of the input, empty at its end."""
    if sys.stdin is None:  # closed by the caller, as by <&-
        return ""
    if isinstance(sys.stdin, io.TextIOWrapper) and sys.stdin.errors != _ESCAPED:
        # a letter in another encoding is a wrong answer, not the end of the program
        sys.stdin.reconfigure(errors=_ESCAPED)  # possible before the first line alone
    return sys.stdin.readline()


def _typed() -> bool:
    """Return whether answers are typed in a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()
