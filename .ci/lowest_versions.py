#!/usr/bin/env python3
"""Print the lowest versions of the dependencies and of the extras shell, demo, excel, privacy and report."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

EXTRAS = ("shell", "demo", "excel", "privacy", "report")
project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
asked = [*project["dependencies"], *(one for name in EXTRAS for one in extras[name])]
for requirement in asked:
    found = re.fullmatch(r"([\w.-]+)>=([\d.]+)", requirement)
    if found:
        print(f"{found[1]}=={found[2]}.*" if found[2].count(".") < 2 else f"{found[1]}=={found[2]}")
    elif not requirement.startswith(project["name"]):
        raise SystemExit(f"{requirement!r} has no lower bound of the form name>=version.")
