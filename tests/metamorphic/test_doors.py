"""The same answers through every door: frames and files, saved models, batches and the command line."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tastebridge as tb
from contracts.answers import answers, assert_same, items_of
from contracts.panels import RECOMMENDERS, events, panel_of, policy_of, tried
from contracts.shell import run
from tastebridge.batch import audience_all, recommend_all, write_vectors
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, NoLinkedUsersError

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
KINDS = st.sampled_from([*RECOMMENDERS, "mapper", "several"])
KEY = bytes(range(32))


def fitted(kind, panel):
    try:
        return RECOMMENDERS[kind]().fit(panel)
    except (NoLinkedUsersError, InvalidParameterError, InvalidDataError):
        assume(False)


def as_csv(frame, folder, rng):
    frame.to_csv(folder / "events.csv", index=False)
    return folder / "events.csv"


def as_compressed_csv(frame, folder, rng):
    frame.to_csv(folder / "events.csv.gz", index=False)
    return folder / "events.csv.gz"


def as_parquet(frame, folder, rng):
    frame.to_parquet(folder / "events.parquet", row_group_size=int(rng.integers(1, 20)), index=False)
    return folder / "events.parquet"


def as_parts(frame, folder, rng):
    """A folder of parts cut anywhere, so that users lie in several."""
    (folder / "parts").mkdir()
    cuts = np.sort(rng.integers(0, len(frame), 3))
    for number, part in enumerate(np.split(np.arange(len(frame)), cuts)):
        if len(part):
            frame.iloc[part].to_parquet(folder / "parts" / f"{number}.parquet", index=False)
    return folder / "parts"


FILES = {"csv": as_csv, "csv.gz": as_compressed_csv, "parquet": as_parquet, "parts": as_parts}


def is_text(frame):
    return not isinstance(frame["user_id"].iloc[0], int | np.integer)


@tried(20)
@given(frame=events(least=6), form=st.sampled_from(sorted(FILES)), seed=st.integers(0, 99), kind=KINDS)
def test_every_form_of_events_is_one_panel(frame, form, seed, kind):
    rng = np.random.default_rng(seed)
    panel = panel_of(kind, frame)
    with tempfile.TemporaryDirectory() as folder:
        path = FILES[form](frame.iloc[rng.permutation(len(frame))], Path(folder), rng)
        read = tb.read_panel(path, policy=policy_of(kind))
    one, two = (part.to_frame().reset_index(drop=True) for part in (panel, read))
    pd.testing.assert_frame_equal(one, two, check_dtype=False, check_exact=True)
    model, again = fitted(kind, panel), fitted(kind, read)
    assert_same(answers(model, panel.users.ids), answers(again, panel.users.ids), f"{kind}, {form}")


@tried(20)
@given(frame=events(least=6), kind=KINDS, how=st.sampled_from(["plain", "updatable", "encrypted", "twice"]))
def test_a_saved_model_says_the_same(frame, kind, how):
    panel = panel_of(kind, frame)
    model, users = fitted(kind, panel), panel.users.ids
    options = {"updatable": {"updatable": True}, "encrypted": {"key": KEY}}.get(how, {})
    options = {} if how == "updatable" and kind not in ("mapper",) else options
    key = {"key": KEY} if how == "encrypted" else {}
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model", with_users=True, **options)
        loaded = tb.load(Path(folder) / "model", **key)
        if how == "twice":
            loaded.save(Path(folder) / "again", with_users=True)
            loaded = tb.load(Path(folder) / "again")
    assert_same(answers(model, users), answers(loaded, users), f"{kind}, {how}")


@tried(25)
@given(frame=events(least=6), kind=KINDS, form=st.sampled_from(["csv", "parquet", "parts"]),
       door=st.sampled_from(["batch", "shell"]), to=st.sampled_from(["parquet", "csv"]),
       seed=st.integers(0, 99))  # fmt: skip
def test_a_batch_and_the_command_line_write_what_the_library_says(frame, kind, form, door, to, seed):
    rng, panel = np.random.default_rng(seed), panel_of(kind, frame)
    model = fitted(kind, panel)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, out = FILES[form](frame.iloc[rng.permutation(len(frame))], folder, rng), folder / f"out.{to}"
        model.save(folder / "model")
        if door == "batch" and kind != "several":  # of which a batch scores one
            recommend_all(model, path, out, n=3, memory="8GB")
        else:
            # lists over several targets are made in one piece, which has no such bound
            bound = [] if kind == "several" else ["--memory", "8GB"]
            code, _, err = run("recommend", folder / "model", path, "-o", out, "-n", 3, *bound)
            assert code == 0, err
        text = {"user_id": str, "item_id": str} if is_text(frame) else {}
        found = pd.read_csv(out, dtype=text) if to == "csv" else pd.read_parquet(out)
        wanted = model.recommend_from(frame, 3)
        scores = {"check_exact": True} if to == "parquet" else {"rtol": 1e-6}
        pd.testing.assert_frame_equal(
            found.reset_index(drop=True), wanted.reset_index(drop=True), check_dtype=False, **scores
        )


@tried(15)
@given(frame=events(least=6), kind=KINDS)
def test_written_audiences_and_vectors_are_those_of_the_library(frame, kind):
    panel = panel_of(kind, frame)
    model, target = fitted(kind, panel), "films"
    given, one = ({"category": target}, model.mappers_[target]) if kind == "several" else ({}, model)
    items = list(items_of(model, target)[:2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = as_parquet(frame, folder, np.random.default_rng(0))
        audience_all(one, path, items, folder / "who.parquet", 5, memory="8GB")
        wanted = model.audience(items, 5, **given)
        pd.testing.assert_frame_equal(
            pd.read_parquet(folder / "who.parquet"), wanted, check_dtype=False, check_exact=True
        )
        if kind == "neighbours":  # it has no vectors
            return
        write_vectors(one, folder / "vectors", path, memory="8GB")
        for verb, column, file in (
            ("user_vectors", "user_id", "users"),
            ("item_vectors", "item_id", "items"),
        ):
            ids, vectors = getattr(model, verb)(**given)
            table = pq.read_table(folder / "vectors" / f"{file}.parquet")
            np.testing.assert_array_equal(table[column].to_pylist(), list(ids))
            np.testing.assert_array_equal(np.array(table["vector"].to_pylist(), np.float32), vectors)
