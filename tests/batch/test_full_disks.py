"""A disk that is full at a random moment, and kills of `fit` and of lists over several targets."""

import random
import resource
import shutil
import time
import warnings
from contextlib import contextmanager

import pytest

import tastebridge as tb
from contracts.jobs import (
    audience,
    begun,
    cut_small,
    killed_after,
    of_both,
    recommend_file,
    recommend_folder,
    results,
    vectors,
)
from contracts.killing import checksums
from contracts.nightly import trials
from contracts.panels import RECOMMENDERS
from contracts.shell import run
from tastebridge.datasets import make_panel
from tastebridge.exceptions import ModelFileError, OutputError
from tastebridge.persist import fingerprint

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
TURNS = trials(5, 50)
"""Of each job."""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    cut_small(monkeypatch)


@contextmanager
def no_file_above(size):
    """Writing fails where a file would grow beyond this size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Events, and an old and a new model of one target and of two."""
    path = tmp_path_factory.mktemp("full")
    panel, _ = make_panel(n_users=300, n_items=60, events_per_user=6)
    panel.to_frame().to_parquet(path / "events.parquet", index=False, row_group_size=300)
    models = {"new": tb.TargetOnly("films").fit(panel), "old": tb.Popularity("films").fit(panel)}
    for name, seed in (("old", 0), ("new", 1)):
        RECOMMENDERS["several"](random_state=seed).fit(panel).save(path / f"several {name}")
    return path / "events.parquet", models


def save(model, events, out):
    """The folder is taken by a model of before, or not there."""
    model.save(out / "model", with_users=True)


def over_several_targets(model, events, out):
    """By the command line, which makes one file of lists over all targets."""
    age = "new" if isinstance(model, tb.TargetOnly) else "old"
    code, _, err = run(
        "recommend", events.parent / f"several {age}", events, "-o", out / "out.csv", "-n", 4, "--overwrite"
    )
    if code:
        raise OutputError(err)


@pytest.mark.parametrize(
    "job", [recommend_folder, recommend_file, audience, vectors, save, over_several_targets]
)
def test_a_full_disk_leaves_the_old_or_the_new_and_says_so(place, tmp_path, job, record_property):
    events, models = place
    rng = random.Random(0)
    whole, _ = of_both(job, models, events, tmp_path)
    folders = [tmp_path / name for name in models]
    largest = max(path.stat().st_size for one in folders for path in one.rglob("*") if path.is_file())
    told = []
    record_property("full disks", TURNS)
    for turn in range(TURNS):
        out = begun(job, tmp_path, turn)
        try:
            with no_file_above(rng.randrange(largest)):
                job(models["new"], events, out)
        except (OutputError, ModelFileError) as error:  # a model says that it cannot be written
            told.append(str(error))
        for name, digest in results(out).items():
            assert digest in (whole["old"].get(name), whole["new"].get(name)), name
        if job is save:
            assert fingerprint(tb.load(out / "model")) in {fingerprint(model) for model in models.values()}
        job(models["new"], events, out)
        assert checksums(out) == whole["new"]
        shutil.rmtree(out)
    assert told
    assert all("disk" in text or "cannot be written" in text for text in told), told


def test_a_killed_fit_leaves_the_old_model_or_the_new(tmp_path, record_property):
    record_property("kills", TURNS)
    panel, _ = make_panel(n_users=120, n_items=20, events_per_user=6)
    panel.to_frame().to_csv(tmp_path / "events.csv", index=False)
    rng, path = random.Random(0), tmp_path / "model"

    def fit():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            code, _, err = run(
                "fit", tmp_path / "events.csv", "-t", "films", "-o", path, "--with-users", "--overwrite"
            )
            assert code == 0, err

    tb.Popularity("films").fit(panel).save(path, with_users=True)
    shutil.copytree(path, tmp_path / "old")
    start = time.perf_counter()
    fit()
    seconds = time.perf_counter() - start
    shutil.copytree(path, tmp_path / "new")
    whole = {name: fingerprint(tb.load(tmp_path / name)) for name in ("old", "new")}
    stopped = 0
    for turn in range(TURNS):
        shutil.rmtree(path)
        shutil.copytree(tmp_path / "old", path)
        stopped += killed_after(seconds * (rng.uniform(0.8, 1.1) if turn % 2 else rng.random()), fit)
        assert fingerprint(tb.load(path)) in whole.values()
    fit()
    assert checksums(path) == checksums(tmp_path / "new")
    assert stopped


def test_killed_lists_over_several_targets_are_the_old_or_the_new(place, tmp_path, record_property):
    record_property("kills", TURNS)
    events, models = place
    rng = random.Random(0)
    whole, seconds = of_both(over_several_targets, models, events, tmp_path)
    assert whole["old"] != whole["new"]
    for turn in range(TURNS):
        out = begun(over_several_targets, tmp_path, turn)
        killed_after(
            rng.random() * seconds * 1.2, lambda out=out: over_several_targets(models["new"], events, out)
        )
        assert results(out) in whole.values()
        over_several_targets(models["new"], events, out)
        assert results(out) == whole["new"]
        assert checksums(out) == whole["new"]
