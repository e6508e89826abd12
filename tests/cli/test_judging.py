"""Weights and finished recommendations on the command line."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from contracts.shell import run
from tastebridge.datasets import make_panel


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("judging")
    frame = make_panel(150, 40, ("books", "films"), events_per_user=8)[0].to_frame()
    frame.to_csv(path / "events.csv", index=False)
    rng = np.random.default_rng(0)
    stars = frame.drop(columns="weight").assign(stars=rng.integers(1, 6, len(frame)))
    stars.to_csv(path / "stars.csv", index=False)
    return path


def test_another_system_is_judged_on_the_same_split(folder, tmp_path):
    events = folder / "events.csv"
    code, text, _ = run("evaluate", events, "-t", "films", "--write-split", tmp_path / "split")
    assert code == 0
    assert "events to learn from" in text
    train = pd.read_parquet(tmp_path / "split" / "train.parquet")
    users = pd.read_parquet(tmp_path / "split" / "users.parquet")["user_id"]
    assert not set(train.loc[train["category"] == "films", "user_id"]) & set(users)
    popular = tb.Popularity("films").fit(train).recommend(list(users), n=10)
    popular.iloc[10:].to_csv(tmp_path / "theirs.csv", index=False)
    out = tmp_path / "figures.csv"
    words = ("--recommendations", f"other={tmp_path / 'theirs.csv'}", "-m", "ndcg@10", "-m", "coverage@10")
    code, text, err = run("evaluate", events, "-t", "films", *words, "-o", out)
    assert code == 0
    assert "users without a row: 1" in " ".join(err.split())
    table = pd.read_csv(out).set_index(["model", "metric"])
    assert ("tastebridge", "coverage@10") in table.index
    other = table.loc[("other", "ndcg@10")]
    assert other["n_users"] == len(users)
    # the list of one user is missing, all others are those of popularity
    assert other["difference"] <= 0
    assert "other" in text
    assert "COVERAGE@10" in text
    assert "nan" not in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--recommendations", "nowhere.parquet"), "there is no file"),
        (("--recommendations", "popularity={}/stars.csv"), "is taken"),
        (("--recommendations", "a={}/stars.csv", "--recommendations", "a={}/stars.csv"), "is taken"),
        (
            ("--recommendations", "{}/stars.csv", "--feedback", "explicit"),
            "no effect with --feedback explicit",
        ),
        (("--weighting", "log", "--feedback", "explicit"), "no effect with --feedback explicit"),
        (("--write-split", "{}"), "an empty folder"),
    ],
)
def test_what_cannot_be_judged_is_said_before_any_work(folder, words, said):
    code, _, err = run(
        "evaluate", folder / "stars.csv", "-t", "films", *(word.format(folder) for word in words)
    )
    assert code != 0
    assert said in " ".join(err.split())


def test_what_becomes_of_weights_is_said_in_one_line(folder, tmp_path):
    code, text, _ = run("fit", folder / "stars.csv", "-t", "films", "-o", tmp_path / "chosen")
    flat = " ".join(text.split())
    assert code == 0
    assert "the weights in 'stars' look like ratings from 1 to 5" in flat
    scheme = tb.load(tmp_path / "chosen").weighting_.scheme
    assert ("Weights are ignored, all events count equally: log, bm25, none were tried" in flat) == (
        scheme == "binary"
    )
    code, text, _ = run(
        "fit", folder / "stars.csv", "-t", "films", "-o", tmp_path / "log", "--weighting", "log"
    )
    assert code == 0
    assert "Weights: log (the logarithm of 1 + weight), by --weighting." in " ".join(text.split())
    assert tb.load(tmp_path / "log").weighting_.scheme == "log"
    words = ("-o", tmp_path / "quick", "--time-budget", 5)
    code, text, _ = run("fit", folder / "stars.csv", "-t", "films", *words)
    assert code == 0
    assert "a choice is not part of a --time-budget" in " ".join(text.split())


def test_equal_weights_are_not_spoken_of(folder, tmp_path):
    code, text, _ = run("fit", folder / "events.csv", "-t", "films", "-o", tmp_path / "model")
    assert code == 0
    assert "Weights" not in text
    assert "ratings" not in text
    words = ("-o", tmp_path / "other", "--weighting", "bm25")
    code, text, _ = run("fit", folder / "events.csv", "-t", "films", *words)
    assert code == 0
    assert "All weights are equal" in text
