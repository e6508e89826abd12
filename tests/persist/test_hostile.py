"""Model folders that an attacker changed and signed again: one error, no crash, bounded memory."""

import io
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

import tastebridge as tb
from contracts import hostile
from contracts.nightly import trials
from tastebridge.datasets import make_panel
from tastebridge.exceptions import ModelFileError
from tastebridge.persist.arrays import Arrays
from tastebridge.persist.bounded import read_parquet
from tastebridge.persist.footer import footer_of
from tastebridge.persist.manifest import MANIFEST, describe_file, parse, render

EACH = trials(60, 20_000)
AT_ONCE = min(EACH, 1000)
LEAST = {"n_lists": 100, "n_negatives": 20}
MODELS = {
    "mapper": (lambda: tb.InterestMapper("films", **LEAST), {"with_users": True}),
    "several": (lambda: tb.InterestMapper(["films", "books"], **LEAST), {}),
    "neighbours": (lambda: tb.ItemNeighbours("films"), {"with_users": True}),
    "ratings": (lambda: tb.RatingMapper("films", n_components=2), {}),
    "small": (lambda: tb.InterestMapper("films", **LEAST), {}),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a saved model of each kind."""
    path = tmp_path_factory.mktemp("hostile")
    frame = make_panel(120, 30, ("books", "films", "music"))[0].to_frame()
    frame["weight"] = 1.0 + np.arange(len(frame)) % 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, (make, options) in MODELS.items():
            model = make().fit(frame)
            (model.compress(4, "int8") if name == "small" else model).save(path / name, **options)
    return path


@pytest.mark.parametrize("name", MODELS)
def test_changed_models_load_or_are_refused(folder, name, record_property):
    record_property("mutated files", len(range(0, EACH, AT_ONCE)) * AT_ONCE)
    for seed in range(0, EACH, AT_ONCE):
        words = [sys.executable, hostile.__file__, str(folder / name), str(seed), str(AT_ONCE)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"it crashed at seed {done.stderr[-2000:]}"
        found = json.loads(done.stdout)
        assert found["reports"] == []
        assert set(found["seen"]) <= {"loaded", "refused", "no mutation"}
        assert found["seen"]["refused"] > AT_ONCE // 3
        assert found["grown"] < 1 << 28


def rewrite(path, role, change):
    """Change the file of a role and sign it again."""
    content = parse((path / MANIFEST).read_bytes(), path)
    file = path / content["files"][role]["file"]
    change(file)
    content["files"][role] = describe_file(file)
    (path / MANIFEST).write_text(render(content))


def table_of_one_text(file):
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10**5, np.int32)), pa.array(["x" * 10**6]))
    pq.write_table(pa.table({"id": long}), file, store_schema=False)


BOMBS = {
    "rows": lambda file: pq.write_table(pa.table({"id": pa.repeat(pa.scalar(0), 30_000_000)}), file),
    "codec": lambda file: pq.write_table(pa.table({"id": np.zeros(10**7)}), file, compression="zstd"),
    "texts": table_of_one_text,
    "types": lambda file: pq.write_table(pa.table({"id": [[1], [2]]}), file),
    "no table": lambda file: file.write_bytes(b"PAR1" + bytes(100) + b"PAR1"),
    "empty": lambda file: file.write_bytes(b""),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_table_does_not_unfold(folder, tmp_path, bomb):
    path = tmp_path / "model"
    tb.load(folder / "neighbours").save(path)
    rewrite(path, "items-0", BOMBS[bomb])
    with pytest.raises(ModelFileError, match=r"its t(able|exts)"):
        tb.load(path)


@pytest.mark.parametrize("shape", [(30, 10**12), (10**12, 30), (2**62, 2**62), (30, 2**40)])
def test_a_matrix_of_terabytes_is_refused_before_it_is_made(folder, tmp_path, shape):
    path = tmp_path / "model"
    tb.load(folder / "mapper").save(path)

    def enlarge(file):
        stored = load_file(file)
        for name in list(stored):
            if name.startswith("spaces/0"):
                del stored[name]
        parts = {"data": np.ones(1, np.float32), "indices": np.zeros(1, np.int64), "shape": np.array(shape)}
        parts["indptr"] = np.array([0] + [1] * min(shape[0], 30))
        save_file({**stored, **{f"spaces/0:few.{part}": value for part, value in parts.items()}}, file)

    rewrite(path, "arrays", enlarge)
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        tb.load(path)


def test_a_matrix_of_few_entries_comes_back_where_it_is_worth_it():
    value = np.zeros((5000, 300))
    value[:20, 0] = 1.0
    arrays = Arrays()
    arrays.add("value", value)
    assert "value:few.data" in arrays.stored
    np.testing.assert_array_equal(Arrays(arrays.stored).within(10).get("value", 5000, None), value)


def test_a_file_that_grew_since_it_was_signed_is_refused(folder, tmp_path):
    path = tmp_path / "model"
    tb.load(folder / "neighbours").save(path)
    arrays = next(path.glob("arrays-*"))
    with arrays.open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(ModelFileError, match="should have"):
        tb.load(path)
    content = parse((path / MANIFEST).read_bytes(), path)
    content["files"]["arrays"]["size"] = 1 << 40
    (path / MANIFEST).write_text(render(content))
    with pytest.raises(ModelFileError, match="this machine has"):
        tb.load(path)
    with (path / MANIFEST).open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(ModelFileError, match="at most"):
        tb.load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_pipes_and_devices_are_not_read(folder, tmp_path):
    path = tmp_path / "model"
    tb.load(folder / "neighbours").save(path)
    arrays = next(path.glob("arrays-*"))
    arrays.unlink()
    os.mkfifo(arrays)
    with pytest.raises(ModelFileError, match="not a regular file"):
        tb.load(path)
    (path / MANIFEST).unlink()
    (path / MANIFEST).symlink_to("/dev/zero")
    with pytest.raises(ModelFileError, match="symbolic link"):
        tb.load(path)


def test_the_bytes_that_are_checked_are_the_bytes_that_are_used(folder, tmp_path, monkeypatch):
    """A file that is replaced after its check must not be the one that is read."""
    from tastebridge.persist import manifest

    path = tmp_path / "model"
    tb.load(folder / "neighbours").save(path)
    kept, real = tb.load(path), manifest.read_file

    def swapped(where, record):
        text = real(where, record)
        (Path(where) / record["file"]).write_bytes(b"x" * record["size"])
        return text

    monkeypatch.setattr("tastebridge.persist.reading.read_file", swapped)
    history = pd.DataFrame(
        {"user_id": [1, 1], "item_id": ["books:03", "films:01"], "category": ["books", "films"]}
    )
    assert tb.load(path).recommend_from(history, 3).equals(kept.recommend_from(history, 3))


@pytest.mark.parametrize("rows", [0, 1, 1000])
@pytest.mark.parametrize("compression", ["snappy", "none"])
def test_the_footer_says_what_arrow_says(rows, compression):
    table = pa.table(
        {
            "id": pa.array(range(rows), pa.int64()),
            "name": pa.array([f"name {n}" for n in range(rows)], pa.large_string()),
            "flag": pa.array([n % 2 == 0 for n in range(rows)], pa.bool_()),
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink, compression=compression, row_group_size=300)
    found, told = footer_of(sink.getvalue()), pq.ParquetFile(sink).metadata
    groups = [told.row_group(place) for place in range(told.num_row_groups)]
    assert found.n_rows == rows
    assert found.n_bytes == sum(group.column(i).total_uncompressed_size for group in groups for i in range(3))
    assert found.codecs == ({1 if compression == "snappy" else 0} if rows else found.codecs)
    assert read_parquet(io.BytesIO(sink.getvalue())).equals(table)


def test_models_of_every_format_so_far_are_within_the_bounds():
    for path in Path(__file__).parents[1].joinpath("golden", "models").rglob("*.parquet"):
        with path.open("rb") as file:
            assert read_parquet(file).equals(pq.read_table(path))
