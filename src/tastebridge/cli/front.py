"""The command ``tastebridge``: help and version at once, the commands when one of them is called."""

from __future__ import annotations

import io
import sys

from tastebridge._foundation.version import __version__

COMMANDS = {
    "demo": "See an example on MovieLens, in about a minute: one genre of films from the others.",
    "fit": "Learn to recommend in a category from users' histories in the others.",
    "recommend": "Recommend to all users in a table of events, whether they were in the fit or not.",
    "related": "Find the items of the target that go with each item of a model.",
    "ask": "Ask a user about a few items, and show the list before and after the answers.",
    "audience": "Find the users of a table of events who are most likely to want some items.",
    "vectors": "Write the vectors of items and, given events, of users.",
    "compress": "Make a model smaller, and measure the loss of accuracy.",
    "update": "Add new events to a model without a refit, and show whether a refit is worth it.",
    "forget": "Remove users from a model: their histories and their part in its sums.",
    "evaluate": "Measure the accuracy of recommendations to users new to a category.",
    "report": "Write a report of a model: one page to open in a browser.",
    "key": "Make a new secret key for encrypted models and pseudonyms.",
}
"""The commands and the first lines of their help, known without loading any of them."""

_ALONE = ("demo",)
"""The commands that run without arguments."""

_HELP = """\
Usage: tastebridge COMMAND [OPTIONS] [ARGUMENTS]

Recommend in one category from users' histories in other categories.

Events are a table with one row per event: a user, an item, a category.
Parquet, CSV or other text, JSON lines, Excel, or a folder of them.

Start here:
  tastebridge demo                                   see it on real data
  tastebridge fit events.csv -t films -o model       learn from your data
  tastebridge recommend model events.csv -o out.csv  films for all users
  tastebridge evaluate events.csv -t films           measure the accuracy
  tastebridge report model -o report.html            a report as a web page

Commands (tastebridge COMMAND --help has the options of each):
{commands}

Options:
  --version   Show the version and exit.
  -h, --help  Show this help and exit.

Exit codes: 0 for success, 1 for an error in the data or the model,
2 for an error in the command line.
"""
_SHELL = ("typer", "rich", "click")
"""The packages of the extra ``shell``."""


def main() -> None:
    """Run the command line.

    Help and version need no command, so none is loaded for them: the libraries behind a fit take seconds.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # names of items may have letters that the encoding of the terminal lacks
            stream.reconfigure(errors="backslashreplace")
    try:
        _run(sys.argv[1:])
    except KeyboardInterrupt:  # while libraries are loaded: the commands end in their own way
        _fail("stopped before the start.", 130)


def _run(words: list[str]) -> None:
    """Run a command, or show the help or the version."""
    first = words[0] if words else ""
    if first in ("", "-h", "--help", "help"):
        print(help_text(), end="")
    elif first == "--version":
        print(f"tastebridge {__version__}")
    elif first not in COMMANDS:
        _fail(_unknown(first), 2)
    elif _asks_for_help(words):
        from tastebridge.cli.help_pages import stored

        print(stored(first), end="")
        raise SystemExit(2 if len(words) == 1 else 0)
    else:
        try:
            from tastebridge.cli.application import run
        except ModuleNotFoundError as error:
            if error.name not in _SHELL:
                raise
            _fail(
                f"the command line needs the package {error.name}. Install it: pip install"
                " 'tastebridge[shell]'. In Python, import tastebridge works without it.",
                1,
            )
        else:
            run()


def _asks_for_help(words: list[str]) -> bool:
    """Return whether the words after a command request its help, explicitly or by missing arguments."""
    # what follows -- is no option, even if it is spelled like one
    options = words[1 : words.index("--")] if "--" in words else words[1:]
    return "--help" in options or "-h" in options or (not options and words[0] not in _ALONE)


def help_text() -> str:
    """Return the help on the application."""
    width = max(map(len, COMMANDS))
    return _HELP.format(commands="\n".join(f"  {name:<{width}}  {told}" for name, told in COMMANDS.items()))


def _unknown(word: str) -> str:
    """Return the error on a word that is no command."""
    from difflib import get_close_matches

    if word.startswith("-"):
        near = get_close_matches(word, ("--help", "--version"), n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "See tastebridge --help."
        return f"there is no option {word!r} before a command. {hint}"
    near = get_close_matches(word, COMMANDS, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else f" The commands are {', '.join(COMMANDS)}."
    return f"there is no command {word!r}.{hint}"


def _fail(message: str, code: int) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(code)
