"""No command writes its output over an input, among the files of one, or over a table it does not know."""

import hashlib
import os
import warnings

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from contracts.shell import run
from tastebridge.batch.inputs import refuse_inputs
from tastebridge.cli.output import write_table
from tastebridge.datasets import make_panel
from tastebridge.exceptions import OutputError
from tastebridge.persist.locking import locked


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model of one target and one of two, and the events."""
    path = tmp_path_factory.mktemp("outputs")
    panel, _ = make_panel(150, 30, ("books", "films", "music"))
    panel.to_frame().to_csv(path / "events.csv", index=False)
    tb.TargetOnly("films").fit(panel).save(path / "one")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tb.InterestMapper(["films", "books"], n_lists=100, n_negatives=20).fit(panel).save(path / "two")
    return path


@pytest.fixture
def events(models, tmp_path):
    (tmp_path / "events.csv").write_bytes((models / "events.csv").read_bytes())
    (tmp_path / "items.csv").write_text("item_id\nfilms:03\n")
    (tmp_path / "users.csv").write_text("user_id\n3\n")
    return tmp_path / "events.csv"


def kept(path, *words):
    """Run a command; it must fail, say why, and leave the file as it was."""
    before = hashlib.sha256(path.read_bytes()).digest()
    code, _, err = run(*words)
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert code in (1, 2), err
    return err


@pytest.mark.parametrize("model", ["one", "two"])
def test_recommendations_do_not_go_over_an_input(models, events, model):
    folder = models / model
    assert "is the input events" in kept(events, "recommend", folder, events, "-o", events)
    items = events.with_name("items.csv")
    for option in ("--allow", "--deny"):
        assert "list" in kept(items, "recommend", folder, events, "-o", items, option, items)
    link, other = events.with_name("link.csv"), events.with_name("other.csv")
    link.symlink_to(events)
    os.link(events, other)
    for name in (link, other):
        assert "is the input events" in kept(events, "recommend", folder, events, "-o", name)
    inside = folder / "out.csv"
    code, _, err = run("recommend", folder, events, "-o", inside)
    assert code == 1
    assert "lies among the model" in err
    assert not inside.exists()


def test_figures_audiences_and_pages_do_not_go_over_an_input(models, events):
    one = models / "one"
    assert "is the input" in kept(events, "evaluate", events, "-t", "films", "-o", events)
    assert "is the input" in kept(events, "audience", one, events, "--items", "films:03", "-o", events)
    table = events.with_name("items.csv")
    words = ("evaluate", events, "-t", "films", "--features", f"films={table}", "-o", table)
    assert "is the input table of films" in kept(table, *words)
    page = events.with_name("events.html")
    page.write_text("mine")
    assert "is the input events" in kept(page, "report", one, page, "-o", page)


def test_models_do_not_go_among_events_or_into_another_model(models, events, tmp_path):
    (tmp_path / "parts").mkdir()
    pd.read_csv(events).to_parquet(tmp_path / "parts" / "0.parquet")
    code, _, err = run("fit", tmp_path / "parts", "-t", "films", "-o", tmp_path / "parts" / "model")
    assert code == 1
    assert "lies among the events" in err
    two, out = models / "two", ("-o", models / "two" / "new")
    users = tmp_path / "users.csv"
    for command in (("update", two, events, *out), ("compress", two, *out), ("forget", two, users, *out)):
        code, _, err = run(*command)
        assert "lies among the files of the model" in err
    assert not (models / "two" / "new").exists()
    assert len(tb.load(models / "two").targets_) == 2


@pytest.mark.parametrize("form", ["parquet", "npy"])
def test_vectors_go_over_vectors_only(models, events, tmp_path, form):
    out, one = tmp_path / "data", models / "one"
    out.mkdir()
    mine = pd.DataFrame({"mine": [1]})
    for name in ("items", "users"):
        path = out / f"{name}.{form}"
        mine.to_parquet(path) if form == "parquet" else np.save(path, np.arange(3))
        err = kept(path, "vectors", one, events, "-o", out, "--format", form)
        assert "not a file of vectors from an earlier run" in err
        path.unlink()
    if form == "npy":
        ids = out / "users.ids.parquet"
        mine.to_parquet(ids)
        assert "earlier run" in kept(ids, "vectors", one, events, "-o", out, "--format", form)
        ids.unlink()
    words = ("vectors", one, events, "-o", out, "--format", form, "--memory", "8GB")
    assert run(*words)[0] == 0
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert "is there already" in kept(out / f"users.{form}", *words)
    assert run(*words, "--overwrite")[0] == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    assert run("vectors", one, "-o", one)[0] == 1
    assert isinstance(tb.load(one), tb.TargetOnly)


def test_vectors_are_refused_before_anything_is_written(models, tmp_path):
    out = tmp_path / "data"
    out.mkdir()
    pd.read_csv(models / "events.csv").to_parquet(out / "users.parquet")
    kept(out / "users.parquet", "vectors", models / "one", out / "users.parquet", "-o", out)
    assert [path.name for path in out.iterdir()] == ["users.parquet"]


def test_items_of_another_model_do_not_stay_where_users_come(models, events, tmp_path):
    out = tmp_path / "vectors"
    assert run("vectors", models / "one", events, "-o", out, "--memory", "8GB")[0] == 0
    code, _, err = run("vectors", models / "one", "-o", out, "--overwrite")
    assert code == 0
    assert "is from an earlier run" in err


def test_what_killed_writers_left_goes_and_one_writes_at_a_time(tmp_path):
    left, other = tmp_path / ".out.csv-0123abcd.tmp", tmp_path / ".mine.csv-0123abcd.tmp"
    left.touch()
    other.touch()
    frame = pd.DataFrame({"a": [1]})
    write_table(frame, tmp_path / "out.csv")
    assert {path.name for path in tmp_path.iterdir()} == {"out.csv", other.name}
    with locked(tmp_path / "out.csv"), pytest.raises(OutputError, match="another process is writing"):
        write_table(frame, tmp_path / "out.csv")


def test_what_is_no_input_is_not_refused(tmp_path):
    (tmp_path / "events").mkdir()
    (tmp_path / "events.csv").touch()
    for out in ("out.csv", "events.parquet", "events2/x.csv", "eventsx"):
        refuse_inputs(tmp_path / out, events=tmp_path / "events", other=tmp_path / "events.csv", none=None)
    with pytest.raises(OutputError, match="lies among the events"):
        refuse_inputs(tmp_path / "events" / "a" / "b", events=tmp_path / "events")
