"""The reading of times is decided by all cells of a column, in whatever pieces they come."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tastebridge import Panel, Popularity, TargetOnly, Weighting, read_panel
from tastebridge.batch import RecommendationKernel, recommend_all, source, spreading
from tastebridge.batch.source import Source
from tastebridge.batch.spreading import Spread
from tastebridge.data.counters import counted
from tastebridge.data.time_evidence import SECONDS, TimeEvidence
from tastebridge.data.times import seconds
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidDataError

DAY = 86_400.0
CELLS = {
    "numbers": st.sampled_from(
        [None, 0, 1, 711, 99_999, 100_000, 201_507, 20_150_731, 20_151_332, 1.5e9, 1.5e12]
    ),
    "fractions": st.sampled_from([None, 0.5, 3.0, 20_150_731.0]),
    "digits": st.sampled_from(["", "NA", "7", "0.5", "201507", "20150731", "201507312213"]),
    "dates": st.sampled_from(["", "1/2/2019", "3.4.2019", "15/2/2019", "2/15/2019", "1/2/2019 1:55 PM"]),
    "texts": st.sampled_from(["7", "2019-02-01", "15/2/2019", "Fri Aug 25 13:55:02 -0700 2017"]),
}


def whole(column, name):
    """The times as the reader of one whole column says."""
    try:
        return seconds(counted(column, name)[0], part=True)
    except InvalidDataError:
        return None


@pytest.mark.parametrize("kind", CELLS)
@given(data=st.data(), name=st.sampled_from(["DAY", "week_no", "timestamp"]))
def test_pieces_are_read_as_the_whole_column_is(kind, data, name):
    cells = data.draw(st.lists(CELLS[kind], min_size=1, max_size=8))
    column = pa.chunked_array([pa.array(cells, pa.string() if isinstance(cells[0], str) else pa.float64())])
    cuts = sorted(data.draw(st.lists(st.integers(0, len(cells)), max_size=3)))
    pieces = [column.slice(a, b - a) for a, b in zip([0, *cuts], [*cuts, len(cells)], strict=True)]
    evidence = TimeEvidence.sum(map(TimeEvidence.of, pieces))
    assert TimeEvidence.of_fields(evidence.fields()) == evidence
    try:
        found = [seconds(piece, part=True, reading=evidence.reading(name)) for piece in pieces]
    except InvalidDataError:
        found = None
    expected = whole(column, name)
    if expected is None or found is None:
        assert found is expected is None, (found, expected)
        return
    np.testing.assert_array_equal(np.concatenate(found), expected)


COLUMNS = {"timestamp": "day"}
FORMS = {
    # the first users have days that alone would be days, dates in digits, or dates of another order
    "a fraction in one row": lambda days: np.where(np.arange(len(days)) == len(days) - 1, 0.5, days % 400),
    "days": lambda days: days % 400,
    "days in text": lambda days: (days % 400).astype(str),
    "seconds like dates": lambda days: np.where(np.arange(len(days)) < 900, 20_150_731, 20_150_799),
    "digits in text": lambda days: np.where(np.arange(len(days)) < 900, "20150731", "20150799"),
    "months, then days": lambda days: np.where(np.arange(len(days)) < 900, 201_507, 20_150_731),
    "days first": lambda days: np.where(days % 400 > 12, "20/3/2019", "1/2/2019"),
    "months first": lambda days: np.where(np.arange(len(days)) < 900, "1/2/2019", "2/15/2019"),
}


def expected_seconds(form, n):
    """The times by hand."""
    days = np.arange(n) % 400
    early = np.arange(n) < 900
    stamp = lambda text: pd.Timestamp(text).timestamp()  # noqa: E731
    return {
        "a fraction in one row": np.where(np.arange(n) == n - 1, 0.5, days),
        "days": days * DAY,
        "days in text": days * DAY,
        "seconds like dates": np.where(early, 20_150_731.0, 20_150_799.0),
        "digits in text": np.where(early, 20_150_731.0, 20_150_799.0),
        "months, then days": np.where(early, 201_507.0, 20_150_731.0),
        "days first": np.where(days > 12, stamp("2019-03-20"), stamp("2019-02-01")),
        "months first": np.where(early, stamp("2019-01-02"), stamp("2019-02-15")),
    }[form]


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(spreading, "EVENTS", 200)
    monkeypatch.setattr(source, "SPAN", 100)
    monkeypatch.setattr(source, "BATCH", 64)


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_reads_all_times_of_a_file_in_one_unit(tmp_path, small_pieces, form):
    panel, _ = make_panel(n_users=250, n_items=40, events_per_user=6)
    frame = panel.to_frame().astype({"category": str}).sort_values("user_id", ignore_index=True)
    frame["day"] = FORMS[form](np.arange(len(frame)))
    path = tmp_path / "events.parquet"
    frame.to_parquet(path, index=False, row_group_size=100)
    opened = Source.open(path, COLUMNS)
    spread = Spread.of(opened, 200)
    tables = [spread.in_seconds(table) for table in opened.read(["user_id", "timestamp"])]
    read = pa.concat_tables(tables)["timestamp"].to_numpy()
    np.testing.assert_array_equal(read, expected_seconds(form, len(frame)))
    dated = frame.assign(day=pd.to_datetime(expected_seconds(form, len(frame)), unit="s"))
    fitted = TargetOnly("films", weighting=Weighting("log", half_life=30)).fit(
        Panel.from_frame(dated, columns=COLUMNS)
    )
    recommend_all(fitted, path, tmp_path / "out", n=4, memory="8GB", columns=COLUMNS)
    wanted = fitted.recommend_from(read_panel(path, columns=COLUMNS), 4)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out"), wanted, check_exact=True)


def test_a_table_that_was_read_whole_is_not_read_again_by_the_name_of_its_column(tmp_path, small_pieces):
    # five seconds of 1970, which as numbers in a column "day" would be days
    frame = make_panel(n_users=250, n_items=40, events_per_user=6)[0].to_frame().astype({"category": str})
    frame["day"] = "1970-01-01 00:00:05"
    frame.to_csv(tmp_path / "events.csv", index=False)
    opened = Source.open(tmp_path / "events.csv", COLUMNS)
    spread = Spread.of(opened, 200)
    times = pa.concat_tables([spread.in_seconds(table) for table in opened.read(["timestamp"])])["timestamp"]
    assert set(times.to_pylist()) == {5.0}


def test_decimals_are_numbers_of_a_unit():
    days = pa.chunked_array([pa.array([Decimal(1), Decimal(711)], pa.decimal128(10, 0))])
    assert seconds(counted(days, "DAY")[0]).tolist() == [DAY, 711 * DAY]
    assert seconds(counted(days, "t", "hours")[0]).tolist() == [3600.0, 711 * 3600.0]


def test_a_kernel_reads_times_as_it_was_told():
    fitted = Popularity("films").fit(make_panel(n_users=50, n_items=20)[0])
    assert RecommendationKernel(fitted, times=SECONDS).times is SECONDS
