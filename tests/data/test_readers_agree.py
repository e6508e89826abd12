"""One table in every form that can be read gives one panel."""

import gzip
import json
import warnings
import zipfile

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tastebridge.data import Panel, read_panel
from tastebridge.exceptions import TastebridgeWarning

NASTY = [
    "NA", "null", "nan", "NaN", "None", "N/A", "007", "7", "1e5", "TRUE", "2015-07-31", "-", "\\N", "#N/A",
    "0x1F", "a b", " a", "a ", "é", "日本", "x,y", "x;y", "x\ty", "x|y", "x::y", 'say "hi"', '"', '"q"', "'",
    "a\nb", "+1", "1.0", "inf", "=1+1", "\u200bz", "0" * 30, "9223372036854775807", "9223372036854775808",
]  # fmt: skip
IDS = st.sampled_from(NASTY) | st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\x85\u2028\u2029\ufeff"
    ),
    min_size=1,
    max_size=8,
)
WHOLE = st.integers(-(2**63) + 1, 2**63 - 1) | st.integers(0, 50)
ROWS = st.one_of(
    *(
        st.lists(
            st.tuples(
                users, items, IDS, st.sampled_from([0.5, 1.0, 4.25, 1e-3, 7e8]), st.integers(10**8, 2 * 10**9)
            ),
            min_size=1,
            max_size=12,
        )
        for users in (IDS, WHOLE)
        for items in (IDS, WHOLE)
    )
)
COLUMNS = ["user_id", "item_id", "category", "weight", "timestamp"]


def as_json(frame, path):
    path.write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in frame.to_dict("records")), "utf-8"
    )
    return path


def written(frame, folder):
    """Yield the table in every form, named."""
    yield "pandas", frame
    yield "polars", pl.from_pandas(frame)
    yield "lazy", pl.from_pandas(frame).lazy()
    yield "arrow", (table := pa.Table.from_pandas(frame))
    yield "stream", pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=3))
    yield "dataset", ds.dataset(table)
    text = frame.to_csv(index=False).encode()
    (folder / "e.csv").write_bytes(text)
    yield "csv", folder / "e.csv"
    (folder / "e.csv.gz").write_bytes(gzip.compress(text))
    yield "gzip", folder / "e.csv.gz"
    with zipfile.ZipFile(folder / "e.zip", "w") as archive:
        archive.writestr("deep/e.csv", text)
    yield "zip", folder / "e.zip"
    frame.to_csv(folder / "e.tsv", index=False, sep="\t")
    yield "tab", folder / "e.tsv"
    frame.to_csv(folder / "semicolons.csv", index=False, sep=";")
    yield "semicolons", folder / "semicolons.csv"
    frame.to_parquet(folder / "e.parquet")
    yield "parquet", folder / "e.parquet"
    (folder / "parts").mkdir(exist_ok=True)
    for number, part in enumerate(np.array_split(np.arange(len(frame)), 2)):
        frame.iloc[part].to_parquet(folder / "parts" / f"{number}.parquet")
    yield "parts", folder / "parts"
    (folder / "texts").mkdir(exist_ok=True)
    half = -(-len(frame) // 2)
    frame[:half].to_csv(folder / "texts" / "0.csv", index=False)
    if half < len(frame):
        frame[half:].to_csv(folder / "texts" / "1.csv", index=False)
    yield "texts", folder / "texts"
    yield "json", as_json(frame, folder / "e.jsonl")


def kinds_of(frame):
    """Return the kinds of the ids: in text, all plain whole numbers are ints unless said otherwise."""
    return {role: "str" if frame[role].dtype == object or str(frame[role].dtype) == "str" else "int"
            for role in ("user_id", "item_id")}  # fmt: skip


def assert_same(one, other, name):
    assert one.users.ids.tolist() == other.users.ids.tolist(), name
    assert one.categories == other.categories, name
    for category in one.categories:
        assert one[category].items.ids.tolist() == other[category].items.ids.tolist(), name
        np.testing.assert_array_equal(one[category].matrix.toarray(), other[category].matrix.toarray(), name)
        np.testing.assert_array_equal(one[category].times, other[category].times, name)


@given(ROWS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_reader_gives_the_same_panel(tmp_path_factory, rows):
    frame = pd.DataFrame(rows, columns=COLUMNS)
    folder = tmp_path_factory.mktemp("readers")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        expected = Panel.from_frame(frame)
        for name, source in written(frame, folder):
            assert_same(read_panel(source, ids=kinds_of(frame), quoting=None), expected, name)


TIMES = {
    "seconds": [1_700_000_000, 1_700_003_600],
    "text": ["2023-11-14T22:13:20Z", "2023-11-15T00:13:20+01:00"],
    "without zone": ["2023-11-14 22:13:20", "2023-11-14 23:13:20"],
    "milliseconds": [1_700_000_000_000, 1_700_003_600_000],
    "microseconds": [1_700_000_000_000_000, 1_700_003_600_000_000],
    "nanoseconds": [1_700_000_000_000_000_000, 1_700_003_600_000_000_000],
    "mixed units": [1_700_000_000, 1_700_003_600_000],
}


@pytest.mark.parametrize("kind", TIMES)
def test_times_of_every_kind_are_the_same_in_every_form(tmp_path, kind):
    frame = pd.DataFrame(
        {"user_id": [1, 2], "item_id": ["a", "b"], "category": "x", "timestamp": TIMES[kind]}
    )
    for name, source in written(frame.assign(weight=1.0)[COLUMNS], tmp_path):
        assert read_panel(source)["x"].times.tolist() == [1.7e9, 1.7e9 + 3600], name
