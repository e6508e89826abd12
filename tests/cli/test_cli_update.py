"""``update`` and ``forget`` from a shell do what the library does, and say it."""

import pandas as pd
import pytest

import tastebridge as tb
from contracts.shell import run
from tastebridge.datasets import make_panel
from tastebridge.persist import fingerprint


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("live")
    frame = make_panel(150, 40, events_per_user=8)[0].to_frame()
    late = frame["user_id"] % 5 == 0
    frame[~late].to_csv(path / "early.csv", index=False)
    frame[late].to_csv(path / "late.csv", index=False)
    pd.DataFrame({"user_id": [1, 2, 3]}).to_csv(path / "people.csv", index=False)
    done = run("fit", path / "early.csv", "-t", "films", "-o", path / "model", "--updatable")
    assert done[0] == 0
    return path


def test_update_and_forget_without_people(folder):
    expected = tb.load(folder / "model").update(tb.read_panel(folder / "late.csv"))
    code, out, err = run("update", folder / "model", folder / "late.csv", "-o", folder / "new")
    assert (code, err) == (0, "")
    assert "users added or updated" in out
    assert "too few events" in out or "refit" in out
    assert fingerprint(tb.load(folder / "new")) == fingerprint(expected)
    words = ["forget", folder / "new", folder / "people.csv", "-o", folder / "new"]
    code, out, err = run(*words, "--before", folder / "early.csv")
    assert (code, err) == (0, "")
    assert "3 users forgotten" in out
    assert "Still dependent on their data" in out
    expected.forget([1, 2, 3], before=tb.read_panel(folder / "early.csv"))
    assert fingerprint(tb.load(folder / "new")) == fingerprint(expected)


def test_forget_reads_a_table_as_fit_does(folder, tmp_path):
    renamed = {"user_id": "buyer", "item_id": "bought"}
    pd.read_csv(folder / "early.csv").rename(columns=renamed).to_csv(tmp_path / "early.csv", index=False)
    for output, before, words in [
        ("a", folder / "early.csv", []),
        ("b", tmp_path / "early.csv", ["--user-column", "buyer", "--item-column", "bought"]),
    ]:
        given = [folder / "model", folder / "people.csv", "-o", tmp_path / output, "--before", before]
        assert run("forget", *given, *words)[0] == 0
    assert fingerprint(tb.load(tmp_path / "a")) == fingerprint(tb.load(tmp_path / "b"))


def test_what_cannot_be_is_one_line(folder, tmp_path):
    code, _, err = run("forget", folder / "model", folder / "people.csv", "-o", tmp_path / "new")
    assert code == 1
    assert "before" in err
    tb.Popularity("films").fit(tb.read_panel(folder / "early.csv")).save(tmp_path / "popular")
    code, _, err = run("update", tmp_path / "popular", folder / "late.csv", "-o", tmp_path / "new")
    assert code == 2
    assert "cannot be changed without a refit" in err
    code, _, err = run("forget", folder / "model", folder / "nobody.csv", "-o", tmp_path / "new")
    assert code == 1
    assert "nobody.csv" in err
