"""Errors and warnings in one line each on stderr; warnings are called notes."""

from __future__ import annotations

import inspect
import os
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from typing import ParamSpec, TextIO

import typer

from tastebridge._foundation.log import LOGGER
from tastebridge._foundation.printable import printable
from tastebridge.cli.record import record
from tastebridge.cli.signatures import flags_of
from tastebridge.exceptions import DataWarning, InvalidParameterError, TastebridgeError, TastebridgeWarning

_P = ParamSpec("_P")
_COLUMN = re.compile(r"columns=\{['\"](\w+?)(?:_id)?['\"]: ([^,]+?)\}|columns\['(\w+?)(?:_id)?'\] is")
_OPTION = {"timestamp": "time"}
_MODEL = re.compile(r"\b(source|target)_models?(?:\['([^']*)'\]|=\{'([^']*)': …\}|(?= has a model))")
"""Models trained elsewhere, as errors name them: source_models['books'], or target_model={'films': …}."""
# messages are written for Python; here is how each of their parameters is spelled on the command line
_WORDS = {
    "restart=True": "--restart",
    "memory=": "--memory ",
    'columns={"user_id": "…", "item_id": "…"}': "--user-column NAME --item-column NAME",
    'columns=["user_id", "item_id", …]': "--columns user_id,item_id,…",
    "stamp=True": "--stamp",
    'users="…"': "--users-table FILE",  # before the next: the first that fits is taken
    "users=": "--users ",
    "See transfer_.": "See the table of sources.",
    "time_budget=": "--time-budget ",
    "missing='skip'": "no --strict",
    "trim=True": "--trim",
    "See panel.cleaning for details; a CleaningPolicy can turn them into errors.": "--strict turns them into "
    "errors.",
    "or accept more with a CleaningPolicy.": "or change the reading options.",
    "or accept more of them with a CleaningPolicy.": "or change the reading options.",
    'item_columns=["item_id", "title", "genres"]': "--item-columns item_id,title,genres",
    'item_category="…"': "--item-category NAME",  # before the next: the first that fits is taken
    "item_category=": "--item-category ",
    "Add them by Panel.with_item_features": "Give them by --features",
    "categories='all'": "--categories all",
    "bridge='auto'": "--bridge auto",
    "bridge='users'": "--bridge users",
    "Use Weighting('binary'), or center=True for ratings.": "Use --weighting binary.",
    "Lower n_components": "Lower --n-components",
    "delimiter=…": "--delimiter SIGN",
    "quoting=…": "--quoting",
    "quoting=True": "--quoting",
    "quoting=False": "--no-quoting",
    "decimal=','": "--decimal ,",
    "time_format=": "--time-format ",
    "time_unit=": "--time-unit ",
    'item_id="…"': "--item-id-column NAME",
    'items="…"': "--items FILE",
    'category="…"': "--one-category NAME",
    ' Leave unknown ids out with missing="skip" where that is offered.': "",
    "set_item_groups or --groups": "--groups",
    ", or leave it None": ", or leave it out",
    "CleaningPolicy(no_rating=-1)": "--no-rating -1",
    "CleaningPolicy(several_categories=…)": "--several-categories",
}
_IDLE = ("delimiter", "encoding", "quoting", "time_format", "decimal", "list_separator", "trim")
_WORDS |= {f"{name} had nothing": f"--{name.replace('_', '-')} had nothing" for name in _IDLE}
_CALL = re.compile(r"\b[A-Z]\w+\((\w+)=([^()]+)\)")
_SUBJECT = re.compile(r"(^|: )(\w+)(=| must(?= )| needs(?= ))")
"""Parameters as errors name them: InterestMapper(n_components=9) needs …, memory must be …, of='films' …"""
# at the beginning of a word: with_users= is no users=
_PARAMETER = re.compile("|".join((r"\b" if word[0].isalpha() else "") + re.escape(word) for word in _WORDS))


