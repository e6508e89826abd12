"""Fit the models of the goldens and record them, or see whether they are what was recorded.

    python tests/golden/make_goldens.py            record: models/, goldens/ and signatures.txt, all anew
    python tests/golden/make_goldens.py --check    fit, compare with what was recorded, change nothing
    python tests/golden/make_goldens.py --refits   record new fits of the models in golden_models.CHANGED
    python tests/golden/make_goldens.py --data     write the tables of data/ anew first: every golden moves

The models and goldens are those of the first day: every later version loads them. Where a fit was changed on
purpose, ``refits/`` holds what a new fit gives since.

Fits run in a process of their own, held to the kernels of one processor: see ``kernel.py``.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import golden_answers
import golden_data
import golden_files
import golden_models
import kernel
import signatures

import tastebridge

HERE = Path(__file__).parent
REFITS = HERE / "refits"
VERSIONS = "versions"
RTOL = 1e-5
"""How far scores of a loaded model may be off on another processor."""
LOST = 0.15
"""The share of list items that a fit on another processor, or by other versions, may replace.

Weights of routes have no best value where a few lists tell everything apart, and grow until the solver stops;
ALS is stopped long before it has converged. So scores of such fits can differ by much, and lists by little.
"""


def fit_into(folder: Path) -> None:
    """Fit all models in this process and write ``models`` and ``goldens`` into a folder."""
    goldens = folder / "goldens"
    goldens.mkdir(parents=True)
    models = folder / "models"
    models.mkdir()
    for name, model in golden_models.fit_all():
        case, files = golden_models.CASES[name], {}
        if case.saved:
            model.save(models / name, **case.save)
            files = {} if "key" in case.save else golden_files.digests(models / name)
            model = golden_models.load(name, models)
        answers = golden_answers.to_json(golden_models.ask(name, model))
        golden_answers.write(goldens / f"{name}.json", {"files": files, "answers": answers})
    golden_answers.write(goldens / f"{VERSIONS}.json", kernel.versions())


def fit_apart(folder: Path, threads: int = 1) -> None:
    """Do the same in a process that is held to the kernels."""
    done = kernel.run(Path(__file__), "--into", str(folder), threads=threads)
    if done.returncode:
        raise RuntimeError(f"the fit failed:\n{done.stdout}{done.stderr}")


def versions(folder: Path = HERE) -> dict[str, str]:
    """Return the versions a folder was recorded with."""
    return golden_answers.read(folder / "goldens" / f"{VERSIONS}.json")


def golden(name: str, folder: Path = HERE) -> dict[str, Any]:
    """Return what was recorded of a model."""
    return golden_answers.read(folder / "goldens" / f"{name}.json")


def refit_golden(name: str) -> dict[str, Any]:
    """Return the record of a fit of today: of the first day, unless it was changed on purpose since."""
    return golden_answers.read(REFITS / f"{name}.json") if name in golden_models.CHANGED else golden(name)


def file_differences(name: str, folder: Path) -> list[str]:
    """Return how the files of a refit differ from those recorded, bit by bit; records may have more keys."""
    was, now = refit_golden(name)["files"], golden(name, folder)["files"]
    if was == now:
        return []
    if name in golden_models.CHANGED:  # only the digests of these are kept
        return [f"the digests of {sorted(role for role in {*was, *now} if was.get(role) != now.get(role))}"]
    inside = golden_files.differences(HERE / "models" / name, folder / "models" / name)
    others = sorted(role for role in {*was, *now} - {"manifest"} if was.get(role) != now.get(role))
    return inside or ([f"the digests of {others}"] if others else [])


def answer_differences(name: str, folder: Path, exact: bool) -> list[str]:
    """Return how the answers of a refit differ: in any bit, or, among unlike versions, in many items."""
    was, now = refit_golden(name)["answers"], golden(name, folder)["answers"]
    if exact:
        return golden_answers.differences(was, now, 0.0)
    lost = golden_answers.items_lost(was, now)
    told = [f"{table} is missing" for table in was if table not in now]
    return told + ([f"{lost:.0%} of the items of lists are others"] if lost > LOST else [])


def rtol_of(name: str) -> float:
    """Return how far the scores of a model may be off."""
    return RTOL * (100 if golden_models.CASES[name].chances else 1)


def check() -> list[str]:
    """Return how a refit differs from what was recorded."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "refit"
        fit_apart(folder)
        unlike = kernel.unlike(versions(), versions(folder))
        if unlike:
            print(f"bits are not compared: {unlike}.")
        told = []
        for name in golden_models.REFITTED:
            found = [] if unlike else file_differences(name, folder)
            told += [f"{name}: {one}" for one in found + answer_differences(name, folder, not unlike)]
        return told


def record() -> None:
    """Write models, goldens and signatures anew."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "fit"
        fit_apart(folder)
        for part in ("models", "goldens"):
            shutil.rmtree(HERE / part, ignore_errors=True)
            shutil.copytree(folder / part, HERE / part)
    signatures.record()
    size = sum(path.stat().st_size for path in HERE.rglob("*") if path.suffix != ".pyc" and path.is_file())
    source = Path(tastebridge.__file__).parent
    print(
        f"recorded {len(golden_models.CASES)} models of {source}, {size / 2**20:.1f} MB, with {versions()}."
    )
    if not can_be_exact():
        print("WARNING: the kernels could not be held, so other machines cannot make these bits again.")
    for name, case in golden_models.CASES.items():
        gap = golden_answers.closest(golden(name)["answers"], case.chances)
        if gap < RTOL:
            print(f"WARNING: two scores of {name} are {gap:.1e} apart: another processor may swap them.")


def record_refits() -> None:
    """Write anew what the models changed on purpose answer after a fit of today."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "fit"
        fit_apart(folder)
        if unlike := kernel.unlike(versions(), versions(folder)):
            raise RuntimeError(f"fits of today cannot stand next to those recorded: {unlike}.")
        shutil.rmtree(REFITS, ignore_errors=True)
        REFITS.mkdir()
        for name in golden_models.CHANGED:
            shutil.copy(folder / "goldens" / f"{name}.json", REFITS)
    print(f"recorded {len(golden_models.CHANGED)} fits of today.")


def can_be_exact() -> bool:
    """Return whether what was recorded was held to the kernels."""
    return versions()["kernel"] == kernel.CORE


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare with what was recorded")
    parser.add_argument("--refits", action="store_true", help="record the fits that were changed on purpose")
    parser.add_argument("--data", action="store_true", help="write the test data anew first")
    parser.add_argument("--into", type=Path, help="fit in this process, as it is, into a new folder")
    given = parser.parse_args()
    if given.into is not None:
        fit_into(given.into)
        return 0
    if given.check:
        told = check()
        print("\n".join(told) or "as recorded.")
        return int(bool(told))
    if given.refits:
        record_refits()
        return 0
    if given.data:
        golden_data.make_data()
    record()
    return 0


if __name__ == "__main__":
    sys.exit(main())
