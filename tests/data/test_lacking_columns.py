"""A column of weights or times that only some files have: told with the file, by every reader and verb."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import tastebridge as tb
from tastebridge import read_panel
from tastebridge.batch import recommend_all
from tastebridge.cli import app
from tastebridge.data import Panel
from tastebridge.exceptions import DataWarning

WRITERS = {
    "parquet": lambda frame, path: frame.to_parquet(path, index=False),
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}
PLACES = {
    "a folder": str,
    "a pattern": lambda folder: f"{folder}/*.*",
    "a URI": lambda folder: f"file://{folder}",
}
STEPS = {"weight": "NaN weights", "timestamp": "missing times"}


def events():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        [
            (user, f"{name}{item}", name)
            for user in range(40)
            for name in ("books", "films")
            for item in rng.choice(9, 3, replace=False)
        ],
        columns=["user_id", "item_id", "category"],
    )
    frame["weight"] = rng.integers(1, 5, len(frame)).astype(float)
    frame["timestamp"] = 1_600_000_000 + rng.integers(0, 10**6, len(frame))
    return frame


def parts(folder, ending, column, first):
    """Write two parts, one without a column; return its name, the rows of the other, and its length."""
    frame = events()
    lacks, whole = (frame[:150], frame[150:]) if first else (frame[150:], frame[:150])
    names = ("0", "1") if first else ("1", "0")
    folder.mkdir()
    WRITERS[ending](lacks.drop(columns=column), folder / f"{names[0]}.{ending}")
    WRITERS[ending](whole, folder / f"{names[1]}.{ending}")
    return f"{names[0]}.{ending}", whole, len(lacks)


def told(caught, column, name, n_lost):
    messages = [str(one.message) for one in caught if issubclass(one.category, DataWarning)]
    pattern = rf"the column '{column}' is missing in 1 of 2 files, such as '[^']*{re.escape(name)}'; "
    assert sum(re.match(pattern, message) is not None for message in messages) == 1, messages
    assert any(f": {n_lost:,} with {STEPS[column]}" in message for message in messages), messages


@pytest.mark.parametrize("first", [True, False], ids=["the first lacks it", "a later one lacks it"])
@pytest.mark.parametrize("column", STEPS)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("ending", WRITERS)
def test_a_panel_leaves_out_the_rows_and_tells_the_file(tmp_path, ending, place, column, first):
    name, whole, n_lost = parts(tmp_path / "events", ending, column, first)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        panel = read_panel(PLACES[place](tmp_path / "events"))
    told(caught, column, name, n_lost)
    assert panel.cleaning.rows_in - panel.cleaning.rows_out == n_lost
    expected = Panel.from_frame(whole)
    pd.testing.assert_frame_equal(panel.to_frame(), expected.to_frame())


@pytest.mark.parametrize("ending", WRITERS)
def test_a_column_that_is_not_used_is_not_told(tmp_path, ending):
    parts(tmp_path / "events", ending, "weight", first=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        panel = read_panel(f"{tmp_path}/events/*.*", columns={"weight": None})
    assert panel.cleaning.rows_out == panel.cleaning.rows_in == len(events())


@pytest.mark.parametrize("first", [True, False], ids=["the first lacks it", "a later one lacks it"])
@pytest.mark.parametrize("column", STEPS)
@pytest.mark.parametrize("ending", WRITERS)
def test_a_batch_leaves_out_the_rows_and_tells_the_file(tmp_path, ending, column, first):
    name, whole, n_lost = parts(tmp_path / "events", ending, column, first)
    model = tb.Popularity("films").fit(events())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = recommend_all(model, f"{tmp_path}/events/*.*", tmp_path / "out.parquet", n=3)
    told(caught, column, name, n_lost)
    assert report.account.events == len(events())
    expected = model.recommend_from(whole, n=3)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet")[[*expected]], expected)


@pytest.mark.parametrize("ending", WRITERS)
def test_a_fit_at_the_command_line_tells_the_file(tmp_path, ending):
    _, _, n_lost = parts(tmp_path / "events", ending, "timestamp", first=True)
    words = ["fit", f"{tmp_path}/events/*.*", "-t", "films", "-o", str(tmp_path / "model")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    shown = " ".join(done.output.split())
    assert "the column 'timestamp' is missing in 1 of 2 files" in shown
    assert f"{n_lost:,} with missing times" in shown
