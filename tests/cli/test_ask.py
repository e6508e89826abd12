"""``tastebridge ask``: answers from a pipe, the lists before and after, and errors in one line."""

import warnings

import pandas as pd
import pytest
from typer.testing import CliRunner

import tastebridge as tb
from contracts.shell import run
from tastebridge.cli import app
from tastebridge.cli.prompts import numbers
from tastebridge.datasets import make_panel


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("ask")
    panel, _ = make_panel(n_users=400, n_items=60)
    frame = panel.to_frame()[["user_id", "item_id", "category"]]
    names = frame[["item_id", "category"]].drop_duplicates()
    named = tb.Panel.from_frame(frame, item_names=names.assign(name="The " + names["item_id"]))
    tb.InterestMapper("films", n_folds=1, n_components=8).fit(named).save(path / "model")
    tb.Popularity("films").fit(panel).save(path / "popularity")
    frame.to_csv(path / "events.csv", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tb.exceptions.TastebridgeWarning)  # no source helps books
        tb.InterestMapper("all", n_folds=1, n_components=8).fit(panel).save(path / "all")
        tb.InterestMapper(["films"], n_folds=1, n_components=8).fit(panel).save(path / "one")
    return path


def typed(text, *words):
    done = CliRunner().invoke(
        app, ["ask", *map(str, words)], input=text, env={"COLUMNS": "80", "NO_COLOR": "1"}
    )
    return done.exit_code, done.stdout, done.stderr


def asked(text):
    """Return the ids in the questions shown."""
    return [line.split("(")[1].split(")")[0] for line in text.splitlines() if "Do you like" in line]


def test_answers_from_a_pipe_change_the_list_as_in_python(folder):
    code, out, err = typed("y\nno\n?\n", folder / "model", "--length", 5)
    assert (code, err) == (0, "")
    items = asked(out)
    assert len(set(items)) == 3
    model = tb.load(folder / "model")
    answers = dict(zip(items, ["liked", "not", "unknown"], strict=True))
    before, after = out.split("After")
    for text, given in ((before, {}), (after, answers)):
        for item in model.recommend_from(None, 5, answers=given)["item_id"]:
            assert f"The {item} ({item})" in text
    assert f"({items[0]})" not in after
    told = {}
    for item in items:
        assert model.questions(n=1, answers=told)["item_id"].item() == item
        told[item] = answers[item]


def test_the_history_of_a_user_counts(folder):
    frame = pd.read_csv(folder / "events.csv")
    user = frame.loc[frame["category"] == "books", "user_id"].iloc[0]
    code, out, _ = typed("?\n" * 2, folder / "model", folder / "events.csv", "--user", user, "-n", 2)
    own = frame[frame["user_id"] == user]
    model = tb.load(folder / "model")
    expected = model.questions(own, 1)["item_id"].item()
    assert code == 0
    assert asked(out)[0] == expected
    assert not set(asked(out)) & set(own["item_id"])


def test_a_wrong_word_is_asked_again_and_the_end_of_the_input_ends_the_questions(folder):
    code, out, err = typed("maybe\ny\n", folder / "model")
    assert code == 0
    assert "an answer is y, n or ?; got 'maybe'" in err
    assert "the answers ended after 1 of 3 questions" in err
    assert len(set(asked(out))) == 2
    assert "After" in out


def test_groups_are_answered_by_numbers_as_in_python(folder):
    code, out, err = typed("2 x\n2, 1\n\n9\n", folder / "model", "--groups", 6, "-n", 3, "--length", 5)
    assert code == 0
    assert err.count("an answer is numbers from 1 to 6") == 2  # a letter, and a number too large
    assert "the answers ended after 2 of 3 questions" in err
    model = tb.load(folder / "model")
    first = model.questions(n=6, kind="groups")
    answers = {name: "liked" if at < 2 else "unknown" for at, name in enumerate(first["group"])}
    second = model.questions(n=6, kind="groups", answers=answers)
    for table in (first, second):
        for row in table.to_dict("records"):
            assert ", ".join(f"The {item} ({item})" for item in row["examples"]) in out
    answers |= dict.fromkeys(second["group"], "unknown")
    after = out.split("After")[1]
    for item in model.recommend_from(None, 5, answers=answers)["item_id"]:
        assert f"The {item} ({item})" in after


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ("2 5-7 11", {2, 5, 6, 7, 11}),
        ("3,1 3", {1, 3}),
        ("4-4", {4}),
        *[(word, set()) for word in ("", "0", "?", "-", "n", "none")],
        *[(word, None) for word in ("13", "0 1", "7-5", "5-", "-5", "1-2-3", "9-13", "two", "9" * 5000, "²")],
    ],
)
def test_numbers_of_groups_are_read_with_ranges_and_none(line, places):
    assert numbers(line, 12) == places


@pytest.mark.parametrize("options", [(), ("--groups", 6)])
def test_q_ends_the_questions_and_shows_the_list(folder, options):
    code, out, err = typed("?\nq\ny\n", folder / "model", *options)
    assert code == 0
    assert "the answers ended after 1 of 3 questions" in err
    assert "After" in out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["model", "events.csv"], 2, "EVENTS and --user go together"),
        (["model", "--user", "1"], 2, "EVENTS and --user go together"),
        (["model", "events.csv", "--user", "nobody"], 1, "--user nobody is not in"),
        (["all"], 2, "recommends in 'books', 'films'. Choose one with --category."),
        (["all", "--category", "bokks"], 1, "Did you mean 'books'?"),
        (["popularity"], 2, "ask needs a model of an InterestMapper"),
    ],
)
def test_what_cannot_be_asked_is_one_line(folder, words, code, said):
    found, _, err = run(
        "ask",
        *[folder / word if "." in word or word in ("model", "popularity", "all") else word for word in words],
    )
    assert found == code
    assert said in err
    assert len(err.strip().splitlines()) == 1


def test_a_closed_input_is_an_empty_one(folder, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", None)
    app(["ask", str(folder / "model"), "--length", "2"], standalone_mode=False)
    shown = capsys.readouterr()
    assert "the answers ended after 0 of 3 questions" in shown.err
    assert "After" in shown.out


@pytest.mark.parametrize(
    ("words", "category"), [(("all", "--category", "books"), "books"), (("one",), "films")]
)
def test_a_model_of_several_targets_asks_about_one(folder, words, category):
    code, out, _ = typed("y\n", folder / words[0], *words[1:], "-n", 1, "--length", 3)
    assert code == 0
    model = tb.load(folder / words[0])
    first = model.questions(n=1, category=category)["item_id"].item()
    assert f"like {first}?" in out
    given = {"answers": {first: "liked"}, "categories": category}
    for item in model.recommend_from(None, 3, **given)["item_id"]:
        assert item in out.partition("After")[2]


def test_no_colours_are_sent_to_users_who_want_none(folder, monkeypatch):
    done = CliRunner().invoke(app, ["ask", str(folder / "no")], color=True, env={"NO_COLOR": "1"})
    assert done.stderr.startswith("error: ")
    monkeypatch.delenv("NO_COLOR", raising=False)
    done = CliRunner().invoke(app, ["ask", str(folder / "no")], color=True)
    assert done.stderr.startswith("\x1b[31m\x1b[1merror:")
