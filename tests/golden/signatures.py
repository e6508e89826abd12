"""Every public signature of tastebridge as a line of text, keyed by bare name: modules may move, names not.

A line is ``Name`` or ``Name.member``, a tab, and what it takes: parameters as Python writes them, with
defaults and without annotations; or ``property``, ``attribute``, ``field``.
"""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import surface

RECORDED = Path(__file__).parent / "signatures.txt"
_REQUEST = re.compile("set_.*_request")
"""Of scikit-learn, on every estimator."""
_EMPTY = inspect.Parameter.empty
_HEAD = """\
# Every public signature at the start of the redesign, by bare name; made by make_goldens.py.
# A name may move between public packages. It may not go, nor lose or change a parameter, unless
# CHANGED_ON_PURPOSE in test_signatures.py says why.
"""


def record() -> None:
    """Write the signatures of today."""
    RECORDED.write_text(_HEAD + "".join(f"{name}\t{text}\n" for name, text in sorted(dump())), "utf-8")


def recorded() -> list[tuple[str, str]]:
    """Return the key and the text of every signature that was recorded."""
    lines = RECORDED.read_text("utf-8").splitlines()
    return [(key, text) for key, _, text in (one.partition("\t") for one in lines if one[:1] != "#")]


def dump() -> set[tuple[str, str]]:
    """Return the key and the text of every public signature of today.

    Where two packages have different things of one name, a key comes once for each.
    """
    found: set[tuple[str, str]] = set()
    for module in surface.packages():
        for name in surface.names_of(module):
            found |= set(_of(name, getattr(module, name)))
    return found


def today() -> dict[str, list[str]]:
    """Return the texts of each key of today."""
    found: dict[str, list[str]] = {}
    for key, text in sorted(dump()):
        found.setdefault(key, []).append(text)
    return found


def missing(text: str, now: str) -> list[str]:
    """Return what a signature of today lacks of a recorded one; new parameters with defaults may come."""
    if not (text.startswith("(") and now.startswith("(")):
        return [] if text == now else [f"it was {text!r} and is {now!r}"]
    old, new = _parameters(text), _parameters(now)
    told = []
    for name, parameter in old.items():
        if name not in new:
            told.append(f"the parameter {name} is gone")
        elif new[name] != parameter:
            told.append(f"the parameter was {parameter[0]!r} and is {new[name][0]!r}")
    told += [
        f"the new parameter {name} has no default"
        for name, (shown, _) in new.items()
        if name not in old and "=" not in shown and not shown.startswith("*")
    ]
    before = [name for name, (_, kind) in old.items() if kind == "positional" and name in new]
    after = [name for name, (_, kind) in new.items() if kind == "positional"]
    if not told and after[: len(before)] != before:
        told.append(f"positional parameters were {before} and are {after}")
    return told


def _parameters(text: str) -> dict[str, tuple[str, str]]:
    """Return how each parameter is written, and its kind."""
    found, kind = {}, "positional"
    for shown in _split(text[1:-1]):
        if shown in ("*", "/"):
            kind = "keyword" if shown == "*" else kind
            continue
        name = shown.partition("=")[0].lstrip("*")
        found[name] = (shown, "rest" if shown.startswith("*") else kind)
        kind = "keyword" if shown.startswith("*") else kind
    return found


def _split(text: str) -> Iterator[str]:
    """Yield the parts of a text between the commas that stand outside of brackets and quotes."""
    depth, start, quote = 0, 0, ""
    for at, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "([{<":
            depth += 1
        elif sign in ")]}>":
            depth -= 1
        elif sign == "," and not depth:
            yield text[start:at].strip()
            start = at + 1
    if text[start:].strip():
        yield text[start:].strip()


def _of(name: str, thing: Any) -> Iterator[tuple[str, str]]:
    """Yield the signatures of a public thing, and of its members where it is a class."""
    if inspect.isclass(thing) and not hasattr(thing, "__origin__"):
        yield name, _class(thing)
        for member in sorted(_members(thing)):
            if (text := _member(thing, member)) is not None:
                yield f"{name}.{member}", text
    elif inspect.isroutine(thing):
        yield name, _signature(thing)
    elif not inspect.ismodule(thing):
        yield name, f"value: {type(thing).__name__}"


def _members(thing: type) -> set[str]:
    """Return the public members of a class that it or a base of this package defines."""
    own = [base for base in thing.__mro__ if base.__module__.split(".")[0] == "tastebridge"]
    fields = getattr(thing, "__dataclass_fields__", {}) or dict.fromkeys(getattr(thing, "_fields", ()))
    if issubclass(thing, enum.Enum):
        return set(thing.__members__)
    names = {name for base in own for name in vars(base)} | set(fields)
    return {name for name in names if not name.startswith("_") and not _REQUEST.fullmatch(name)}


def _member(thing: type, name: str) -> str | None:
    fields = getattr(thing, "__dataclass_fields__", {}) or dict.fromkeys(getattr(thing, "_fields", ()))
    if name in fields:
        return "field"
    member = inspect.getattr_static(thing, name, None)
    if isinstance(member, classmethod):
        return f"{_signature(member.__func__, bound=True)}"
    if isinstance(member, staticmethod):
        return _signature(member.__func__)
    if inspect.isfunction(member):
        return _signature(member, bound=True)
    return "property" if inspect.isdatadescriptor(member) or hasattr(member, "__get__") else "attribute"


def _class(thing: type) -> str:
    try:
        return _signature(thing)
    except (TypeError, ValueError):
        return "class"


def _signature(thing: Any, bound: bool = False) -> str:
    """Return parameters, kinds and defaults, without annotations."""
    parts = list(inspect.signature(thing).parameters.values())[int(bound) :]
    shown: list[str] = []
    for place, one in enumerate(parts):
        star = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        only = one.kind is one.KEYWORD_ONLY
        if only and not any(
            before.kind in (one.KEYWORD_ONLY, one.VAR_POSITIONAL) for before in parts[:place]
        ):
            shown.append("*")
        shown.append(f"{star}{one.name}" + ("" if one.default is _EMPTY else f"={_default(one.default)}"))
        after = parts[place + 1 : place + 2]
        if one.kind is one.POSITIONAL_ONLY and not (after and after[0].kind is one.POSITIONAL_ONLY):
            shown.append("/")
    return f"({', '.join(shown)})"


def _default(value: Any) -> str:
    """Return a default without what differs between processes or modules."""
    if inspect.isroutine(value) or inspect.isclass(value):
        return f"<{value.__qualname__}>"
    if is_dataclass(value) and all(getattr(value, one.name) == one.default for one in fields(value)):
        return f"{type(value).__name__}()"  # so that it may get more fields
    text = repr(value)
    return f"<{type(value).__name__}>" if " at 0x" in text else text
