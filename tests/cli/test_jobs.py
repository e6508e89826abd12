"""The shell as a job at night wants it: strict, quiet, logged, with a summary, no finished file replaced."""

import json
import logging
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pyarrow.parquet as pq
import pytest

import tastebridge as tb
from contracts.shell import run
from tastebridge.batch import recommend_all, write_vectors
from tastebridge.datasets import make_panel
from tastebridge.exceptions import DataWarning, InvalidDataError, InvalidParameterError
from tastebridge.persist import fingerprint


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A model of one target, one of two, and their events."""
    path = tmp_path_factory.mktemp("jobs")
    panel, _ = make_panel(150, 80, ("books", "films"))
    panel.to_frame().to_csv(path / "events.csv", index=False)
    frame = panel.to_frame()
    pd.concat([frame, frame[:1].assign(item_id="x", category="films")]).to_csv(path / "bad.csv", index=False)
    tb.TargetOnly("films").fit(panel).save(path / "model")
    return path


@pytest.fixture
def lists(data):
    """What the library recommends to all users of the events."""
    return tb.load(data / "model").recommend_from(tb.read_panel(data / "events.csv"), 3)


def words(data, out, *more):
    return ("recommend", data / "model", data / "events.csv", "-o", out, "-n", 3, *more)


def test_chosen_users_get_the_lists_they_get_among_all(data, lists, tmp_path):
    pd.DataFrame({"user_id": [7, 3, 7]}).to_csv(tmp_path / "users.csv", index=False)
    assert run(*words(data, tmp_path / "out.csv", "--users", tmp_path / "users.csv"))[0] == 0
    expected = lists[lists["user_id"].isin([3, 7])].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out.csv"), expected, check_dtype=False)
    code, _, err = run(
        "vectors", data / "model", data / "events.csv", "-o", tmp_path, "--users", tmp_path / "users.csv"
    )
    assert (code, err) == (0, "")
    assert pd.read_parquet(tmp_path / "users.parquet")["user_id"].tolist() == [3, 7]
    code, _, err = run("vectors", data / "model", "-o", tmp_path / "v", "--users", tmp_path / "users.csv")
    assert (code, "--users chooses among the users of EVENTS" in err) == (2, True)


def test_ids_of_chosen_users_meet_whatever_their_type(data, tmp_path):
    events = pd.read_csv(data / "events.csv")
    text = events.assign(user_id="u" + events["user_id"].astype(str))
    for name, table, users in (
        ("int", events, ["7", "3", "007"]),
        ("str", events.astype({"user_id": str}), [7, 3]),
        ("other", text, ["u3", "u7"]),
    ):
        table.to_parquet(tmp_path / f"{name}.parquet")
        out = tmp_path / f"{name}-out.parquet"
        if name == "int":  # the text 007 is no number, and nobody
            with pytest.warns(DataWarning, match="1 of the 3 chosen users"):
                done = recommend_all(data / "model", tmp_path / f"{name}.parquet", out, 2, users=users)
        else:
            done = recommend_all(data / "model", tmp_path / f"{name}.parquet", out, 2, users=users)
        assert done.account.people == 2
    with pytest.raises(InvalidDataError, match="none of the 1 chosen users"):
        recommend_all(data / "model", data / "events.csv", tmp_path / "none.csv", 2, users=["who"])
    assert not list(tmp_path.glob(".none*"))
    with pytest.raises(InvalidParameterError, match="users="):
        write_vectors(data / "model", tmp_path / "v", users=[3])


def test_chosen_users_are_part_of_the_job(data, tmp_path):
    out = tmp_path / "parts"
    recommend_all(data / "model", data / "events.csv", out, 2, users=[3])
    with pytest.raises(tb.exceptions.OutputError, match="list of users changed"):
        recommend_all(data / "model", data / "events.csv", out, 2, users=[3, 7])


def test_a_chosen_user_that_is_not_there_is_a_note_and_strictly_an_error(data, tmp_path):
    pd.DataFrame({"user_id": [3, 9999]}).to_csv(tmp_path / "users.csv", index=False)
    more = ("--users", tmp_path / "users.csv")
    code, _, err = run(*words(data, tmp_path / "a.csv", *more))
    assert (code, "1 of the 2 chosen users have no usable event" in err) == (0, True)
    code, _, err = run(*words(data, tmp_path / "b.csv", *more, "--strict"))
    assert (code, "Without --strict this is a note" in err) == (1, True)
    assert not (tmp_path / "b.csv").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_strict_refuses_unknown_items_before_there_is_an_output(data, tmp_path, ending):
    out = tmp_path / f"out.{ending}"
    given = ("recommend", data / "model", data / "bad.csv", "-o", out)
    code, _, err = run(*given, "--strict")
    assert (code, len(err.splitlines())) == (1, 1)
    assert list(tmp_path.iterdir()) == []
    code, _, err = run(*given)
    assert (code, "they are ignored" in err) == (0, True)
    assert (
        run("recommend", data / "model", data / "events.csv", "-o", tmp_path / "ok.csv", "--strict")[0] == 0
    )


def test_strict_refuses_bad_rows_before_a_fit(data, tmp_path):
    frame = pd.read_csv(data / "events.csv")
    frame.loc[0, "item_id"] = None
    frame.to_csv(tmp_path / "bad.csv", index=False)
    code, text, err = run("fit", tmp_path / "bad.csv", "-t", "films", "-o", tmp_path / "model", "--strict")
    assert (code, "1 with missing ids" in err, text) == (1, True, "")
    assert "CleaningPolicy" not in err
    assert not (tmp_path / "model").exists()


def test_quiet_is_silent_and_the_summary_has_the_counts(data, lists, tmp_path):
    summary = tmp_path / "run.json"
    more = ("--quiet", "--summary", summary)
    assert run("recommend", data / "model", data / "bad.csv", "-o", tmp_path / "o.csv", "-n", 3, *more) == (
        0,
        "",
        "",
    )
    told = json.loads(summary.read_text())
    assert told["counts"]["rows"] == len(lists)
    assert told["counts"]["users"] == told["counts"]["users_served"] == 150
    assert told["counts"]["events"] == len(pd.read_csv(data / "bad.csv"))
    assert told["unknown"] == {"films": 1}
    assert (told["command"], told["exit_code"], told["error"]) == ("recommend", 0, None)
    assert any("ignored" in note for note in told["notes"])
    assert told["model"]["fingerprint"] == fingerprint(tb.load(data / "model"))
    assert told["seconds"] > 0
    code, text, err = run("recommend", data / "nix", data / "bad.csv", "-o", tmp_path / "p.csv", *more)
    assert (code, text) == (1, "")
    told = json.loads(summary.read_text())
    assert (told["exit_code"], told["error"] in err) == (1, True)


def test_a_summary_that_cannot_be_written_is_refused_before_the_work(data, tmp_path):
    for place in (tmp_path / "no" / "run.json", tmp_path, tmp_path / "out.csv", "-"):
        code, _, err = run(*words(data, tmp_path / "out.csv", "--summary", place))
        assert (code, "--summary" in err) == (2, True)
    assert not (tmp_path / "out.csv").exists()


def test_the_log_tells_the_steps_and_notes(data, tmp_path):
    given = ("recommend", data / "model", data / "bad.csv", "-o", tmp_path / "o.csv", "--log-level")
    code, _, err = run(*given, "info")
    assert (code, "note:" in err) == (0, False)
    lines = err.splitlines()
    assert any("INFO loaded the TargetOnly" in line for line in lines)
    assert any("INFO Scoring:" in line for line in lines)
    assert any(" WARNING " in line and "ignored" in line for line in lines)
    assert not any("INFO" in line for line in run(*given, "error", "--overwrite")[2].splitlines())
    logger = logging.getLogger("tastebridge")
    assert [type(handler) for handler in logger.handlers] == [logging.NullHandler]


def test_a_stamp_names_the_model_and_the_time(data, lists, tmp_path):
    name = fingerprint(tb.load(data / "model"))
    before = pd.Timestamp.now("UTC").floor("s")
    assert run(*words(data, tmp_path / "out.parquet", "--stamp"))[0] == 0
    assert run(*words(data, tmp_path / "out.csv", "--stamp"))[0] == 0
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert found["model"].unique().tolist() == [name]
    assert before <= found["made_at"].iloc[0] <= pd.Timestamp.now("UTC")
    assert found["made_at"].nunique() == 1
    pd.testing.assert_frame_equal(found[lists.columns], lists, check_dtype=False)
    assert pd.read_csv(tmp_path / "out.csv").columns.tolist() == [*lists.columns, "model", "made_at"]
    audience = (
        "audience",
        data / "model",
        data / "events.csv",
        "--items",
        "films:03",
        "-o",
        tmp_path / "a.parquet",
    )
    assert run(*audience, "--stamp")[0] == 0
    assert "made_at" in pq.read_schema(tmp_path / "a.parquet").names


def test_a_stamp_is_on_every_part_of_a_folder_and_is_kept_where_the_run_goes_on(data, lists, tmp_path):
    name, parts = fingerprint(tb.load(data / "model")), tmp_path / "parts"
    assert run(*words(data, parts, "--stamp"))[0] == 0
    files = {path.name: path.read_bytes() for path in parts.iterdir()}
    found = pd.read_parquet(parts, partitioning=None)
    assert found["model"].unique().tolist() == [name]
    assert found["made_at"].nunique() == 1
    pd.testing.assert_frame_equal(found[lists.columns], lists, check_dtype=False)
    time.sleep(1.1)  # another second: the same call finds its result, with the stamp of then
    assert run(*words(data, parts, "--stamp"))[0] == 0
    assert {path.name: path.read_bytes() for path in parts.iterdir()} == files
    code, _, err = run(*words(data, parts))
    assert (code, "the stamp changed" in err) == (1, True)


def test_a_folder_that_was_stopped_goes_on_with_its_first_stamp(data, tmp_path, monkeypatch):
    from tastebridge.batch import driver

    table = pd.read_csv(data / "events.csv")
    table.to_parquet(tmp_path / "events.parquet")
    write, done = driver.write_part, []

    def failing(*given, **more):
        if len(done) == 2:
            raise tb.exceptions.OutputError("the disk is full")
        done.append(write(*given, **more))
        return done[-1]

    monkeypatch.setattr("tastebridge.batch.spreading.EVENTS", len(table) // 4)
    monkeypatch.setattr(driver, "write_part", failing)
    given = (data / "model", tmp_path / "events.parquet", tmp_path / "parts", 2)
    with pytest.raises(tb.exceptions.OutputError):
        recommend_all(*given, stamp=True)
    monkeypatch.setattr(driver, "write_part", write)
    time.sleep(1.1)
    assert len(recommend_all(*given, stamp=True).parts) >= 4
    assert pd.read_parquet(tmp_path / "parts", partitioning=None)["made_at"].nunique() == 1


@pytest.mark.parametrize("form", ["parquet", "npy"])
def test_vectors_are_stamped(data, tmp_path, form):
    given = ("vectors", data / "model", data / "events.csv", "-o", tmp_path, "--format", form, "--stamp")
    for more in ((), ("--overwrite",)):  # files with a stamp are known as vectors again
        code, _, err = run(*given, *more)
        assert (code, err) == (0, "")
    names = [f"{kind}.{'ids.' if form == 'npy' else ''}parquet" for kind in ("items", "users")]
    for table in (pd.read_parquet(tmp_path / name) for name in names):
        assert table["model"].unique().tolist() == [fingerprint(tb.load(data / "model"))]
        assert table["made_at"].nunique() == 1


def test_the_summary_of_several_targets_counts_their_rows(tmp_path):
    panel, _ = make_panel(120, 40, ("books", "films", "games"))
    frame = panel.to_frame()
    frame.to_csv(tmp_path / "events.csv", index=False)
    tb.InterestMapper(["books", "films"], n_folds=1).fit(panel).save(tmp_path / "model")
    extra = frame[:2].assign(item_id="x", category="games")
    pd.concat([frame, extra]).to_csv(tmp_path / "more.csv", index=False)
    given = ("recommend", tmp_path / "model", tmp_path / "more.csv", "-o", tmp_path / "out.csv", "-n", 3)
    assert run(*given, "--summary", tmp_path / "run.json")[0] == 0
    told, out = json.loads((tmp_path / "run.json").read_text()), pd.read_csv(tmp_path / "out.csv")
    assert told["counts"]["rows"] == len(out)
    assert told["counts"]["users_served"] == out["user_id"].nunique()
    assert told["rows_by_category"] == out["category"].value_counts(sort=False).to_dict()
    assert told["counts"]["events"] == len(frame) + 2
    assert told["unknown"] == {"games": extra["user_id"].nunique()}


def test_a_finished_output_is_replaced_only_if_asked(data, tmp_path):
    out = tmp_path / "out.csv"
    assert run(*words(data, out))[0] == 0
    first = out.read_bytes()
    code, _, err = run(*words(data, out, "-n", 5))
    assert (code, "Replace it with --overwrite" in err) == (1, True)
    assert out.read_bytes() == first
    assert run(*words(data, out, "-n", 5, "--overwrite"))[0] == 0
    assert out.read_bytes() != first
    parts = tmp_path / "parts"
    assert run(*words(data, parts))[0] == 0
    assert run(*words(data, parts))[0] == 0  # the same job: nothing is lost
    assert run(*words(data, parts, "-n", 5))[0] == 1
    assert run(*words(data, parts, "-n", 5, "--overwrite"))[0] == 0
    code, _, err = run("fit", data / "events.csv", "-t", "films", "-o", data / "model")
    assert (code, "--overwrite" in err) == (1, True)


def test_the_standard_output_has_the_table_and_nothing_else(data, lists, tmp_path):
    code, text, err = run(*words(data, "-"))
    assert code == 0
    assert text == lists.to_csv(index=False)
    assert "are on the standard output" in err
    code, text, err = run(*words(data, "-", "-q"))
    assert (code, err) == (0, "")
    code, text, _ = run(
        "audience", data / "model", data / "events.csv", "--items", "films:03", "-o", "-", "-n", 2
    )
    assert text.splitlines()[0] == "item_id,user_id,score,rank"
    assert len(text.splitlines()) == 3


def child(*given, **options):
    words = [str(word) for word in given]
    code = f"import sys\nsys.argv[1:] = {words!r}\nfrom tastebridge.cli import main\nmain()"
    return subprocess.Popen([sys.executable, "-c", code], env=dict(os.environ), **options)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_terminated_job_removes_its_files_and_writes_its_summary(data, tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    os.environ["TMPDIR"], before = str(temporary), os.environ.get("TMPDIR")
    try:
        # the events come from a pipe that stays open, so that the command waits in the middle of its work
        job = child(
            *("recommend", data / "model", "-", "-o", "-", "--summary", tmp_path / "run.json"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 60
        while not list(temporary.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert list(temporary.iterdir())
        job.send_signal(signal.SIGTERM)
        job.stdin.close()
        assert job.wait(300) == 143
    finally:
        del os.environ["TMPDIR"]
        if before is not None:
            os.environ["TMPDIR"] = before
    assert list(temporary.iterdir()) == []
    assert json.loads((tmp_path / "run.json").read_text())["exit_code"] == 143


def test_a_reader_that_has_enough_is_no_error(data):
    job = child(*words(data, "-", "-q"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    job.stdout.close()  # as head does
    assert job.wait(300) in (0, 1)
    assert job.stderr.read() == b""
    job.stderr.close()
