"""Make the page on reliability: ``python docs/tools/reliability.py --ci CI.xml --nightly NIGHT.xml``.

The suites record how much they tried as properties of their tests (``panels``, ``mutated files``, ``kills``,
``full disks``). The reports come from ``pytest --junitxml``, the nightly ones with ``TASTEBRIDGE_NIGHTLY``
set to 1 or to a share of it.
"""

from __future__ import annotations

import argparse
import os
import platform
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parent.parent / "pages" / "explanation" / "reliability.md"
ROWS = {
    "panels": (
        "panels drawn by Hypothesis",
        "The same answers, bit by bit, if rows are shuffled, repeated or scaled, if ids and categories are "
        "renamed, if users are asked alone or together, and through files, saved models, batches and the "
        "command line.",
        "`tests/metamorphic`",
    ),
    "mutated files": (
        "mutated model files with new checksums",
        "The model loads, or one error refuses it; memory stays bounded.",
        "`tests/persist/test_hostile.py`",
    ),
    "kills": (
        "processes killed (`kill -9`) at a random moment",
        "The old result or the new, never half; run again, it ends in the same bytes.",
        "`tests/batch/test_crashes.py`, `tests/batch/test_full_disks.py`, `tests/persist/test_replacing.py`",
    ),
    "full disks": (
        "writes that fail at a random byte, as on a full disk",
        "One error that says so, and the old result or the new; run again, the same bytes.",
        "`tests/batch/test_full_disks.py`",
    ),
}
TEXT = """# Reliability

The suites below try inputs and moments at random. Every failure is a fault: it is mended, and a test of its
own stays.

| tried | CI run | nightly run | must hold | suite |
|---|--:|--:|---|---|
{rows}

The nightly numbers are from a run on {day}: {machine}. Tests that found a
fault ran again after it was mended. Failed in the end: {failed}.
`TASTEBRIDGE_NIGHTLY=1` tries about 10,200 panels, 100,000 mutated files and 1,200 kills; 0.1 tries a tenth
of that. `.ci/nightly` runs them and makes this page.

## Found by these suites

- The power of popularity in probabilities over several targets was documented as that of *n*, and is that of
  *1 + n* (reference).
- Two ratings of the same user and item were added up where a panel with the default policy went to
  `RatingMapper`; that is warned of now (panels).
- With few shared users, a route whose scores on the training lists were only rounding got a weight of 6e20.
  No list could be made (panels).
- Batches and the command line added up repeated ratings, where `recommend_from` takes the last one (panels).
- The documented formula of the route over shared items counted an item that a user has in both categories
  twice in the fit, and the code counts it once. The choice of rated items was documented as independent of
  the ratings, and is weighted by them (reference).
- An update in the middle of an answer gave the list of another user (threads).

## A slow reference

`tests/reference` holds the path from matrices of events to scores once more: plain, dense numpy by the
formulas of the docstrings, in less than 400 lines. It covers weightings, factors (SVD, EASE, ALS, ratings),
maps (ridge, CCA, Procrustes), all routes of default fits (links between items, popularity, recent popularity,
all categories as one, shared items, features, items without events), twins, the blend and its gates, scores,
lists, explanations, predicted ratings, and the probabilities over several targets. Default fits of small
panels must agree with it to the rounding of 32-bit floats.

## Bit by bit

The vector, the scores and the list of a user have the same bits alone or among other users, in any order,
with any number of threads, from a saved model, in a batch, and from the command line. `tests/kernels.py`
repeats these tests under every kernel of OpenBLAS that the processor can run.
"""


class Run(NamedTuple):
    """The sums over some reports: trials by kind, failed tests, and the day of the last report."""

    tried: dict[str, int]
    failed: int
    day: str


def read(paths: Iterable[Path]) -> Run:
    """Return the sums over some reports; a test that ran again after it was mended counts as it did last."""
    cases: dict[tuple[str, str], ET.Element] = {}
    days = [""]
    for path in paths:
        for suite in ET.parse(path).getroot().iter("testsuite"):
            days.append(suite.get("timestamp", "")[:10])
            for case in suite.iter("testcase"):
                cases[case.get("classname", ""), case.get("name", "")] = case
    tried, failed = dict.fromkeys(ROWS, 0), 0
    for case in cases.values():
        failed += case.find("failure") is not None or case.find("error") is not None
        for one in case.iter("property"):
            tried[one.get("name", "")] += int(one.get("value", 0))
    return Run(tried, failed, max(days))


def machine() -> str:
    """Return the processor, the number of cores, the system and Python."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = (names or [platform.processor()])[0]
    return f"{processor}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def page(ci: Run, nightly: Run) -> str:
    """Return the page."""
    rows = [
        f"| {what} | {ci.tried[key]:,} | {nightly.tried[key]:,} | {law} | {where} |"
        for key, (what, law, where) in ROWS.items()
    ]
    failed = str(nightly.failed or "none")
    return TEXT.format(rows="\n".join(rows), day=nightly.day, machine=machine(), failed=failed)


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description="Make the page on reliability from JUnit reports.")
    parser.add_argument("--ci", nargs="+", type=Path, required=True)
    parser.add_argument("--nightly", nargs="+", type=Path, required=True)
    given = parser.parse_args()
    PAGE.write_text(page(read(given.ci), read(given.nightly)), encoding="utf-8")


if __name__ == "__main__":
    main()
