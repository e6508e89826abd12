"""kill -9 at random moments: what was there before or the result, and a rerun ends in the same bytes."""

import random
import shutil
import time
import warnings

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
from tastebridge.datasets import make_panel
from tastebridge.persist import fingerprint

TURNS = trials(8, 112)
"""Of each of five jobs."""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    cut_small(monkeypatch)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Events, and an old and a new model."""
    path = tmp_path_factory.mktemp("crashes")
    panel, _ = make_panel(n_users=400, n_items=60, events_per_user=6)
    panel.to_frame().to_parquet(path / "events.parquet", index=False, row_group_size=300)
    models = {"new": tb.TargetOnly("films").fit(panel), "old": tb.Popularity("films").fit(panel)}
    return path / "events.parquet", models


@pytest.mark.parametrize("job", [recommend_folder, recommend_file, audience, vectors])
def test_a_killed_job_is_the_old_or_the_new_and_can_be_run_again(place, tmp_path, job, record_property):
    record_property("kills", 2 * TURNS)
    events, models = place
    rng = random.Random(0)
    whole, seconds = of_both(job, models, events, tmp_path)
    assert whole["old"] != whole["new"]
    stopped = 0
    for turn in range(TURNS):
        out = begun(job, tmp_path, turn)
        for _ in range(2):
            stopped += killed_after(
                rng.random() * seconds * 1.2, lambda out=out: job(models["new"], events, out)
            )
            found = results(out)
            for name, digest in found.items():
                assert digest in (whole["old"].get(name), whole["new"].get(name)), name
            if job is vectors and len(found) == 2:
                assert found in ({**whole["old"]}, {**whole["new"]})
        job(models["new"], events, out)
        assert checksums(out) == whole["new"]
        shutil.rmtree(out)
    assert stopped > TURNS // 4


def test_a_model_updated_in_place_is_the_old_or_the_new(tmp_path, record_property):
    record_property("kills", TURNS)
    panel, _ = make_panel(n_users=200, n_items=30)
    path, rng = tmp_path / "model", random.Random(0)
    fresh = panel[:20].to_frame().assign(user_id=lambda rows: rows["user_id"] + 10_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tb.InterestMapper("films", n_lists=100, n_negatives=20).fit(panel).save(path, with_users=True)
        shutil.copytree(path, tmp_path / "old")

        def update():
            mapper = tb.load(path)
            mapper.update(fresh)
            mapper.forget(panel.users.ids[:5])
            mapper.save(path, with_users=True)

        start = time.perf_counter()
        update()
        seconds = time.perf_counter() - start
        shutil.copytree(path, tmp_path / "new")
        whole = {name: fingerprint(tb.load(tmp_path / name)) for name in ("old", "new")}
        assert whole["old"] != whole["new"]
        seen = []
        for _ in range(TURNS):
            shutil.rmtree(path)
            shutil.copytree(tmp_path / "old", path)
            killed_after(seconds * (0.7 + 0.5 * rng.random()), update)
            seen.append(fingerprint(tb.load(path)))
            if seen[-1] == whole["old"]:
                update()
            assert checksums(path) == checksums(tmp_path / "new")
            assert not {ids for ids in panel.users.ids[:5].tolist() if ids in tb.load(path).panel_.users.ids}
    assert set(seen) <= set(whole.values())
