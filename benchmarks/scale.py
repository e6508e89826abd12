"""Batch scoring at scale: memory, speed, kills. ``python -m benchmarks.scale FOLDER [part …]``.

Everything is made in FOLDER, once: a model of 50 thousand items, the histories of a million users. Parts:
``batch`` (end to end, with its peak memory, and the kernel alone), ``kills`` (killed with
signal 9 at ten random moments, the same bytes), ``ann`` (an approximate index against the exact answer),
``kernel`` (the search against the bare product and implicit's; ``search``: random vectors only, with numba
and without), ``fit`` (a tenth and all of a million users,
from Parquet to a mapper, with peak memory), ``curves`` (the cost of each size, with exponents and a picture).
Figures go to ``results/scale.json``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy import sparse
from threadpoolctl import threadpool_limits

import tastebridge as tb
from benchmarks.environment import RESULTS, child_environment
from benchmarks.scale_curves import curves, draw
from benchmarks.scale_kernel import kernel_figures, random_vectors, search_figures
from tastebridge._numerics.topk import top_k
from tastebridge.batch import RecommendationKernel, nest, write_vectors
from tastebridge.datasets import make_panel
from tastebridge.factors import SVDFactors
from tastebridge.routes import TargetRoute, TransferRoute

N_PEOPLE, N_ITEMS, SHARD = 1_000_000, 50_000, 50_000
MEMORY, JOBS, N = "2GB", 2, 20
KERNEL_PEOPLE, SEARCH_PEOPLE = 100_000, 20_000
FIGURES, PICTURE = RESULTS / "scale.json", RESULTS / "scale_curves.png"
COMMAND = "from tastebridge.cli import main; main()"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", nargs="*", default=["batch", "kills", "ann"])
    parser.add_argument("--people", type=int, default=N_PEOPLE)
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    for part in arguments.parts:
        if part in NEED_MODEL:
            make_model(folder / "model")
        if part in NEED_HISTORIES:
            make_histories(folder, arguments.people)
        keep(part, PARTS[part](folder, arguments.people) if part in SIZED else PARTS[part](folder))


def keep(part: str, figures: dict[str, object]) -> None:
    """Print figures and add them to the figures of the other parts."""
    print(part, json.dumps(figures, indent=1), flush=True)
    known = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps({**known, part: figures}, indent=1) + "\n")


def make_model(path: Path) -> None:
    """Fit 64 components of 50 thousand items on 60 thousand users, with them in the file."""
    if path.exists():
        return
    panel, _ = make_panel(60_000, N_ITEMS, n_components=16, popularity=0.6, events_per_user=15)
    routes = [TransferRoute(SVDFactors(64), SVDFactors(64)), TargetRoute(SVDFactors(64))]
    start = time.perf_counter()
    mapper = tb.InterestMapper("films", routes=routes, n_folds=1).fit(panel)
    print(f"fitted in {time.perf_counter() - start:.0f} s: {mapper.item_vectors().vectors.shape}", flush=True)
    mapper.save(path, with_users=True)


def make_histories(folder: Path, n_people: int) -> None:
    """Write the histories of new users, each like one of the fit with a fifth of the events replaced."""
    events = folder / "events"
    if events.exists():
        return
    panel = tb.load(folder / "model").panel_
    making = folder / "making"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    for shard, first in enumerate(range(0, n_people, SHARD)):
        rng = np.random.default_rng(shard)
        ids = pa.array([f"p{number:08d}" for number in rng.permutation(SHARD) + first])
        like = rng.integers(0, len(panel), len(ids))
        parts = [_drawn(rng, panel, name, ids, like) for name in panel.categories]
        table = pa.concat_tables(parts)
        table = table.take(pa.array(rng.permutation(len(table))))
        pq.write_table(table, making / f"{shard:03d}.parquet", row_group_size=1 << 18)
    making.rename(events)


def _drawn(rng: np.random.Generator, panel: tb.Panel, name: str, ids: pa.Array, like: np.ndarray) -> pa.Table:
    rows: sparse.csr_matrix = panel[name].matrix[like]
    other = rng.random(rows.nnz) < 0.2
    items = np.where(other, rng.permutation(rows.indices), rows.indices)
    people = np.repeat(np.arange(len(ids)), np.diff(rows.indptr))
    vocabulary = pa.array(panel[name].items.ids)
    columns = {"user_id": ids.take(pa.array(people)), "item_id": vocabulary.take(pa.array(items))}
    return pa.table({**columns, "category": pa.array([name] * len(items))})


def batch(folder: Path) -> dict[str, object]:
    """Score all users in a process of its own, and the kernel alone on a part of the users."""
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    words = [sys.executable, "-m", "benchmarks.scale_child", str(folder), str(out), MEMORY, str(JOBS), str(N)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=child_environment(JOBS))
    figures = json.loads(done.stdout.splitlines()[-1])
    kernel = kernel_alone(folder, figures["people"])
    return {**figures, "kernel_seconds_alone": kernel, "end_to_end_over_kernel": figures["seconds"] / kernel}


def kernel_alone(folder: Path, n_people: int, n_tried: int = 40_000) -> float:
    """Return the seconds the kernel takes for all users, measured on some, in batches as the driver cuts."""
    model = tb.load(folder / "model")
    table = pq.read_table(folder / "events" / "000.parquet")
    users = np.sort(table["user_id"].unique().to_numpy(zero_copy_only=False))[:n_tried]
    kernel = RecommendationKernel(model, N)
    frame = table.to_pandas()
    parts = [frame[frame["user_id"].isin(some)] for some in np.array_split(users, 2 * JOBS)]
    batches = [nest(pa.Table.from_pandas(part, preserve_index=False)) for part in parts]
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(JOBS) as pool:
        kernel(batches[0])  # warm
        start = time.perf_counter()
        list(pool.map(kernel, batches))
    return (time.perf_counter() - start) * n_people / len(users)


def kills(folder: Path, n_kills: int = 10, n_shards: int = 2) -> dict[str, object]:
    """Kill a run at ten random moments and compare its bytes with an undisturbed run."""
    some = folder / "some"
    if not some.exists():
        some.mkdir()
        for part in sorted((folder / "events").iterdir())[:n_shards]:
            shutil.copy(part, some / part.name)
    plain, killed = folder / "plain", folder / "killed"
    for path in (plain, killed):
        shutil.rmtree(path, ignore_errors=True)

    def start(out: Path, jobs: int) -> subprocess.Popen[bytes]:
        words = ["recommend", folder / "model", some, "-o", out, "-n", N, "--memory", MEMORY, "--jobs", jobs]
        return subprocess.Popen([sys.executable, "-c", COMMAND, *map(str, words)])

    begun = time.perf_counter()
    assert start(plain, JOBS).wait() == 0
    whole = time.perf_counter() - begun
    rng, landed = random.Random(0), 0
    while landed < n_kills:
        process = start(killed, rng.choice((1, JOBS)))
        time.sleep(rng.uniform(0.5, max(1.0, 2 * whole / n_kills)))
        if process.poll() is not None:
            shutil.rmtree(killed)  # it was done before the signal: begin again
            continue
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        landed += 1
    assert start(killed, JOBS).wait() == 0
    same = _bytes(plain) == _bytes(killed)
    return {"kills": landed, "seconds_undisturbed": whole, "files": len(_bytes(plain)), "same_bytes": same}


def ann(folder: Path, n_people: int = 5_000) -> dict[str, object]:
    """Search an HNSW index of the item vectors by the vectors of users; recall against the exact answer."""
    from usearch.index import Index

    some = folder / "few"
    if not some.exists():
        some.mkdir()
        table = pq.read_table(folder / "events" / "000.parquet")
        users = np.sort(table["user_id"].unique().to_numpy(zero_copy_only=False))[:n_people]
        pq.write_table(table.filter(pc.is_in(table["user_id"], pa.array(users))), some / "0.parquet")
    write_vectors(folder / "model", folder / "vectors", some, format="npy", memory=MEMORY, restart=True)
    items, people = np.load(folder / "vectors" / "items.npy"), np.load(folder / "vectors" / "users.npy")
    with threadpool_limits(1):
        top_k(people, items, 10)  # warm
        start = time.perf_counter()
        exact, _ = top_k(people, items, 10)
        exact_seconds = time.perf_counter() - start
    figures: dict[str, object] = {"items": len(items), "components": items.shape[1], "people": len(people)}
    figures["exact_people_per_second"] = len(people) / exact_seconds
    for metric, X, Q in (("inner product", items, people), ("cosine, lifted", *lifted(items, people))):
        index = Index(ndim=X.shape[1], metric="ip" if metric == "inner product" else "cos", dtype="f32")
        start = time.perf_counter()
        index.add(np.arange(len(X)), X, threads=1)
        built = time.perf_counter() - start
        for width in (64, 256, 1024):
            index.expansion_search = width
            start = time.perf_counter()
            found = index.search(Q, 10, threads=1).keys
            seconds = time.perf_counter() - start
            hits = [len(np.intersect1d(one, other)) for one, other in zip(found, exact, strict=True)]
            figures[f"{metric}, expansion {width}"] = {
                "recall@10": float(np.mean(hits)) / 10,
                "people_per_second": len(people) / seconds,
                "build_seconds": built,
            }
    return figures


def kernel(folder: Path, n_people: int) -> dict[str, object]:
    """Time the search on random vectors and on vectors of a model, for at most a hundred thousand users."""
    n_people = min(n_people, KERNEL_PEOPLE)
    model = tb.load(folder / "model")
    some = np.random.default_rng(0).integers(0, len(model.panel_), n_people)
    real = model.user_vectors().vectors[some], model.item_vectors().vectors
    random_ = random_vectors(n_people, N_ITEMS)
    return {
        "random": kernel_figures(*random_, JOBS),
        "fitted": kernel_figures(*(np.ascontiguousarray(part) for part in real), JOBS),
    }


def fit(folder: Path, n_people: int) -> dict[str, object]:
    """Fit a tenth of the users and all of them, and tell how the cost grows."""
    found = {str(n): fit_alone(folder / f"fit-{n}", n) for n in (n_people // 10, n_people)}
    few, many = found.values()
    ratio = np.log(many["interactions"] / few["interactions"])
    return {**found, "exponent": float(np.log(many["fit_cpu_seconds"] / few["fit_cpu_seconds"]) / ratio)}


def fit_alone(events: Path, n_people: int) -> dict[str, float]:
    """Make events where there are none, and fit them in a process of its own."""
    words, environment = [sys.executable, "-m", "benchmarks.scale_fit"], child_environment(JOBS)
    if not events.exists():
        subprocess.run([*words, "make", str(events), str(n_people)], check=True, env=environment)
    run = subprocess.run([*words, "fit", str(events), str(JOBS)], check=True, env=environment, stdout=-1)
    figures: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return figures


def cost_curves(folder: Path) -> dict[str, object]:
    """Measure the curves and draw them."""
    found = curves()
    draw(found, PICTURE)
    return dict(found)


def lifted(items: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors whose cosine ranks as the inner product does (Bachrach et al., RecSys 2014)."""
    squares = (items.astype(np.float64) ** 2).sum(axis=1)
    rest = np.sqrt(np.maximum(squares.max() - squares, 0.0))
    zeros = np.zeros(len(people))
    return np.float32(np.column_stack([items, rest])), np.float32(np.column_stack([people, zeros]))


def _bytes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


PARTS = {
    "batch": batch,
    "kills": kills,
    "ann": ann,
    "kernel": kernel,
    "search": lambda folder: search_figures(SEARCH_PEOPLE, N_ITEMS, JOBS),
    "fit": fit,
    "curves": cost_curves,
}
NEED_MODEL, NEED_HISTORIES = {"batch", "kills", "ann", "kernel"}, {"batch", "kills", "ann"}
SIZED = {"kernel", "fit"}
"""Parts that look at the number of users."""

if __name__ == "__main__":
    main()
