"""``tastebridge ask`` in a terminal: keys that end it, wrong answers, narrow screens, names that steer it."""

import json
import re

import pytest

pytest.importorskip("pty", reason="there are no pseudo-terminals here")

import tastebridge as tb
from contracts.terminal import CTRL_C, CTRL_D, pressed
from tastebridge.datasets import make_panel

WIDE = "千と千尋の神隠し 🎬"
CLEAR = "\x1b[2J\x1b]0;title\x07"
"""A sequence that clears the screen and renames the window."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("terminal")
    panel, _ = make_panel(n_users=300, n_items=40)
    frame = panel.to_frame()[["user_id", "item_id", "category"]]
    frame["item_id"] = CLEAR + frame["item_id"]
    names = frame[["item_id", "category"]].drop_duplicates().assign(name=WIDE)
    named = tb.Panel.from_frame(frame, item_names=names)
    tb.InterestMapper("films", n_folds=1, n_components=8).fit(named).save(path / "model")
    return path


def clean(text):
    """Check that a text has no traceback, and nothing that steers a terminal but bold letters."""
    assert "Traceback" not in text
    text = re.sub(r"\x1b\[[01]?m", "", text)
    assert "\x1b" not in text
    return text


@pytest.mark.parametrize("options", [(), ("--groups", 4)])
def test_ctrl_c_ends_with_code_130_and_says_what_was_answered(folder, options):
    steps = [("like", "1\n" if options else "y\n"), ("2/3", CTRL_C)]
    summary = folder / "summary.json"
    code, text = pressed(steps, "ask", folder / "model", *options, "--summary", summary)
    assert code == 130
    last = clean(text).splitlines()[-2:]
    assert last[0].startswith("note: answers so far: 1 liked (")
    assert last[1] == "error: stopped before the end."
    assert "After" not in text
    found = json.loads(summary.read_text())
    assert found["exit_code"] == 130
    assert [word for word in found["answers"].values() if word != "unknown"] == ["liked"]


def test_ctrl_c_at_the_first_question_has_no_answers_to_show(folder):
    code, text = pressed([("1/3", CTRL_C)], "ask", folder / "model")
    assert code == 130
    assert "answers so far: none." in clean(text)


def test_ctrl_d_ends_the_questions_and_shows_the_list(folder):
    code, text = pressed([("like", "y\n"), ("2/3", CTRL_D)], "ask", folder / "model")
    assert code == 0
    assert "\nnote: the answers ended after 1 of 3 questions.\nAfter" in clean(text)


def test_wrong_and_empty_lines_in_forty_columns(folder):
    steps = [
        ("1/3", "Perhaps\n"),
        ("1/3", b"\xff\x1b[A\n"),  # no UTF-8, and the key that goes up
        ("1/3", f"y{CTRL_D}{CTRL_D}"),  # the end of the input after a letter: the letter counts
        ("2/3", "\n"),
        ("3/3", "NO\n"),
    ]
    code, text = pressed(steps, "ask", folder / "model", "--length", 3, columns=40)
    assert code == 0
    # the terminal itself shows the key as ^[[A, and the note as Python does
    before, _, after = clean(text).partition("After")
    assert "\nnote: an answer is y, n or ?; got 'Perhaps'." in before
    assert "got '\\\\xff\\x1b[A'." in before
    for part in (before.partition("1/3")[0], after):
        rows = [line for line in part.splitlines() if line.strip()]
        assert any("千と千尋" in line for line in rows)
        # a wide letter takes two columns
        assert max(sum(1 + (ord(one) > 0x2E80) for one in line.rstrip()) for line in rows) <= 40
    assert "\n2/3" in text  # the next question has a line of its own


def test_with_the_lists_sent_to_a_file_the_questions_stay_in_the_terminal(folder):
    lists = folder / "lists.txt"
    with lists.open("w") as out:
        steps = [("1/2", "4\n"), ("2/2", "\n")]
        code, text = pressed(steps, "ask", folder / "model", "--groups", 4, "-n", 2, stdout=out)
    assert code == 0
    assert "Before" not in clean(text)
    assert "   4  " in text
    assert {"Before", "After"} <= set(clean(lists.read_text()).split())
    assert "like" not in lists.read_text()


def test_letters_that_a_terminal_lacks_are_escaped(folder):
    latin = {"PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}
    code, text = pressed([("1/1", "y\n")], "ask", folder / "model", "-n", 1, **latin)
    assert code == 0
    assert "\\u5343\\u3068" in clean(text)
