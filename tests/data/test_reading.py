import gzip
import os
from pathlib import Path

import pandas as pd
import pytest

from tastebridge.data import Panel, read_panel
from tastebridge.exceptions import InvalidDataError

COLUMNS = ["user_id", "item_id", "category", "weight", "timestamp"]
ROWS = [(7, "dune", "books", 1.0, 10), (7, "alien", "films", 2.0, 20), (8, "dune", "books", 3.0, 30)]


@pytest.fixture
def frame():
    return pd.DataFrame(ROWS, columns=COLUMNS)


def written(frame, folder, kind):
    path = folder / f"events{kind}"
    if kind == "":
        (path / "deep").mkdir(parents=True)
        frame[:1].to_parquet(path / "a.parquet")
        frame[1:].to_parquet(path / "deep" / "b.parquet")
        (path / "_SUCCESS").touch()
    elif kind == ".parts":
        frame.to_parquet(path, partition_cols=["category"])
    elif kind == ".parquet":
        frame.assign(extra=1).to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="," if "csv" in kind else "\t")
    return path


@pytest.mark.parametrize("kind", [".parquet", ".csv", ".csv.gz", ".tsv", ".inter", "", ".parts"])
def test_every_format_gives_the_same_panel(frame, tmp_path, kind):
    panel, expected = read_panel(written(frame, tmp_path, kind)), Panel.from_frame(frame)
    pd.testing.assert_frame_equal(panel.to_frame(), expected.to_frame(), check_dtype=False)
    assert panel.users == expected.users


def test_typed_headers_and_given_columns(frame, tmp_path):
    path = tmp_path / "ml.inter"
    path.write_text("user_id:token\titem_id:token\tdomain:token\trating:float\n1\t2\tx\t3.5\n")
    assert read_panel(path)["x"].matrix.data.tolist() == [3.5]
    path = tmp_path / "shop.csv"
    frame.rename(columns={"user_id": "buyer"}).to_csv(path, index=False)
    panel = read_panel(str(path), columns={"user_id": "buyer", "weight": None, "timestamp": None})
    assert panel["books"].matrix.data.tolist() == [1, 1]
    assert not panel.has_times


def test_options_are_passed_on(frame, tmp_path):
    path = tmp_path / "events.csv"
    frame.assign(event=["1", "2", "1"]).to_csv(path, index=False)
    panel = read_panel(path, columns={"weight": None}, event_weights={1: 1, 2: 4})
    assert panel["films"].matrix.data.tolist() == [4]


@pytest.mark.parametrize(
    ("users", "ids"),
    [
        (["1", "12"], [1, 12]),
        (["1.0", "12.0"], [1, 12]),
        (["007", "12"], ["007", "12"]),
        (["1", "A12"], ["1", "A12"]),
        (["+1", "2"], ["+1", "2"]),
    ],
)
def test_ids_in_text_files_are_all_int_or_all_str(tmp_path, users, ids):
    path = tmp_path / "events.csv"
    path.write_text("user_id,item_id,category\n" + "".join(f"{user},1,x\n" for user in users))
    assert read_panel(path).users.ids.tolist() == ids


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", b"", "is an empty file"),
        ("empty.parquet", b"", "is an empty file"),
        ("head.csv", b"user_id,item_id,category\n", "has no rows"),
        ("broken.parquet", b"not parquet at all", "cannot be read"),
        ("broken.csv.gz", b"not gzip at all", "cannot be read"),
        ("ragged.csv", b"user_id,item_id,category\n1,2\n", "cannot be read"),
        ("notes.docx", b"x", "unknown ending '.docx'; expected .parquet"),
        ("notes", b"x", "unknown ending ''"),
        ("names.csv", b"who,what,category\n1,2,x\n", r"in '.*names.csv': no column for user_id"),
    ],
)
def test_files_that_make_no_panel_are_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InvalidDataError, match=message):
        read_panel(path)


def test_absent_files_and_empty_folders_are_refused(tmp_path):
    with pytest.raises(InvalidDataError, match="there is no file or folder"):
        read_panel(tmp_path / "absent.parquet")
    with pytest.raises(InvalidDataError, match=r"holds no .parquet files"):
        read_panel(tmp_path)


def test_folders_with_parts_that_disagree_are_refused(frame, tmp_path):
    frame.to_parquet(tmp_path / "a.parquet")
    frame.assign(user_id=["a", "b", "c"]).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InvalidDataError, match="cannot be read"):
        read_panel(tmp_path)


def test_truncated_gzip_is_refused(tmp_path):
    path = tmp_path / "events.csv.gz"
    path.write_bytes(gzip.compress(b"user_id,item_id,category\n" + b"1,2,x\n" * 5000)[:-30])
    with pytest.raises(InvalidDataError, match="cannot be read"):
        read_panel(path)


REAL = {
    "amazon_cloth_sport_cold": ({"cloth": 41_829, "sport": 27_328}, 9_828),
    "amazon_sport_phone_warm": ({"phone": 4_998, "sport": 4_998}, 4_998),
    "douban_book_music_ratings": ({"book": 2_110, "music": 1_672}, 1_566),
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", REAL)
def test_real_data_have_the_published_sizes(name):
    folder = os.environ.get("TASTEBRIDGE_DATA")
    if folder is None:
        pytest.skip("set TASTEBRIDGE_DATA to the folder of the published data sets")
    panel = read_panel(Path(folder, f"{name}.parquet"))
    people, linked = REAL[name]
    assert panel.overview()["people"].to_dict() == people
    assert len(panel.linked(*panel.categories)) == linked
    assert panel.cleaning.dropped == panel.cleaning.merged == 0
