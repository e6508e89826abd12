"""The bound on memory is one on the process, also for inputs that are hard to cut."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tastebridge as tb
from contracts.nightly import SHARE
from tastebridge.datasets import make_panel

NIGHTLY = pytest.mark.skipif(not SHARE, reason="a part of the nightly run")
BOUND, ROWS = 800_000_000, 3_000_000
JOB = """
import sys
from tastebridge import load
from tastebridge.batch import recommend_all
from tastebridge.exceptions import InvalidParameterError
try:
    recommend_all(load(sys.argv[1]), sys.argv[2], sys.argv[3], n=5, memory=int(sys.argv[4]))
    print("finished")
except InvalidParameterError as error:
    print(error)
print([int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")][0] * 1024)
"""


def events(kind):
    """Rows of one row group: of many users with long ids, or nearly all of a single user."""
    rng = np.random.default_rng(0)
    n_users = 300_000
    names = pa.array([f"{number:0120d}" for number in rng.integers(0, 1 << 62, n_users)])
    users = rng.integers(0, n_users, ROWS)
    if kind == "one user":
        users[n_users:] = 0
    items = pa.array([f"films:{at:02d}" for at in range(40)])
    return pa.table(
        {
            "user_id": names.take(pa.array(users)),
            "item_id": items.take(pa.array(rng.integers(0, 40, ROWS))),
            "category": pa.array(["films"] * ROWS),
            "weight": rng.random(ROWS) + 0.1,
        }
    )


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read as Linux tells it")
@pytest.mark.parametrize("kind", ["many users", pytest.param("one user", marks=NIGHTLY)])
def test_a_job_stays_within_its_memory(tmp_path, kind):
    panel, _ = make_panel(200, 40, events_per_user=8)
    tb.Popularity("films").fit(panel).save(tmp_path / "model")
    table = events(kind)
    assert table.nbytes > BOUND / 2  # held twice, as by a sort, it is beyond the bound
    pq.write_table(table, tmp_path / "events.parquet", row_group_size=ROWS, use_dictionary=["category"])
    del table
    paths = [str(tmp_path / name) for name in ("model", "events.parquet", "out")]
    done = subprocess.run([sys.executable, "-c", JOB, *paths, str(BOUND)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said, peak = done.stdout.splitlines()
    assert int(peak) < BOUND
    # the rows of one user are scored at once: the job says beforehand how much that takes
    assert re.fullmatch("finished" if kind == "many users" else "memory=800MB is too little: .*", said), said
