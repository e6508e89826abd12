"""The bound on memory is one on the process, also for inputs that are hard to cut."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tastebridge as tb
from contracts.nightly import SHARE
from tastebridge.baselines import TargetOnly
from tastebridge.batch.memory import parse_memory
from tastebridge.datasets import make_panel
from tastebridge.factors import PretrainedFactors

NIGHTLY = pytest.mark.skipif(not SHARE, reason="a part of the nightly run")
LINUX = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="the peak is read as Linux tells it"
)
BOUND, ROWS = 800_000_000, 3_000_000
N_ITEMS, WIDTH = 1_000_000, 64
JOB = """
import sys
from tastebridge import load
from tastebridge.batch import recommend_all
from tastebridge.exceptions import InvalidParameterError
model = load(sys.argv[1])
if sys.argv[5:]:  # the peak starts here
    open("/proc/self/clear_refs", "w").write("5")
try:
    recommend_all(model, sys.argv[2], sys.argv[3], n=5, memory=int(sys.argv[4]))
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


def run(folder, bound, *loaded):
    """Run a job in a process of its own; return how it ended, and the peak (of all, or once it is loaded)."""
    paths = [str(folder / name) for name in ("model", "events.parquet", "out")]
    done = subprocess.run(
        [sys.executable, "-c", JOB, *paths, str(bound), *loaded], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said, peak = done.stdout.splitlines()
    return said, int(peak)


@LINUX
@pytest.mark.parametrize("kind", ["many users", pytest.param("one user", marks=NIGHTLY)])
def test_a_job_stays_within_its_memory(tmp_path, kind):
    panel, _ = make_panel(200, 40, events_per_user=8)
    tb.Popularity("films").fit(panel).save(tmp_path / "model")
    table = events(kind)
    assert table.nbytes > BOUND / 2  # held twice, as by a sort, it is beyond the bound
    pq.write_table(table, tmp_path / "events.parquet", row_group_size=ROWS, use_dictionary=["category"])
    del table
    said, peak = run(tmp_path, BOUND)
    assert peak < BOUND
    # the rows of one user are scored at once: the job says beforehand how much that takes
    assert re.fullmatch("finished" if kind == "many users" else "memory=800MB is too little: .*", said), said


def million_items(folder):
    """A model of a million items with vectors of 64 numbers, and events of 2,000 users."""
    rng, ids = np.random.default_rng(0), np.arange(N_ITEMS)
    panel = pd.DataFrame({"user_id": ids // 2000, "item_id": ids, "category": "films"})
    factors = PretrainedFactors(factors=rng.standard_normal((N_ITEMS, WIDTH), dtype=np.float32))
    TargetOnly("films", factors).fit(panel).save(folder / "model")
    users = np.repeat(np.arange(2000), 5)
    rows = {"user_id": users, "item_id": rng.integers(0, N_ITEMS, len(users)), "category": "films"}
    pd.DataFrame(rows).to_parquet(folder / "events.parquet")


@LINUX
@NIGHTLY
def test_a_million_items_take_the_memory_that_was_told_beforehand(tmp_path):
    million_items(tmp_path)
    # the model alone takes more
    said, _ = run(tmp_path, BOUND)
    told = re.fullmatch(r"memory=800MB is too little: .* Give at least ([0-9.]+GB)\.", said)
    assert told is not None, said
    assert not (tmp_path / "out").exists()
    bound = parse_memory(told[1])
    # to load takes the files on top, for a moment
    said, peak = run(tmp_path, bound, "loaded")
    assert said == "finished"
    assert peak < bound
    assert len(pd.read_parquet(tmp_path / "out")) == 2000 * 5
