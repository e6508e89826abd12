"""The public packages of tastebridge, and how to find a public thing by its bare name."""

from __future__ import annotations

import importlib
from contextlib import suppress
from functools import cache
from types import ModuleType
from typing import Any

PACKAGES = (
    "",
    "baselines",
    "batch",
    "data",
    "datasets",
    "evaluation",
    "exceptions",
    "factors",
    "features",
    "maps",
    "metrics",
    "plots",
    "privacy",
    "privacy.federated",
    "baselines.rating",
    "report",
    "routes",
    "spark",
    "splits",
    "testing",
)
"""Where public names are looked for, in this order; one that is gone is passed over. Names may move between
them: what counts is that each is found in one of them."""

ONLY = {"routes": "Route"}
"""Packages that export what the fit is made of, too: of these only names with such an end are for users."""


@cache
def packages() -> tuple[ModuleType, ...]:
    """Return the packages that are there and whose dependencies are installed."""
    found = []
    for name in PACKAGES:
        with suppress(ImportError):
            found.append(importlib.import_module(f"tastebridge.{name}".rstrip(".")))
    return tuple(found)


def names_of(module: ModuleType) -> list[str]:
    """Return the public names of a module: its ``__all__``, or the classes and functions it defines."""
    if hasattr(module, "__all__"):
        only = ONLY.get(module.__name__.partition(".")[2], "")
        return sorted(name for name in module.__all__ if name.endswith(only))
    own = (
        name
        for name, thing in vars(module).items()
        if callable(thing) and getattr(thing, "__module__", None) == module.__name__
    )
    return sorted(name for name in own if not name.startswith("_"))


def find_all(name: str) -> list[Any]:
    """Return the things that have this public name, each once."""
    found: list[Any] = []
    for module in packages():
        if name in names_of(module):
            thing = getattr(module, name)
            found += [thing] if all(thing is not other for other in found) else []
    return found


def find(name: str) -> Any:
    """Return the first thing that has this public name."""
    found = find_all(name)
    if not found:
        raise LookupError(f"tastebridge has no public name {name!r} any more.")
    return found[0]
