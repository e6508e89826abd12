"""Names for data sets and models: a file in ``data/`` or ``models/`` registers itself, nothing lists it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Generic, TypeVar

Entry = TypeVar("Entry")


class Registry(dict[str, Entry], Generic[Entry]):
    """Entries by name, filled by the modules of one package when it is first asked for them."""

    def __init__(self, package: str) -> None:
        super().__init__()
        self.package = package
        self.absent: dict[str, str] = {}

    def register(self, name: str) -> Callable[[Entry], Entry]:
        """Return a decorator that registers a class or function under ``name``."""

        def keep(entry: Entry) -> Entry:
            if name in self:
                raise ValueError(f"{name!r} is registered twice in {self.package}.")
            self[name] = entry
            return entry

        return keep

    def load(self) -> Registry[Entry]:
        """Import every module of the package, so that each registers its entries.

        A module that needs a package which is not installed is left out, and ``absent`` says so.
        """
        package = importlib.import_module(self.package)
        for module in sorted(found.name for found in pkgutil.iter_modules(package.__path__)):
            try:
                importlib.import_module(f"{self.package}.{module}")
            except ModuleNotFoundError as error:
                if (error.name or "").split(".")[0] in ("benchmarks", "tastebridge"):
                    raise
                self.absent[module] = str(error.name)
        return self

    def match(self, patterns: list[str]) -> list[str]:
        """Return the names that fit any of the patterns (``*`` and ``?`` as in a shell), in their order."""
        unmatched = [one for one in patterns if not any(fnmatchcase(name, one) for name in self)]
        if unmatched:
            raise SystemExit(f"{self.package} has no {unmatched}; it has: {', '.join(self)}.")
        return [name for name in self if any(fnmatchcase(name, one) for one in patterns)]
