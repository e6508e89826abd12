import json
import resource
import time
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tastebridge as tb
from contracts.killing import checksums, kill_after
from tastebridge.batch import Manifest, parse_memory, recommend_all, source, spill, spreading
from tastebridge.datasets import make_panel
from tastebridge.exceptions import (
    InvalidDataError,
    InvalidParameterError,
    OutputError,
    TastebridgeWarning,
    UnknownIdError,
)

PANEL, _ = make_panel(n_users=400, n_items=60, events_per_user=6)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(spreading, "EVENTS", 500)
    monkeypatch.setattr(source, "SPAN", 400)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A model, events as a folder of shuffled Parquet and as one file, and a finished run."""
    path = tmp_path_factory.mktemp("batch")
    model = tb.TargetOnly("films").fit(PANEL)
    model.save(path / "model")
    frame = PANEL.to_frame().sample(frac=1, random_state=0)
    (path / "events").mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        frame.iloc[part].to_parquet(path / "events" / f"{number}.parquet", row_group_size=300, index=False)
    frame.to_parquet(path / "events.parquet", index=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spreading, "EVENTS", 500)
        batch(path, path / "whole")
    return path


def batch(place, out, **options):
    """A batch within this process."""
    return recommend_all(place / "model", place / "events", out, **{"n": 5, "memory": "8GB", **options})


def expected(place, n=5):
    return tb.load(place / "model").recommend_from(tb.read_panel(place / "events"), n)


@pytest.mark.bits
def test_the_parts_are_what_recommend_from_says(place):
    found = pd.read_parquet(place / "whole")
    pd.testing.assert_frame_equal(found, expected(place), check_exact=True)
    manifest = Manifest.parse((place / "whole" / "_manifest.json").read_bytes())
    assert len(manifest.parts) > 5
    assert manifest.account.people == manifest.account.served == 400
    assert manifest.account.rows == len(found) == 2000
    assert manifest.account.events == len(PANEL.to_frame())
    assert all(part.is_whole(place / "whole") for part in manifest.parts)
    assert not (place / "whole" / ".work").exists()


@pytest.mark.bits
def test_jobs_and_memory_change_no_byte(place, tmp_path):
    batch(place, tmp_path / "out", n_jobs=2, memory="20GB")
    assert checksums(tmp_path / "out") == checksums(place / "whole")


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_one_file_holds_the_same_rows(place, tmp_path, ending):
    out = tmp_path / f"out.{ending}"
    out.write_text("what was there before")
    batch(place, out)
    found = pd.read_csv(out, dtype={"score": np.float32}) if ending == "csv" else pd.read_parquet(out)
    pd.testing.assert_frame_equal(found, expected(place), check_exact=ending == "parquet")
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_killed_twice_and_run_again_it_is_as_if_nothing_had_been(place, tmp_path):
    words = (place / "model", place / "events", tmp_path / "out")
    assert kill_after(0.05, *words)
    kill_after(0.3, *words)
    batch(place, tmp_path / "out", n_jobs=2)
    assert checksums(tmp_path / "out") == checksums(place / "whole")


def test_what_is_finished_is_not_made_again_and_what_is_torn_is(place, tmp_path, monkeypatch):
    out, made = tmp_path / "out", []
    stop_after(monkeypatch, 4, made)
    with pytest.raises(KeyboardInterrupt):
        batch(place, out)
    (out / "part-00001.parquet").write_bytes(b"torn")
    stop_after(monkeypatch, 1000, made)
    batch(place, out)
    assert made[:4] == [0, 1, 2, 3]
    assert made[4:] == [1, *range(4, len(made) - 1)]
    assert checksums(out) == checksums(place / "whole")


def stop_after(monkeypatch, n, made):
    """Let the driver be interrupted after some parts."""
    from tastebridge.batch import driver, parts

    left = [n]

    def write(rows, account, number, *folders):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        made.append(number)
        return parts.write_part(rows, account, number, *folders)

    monkeypatch.setattr(driver, "write_part", write)


def test_runs_behind_a_lost_one_are_made_again(place, tmp_path, monkeypatch):
    """Threads spread several runs at once, so that a stop may leave later ones without an earlier one."""
    write, work = spill.Spill._write, tmp_path / "out" / ".work"

    def lose_the_first(self, held, first, last):
        while first == 0 and not [*work.glob("run-*.arrow")]:
            time.sleep(0.01)
        if first == 0:
            raise OutputError("the first run is lost")
        write(self, held, first, last)

    with monkeypatch.context() as patch:
        patch.setattr(spill.Spill, "_write", lose_the_first)
        with pytest.raises(OutputError, match="lost"):
            batch(place, tmp_path / "out", n_jobs=2)
    assert [*work.glob("run-*.arrow")]
    monkeypatch.setattr(source, "SPAN", 700)  # other runs than those that are there
    batch(place, tmp_path / "out", n_jobs=2)
    assert checksums(tmp_path / "out") == checksums(place / "whole")


def test_another_job_is_refused_and_restart_begins_anew(place, tmp_path, monkeypatch):
    out = tmp_path / "out"
    stop_after(monkeypatch, 2, [])
    with pytest.raises(KeyboardInterrupt):
        batch(place, out)
    monkeypatch.undo()
    before = checksums(out)
    other = tmp_path / "other"
    tb.Popularity("films").fit(PANEL).save(other)
    with pytest.raises(OutputError, match=r"n was 5 and is 6.*restart=True"):
        batch(place, out, n=6)
    with pytest.raises(OutputError, match="the deny list changed"):
        batch(place, out, deny=PANEL["films"].items.ids[:2])
    with pytest.raises(OutputError, match="the model changed"):
        recommend_all(other, place / "events", out, n=5, memory="8GB")
    with pytest.raises(OutputError, match="the events changed"):
        recommend_all(place / "model", place / "events.parquet", out, n=5, memory="8GB")
    assert checksums(out) == before
    batch(place, out, n=6, restart=True)
    assert len(pd.read_parquet(out)) == 2400
    with pytest.raises(OutputError, match="n was 6 and is 5"):
        batch(place, out)


def test_a_finished_run_is_left_as_it_is(place, tmp_path):
    first = batch(place, tmp_path / "out")
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert batch(place, tmp_path / "out") == first
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == stamps
    (tmp_path / "out" / "part-00002.parquet").write_bytes(b"rubbish")
    with pytest.raises(OutputError, match=r"part-00002.parquet' is damaged or missing.*restart=True"):
        batch(place, tmp_path / "out")


@pytest.mark.parametrize("at", ["footer", "page", "empty"])
def test_a_corrupt_input_is_named_and_nothing_finished_is_lost(place, tmp_path, at):
    events = tmp_path / "events"
    events.mkdir()
    frame = PANEL.to_frame()
    for number in range(2):
        table = pa.Table.from_pandas(frame.iloc[number::2], preserve_index=False)
        pq.write_table(table, events / f"{number}.parquet", write_page_checksum=True, use_dictionary=False)
    text = bytearray((events / "1.parquet").read_bytes())
    text[{"footer": -9, "page": 400, "empty": 0}[at]] ^= 0xFF
    (events / "1.parquet").write_bytes(b"" if at == "empty" else text)
    with pytest.raises(InvalidDataError, match=r"1\.parquet"):
        recommend_all(place / "model", events, tmp_path / "out", n=5, memory="8GB")
    assert not (tmp_path / "out").exists()


def test_a_full_disk_says_so_and_the_next_run_goes_on(place, tmp_path):
    largest = max(path.stat().st_size for path in (place / "whole").glob("part-*"))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest - 1, before[1]))
    try:
        with pytest.raises(OutputError, match=r"the disk is full.*run the same again"):
            batch(place, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list((tmp_path / "out").rglob("*.tmp"))
    batch(place, tmp_path / "out")
    assert checksums(tmp_path / "out") == checksums(place / "whole")


def hostile(text, **changes):
    return json.dumps({**json.loads(text), **changes}).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"",
        lambda text: b"\xff\xfe",
        lambda text: b"[" * 100_000,
        lambda text: b"[1]",
        lambda text: text[:-5],
        lambda text: text.replace(b'"people": 4', b'"people": 5', 1),
        lambda text: hostile(text, parts=[{"file": "../../../etc/passwd"}]),
        lambda text: hostile(text, parts="part-00000.parquet"),
        lambda text: hostile(text, job=None),
        lambda text: text.replace(b"part-00000", b"/dev/zero"),
        lambda text: text.replace(b'"size": ', b'"size": -', 1),
        lambda text: text.replace(b'"format": 1', b'"format": 1e400', 1),
    ],
)
def test_a_hostile_manifest_is_refused_and_nothing_is_touched(place, tmp_path, change):
    out = tmp_path / "out"
    out.mkdir()
    (out / "part-00000.parquet").write_bytes((place / "whole" / "part-00000.parquet").read_bytes())
    text = (place / "whole" / "_manifest.json").read_bytes()
    changed = change(text)
    assert changed != text
    (out / "_manifest.json").write_bytes(changed)
    before = checksums(out)
    with pytest.raises(OutputError, match=r"cannot be used.*restart=True"):
        batch(place, out)
    assert checksums(out) == before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("job.json", b""),
        ("job.json", b"[" * 100_000),
        ("run", b"ARROW1"),
        ("part-00001.json", b'{"file": "part-00001.json", "size": 1e99}'),
        ("part-00001.json", b"[" * 100_000),
    ],
)
def test_hostile_notes_of_a_stopped_run_do_no_harm(place, tmp_path, monkeypatch, name, text):
    out = tmp_path / "out"
    stop_after(monkeypatch, 3, [])
    with pytest.raises(KeyboardInterrupt):
        batch(place, out)
    monkeypatch.undo()
    monkeypatch.setattr(spreading, "EVENTS", 500)
    path = next((out / ".work").glob("run-*")) if name == "run" else out / ".work" / name
    path.write_bytes(text)
    if name.startswith("part"):
        batch(place, out)
    else:
        with pytest.raises(OutputError, match="restart=True"):
            batch(place, out)
        batch(place, out, restart=True)
    assert checksums(out) == checksums(place / "whole")


def test_other_peoples_files_are_never_touched(place, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious.txt").write_text("mine")
    for restart in (False, True):
        with pytest.raises(OutputError, match=r"other files than results, such as 'precious.txt'"):
            batch(place, out, restart=restart)
    assert checksums(out).keys() == {"precious.txt"}
    with pytest.raises(OutputError, match="lies among the events"):
        recommend_all(place / "model", place / "events", place / "events" / "out", memory="8GB")
    assert not (place / "events" / "out").exists()


def test_two_at_once_are_refused(place, tmp_path):
    from tastebridge.batch.destination import Destination

    with Destination.of(tmp_path / "out").held(), pytest.raises(OutputError, match="another process"):
        batch(place, tmp_path / "out")


def test_bad_rows_and_unknown_items_are_counted_and_told_once(place, tmp_path):
    frame = PANEL.to_frame()[["user_id", "item_id", "category", "weight"]].astype({"category": str})
    bad = pd.DataFrame(
        {
            "user_id": [None, 5.0, 6.0, 7.0, 8.0],
            "item_id": ["films:01", None, "films:01", "nowhere", "x"],
            "category": ["films", "films", "films", "films", "games"],
            "weight": [1, 1, np.nan, 1, 1],
        }
    )
    pd.concat([frame, bad]).to_parquet(tmp_path / "events.parquet")
    with pytest.warns(TastebridgeWarning) as told:
        done = recommend_all(place / "model", tmp_path / "events.parquet", tmp_path / "out", memory="8GB")
    text = " ".join(str(one.message) for one in told)
    assert "1 with NaN weights, 2 with missing ids" in text
    assert "items the model does not know: 1 of 'films'" in text
    assert done.account.cleaning["missing ids"] == 2
    assert done.account.cleaning["NaN weights"] == 1
    with pytest.raises(UnknownIdError):
        recommend_all(
            place / "model", tmp_path / "events.parquet", tmp_path / "strict", memory="8GB", missing="error"
        )


@pytest.mark.parametrize("unit", [1, 1000])
def test_numeric_times_are_read_in_the_unit_of_the_whole_table(tmp_path, unit):
    panel, _ = make_panel(n_users=300, n_items=40, events_per_user=6, timestamps=True)
    model = tb.TargetOnly("films", weighting=tb.Weighting("log", half_life=30)).fit(panel)
    frame = panel.to_frame()
    frame["timestamp"] *= unit
    frame.loc[frame["user_id"] < 50, "timestamp"] = 5.0 * unit  # alone these would be taken for seconds
    frame.to_parquet(tmp_path / "events.parquet")
    recommend_all(model, tmp_path / "events.parquet", tmp_path / "out", n=4, memory="8GB")
    found = pd.read_parquet(tmp_path / "out")
    wanted = model.recommend_from(tb.read_panel(tmp_path / "events.parquet"), 4)
    pd.testing.assert_frame_equal(found, wanted, check_exact=True)


def test_folders_as_columns_named_columns_and_text_ids(place, tmp_path):
    frame = PANEL.to_frame().astype({"category": str})
    frame["buyer"] = "person " + frame["user_id"].astype(str)
    for category, part in frame.groupby("category"):
        (tmp_path / "events" / f"category={category}").mkdir(parents=True)
        part[["buyer", "item_id"]].to_parquet(tmp_path / "events" / f"category={category}" / "0.parquet")
    recommend_all(
        place / "model", tmp_path / "events", tmp_path / "out", 3, memory="8GB", columns={"user_id": "buyer"}
    )
    panel = tb.read_panel(tmp_path / "events", columns={"user_id": "buyer"})
    wanted = tb.load(place / "model").recommend_from(panel, 3)
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "out"), wanted, check_exact=True, check_dtype=False
    )


@pytest.mark.parametrize(
    "memory", ["", "GB", "2 gigs", "-1GB", "0", "nan", "1e9", "2GB2", True, 2.5, None, "٢GB"]
)
def test_a_size_that_is_none_is_refused(memory):
    with pytest.raises(InvalidParameterError, match="memory must be a size"):
        parse_memory(memory)


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * 10**9), ("500MB", 5 * 10**8), (" 1.5 gib ", 3 * 2**29), ("7", 7), (12, 12), ("1kb", 1000)],
)
def test_sizes_are_read(text, size):
    assert parse_memory(text) == size


def test_too_little_memory_says_how_much_is_needed(place, tmp_path):
    with pytest.raises(InvalidParameterError, match=r"memory=100MB is too little.*Give at least"):
        batch(place, tmp_path / "out", memory="100MB")
    assert not (tmp_path / "out").exists()


def test_a_text_larger_than_memory_is_refused(place, tmp_path):
    with (tmp_path / "events.csv").open("wb") as file:
        file.truncate(10**9)
    with pytest.raises(InvalidParameterError, match=r"about 1GB of text.*memory=2GB.*as Parquet"):
        recommend_all(place / "model", tmp_path / "events.csv", tmp_path / "out", memory="2GB")


@pytest.mark.parametrize(("out", "message"), [("out.txt", "must end in"), ("no/where", "does not exist")])
def test_outputs_that_cannot_be_are_refused(place, tmp_path, out, message):
    with pytest.raises(InvalidParameterError, match=message):
        batch(place, tmp_path / out)


def test_nothing_left_is_an_error(place, tmp_path):
    frame = pd.DataFrame({"user_id": [1], "item_id": ["a"], "category": ["films"], "weight": [np.nan]})
    frame.to_parquet(tmp_path / "events.parquet")
    with warnings.catch_warnings(), pytest.raises(InvalidDataError, match="no row is left"):
        recommend_all(place / "model", tmp_path / "events.parquet", tmp_path / "out", memory="8GB")
    assert not (tmp_path / "out").exists()


def test_an_option_that_does_not_exist_is_named_with_the_nearest_one(tmp_path):
    panel, _ = make_panel(n_users=60, n_items=20)
    panel.to_frame().to_parquet(tmp_path / "events.parquet")
    with pytest.raises(TypeError, match=r"'diversty'.*Did you mean 'diversity'"):
        recommend_all(
            tb.Popularity("films").fit(panel), tmp_path / "events.parquet", tmp_path / "out", diversty=0.5
        )
    assert not (tmp_path / "out").exists()
