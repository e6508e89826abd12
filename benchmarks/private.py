"""What differential privacy costs on clothing and sports, and what an attacker still learns.

``python -m benchmarks.private`` writes ``results/private.csv``: for each epsilon the NDCG@10 of
``PrivateMapper`` (protocol ``sampled``, test rows, all and without twins), the share of its lift over
popularity that is left of the one without noise, and the AUC of membership attacks on what is released.
Protected are the people with training rows in both categories, outsiders those with rows in one. Noise is
drawn anew in each repetition; the table has means over them. The defaults of ``PrivateMapper`` were chosen on
``valid`` of this pair, in both directions; the test rows were not read for it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

import tastebridge as tb
from benchmarks.data.amazon_cloth_sport import make
from benchmarks.protocols.sampled import DRAW, row_ranks
from benchmarks.task import Task
from benchmarks.twins import has_twin
from tastebridge.evaluation import draw_negatives
from tastebridge.factors import SVDFactors
from tastebridge.metrics import rank_ndcg
from tastebridge.privacy import noise_multiplier_for
from tastebridge.privacy.audit import auc
from tastebridge.privacy.grid import BITS, sparse_to_grid
from tastebridge.privacy.whitening import scale_of

OUT = Path(__file__).parent / "results" / "private.csv"
EPSILONS = (0.5, 1.0, 3.0, 10.0, float("inf"))
DELTA = 1e-6
DIRECTIONS = (("cloth", "sport"), ("sport", "cloth"))


def main() -> None:
    """Measure both directions."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=3)
    rows = [row for pair in DIRECTIONS for row in curve(make(*pair, 0), pair[1], parser.parse_args().repeats)]
    table = pd.DataFrame(rows)
    OUT.parent.mkdir(exist_ok=True)
    table.to_csv(OUT, index=False, float_format="%.4f")
    print(table.to_string(index=False))


def curve(task: Task, source: str, repeats: int) -> list[dict[str, object]]:
    """Return a row for popularity and for every epsilon."""
    negatives = draw_negatives(task.split, random_state=DRAW)
    twin = has_twin(task.panel, task.target, task.truth)
    popular = ndcg(task, tb.Popularity(task.target).fit(task.panel), negatives)
    base = [popular.mean(), popular[~twin].mean()]
    rows: list[dict[str, object]] = [
        {"target": task.target, "model": "popularity", "ndcg@10": base[0], "ndcg@10 without twins": base[1]}
    ]
    quiet = None
    for epsilon in reversed(EPSILONS):
        runs = [_run(task, epsilon, negatives, twin) for _ in range(1 if epsilon == np.inf else repeats)]
        value, no_twins, seconds = np.mean(runs, axis=0)
        quiet = (value, no_twins) if quiet is None else quiet
        row = {
            "target": task.target,
            "model": "PrivateMapper",
            "epsilon": epsilon,
            "ndcg@10": value,
            "ndcg@10 without twins": no_twins,
            "lift kept": (value - base[0]) / (quiet[0] - base[0]),
            "lift kept without twins": (no_twins - base[1]) / (quiet[1] - base[1]),
            **pd.DataFrame([attack(task, source, epsilon, seed) for seed in range(repeats)]).mean(),
            "fit seconds": seconds,
        }
        rows.append(row)
        print(row, flush=True)
    return rows


def ndcg(
    task: Task, model: tb.Popularity | tb.PrivateMapper, negatives: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the NDCG@10 of every test row; items the model does not know come last."""
    items, ids = task.panel[task.target].items, task.split.user_ids
    known = model.item_vectors()
    scores = np.full((len(ids), len(items)), -1e9, dtype=np.float32)
    scores[:, items.numbers(known.ids)] = model.user_vectors(ids).vectors @ known.vectors.T
    return rank_ndcg(row_ranks(task.split, ids, scores, negatives), 10)


def attack(task: Task, source: str, epsilon: float, seed: int) -> dict[str, float]:
    """Return the AUC of telling who is among the people of a release: by its map, its popularity, and both.

    Eight tenths of the linked people are released, with the noise PrivateMapper gives each part; a tenth are
    the strangers to tell them from; another tell the attacker what to expect.
    """
    rng, mapper, panel = np.random.default_rng(seed), tb.PrivateMapper(task.target), task.panel
    linked = rng.permutation(panel.linked(source, task.target))
    inside, outside, rest = np.split(np.arange(len(linked)), [8 * len(linked) // 10, 9 * len(linked) // 10])
    X = _clipped(task, source, mapper.source_components, linked, True)
    Y = _clipped(task, task.target, mapper.target_components, linked, False)
    R = (sparse_to_grid(panel[task.target].matrix[linked]) / 2.0**BITS).tocsr()
    noise = noise_multiplier_for(epsilon, DELTA)
    sigma = [
        noise / (0.97 * part) ** 0.5 for part in (1.0 - mapper.popularity_share, mapper.popularity_share)
    ]
    M = (X[inside].T @ Y[inside] + sigma[0] * rng.normal(size=(X.shape[1], Y.shape[1]))) / len(inside)
    h = (_column_sums(R[inside]) + sigma[1] * rng.normal(size=R.shape[1])) / len(inside)
    scores = {
        "map": np.einsum("ij,ij->i", X @ (M - X[rest].T @ Y[rest] / len(rest)), Y),
        "popularity": np.asarray(R @ (h - _column_sums(R[rest]) / len(rest))),
    }
    scores["both"] = sum(part / part[outside].var() for part in scores.values())
    return {f"attack auc, {name}": auc(part[inside], part[outside]) for name, part in scores.items()}


def _clipped(
    task: Task, name: str, rank: int, linked: NDArray[np.int64], whiten: bool
) -> NDArray[np.float64]:
    """Return factors of length at most 1 as PrivateMapper takes them."""
    part = task.panel[name]
    outsiders = part.matrix[np.setdiff1d(part.active, linked)]
    model = SVDFactors(rank).fit(outsiders)
    scale = scale_of(np.asarray(model.transform(outsiders)), whiten)
    return scale.clipped(np.asarray(model.transform(part.matrix[linked]))) / scale.clip


def _column_sums(R: sparse.csr_matrix) -> NDArray[np.float64]:
    return np.asarray(R.sum(axis=0)).ravel()


def _run(
    task: Task, epsilon: float, negatives: NDArray[np.int64], twin: NDArray[np.bool_]
) -> tuple[float, float, float]:
    start = time.perf_counter()
    model = tb.PrivateMapper(task.target, epsilon=epsilon, delta=DELTA).fit(task.panel)
    seconds = time.perf_counter() - start
    values = ndcg(task, model, negatives)
    return float(values.mean()), float(values[~twin].mean()), seconds


if __name__ == "__main__":
    main()
