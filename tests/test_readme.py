import doctest
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tastebridge.cli import app

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"


def test_the_quick_start_runs_as_written():
    failed, tried = doctest.testfile(
        str(README), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert tried >= 6
    assert failed == 0


def _commands():
    lines = [
        line
        for block in re.findall(r"```\n(.*?)```", README.read_text(), re.S)
        for line in block.splitlines()
    ]
    return [line.partition("#")[0].strip() for line in lines if line.startswith("tastebridge ")]


@pytest.mark.parametrize("line", _commands())
def test_the_commands_exist_with_the_options_named(line):
    _, command, *words = shlex.split(line)
    done = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    for option in [word for word in words if word.startswith("-")]:
        assert option in done.stdout


def test_the_results_stand_between_their_markers():
    text = README.read_text()
    found = re.search(r"<!-- table:headline -->\n(.+?)\n<!-- /table -->", text, re.S)
    assert found
    assert text.count("<!-- table:headline -->") == 1


def test_the_commands_of_readme_and_continuous_integration_are_the_same():
    script = (ROOT / ".ci" / "run").read_text()
    for command in ("pip install '.[test]'", "pytest", "tastebridge demo"):
        assert command in README.read_text()
        assert command in script
