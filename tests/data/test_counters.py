"""Times that count days or weeks from the start of a study."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from contracts.shell import run
from tastebridge import Panel, read_panel
from tastebridge.batch.source import Source
from tastebridge.batch.spreading import Spread
from tastebridge.data.time_evidence import SECONDS
from tastebridge.data.times import seconds as to_seconds
from tastebridge.data.weighting_schemes import decay
from tastebridge.exceptions import InvalidDataError, InvalidParameterError

DAY = 86_400.0


def frame(name, times):
    rows = len(times)
    return pd.DataFrame(
        {
            "household_key": np.arange(rows) % 7,
            "PRODUCT_ID": [f"p{at}" for at in range(rows)],
            "DEPARTMENT": ["GROCERY", "DELI"] * (rows // 2),
            name: times,
        }
    )


def times_of(panel):
    return np.sort(np.concatenate([panel[name].times for name in panel.categories]))


def columns(name):
    return {"user_id": "household_key", "item_id": "PRODUCT_ID", "category": "DEPARTMENT", "timestamp": name}


@pytest.mark.parametrize(
    ("name", "times", "seconds"),
    [
        ("DAY", [1, 2, 711, 300], DAY),
        ("day", [16_000, 16_500, 17_000, 20_000], DAY),  # days since 1970
        ("DAY", [-3, 2, 711, -300], DAY),  # before the start of the study
        ("WEEK_NO", [1, 102, 7, 8], 7 * DAY),
        ("transaction_day:float", [1.0, 2.0, 3.0, 4.0], DAY),
        ("timestamp", [1, 2, 711, 300], 1),
        ("step", [1, 2, 711, 300], 1),
        ("day", [1_500_000_000, 1_500_000_001, 1_500_000_002, 1_500_000_003], 1),
        ("day", [0.25, 2, 3, 4], 1),  # a part of a day is no counter
    ],
)
def test_counters_are_read_in_the_unit_of_their_name_by_every_reader(tmp_path, name, times, seconds):
    table = frame(name, times)
    table.to_csv(tmp_path / "e.csv", index=False)
    table.to_parquet(tmp_path / "e.parquet", index=False)
    expected = np.sort(np.array(times) * seconds)
    for source in (tmp_path / "e.csv", tmp_path / "e.parquet", table, pl.from_pandas(table)):
        panel = read_panel(source, columns=columns(name))
        np.testing.assert_array_equal(times_of(panel), expected)
    for made in (table, pl.from_pandas(table), pa.Table.from_pandas(table)):
        np.testing.assert_array_equal(times_of(Panel.from_frame(made, columns=columns(name))), expected)
    for file in ("e.csv", "e.parquet"):
        opened = Source.open(tmp_path / file, columns(name))
        spread = Spread.of(opened, 200_000)
        pieces = [spread.in_seconds(table)["timestamp"] for table in opened.read(["timestamp"])]
        read = np.concatenate([to_seconds(piece, reading=SECONDS) for piece in pieces])
        np.testing.assert_array_equal(np.sort(read), expected)


def test_days_written_in_digits_stay_dates(tmp_path):
    frame("day", [20150731, 20150801, 20151231, 20160101]).to_csv(tmp_path / "e.csv", index=False)
    panel = read_panel(tmp_path / "e.csv", columns=columns("day"))
    assert times_of(panel)[0] == pd.Timestamp("2015-07-31").timestamp()


def test_the_overview_names_the_unit_and_its_reason(tmp_path):
    for name, told in (
        ("DAY", "timestamp in days (4 rows), by the name of the column"),
        ("t", "timestamp in seconds (4 rows), all within 0.2 hours of 1970-01-01: name their unit"),
    ):
        frame(name, [1, 2, 711, 300]).to_csv(tmp_path / "e.csv", index=False)
        notes = read_panel(tmp_path / "e.csv", columns=columns(name)).cleaning.notes
        assert any(note.startswith(told) for note in notes), notes


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("days", DAY), ("weeks", 7 * DAY), ("hours", 3600.0), ("months", 365 / 12 * DAY), ("seconds", 1.0)],
)
def test_a_unit_that_is_given_decides(tmp_path, unit, seconds):
    times = [1, 2, 711, 300]
    table = frame("DAY", times)
    table.to_csv(tmp_path / "e.csv", index=False)
    for source in (tmp_path / "e.csv", table):
        panel = read_panel(source, columns=columns("DAY"), time_unit=unit)
        np.testing.assert_allclose(times_of(panel), np.sort(np.array(times) * seconds), rtol=1e-15)
        assert any(f"timestamp in {unit} (4 rows), as asked" in note for note in panel.cleaning.notes)


def test_a_unit_of_dates_or_of_no_kind_is_refused(tmp_path):
    frame("date", ["2020-01-01"] * 4).to_csv(tmp_path / "e.csv", index=False)
    with pytest.raises(InvalidDataError, match="time_unit='days' is for times that are numbers"):
        read_panel(tmp_path / "e.csv", columns=columns("date"), time_unit="days")
    with pytest.raises(InvalidParameterError, match="time_unit"):
        read_panel(tmp_path / "e.csv", columns=columns("date"), time_unit="fortnights")
    words = [
        "--user-column",
        "household_key",
        "--item-column",
        "PRODUCT_ID",
        "--category-column",
        "DEPARTMENT",
    ]
    asked = ["-t", "DELI", "-o", tmp_path / "m", "--time-unit", "days", *words]
    code, _, errors = run("fit", tmp_path / "e.csv", *asked)
    assert code == 1
    assert "--time-unit" in errors


def test_a_half_life_in_days_counts_days():
    panel = Panel.from_frame(frame("DAY", list(range(1, 701))), columns=columns("DAY"))
    times = panel["DELI"].times
    weights = decay(times, times.max(), 100.0)
    assert weights.max() == 1
    assert weights.min() == pytest.approx(0.5 ** (698 / 100))


def test_no_number_is_guessed_at_once_its_unit_is_given(tmp_path):
    times = [20150731, 20150801, 20151231, 20160101]  # seconds of August 1970, and dates if one guessed
    table = frame("t", times)
    table.to_csv(tmp_path / "e.csv", index=False)
    table.to_parquet(tmp_path / "e.parquet", index=False)
    for source in (tmp_path / "e.csv", tmp_path / "e.parquet", table, pl.from_pandas(table)):
        panel = read_panel(source, columns=columns("t"), time_unit="seconds")
        np.testing.assert_array_equal(times_of(panel), times)
    fractions = frame("t", [0.5, 1.25, 2.0, 1e9 + 0.125])
    panel = read_panel(fractions, columns=columns("t"), time_unit="seconds")
    np.testing.assert_array_equal(times_of(panel), fractions["t"])


@pytest.mark.parametrize("unit", ["days", "months", "weeks"])
def test_days_of_another_calendar_are_not_taken_for_milliseconds(unit):
    julian = frame("t", [2_457_235, 2_457_236, 2_457_300, 2_457_400])  # in 2015, counted from 4713 BC
    with pytest.raises(InvalidDataError, match="every timestamp is missing or is a placeholder"):
        read_panel(julian, columns=columns("t"), time_unit=unit)
