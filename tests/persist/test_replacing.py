"""A saved model replaced by another: whole or not at all, by one process at a time, and no strange file."""

import hashlib
import json
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time

import pytest

import tastebridge as tb
from contracts.jobs import STOPPED, ended, started
from contracts.nightly import trials
from tastebridge.datasets import make_panel
from tastebridge.exceptions import ModelFileError
from tastebridge.persist import folder, locking, writing
from tastebridge.persist.manifest import CARD, MANIFEST, PACKAGE, render

SIZES = {"old": 60, "new": 80}


@pytest.fixture(scope="module")
def models():
    return {
        name: tb.Popularity("films").fit(make_panel(n_users=size, n_items=20, random_state=size)[0])
        for name, size in SIZES.items()
    }


@pytest.fixture(params=["exchanged", "moved in"])
def way(request, monkeypatch):
    """Both ways of putting a model in its place; systems that cannot exchange folders have the second."""
    if request.param == "moved in":
        monkeypatch.setattr(folder, "exchange", lambda one, other: False)
    return request.param


def text_of(path):
    return {part.name: part.read_bytes() for part in path.iterdir()}


def killing(step, act):
    """Return an act that is killed before its step-th change of a name on the disk, from publishing on."""
    left = [step]

    def counted(change):
        def run(*given, **named):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*given, **named)

        return run

    def armed(*given):
        for name in ("replace", "rename", "unlink", "rmdir"):
            setattr(os, name, counted(getattr(os, name)))
        folder.exchange = counted(folder.exchange)
        folder.publish(*given)

    def run():
        writing.publish = armed
        act()

    return run


def test_killed_at_every_step_the_old_or_the_new_model_is_whole(models, way, tmp_path):
    whole = {}
    for name, model in models.items():
        model.save(tmp_path / name, with_users=True)
        whole[name] = text_of(tmp_path / name)
    seen = []
    for step in range(1, 100):
        path = tmp_path / f"model {step}"
        models["old"].save(path, with_users=True)
        code = ended(started(killing(step, lambda path=path: models["new"].save(path, with_users=True))))
        if code == 0:
            break
        assert code == -signal.SIGKILL
        seen.append(len(tb.load(path).panel_))
        if way == "exchanged":
            assert text_of(path) == whole["old" if seen[-1] == SIZES["old"] else "new"]
        models["new"].save(path, with_users=True)
        assert text_of(path) == whole["new"]
        assert [part.name for part in tmp_path.iterdir() if part.name.startswith(".")] == []
    assert step > 5
    assert seen == sorted(seen)
    assert set(seen) == set(SIZES.values())


def test_a_model_on_a_disk_of_its_own_is_replaced_by_copies(models, monkeypatch, tmp_path):
    real = os.replace

    def elsewhere(one, other):
        if os.path.dirname(one) != os.path.dirname(other):
            raise OSError(18, "Invalid cross-device link")
        real(one, other)

    models["old"].save(tmp_path / "model")
    models["new"].save(tmp_path / "other")
    monkeypatch.setattr(folder, "exchange", lambda one, other: False)
    monkeypatch.setattr(os, "replace", elsewhere)
    models["new"].save(tmp_path / "model")
    assert text_of(tmp_path / "model") == text_of(tmp_path / "other")


@pytest.mark.parametrize(
    "name", ["../precious.txt", "/absolute", "thesis.docx", "notes-0123456789ab.parquet"]
)
def test_a_foreign_manifest_does_not_say_what_is_deleted(models, way, tmp_path, name):
    path = tmp_path / "model"
    path.mkdir()
    if name == "/absolute":
        name = str(tmp_path / "precious.txt")
    victims = [tmp_path / "precious.txt", path / "thesis.docx"]
    for victim in victims:
        victim.write_text("mine")
    (path / MANIFEST).write_text(render({"package": PACKAGE, "format": 1, "files": {"x": {"file": name}}}))
    with pytest.raises(ModelFileError, match=r"other files than a saved model, such as 'thesis\.docx'"):
        models["new"].save(path)
    assert [victim.read_text() for victim in victims] == ["mine", "mine"]
    victims[1].unlink()
    models["new"].save(path)
    assert victims[0].read_text() == "mine"
    assert isinstance(tb.load(path), tb.Popularity)


def test_links_in_a_folder_are_neither_followed_nor_replaced(models, way, tmp_path):
    path = tmp_path / "model"
    models["old"].save(path)
    arrays = next(path.glob("arrays-*"))
    arrays.rename(tmp_path / "elsewhere")
    arrays.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelFileError, match="is a symbolic link"):
        tb.load(path)
    with pytest.raises(ModelFileError, match="other files than a saved model, such as 'arrays-"):
        models["new"].save(path)
    assert (tmp_path / "elsewhere").exists()


def test_files_like_a_models_are_kept_where_their_checksum_is_another(models, way, tmp_path):
    path = tmp_path / "model"
    models["old"].save(path)
    (path / "notes-0123456789ab.parquet").write_text("mine")
    with pytest.raises(ModelFileError, match="such as 'notes-0123456789ab"):
        models["new"].save(path)
    (path / "notes-0123456789ab.parquet").unlink()
    left = b"left by a killed save"
    (path / f"people-{hashlib.sha256(left).hexdigest()[:12]}.parquet").write_bytes(left)
    models["new"].save(path)
    models["new"].save(tmp_path / "other")
    assert text_of(path) == text_of(tmp_path / "other")


