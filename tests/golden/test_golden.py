from pathlib import Path

import golden_answers
import golden_files
import golden_models
import kernel
import make_goldens
import pytest
from golden_models import CASES, CHANGED, MODELS, REFITTED, SAVED

WRITERS = ("pandas", "pyarrow", "safetensors")
"""Whose versions decide in which bytes the same content is written."""


def told(name: str, found: list[str]) -> str:
    return f"{name} is not what was recorded:\n" + "\n".join(found[:20])


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_model_loads_and_answers_as_recorded(name):
    answers = golden_answers.to_json(golden_models.ask(name, golden_models.load(name)))
    recorded = make_goldens.golden(name)["answers"]
    found = golden_answers.differences(recorded, answers, make_goldens.rtol_of(name))
    assert not found, told(name, found)


@pytest.mark.parametrize("name", [name for name in SAVED if "key" not in CASES[name].save])
def test_a_loaded_model_is_saved_as_it_was(name, tmp_path):
    recorded, here = make_goldens.versions(), kernel.versions()
    golden_models.load(name).save(tmp_path / name, **CASES[name].save)
    same = all(recorded[one] == here[one] for one in WRITERS)
    found = golden_files.differences(MODELS / name, tmp_path / name, bytewise=same)
    assert not found, told(name, found)
    assert (tmp_path / name / golden_files.CARD).exists()


@pytest.mark.parametrize("name", [name for name in SAVED if "key" in CASES[name].save])
def test_an_encrypted_model_opens_to_what_was_sealed(name, tmp_path):
    loaded = golden_models.load(name)
    loaded.save(tmp_path / "open")
    bare = golden_files.differences(MODELS / CASES[name].plain, tmp_path / "open", bytewise=False)
    assert not bare, told(name, bare)
    loaded.save(tmp_path / "sealed", **CASES[name].save)
    assert not [
        path for path in (tmp_path / "sealed").iterdir() if path.suffix in (".parquet", ".safetensors")
    ]
    golden_models.find("load")(tmp_path / "sealed", **CASES[name].key).save(tmp_path / "again")
    again = golden_files.differences(tmp_path / "open", tmp_path / "again")
    assert not again, told(name, again)


@pytest.fixture(scope="module")
def refit(tmp_path_factory) -> Path:
    """All models fitted anew, in one process held to the kernels of those recorded."""
    folder = tmp_path_factory.mktemp("goldens") / "refit"
    make_goldens.fit_apart(folder)
    return folder


def unlike(folder: Path) -> str:
    return kernel.unlike(make_goldens.versions(), make_goldens.versions(folder))


def test_the_refit_is_held_to_the_kernels(refit):
    if not kernel.can_be_held():
        pytest.skip("this processor lacks the kernels of those recorded: AVX2 on x86-64.")
    used = make_goldens.versions(refit)["kernel"]
    if "no OpenBLAS" in used:
        pytest.skip("numpy and scipy do not compute with OpenBLAS here.")
    assert used == kernel.CORE


@pytest.mark.parametrize("name", [name for name in REFITTED if CASES[name].saved])
def test_a_refit_writes_the_same_bits(refit, name):
    if differing := unlike(refit):
        pytest.skip(f"bits can be compared among equals only: {differing}.")
    found = make_goldens.file_differences(name, refit)
    assert not found, told(name, found)


@pytest.mark.parametrize("name", REFITTED)
def test_a_refit_answers_as_recorded(refit, name):
    found = make_goldens.answer_differences(name, refit, exact=not unlike(refit))
    assert not found, told(name, found)


def test_every_fit_changed_on_purpose_is_recorded_anew():
    assert {path.stem for path in make_goldens.REFITS.glob("*.json")} == set(CHANGED)
    assert set(CHANGED) <= set(REFITTED)
    for name in CHANGED:
        assert make_goldens.refit_golden(name)["answers"] != make_goldens.golden(name)["answers"], name
