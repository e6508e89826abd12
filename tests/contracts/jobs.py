"""Jobs of batches to be killed or to run out of disk, and what is left of them."""

import os
import shutil
import signal
import time

from contracts.killing import checksums
from tastebridge.batch import audience_all, recommend_all, source, spreading, write_vectors

STOPPED = 3


def cut_small(monkeypatch):
    """Let jobs work in small parts."""
    monkeypatch.setattr(spreading, "EVENTS", 500)
    monkeypatch.setattr(source, "SPAN", 400)
    monkeypatch.setattr("tastebridge.batch.vectors._EVENTS", 500)


def recommend_folder(model, events, out):
    recommend_all(model, events, out, n=5, memory="8GB", restart=(out / "_manifest.json").exists())


def recommend_file(model, events, out):
    recommend_all(model, events, out / "out.csv", n=5, memory="8GB")


def audience(model, events, out):
    audience_all(model, events, ["films:03", "films:05"], out / "out.parquet", n=50, memory="8GB")


def vectors(model, events, out):
    write_vectors(model, out, events, memory="8GB")


def started(act):
    """Run in a child process; return its number. It exits with STOPPED if an error ends it."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
            os._exit(0)
        except BaseException:
            os._exit(STOPPED)
    return pid


def ended(pid):
    """Wait for a child process; return its exit code, negative for the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed_after(seconds, act):
    """Run in a child process and kill it after a while; return whether it was still at work."""
    pid = started(act)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    code = ended(pid)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def of_both(job, models, events, path):
    """Do a job with the new and the old model, in a folder each; return checksums and seconds of one."""
    whole, seconds = {}, 0.0
    for name, model in models.items():
        (path / name).mkdir()
        start = time.perf_counter()
        job(model, events, path / name)
        seconds = time.perf_counter() - start
        whole[name] = checksums(path / name)
    return whole, seconds


def begun(job, path, turn):
    """Return the folder of a turn, as the job of the old model left it."""
    out = path / f"turn {turn}"
    if job is recommend_folder:  # another job in a folder of parts is refused, so it begins in none
        out.mkdir()
    else:
        shutil.copytree(path / "old", out)
    return out


def results(folder):
    """What a user sees: the files that are not hidden."""
    return {name: digest for name, digest in checksums(folder).items() if not name.startswith(".")}
