#!/usr/bin/env python3
"""Count words in the docstrings of src/, and fail above the limits below.

.ci/words.py [--wings] [--list] [PATH ...] prints the table of all files, of each wing, or of the files
and folders named. With --list it prints each line that counts. Doctests, formulas, code and the heads of
sections are left out.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

SOURCES = Path(__file__).resolve().parent.parent / "src" / "tastebridge"

WHAT, PEOPLE = '"what" as a noun', "people, person, somebody, nobody, takers"
LIMITS = {
    WHAT: 10.0,
    PEOPLE: 10.0,
    "that of, those of": 10.0,
    "beside": 10.0,
}
"""Occurrences per 10,000 words that are allowed, over all of src/: the one place to lower them."""

PATTERNS = {
    WHAT: r"\bwhat\b",
    PEOPLE: r"\b(people|persons?|some(?:body|one)|(?:no|every)body|takers?)\b",
    "that of, those of": r"\b(that|those) of\b",
    "beside": r"\bbeside\b",
}
LONG = 25
"""Words above which a sentence is long."""


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of the docstrings of modules, classes, functions and assigned names."""
    for node in ast.walk(ast.parse(path.read_text())):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        for statement in body:
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield statement.lineno, value.value


def prose(text: str) -> str:
    """Return the lines of a docstring; doctests, formulas, code and names of parameters are blank."""
    out, doctest, formula = [], False, False
    for line in text.splitlines():
        bare = line.strip()
        if bare.startswith(">>>"):
            doctest = True
        if bare.startswith(".. math::"):
            formula = True
        if not bare:
            doctest = formula = False
        declares = re.match(r"^\w[\w, *.]* : ", bare)  # "n_items : int, default=10" of a numpydoc section
        dropped = doctest or formula or declares or re.fullmatch(r"[-=]{3,}", bare)
        out.append("" if dropped else line)
    kept = "\n".join(out)
    for pattern in (r":\w+:`[^`]*`", r"``.*?``", r"`[^`]*`"):
        kept = re.sub(pattern, lambda found: "x" + "\n" * found[0].count("\n"), kept, flags=re.S)
    return kept


def sentences(text: str) -> list[str]:
    """Return the sentences of prose: an empty line, a bullet or a mark followed by a capital ends one."""
    parts = re.split(r"\n\s*\n|\n\s*[-*] |(?<=[.?!])\s+(?=[A-Z`x:])|:\s*\n", text)
    return [part for part in parts if re.search(r"[a-z]", part)]


def count(paths: list[Path], show: bool = False) -> tuple[int, Counter[str], list[int]]:
    """Return the words, the occurrences of each pattern and the lengths of the sentences in files."""
    words, found, lengths = 0, Counter[str](), []
    for path in paths:
        for start, text in docstrings(path):
            plain = prose(text)
            words += len(plain.split())
            lengths += [len(sentence.split()) for sentence in sentences(plain)]
            for name, pattern in PATTERNS.items():
                for match in re.finditer(pattern, plain, re.I):
                    found[name] += 1
                    if show:
                        line = plain.count("\n", 0, match.start())
                        print(f"{path}:{start + line}: [{match[0]}] {plain.splitlines()[line].strip()}")
    return words, found, lengths


def table(title: str, paths: list[Path], show: bool) -> dict[str, float]:
    """Print the counts of some files and return those that have a limit, per 10,000 words."""
    words, found, lengths = count(paths, show)
    rates = {name: 1e4 * found[name] / max(words, 1) for name in PATTERNS}
    lengths = sorted(lengths) or [0]
    longest = lengths[int(0.95 * (len(lengths) - 1))]
    print(f"\n{title}: {words:,} words in docstrings of {len(paths)} files")
    for name, rate in rates.items():
        print(f"  {name:<42} {rate:6.1f} per 10,000 words ({found[name]})")
    over = 100 * sum(length > LONG for length in lengths) / len(lengths)
    print(f"  words in a sentence, median and 95th percentile {median(lengths):.0f}, {longest}")
    print(f"  sentences above {LONG} words{over:26.1f} %")
    return rates


def main() -> int:
    """Print the tables; 1 if a limit is exceeded over all of src/, else 0."""
    parser = argparse.ArgumentParser(description="Count the words of docstrings.")
    parser.add_argument("paths", nargs="*", type=Path)
    parser.add_argument("--list", action="store_true", help="print each line that counts")
    parser.add_argument(
        "--wings", action="store_true", help="print a table for each folder of src/tastebridge"
    )
    options = parser.parse_args()
    for path in options.paths:
        table(str(path), sorted(path.rglob("*.py")) if path.is_dir() else [path], options.list)
    if options.paths:
        return 0
    if options.wings:
        for wing in sorted(path for path in SOURCES.iterdir() if any(path.rglob("*.py"))):
            table(wing.name, sorted(wing.rglob("*.py")), options.list)
    rates = table("src/tastebridge", sorted(SOURCES.rglob("*.py")), options.list and not options.wings)
    above = [name for name, rate in rates.items() if rate > LIMITS[name]]
    for name in above:
        print(f"{name}: {rates[name]:.1f} per 10,000 words, allowed are {LIMITS[name]:g}", file=sys.stderr)
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
