"""Events on the disk: row groups read page by page, whatever their size and wherever their columns stand."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from tastebridge.batch.row_groups import tables_of
from tastebridge.batch.source import Source
from tastebridge.data import ReadingOptions

ROLES = {"user_id": "user_id", "item_id": "item_id", "category": "category"}


def write(folder, name, n, group, **columns):
    rng = np.random.default_rng(n)
    rows = {"user_id": rng.integers(0, 99, n), "item_id": [f"item {i}" for i in rng.integers(0, 30, n)]}
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({**rows, **columns}), path, row_group_size=group)


def test_row_groups_are_what_the_data_set_says(tmp_path):
    write(tmp_path, "category=films/0.parquet", 1000, 400, weight=np.arange(1000) / 7)
    write(tmp_path, "category=films/1.parquet", 90, 90)
    write(tmp_path, "category=books/0.parquet", 500, 500, weight=np.arange(500, dtype=np.float32))
    parts = sorted(map(str, tmp_path.rglob("*.parquet")))
    columns = ["item_id", "category", "weight", "user_id"]
    kinds = pa.schema(zip(columns, (pa.string(), pa.string(), pa.float64(), pa.int64()), strict=True))
    hive = {"partitioning": ds.partitioning(flavor="hive"), "partition_base_dir": str(tmp_path)}
    data = ds.dataset(parts, schema=kinds, **hive)
    expected = data.to_table(columns=columns)
    pieces = [group for fragment in data.get_fragments() for group in fragment.split_by_row_group()]
    found = [table for piece in pieces for table in tables_of(piece, kinds, columns, rows=128)]
    assert max(map(len, found)) == 128
    assert pa.concat_tables(found).equals(expected)


def test_any_rows_of_the_input_can_be_read(tmp_path):
    write(tmp_path, "events.parquet", 300, 77, category=pa.array(["films"] * 300))
    source = Source.open(tmp_path / "events.parquet", {})
    whole = pq.read_table(tmp_path / "events.parquet").select(["user_id", "category"])
    for start, stop in [(0, 300), (5, 6), (70, 160), (154, 300), (299, None)]:
        rows = pa.concat_tables(source.read(["user_id", "category"], start, stop))
        assert rows.equals(whole.slice(start, (stop or 300) - start))


def test_a_column_of_folders_alone_has_all_rows(tmp_path):
    write(tmp_path, "category=films/0.parquet", 1000, 400)
    source = Source.open(tmp_path, {})
    assert pa.concat_tables(source.read(["category"])).to_pydict() == {"category": ["films"] * 1000}


READ = """
import sys
from tastebridge.batch.source import Source
from tastebridge.data import ReadingOptions
source = Source.open(sys.argv[1], {})
def peak():
    return [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")][0] * 1024
before = peak()
rows = sum(len(table) for table in source.read(list(source.roles)))
print(rows, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read as Linux tells it")
def test_a_giant_row_group_is_not_held_in_memory(tmp_path):
    n = 600_000
    users = pa.array([f"{number:0400d}" for number in np.random.default_rng(0).integers(0, 1 << 62, n)])
    table = pa.table({"user_id": users, "item_id": np.arange(n) % 50, "category": pa.array(["films"] * n)})
    pq.write_table(table, tmp_path / "events.parquet", row_group_size=n, use_dictionary=["category"])
    words = [sys.executable, "-c", READ, str(tmp_path / "events.parquet")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    rows, grown = map(int, done.stdout.split())
    assert rows == n
    assert table.nbytes > 250e6
    assert grown < 150e6  # a scan of the data set takes 521e6


def test_a_changed_table_of_items_at_an_address_changes_the_fingerprint(tmp_path):
    (tmp_path / "e.csv").write_text("user_id,item_id\n1,a\n2,b\n")
    items, found = tmp_path / "items.csv", []
    for kind in ("x", "y"):
        items.write_text(f"item_id,category\na,{kind}\nb,{kind}\n")
        options = ReadingOptions(items=[f"file://{items}"])
        found.append(Source.open(f"file://{tmp_path}/e.csv", {}, options).fingerprint())
    assert found[0] != found[1]
