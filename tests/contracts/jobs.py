"""Jobs of batches to be killed or to run out of disk, and what is left of them."""

import os
import signal
import time

from contracts.killing import checksums
from tastebridge.batch import audience_all, recommend_all, source, spreading, write_vectors


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


def killed_after(seconds, act):
    """Run in a child process and kill it after a while; return whether it was still at work."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
            os._exit(0)
        except BaseException:
            os._exit(3)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


def results(folder):
    """What a user sees: the files that are not hidden."""
    return {name: digest for name, digest in checksums(folder).items() if not name.startswith(".")}
