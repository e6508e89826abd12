"""The command before any command: help and version at once, and an error where the shell is not installed."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tastebridge.cli
from contracts.shell import run
from tastebridge.cli import app, application
from tastebridge.cli.front import COMMANDS, help_text
from tastebridge.cli.help_pages import stored
from tastebridge.cli.help_texts import page

HEAVY = "numpy", "scipy", "pandas", "sklearn", "pyarrow", "implicit", "typer", "rich"
WITHOUT = """
import sys
class Gone:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("typer", "rich"):
            raise ModuleNotFoundError(f"no {name}", name=name.partition(".")[0])
sys.meta_path.insert(0, Gone())
"""


def command(*words, before="", after=""):
    """Run the command in a process of its own; return its exit code, output and errors."""
    call = f"import sys\nsys.argv[1:] = {list(words)!r}\nfrom tastebridge.cli import main\nmain()"
    code = f"{before}\n{call}\n{after}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("--version",)])
def test_help_and_version_load_no_library(words):
    after = f"print([name for name in {HEAVY!r} if name in sys.modules])"
    code, text, err = command(*words, after=after)
    assert (code, err) == (0, "")
    assert text.endswith("[]\n")
    assert (tastebridge.__version__ if words == ("--version",) else "tastebridge fit events.csv") in text


def test_the_help_lists_every_command_with_its_first_line():
    known = {info.name or info.callback.__name__: info.callback for info in app.registered_commands}
    told = {name: inspect.getdoc(function).partition("\n")[0] for name, function in known.items()}
    assert told == COMMANDS
    assert all(line in help_text() for line in told.values())


def test_a_word_that_is_no_command_is_one_line_before_anything_is_loaded():
    code, text, err = command("fitt", "events.csv")
    assert (code, text) == (2, "")
    assert err == "error: there is no command 'fitt'. Did you mean 'fit'?\n"
    assert command("--fit")[0] == 2


@pytest.mark.parametrize("words", [("recommend", "--help"), ("fit", "events.csv", "-h"), ("key",)])
def test_the_help_on_a_command_loads_no_library(words):
    before = (
        "import atexit\natexit.register(lambda: print([n for n in " + repr(HEAVY) + " if n in sys.modules]))"
    )
    code, text, err = command(*words, before=before)
    assert (code, err) == (2 if len(words) == 1 else 0, "")
    assert text.startswith(f"Usage: tastebridge {words[0]} ")
    assert text.endswith("[]\n")


def test_the_stored_help_is_that_of_the_commands():
    # after a change of options: python docs/tools/help_pages.py
    for name, function in application.COMMANDS.items():
        assert stored(name) == page(function, name)
        assert run(name, "--help") == (0, stored(name), "")
    assert {path.stem for path in (Path(tastebridge.cli.__file__).parent / "help").glob("*.txt")} == set(
        COMMANDS
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("fit", "e.csv", "--taget", "x"), "tastebridge fit has no option --taget. Did you mean '--target'?"),
        (("fit", "e.csv", "--hlep"), "Did you mean '--help'?"),
        (("recommend", "m", "e", "-o", "x", "--top", "5"), "has no option --top. See tastebridge recommend"),
        (("--hepl",), "there is no option '--hepl' before a command. Did you mean '--help'?"),
        (("fit", "e.csv", "--nope"), "tastebridge fit has no option --nope. See tastebridge fit -h."),
        (("recommend", "m"), "Missing argument"),
        (("recommend", "m", "e.csv", "-o", "x.csv", "--twins", "no"), "'leave-out', 'keep'"),
    ],
)
def test_a_mistake_in_the_options_is_one_line(words, message):
    code, text, err = command(*words)
    assert (code, text) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_without_the_packages_of_the_shell_the_command_says_so():
    code, text, err = command("fit", "events.csv", before=WITHOUT)
    assert (code, text) == (1, "")
    assert "pip install 'tastebridge[shell]'" in err
    assert len(err.splitlines()) == 1


def test_the_library_works_without_the_packages_of_the_shell():
    code = (
        f"{WITHOUT}\nimport tastebridge as tb\nfrom tastebridge.datasets import make_panel\n"
        "panel, _ = make_panel(n_users=150, n_items=40)\n"
        "mapper = tb.InterestMapper('films', random_state=0, verbose=True).fit(panel)\n"
        "print(len(mapper.recommend(panel.users.ids[:2], n=3)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
    assert done.stdout.strip() == "6", done.stderr
