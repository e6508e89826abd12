"""The help on a command as plain text, made from its docstring and its options."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from types import UnionType
from typing import Literal, Union, get_args, get_origin

from typer.models import ArgumentInfo, ParameterInfo

from tastebridge.cli.signatures import flags_of

_WIDTH, _INDENT, _FLAGS = 80, 2, 30
"""Columns of a line, of the indent of a list, and of the flags of an option."""
_OPTIONS = "Options"
_MARKUP = re.compile(r"\[/?bold\]")


def page(command: Callable[..., None], name: str) -> str:
    """Return the help on a command: its docstring, its arguments, and its options by group."""
    arguments: list[tuple[str, str]] = []
    groups: dict[str, list[tuple[str, str]]] = {_OPTIONS: []}
    for parameter in inspect.signature(command).parameters.values():
        info = parameter.annotation.__metadata__[0]
        if isinstance(info, ArgumentInfo):
            arguments.append((info.metavar or parameter.name.upper(), info.help or ""))
        else:
            group = groups.setdefault(info.rich_help_panel or _OPTIONS, [])
            group.append((_flags(parameter, info), _meaning(parameter, info)))
    groups[_OPTIONS].append(("-h, --help", "Show this help and exit."))
    usage = " ".join(["Usage: tastebridge", name, "[OPTIONS]", *(word for word, _ in arguments)])
    parts = [usage, _docstring(command)]
    parts += [_listed("Arguments", arguments)] if arguments else []
    return "\n\n".join([*parts, *(_listed(title, rows) for title, rows in groups.items())]) + "\n"


def _docstring(command: Callable[..., None]) -> str:
    """Return the docstring without markup; lines of examples stay whole."""
    text = _MARKUP.sub("", inspect.getdoc(command) or "").strip()
    return "\n".join(
        # indented lines are commands to copy, which must not be broken
        line if line.startswith(" ") or not line else textwrap.fill(line, _WIDTH)
        for line in text.splitlines()
    )


def _flags(parameter: inspect.Parameter, info: ParameterInfo) -> str:
    """Return the flags of an option, the short one first, and its value."""
    flags = flags_of(parameter) or (f"--{parameter.name.replace('_', '-')}",)
    text = ", ".join(sorted((flag.replace("/", ", ") for flag in flags), key=lambda flag: flag[:2] == "--"))
    kind = _kind(parameter)
    if kind is bool:
        return text
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    return f"{text} {info.metavar or '|'.join(choices) or 'NUMBER'}"


def _kind(parameter: inspect.Parameter) -> object:
    """Return the type of an option that can be missing."""
    kind = parameter.annotation.__origin__
    if get_origin(kind) in (Union, UnionType):
        # every option that can be missing is one type or None
        kind = next(one for one in get_args(kind) if one is not type(None))
    return kind


def _meaning(parameter: inspect.Parameter, info: ParameterInfo) -> str:
    """Return the help on an option, with its default, or that it is required."""
    if parameter.default is inspect.Parameter.empty:
        return f"{info.help} [required]"
    default = parameter.default
    shown = isinstance(default, str | int | float) and not isinstance(default, bool)
    return f"{info.help} [default: {default}]" if shown else info.help or ""


def _listed(title: str, rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join([f"{title}:", *(line for row in rows for line in _lines(*row))])


def _lines(flags: str, text: str) -> Iterator[str]:
    """Yield a row in two columns; flags that are too wide get a separate line."""
    space = " " * (_INDENT + _FLAGS)
    wrapped = textwrap.wrap(text, _WIDTH - len(space), break_on_hyphens=False) or [""]
    if len(flags) >= _FLAGS:
        yield " " * _INDENT + flags
        yield space + wrapped[0]
    else:
        yield (" " * _INDENT + flags).ljust(len(space)) + wrapped[0]
    yield from (space + line for line in wrapped[1:])
