"""Batches in a process of their own, to be killed at random moments."""

import hashlib
import subprocess
import sys
import time
from pathlib import Path

RUN = """
import sys
from tastebridge.batch import recommend_all, spreading
model, events, out, n_jobs, per_part = sys.argv[1:]
spreading.EVENTS = int(per_part)
print("ready", flush=True)
recommend_all(model, events, out, n=5, memory="2GB", n_jobs=int(n_jobs))
print("done", flush=True)
"""


def command(model, events, out, n_jobs=1, per_part=500):
    """The words that run a batch of small parts."""
    return [sys.executable, "-c", RUN, *map(str, (model, events, out, n_jobs, per_part))]


def run(*words, **options):
    """Run a batch to its end."""
    return subprocess.run(command(*words, **options), check=True, capture_output=True, text=True)


def kill_after(seconds, *words, **options):
    """Kill a batch some seconds after it was ready; return whether it was still at work."""
    with subprocess.Popen(command(*words, **options), stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        time.sleep(seconds)
        working = process.poll() is None
        process.kill()  # does nothing to a process that has ended
        process.wait()
    return working


def checksums(folder):
    """What is in a folder, hidden things too."""
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