def in_lines(command: Callable[_P, None], strict: bool = False) -> Callable[_P, None]:
    """Return a command whose errors and warnings are single lines, and whose exit code shows the kind.

    With ``strict``, warnings of data that were left out, unknown or guessed are errors.
    """
    flags = _flags_of_parameters(command)

    @wraps(command)
    def run(*arguments: _P.args, **options: _P.kwargs) -> None:
        # "always": Python shows a warning once per line of code, and each of ours has its own message
        with warnings.catch_warnings():
            warnings.simplefilter("always", TastebridgeWarning)
            if strict:
                warnings.simplefilter("error", DataWarning)
            warnings.showwarning = _notes(warnings.showwarning)
            try:
                command(*arguments, **options)
            except InvalidParameterError as error:
                _fail(_with_flags(_one_line(error), flags), 2)
            except TastebridgeError as error:
                _fail(_with_flags(_one_line(error), flags), 1)
            except DataWarning as error:
                _fail(f"{error} Without --strict this is a note.", 1)
            except BrokenPipeError:  # the reader of the standard output has enough, as head has
                sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - Python closes it when it ends
                raise typer.Exit(1) from None
            except OSError as error:  # such as a folder that may not be read
                _fail(f"{error.filename}: {error.strerror or error}", 1)

    return run


def note(message: object) -> None:
    """Show a note, and keep it for the summary."""
    text, run = printable(_one_line(message)), record()
    run.notes.append(text)
    if run.logged:
        LOGGER.warning("%s", text)
    if run.logged or run.quiet:
        return
    # stderr, so that it does not mix with results; printable, as names in it come from data
    typer.echo(f"{_lead('note:', fg='yellow')} {text}", err=True)


def refuse(message: object) -> None:
    """Show an error, and keep it for the summary."""
    text = printable(_one_line(message))
    record().error = text
    typer.echo(f"{_lead('error:', fg='red', bold=True)} {text}", err=True)


def _lead(word: str, fg: str, bold: bool = False) -> str:
    """Return the first word of a message, coloured unless the user wants no colours."""
    return word if os.environ.get("NO_COLOR") else typer.style(word, fg=fg, bold=bold)


def _flags_of_parameters(command: Callable[..., None]) -> dict[str, str]:
    """Return the longest flag of each parameter of a command, and of those it hands on by another name."""
    flags = {}
    for name, parameter in inspect.signature(command).parameters.items():
        if known := [flag for flag in flags_of(parameter) if flag.startswith("--")]:
            flags[name] = max(known, key=len).partition("/")[0]
        elif parameter.default is not parameter.empty:
            flags[name] = f"--{name.replace('_', '-')}"
    # the library takes several of these
    return flags | {
        f"{name}s": flags[name] for name in ("source", "event_weight", "source_model") if name in flags
    }


def _with_flags(text: str, flags: Mapping[str, str]) -> str:
    """Return a message about parameters of the library as one about the options that gave them."""

    def call(found: re.Match[str]) -> str:
        return f"{flags[found[1]]} {found[2]}".removesuffix(" …") if found[1] in flags else found[0]

    def subject(found: re.Match[str]) -> str:
        return f"{found[1]}{flags[found[2]]} {found[3].strip('= ')}" if found[2] in flags else found[0]

    return re.sub(r"(--[a-z-]+)=(?=')", r"\1 ", _SUBJECT.sub(subject, _CALL.sub(call, text)))


def _fail(message: object, code: int) -> None:
    refuse(message)
    raise typer.Exit(code)


def _notes(show: Callable[..., None]) -> Callable[..., None]:
    """Return a function that shows warnings of this package as notes, and others with ``show``."""

    def show_warning(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, TastebridgeWarning):
            note(message)
        else:
            show(message, category, filename, lineno, file, line)

    return show_warning


def _one_line(message: object) -> str:
    """Return a message on one line, with Python's parameters replaced by options of the command line."""
    text = " ".join(str(message).split())
    text = _MODEL.sub(_as_model, text)
    return _PARAMETER.sub(lambda found: _WORDS[found[0]], _COLUMN.sub(_as_option, text))


def _as_model(found: re.Match[str]) -> str:
    category = f" {found[3]}=FILE" if found[3] else f" {found[2]}" if found[2] else ""
    return f"--{found[1]}-model{category}"


def _as_option(found: re.Match[str]) -> str:
    # one pattern for two wordings, each with its own group for the role
    role = found[1] or found[3]
    option = f"--{_OPTION.get(role, role)}-column"
    return (
        f"{option} is"
        if found[3]
        else f"{option} " + found[2].strip("'\"").replace("…", "NAME").replace("None", "''")
    )