def test_a_card_of_mine_in_an_encrypted_folder_stays(models, way, tmp_path):
    pytest.importorskip("cryptography")
    path, key = tmp_path / "model", bytes(32)
    models["old"].save(path)
    models["new"].save(path, key=key)
    assert not (path / CARD).exists()
    (path / CARD).write_text("mine")
    with pytest.raises(ModelFileError, match=r"such as 'README\.md'"):
        models["new"].save(path, key=key)


def test_all_files_have_the_rights_the_umask_gives_and_the_folder_keeps_its_own(models, tmp_path):
    path = tmp_path / "model"
    models["old"].save(path, with_users=True)
    (tmp_path / "plain").touch()
    usual = (tmp_path / "plain").stat().st_mode
    assert {part.stat().st_mode for part in path.iterdir()} == {usual}
    path.chmod(0o700)
    models["new"].save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_of_two_savers_one_is_told(models, tmp_path):
    path = tmp_path / "model"
    models["old"].save(path)
    with locking.locked(path):
        with pytest.raises(ModelFileError, match="another process is saving to"):
            models["new"].save(path)
        assert ended(started(lambda: models["new"].save(path))) == STOPPED
    models["new"].save(path)
    assert [part.name for part in tmp_path.iterdir()] == ["model"]


def test_savers_at_once_leave_a_whole_model(models, way, tmp_path):
    path = tmp_path / "model"
    models["old"].save(path)
    codes = []

    def save():
        for _ in range(10):
            try:
                models["new"].save(path)
                codes.append("saved")
            except ModelFileError as error:
                codes.append("told" if "another process is saving to" in str(error) else str(error))

    savers = [threading.Thread(target=save) for _ in range(3)]
    for saver in savers:
        saver.start()
    for saver in savers:
        saver.join()
    assert len(codes) == 30
    assert {"saved"} <= set(codes) <= {"saved", "told"}
    models["new"].save(tmp_path / "other")
    assert text_of(path) == text_of(tmp_path / "other")


def test_a_model_loads_while_it_is_replaced(models, way, tmp_path):
    path, done = tmp_path / "model", threading.Event()
    models["old"].save(path, with_users=True)

    def replace():
        while not done.is_set():
            for name in ("new", "old"):
                models[name].save(path, with_users=True)

    saver = threading.Thread(target=replace)
    saver.start()
    try:
        seen = {len(tb.load(path).panel_) for _ in range(trials(60, 400))}
    finally:
        done.set()
        saver.join()
    assert seen == set(SIZES.values())


def test_a_full_disk_says_so(models, tmp_path, monkeypatch):
    from safetensors import SafetensorError

    def full(*given):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    models["old"].save(tmp_path / "model")
    before = text_of(tmp_path / "model")
    monkeypatch.setattr(writing, "save_file", full)
    with pytest.raises(ModelFileError, match=r"cannot be written: .*No space left.*before are unchanged"):
        models["new"].save(tmp_path / "model")
    assert text_of(tmp_path / "model") == before
    assert [part.name for part in tmp_path.iterdir()] == ["model"]


SAVE = """
import sys, tastebridge as tb
mapper = tb.load(sys.argv[1])
print("ready", flush=True)
while True:
    mapper.save(sys.argv[2], with_users=True)
"""


def test_killed_at_random_moments_a_model_is_old_or_new(models, tmp_path, record_property):
    record_property("kills", turns := trials(6, 100))
    rng, path, seen = random.Random(0), tmp_path / "model", []
    for name, model in models.items():
        model.save(tmp_path / name, with_users=True)
    for turn in range(turns):
        name = ("new", "old")[turn % 2]
        words = [sys.executable, "-c", SAVE, str(tmp_path / name), str(path)]
        if not path.exists():
            models["old"].save(path, with_users=True)
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            time.sleep(rng.random() * 0.1)
            process.kill()
        seen.append(len(tb.load(path).panel_))
    assert set(seen) <= set(SIZES.values())
    models["new"].save(path, with_users=True)
    assert text_of(path) == text_of(tmp_path / "new")
    assert {part.name for part in tmp_path.iterdir()} == {"model", *SIZES}


def test_not_a_number_in_a_manifest_is_a_damaged_manifest(models, tmp_path):
    models["old"].save(tmp_path / "model")
    text = (tmp_path / "model" / MANIFEST).read_text()
    for number in ("NaN", "Infinity", "-Infinity", "1e999"):
        content = json.loads(text)
        content["weighting"]["parameters"]["half_life"] = "HERE"
        (tmp_path / "model" / MANIFEST).write_text(json.dumps(content, indent=1).replace('"HERE"', number))
        with pytest.raises(ModelFileError, match="damaged"):
            tb.load(tmp_path / "model")


def test_a_deep_manifest_is_a_damaged_manifest(models, tmp_path):
    models["old"].save(tmp_path / "model")
    for depth in (300, 900, 100_000):
        deep = "[" * depth + "]" * depth
        text = '{"package": "tastebridge", "format": 1, "files": ' + deep + ', "checksum": ""}'
        (tmp_path / "model" / MANIFEST).write_text(text)
        with pytest.raises(ModelFileError, match="damaged"):
            tb.load(tmp_path / "model")
