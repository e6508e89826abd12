"""Times of any kind as seconds: each value by itself, placeholders told apart."""

import math
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tastebridge.data import CleaningPolicy, Panel
from tastebridge.data.times import seconds
from tastebridge.exceptions import InvalidDataError, TastebridgeWarning

MOMENTS = st.datetimes(datetime(1973, 4, 1), datetime(2098, 1, 1))
ZONES = st.integers(-14 * 60, 14 * 60)


@given(
    MOMENTS, ZONES, st.sampled_from(["T", " "]), st.sampled_from(["seconds", "milliseconds", "microseconds"])
)
@settings(max_examples=200, deadline=None)
def test_iso_text_is_read_as_python_reads_it(moment, minutes, between, spec):
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    text = aware.isoformat(between, spec)
    exact = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    assert seconds(pa.array([text])).tolist() == [exact / timedelta(seconds=1)]


@given(st.lists(MOMENTS, min_size=1, max_size=9), st.sampled_from([1, 10**3, 10**6, 10**9]))
@settings(max_examples=100, deadline=None)
def test_numbers_of_every_unit_are_the_same_seconds(moments, per_second):
    whole = [int(moment.replace(tzinfo=UTC, microsecond=0).timestamp()) for moment in moments]
    expected = [math.inf if moment == 2**31 - 1 else moment for moment in whole]  # a placeholder for never
    assert seconds(pd.Series([moment * per_second for moment in whole])).tolist() == expected


@given(st.lists(st.dates(datetime(1971, 1, 1).date(), datetime(2098, 1, 1).date()), min_size=1, max_size=9))
@settings(max_examples=100, deadline=None)
def test_dates_in_digits_are_dates(days):
    right = [(day - datetime(1970, 1, 1).date()).days * 86_400.0 for day in days]
    numbers = [int(day.strftime("%Y%m%d")) for day in days]
    assert seconds(pd.Series(numbers)).tolist() == right
    assert seconds(pd.Series([str(number) for number in numbers])).tolist() == right
    assert seconds(pd.Series([number * 10**6 for number in numbers])).tolist() == right


@pytest.mark.parametrize(
    "value",
    [
        "9999-12-31",
        "9999-12-31 23:59:59",
        "0001-01-01",
        "1900-01-01",
        "1899-12-30",
        "0000-00-00",
        "2099-12-31",
    ],
)
def test_a_placeholder_moves_no_other_time(value):
    frame = pd.DataFrame({"user_id": [1, 2, 3], "item_id": "a", "category": "x",
                          "timestamp": ["2015-01-01", value, "2016-01-01"]})  # fmt: skip
    with pytest.warns(TastebridgeWarning, match="1 with impossible times"):
        panel = Panel.from_frame(frame)
    assert panel.last_time == datetime(2016, 1, 1, tzinfo=UTC).timestamp()
    assert panel.users.ids.tolist() == [1, 3]
    with pytest.raises(InvalidDataError, match=r"impossible times .*CleaningPolicy\(missing_times='drop'\)"):
        Panel.from_frame(frame, policy=CleaningPolicy(missing_times="error"))


@pytest.mark.parametrize("unit", [1, 10**3, 10**6])
@pytest.mark.parametrize(
    "end", [253_402_300_799, 253_402_214_400, -62_135_596_800, -2_208_988_800, 2_147_483_647]
)
def test_placeholders_in_numbers_are_told_in_every_unit(unit, end):
    found = seconds(pd.Series([1_600_000_000 * unit, end * unit], dtype=object))
    assert found.tolist() == [1.6e9, np.inf]


def test_hours_alone_and_given_formats():
    assert seconds(pd.Series(["1970-01-01 05"])).tolist() == [18_000.0]
    assert seconds(pd.Series(["11/15/2019 8:55:22 AM"]), time_format="%m/%d/%Y %I:%M:%S %p").tolist() == [
        datetime(2019, 11, 15, 8, 55, 22, tzinfo=UTC).timestamp()
    ]
    with pytest.raises(InvalidDataError, match=r"row 1 holds text like '99/99/9999'.*time_format="):
        seconds(pd.Series(["2015-01-01", "01/02/2015"]))
    with pytest.raises(InvalidDataError, match="row 0 holds text like"):
        seconds(pd.Series(["2015-02-30"]))
    assert np.isnan(seconds(pd.Series(["NA", "", "null", None, "2015-01-01"]))[:4]).all()


@pytest.mark.parametrize("freq", ["D", "M", "Q", "Y"])
def test_periods_of_pandas_are_times_from_their_start(freq):
    days = pd.Series(pd.to_datetime(["2019-05-17 13:00", "2021-11-02 07:30", None]))
    periods = days.dt.to_period(freq)
    starts = {  # by the calendar
        "D": [datetime(2019, 5, 17), datetime(2021, 11, 2)],
        "M": [datetime(2019, 5, 1), datetime(2021, 11, 1)],
        "Q": [datetime(2019, 4, 1), datetime(2021, 10, 1)],
        "Y": [datetime(2019, 1, 1), datetime(2021, 1, 1)],
    }[freq]
    found = seconds(periods)
    assert found[:2].tolist() == [start.replace(tzinfo=UTC).timestamp() for start in starts]
    assert math.isnan(found[2])


def test_columns_that_are_no_times_are_refused_by_name():
    frame = pd.DataFrame({"user_id": [1, 2], "item_id": [3, 4], "category": "x"})
    mixed = pd.Series([datetime(2020, 1, 1), datetime(2020, 1, 2).date()], dtype=object)
    interval = pd.Series(pd.interval_range(0, 2))
    for column in (mixed, interval):
        for name in ("timestamp", "day"):
            with pytest.raises(InvalidDataError, match="timestamp must hold dates"):
                Panel.from_frame(frame.assign(**{name: column}), columns={"timestamp": name})


def test_months_written_in_digits_are_months():
    months = pd.date_range("1999-11-01", "2021-03-01", freq="MS")
    written = months.strftime("%Y%m")
    expected = [month.replace(tzinfo=UTC).timestamp() for month in months.to_pydatetime()]
    for column in (pd.Series(written), pd.Series(written.astype(int)), pa.array(written.astype(float))):
        assert seconds(column).tolist() == expected


@pytest.mark.parametrize(
    "times", [[201507, 201513], [201507, 201500], [190012, 189912], [201507, 1], [210101] * 2]
)
def test_other_numbers_of_six_digits_are_seconds(times):
    assert seconds(pd.Series(times)).tolist() == times
