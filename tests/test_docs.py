"""The documentation site: every public name is on it, and every example and command on it runs."""

import doctest
import importlib
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tastebridge.cli import app

ROOT = Path(__file__).parent.parent
PAGES = ROOT / "docs" / "pages"
WINGS = """baselines batch data datasets evaluation exceptions factors features maps metrics moments plots
privacy privacy.federated report routes spark splits testing"""
PUBLIC = ["tastebridge", *(f"tastebridge.{name}" for name in WINGS.split())]


def _names(module):
    found = importlib.import_module(module)
    listed = getattr(found, "__all__", None)
    if listed is None:  # exceptions.py is nothing but its classes
        listed = [name for name, thing in vars(found).items() if getattr(thing, "__module__", "") == module]
    return listed


def _documented():
    """Return the last parts of all entries of the reference, and the objects they lead to."""
    entries = re.findall(
        r"^::: (\S+)", "\n".join(path.read_text() for path in (PAGES / "api").glob("*.md")), re.M
    )
    return set(entries)


def _object(path):
    module, name = path.rsplit(".", 1)
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError:
        return getattr(_object(module), name)


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_in_the_reference(module):
    # a name may be listed by several modules; one entry that leads to the same object is enough
    entries = _documented()
    last = {entry.rsplit(".", 1)[-1]: entry for entry in entries}
    for name in _names(module):
        assert name in last, f"{module}.{name} is missing: add '::: {module}.{name}' to docs/pages/api"
        assert f"{module}.{name}" in entries or _object(last[name]) is _object(f"{module}.{name}")


def test_every_entry_of_the_reference_exists():
    for entry in _documented():
        assert _object(entry) is not None


def _pages(mark):
    return [path for path in sorted(PAGES.rglob("*.md")) if mark in path.read_text()]


@pytest.mark.parametrize("page", _pages(">>>"), ids=lambda page: page.stem)
def test_examples_run_as_written(page):
    failed, tried = doctest.testfile(
        str(page), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert tried > 0
    assert failed == 0


def _commands():
    blocks = [
        block for page in _pages("```\n") for block in re.findall(r"```\n(.*?)```", page.read_text(), re.S)
    ]
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if re.match(r"tastebridge [a-z]", line)})


@pytest.mark.parametrize("line", _commands())
def test_commands_exist_with_the_options_named(line):
    _, command, *words = shlex.split(line)
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    for option in [word for word in words if word.startswith("-")]:
        assert option in done.stdout


def test_the_tutorial_is_one_of_the_pages_that_run():
    assert PAGES / "tutorial.md" in _pages(">>>")


def test_the_glossary_has_thirty_terms_each_with_a_source():
    text = (PAGES / "glossary.md").read_text()
    terms = re.findall(r"^\*\*.+?\*\*\n:   (.+?)(?=\n\*\*|\Z)", text, re.M | re.S)
    assert len(terms) >= 30
    assert [term for term in terms if not re.search(r"\*[^*]*\d{4}[^*]*\*|\*[^*]*\(1922\)", term)] == []
    names = re.findall(r"^\*\*(.+?)\*\*$", text, re.M)
    assert names == sorted(names, key=lambda name: name.lower().replace("-", " "))


def test_pages_and_navigation_agree():
    listed = set(re.findall(r"[\w/]+\.md", (ROOT / "docs" / "mkdocs.yml").read_text()))
    made = {"benchmarks.md", "changelog.md"}  # by docs/tools/pages.py
    assert listed - made == {str(path.relative_to(PAGES)) for path in PAGES.rglob("*.md")}


def test_the_readme_is_short():
    prose = re.sub(r"<!-- table.*?/table -->", "", (ROOT / "README.md").read_text(), flags=re.S)
    assert len((ROOT / "README.md").read_text().split()) <= 1300, len(prose.split())


def test_a_citation_has_the_version_of_the_package():
    version = importlib.import_module("tastebridge").__version__
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()


def test_pre_commit_calls_what_continuous_integration_calls():
    script = [line.strip() for line in (ROOT / ".ci" / "run").read_text().splitlines()]
    entries = re.findall(r"entry: (.+?), ", (ROOT / ".pre-commit-config.yaml").read_text())
    assert len(entries) >= 5
    assert [entry for entry in entries if entry not in script] == []


def test_contributing_shows_every_row_of_the_layers():
    layers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0][
        "layers"
    ]
    house = re.findall(
        r"^\| *(\d*) *\| `([\w.]+?)(?:/|\.py)?` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.M
    )
    rows: list[set[str]] = []
    for number, name in house:
        if number:
            assert int(number) == len(rows) + 1
            rows.append(set())
        rows[-1].add(name)
    assert rows == [set(row.split(" | ")) for row in layers]


@pytest.mark.parametrize(("version", "message"), [("one", "MAJOR.MINOR.PATCH"), ("0.0.1", "release: ")])
def test_a_release_that_is_not_ready_is_refused(version, message):
    done = subprocess.run([ROOT / ".ci" / "release", version], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert message in done.stderr
