"""``python -m tastebridge`` is the command."""

import subprocess
import sys

import pytest

from tastebridge._foundation.version import __version__
from tastebridge.cli.front import help_text


def as_module(*words):
    return subprocess.run(
        [sys.executable, "-m", "tastebridge", *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", [(), ("--help",)])
def test_it_shows_the_help(words):
    done = as_module(*words)
    assert (done.returncode, done.stdout, done.stderr) == (0, help_text(), "")


def test_it_shows_the_version():
    assert as_module("--version").stdout == f"tastebridge {__version__}\n"


def test_it_runs_a_command_and_its_exit_code_is_kept(tmp_path):
    done = as_module("key", "-o", tmp_path / "my.key")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "my.key").read_text().startswith("tastebridge-key-1:")
    missing = as_module("report", tmp_path / "none", "-o", tmp_path / "r.html")
    assert missing.returncode == 1
    assert missing.stderr.startswith("error: ")
    assert as_module("reprot").returncode == 2
