"""Names of categories, items and files are data: the terminal shows them and never obeys them."""

import io
import warnings

import pandas as pd
import pytest
from rich.console import Console
from rich.progress import Progress

import tastebridge as tb
from contracts.shell import run
from tastebridge._foundation import progress
from tastebridge._foundation.printable import printable
from tastebridge.cli.screen import Screen, plain_table
from tastebridge.datasets import make_panel

STEERING = set("\x1b\x9b\u202e\r")
HOSTILE = [
    "[/sale]",
    "music [new]",
    "[bold]x[/bold]",
    "a\x1b[2Jb",
    "x\x9b2Jy",
    "\u202enp.exe",
    ":smile:",
    "a\rb",
]


@pytest.fixture(scope="module")
def frame():
    found = make_panel(n_users=60, n_items=20)[0].to_frame()
    return found.assign(category=found["category"].astype(str))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_fit_and_recommendations_show_the_name_as_it_is(frame, tmp_path, name):
    events = tmp_path / "events.parquet"
    frame.assign(category=frame["category"].replace("films", name)).to_parquet(events)
    code, out, err = run("fit", events, "-t", name, "-o", tmp_path / "out[/x]")
    assert code == 0, err
    assert not STEERING & set(out + err)
    assert printable(name) in out
    words = ("recommend", tmp_path / "out[/x]", events, "-o", tmp_path / "o.csv", "--memory", "8GB")
    code, out, err = run(*words)
    assert code == 0, err
    assert not STEERING & set(out + err)
    card = (tmp_path / "out[/x]" / "README.md").read_text(encoding="utf-8")
    assert not STEERING & set(card)
    code, out, err = run(*words, "--category", name)
    assert not STEERING & set(out + err)


def test_markup_in_a_card_is_text(frame, tmp_path):
    named = frame.assign(category=frame["category"].replace("films", "<img src=x>|"))
    tb.Popularity("<img src=x>|").fit(named).save(tmp_path / "model")
    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert "<img" not in card
    assert "&lt;img src=x>\\|" in card


def test_printable_keeps_what_people_write():
    for text in ("Ärger – naïve", "日本語", "a\u200db", "👩\u200d🚀", "عربي", "line\nline\tx"):
        assert printable(text) == text
    for text in ("\x1b", "\x07", "\x9b", "\u202e", "\u2028", "\ud800", "\x7f"):
        assert printable(text).isascii()
        assert printable(text).isprintable()


@pytest.mark.parametrize("name", HOSTILE)
def test_every_string_of_a_table_is_shown_as_it_is(name):
    out = Screen()
    out.file, out.width = io.StringIO(), 200
    table = plain_table(name, [name, name], name)
    table.add_row(name, name)
    out.print(table)
    out.print(f"in {name}.", style="cyan")
    assert out.file.getvalue().count(printable(name)) == 7
    assert not STEERING & set(out.file.getvalue())


def test_a_progress_bar_shows_the_name_as_it_is(monkeypatch):
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=200, color_system=None)

    class Bar(Progress):
        def __init__(self, *columns, **options):
            super().__init__(*columns, console=console, auto_refresh=False)

        def update(self, *given, **named):
            super().update(*given, **named)
            self.refresh()

    monkeypatch.setattr("rich.progress.Progress", Bar)
    with progress.steps("Fitting", len(HOSTILE), True) as step:
        for name in HOSTILE:
            step(name)
    assert [name for name in HOSTILE if printable(name) not in shown.getvalue()] == []
    assert [name for name in ("a\x1b[2J", "x\x9b", "\u202e", "a\rb") if name in shown.getvalue()] == []


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_ids_come_back_as_they_were_whatever_they_hold(tmp_path, ending):
    odd = ["\r", "\n", "\r\n", '"', ",", "=HYPERLINK(1)", "</script>", "\x1b[2J", " ", "'", "\t", ";", "é\r"]
    frame = make_panel(n_users=40, n_items=60)[0].to_frame()
    frame["user_id"] = [f"{odd[user % len(odd)]}u{user}" for user in frame["user_id"]]
    frame["item_id"] = [f"{item}{odd[int(item[-2:]) % len(odd)]}" for item in frame["item_id"]]
    frame.to_parquet(tmp_path / "events.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = tb.Popularity("films").fit(frame)
    model.save(tmp_path / "model")
    out = tmp_path / f"out.{ending}"
    code, _, err = run("recommend", tmp_path / "model", tmp_path / "events.parquet", "-o", out, "-n", 3)
    assert code == 0, err
    read = pd.read_parquet(out) if ending == "parquet" else pd.read_csv(out, lineterminator="\n")
    expected = model.recommend_from(frame, 3)
    assert read["user_id"].tolist() == expected["user_id"].tolist()
    assert read["item_id"].tolist() == expected["item_id"].tolist()
    if ending == "csv":
        again = pd.read_csv(out)
        assert again["user_id"].tolist() == expected["user_id"].tolist()
