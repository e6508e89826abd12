"""What differential privacy costs on clothing and sports, and what an attacker still learns.

``python -m benchmarks.private`` writes ``results/private.csv``: for each epsilon the NDCG@10 of
``PrivateMapper`` (protocol ``sampled``, test rows, all and without twins), the share of its lift over
popularity that is left of the one without noise and with all items counted, and the AUC of membership attacks
on what is released. Protected are the people with training rows in both categories, outsiders those with rows
in one. Noise is drawn anew in each repetition; the table has means over them, and of the lift kept the 95 %
interval of the mean (Student's t). The defaults of ``PrivateMapper`` were chosen on
``valid`` of this pair, in both directions; the test rows were not read for it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse, stats

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
from tastebridge.recommenders.private_mapper import _COUNT, _MEAN

OUT = Path(__file__).parent / "results" / "private.csv"
EPSILONS = (0.5, 1.0, 3.0, 10.0, float("inf"))
DELTA = 1e-6
_LEAST = 0.01
"""Variance of counts of nobody: the attacker knows that the reference is small."""
DIRECTIONS = (("cloth", "sport"), ("sport", "cloth"))


def main() -> None:
    """Measure both directions."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epsilons", type=float, nargs="+", default=EPSILONS)
    given = parser.parse_args()
    rows = [
        row
        for target, source in DIRECTIONS
        for row in curve(make(target, source, 0), source, given.repeats, given.epsilons)
    ]
    table = pd.DataFrame(rows)
    OUT.parent.mkdir(exist_ok=True)
    table.to_csv(OUT, index=False, float_format="%.4f")
    print(table.to_string(index=False))


def curve(task: Task, source: str, repeats: int, epsilons: Sequence[float]) -> list[dict[str, object]]:
    """Return a row for popularity and for every epsilon, and no noise."""
    negatives = draw_negatives(task.split, random_state=DRAW)
    twin = has_twin(task.panel, task.target, task.truth)
    popular = ndcg(task, tb.Popularity(task.target).fit(task.panel), negatives)
    base = [popular.mean(), popular[~twin].mean()]
    rows: list[dict[str, object]] = [
        {"target": task.target, "model": "popularity", "ndcg@10": base[0], "ndcg@10 without twins": base[1]}
    ]
    quiet = np.array([])
    for epsilon in sorted({*epsilons, float("inf")}, reverse=True):
        runs = np.array(
            [_run(task, epsilon, negatives, twin) for _ in range(1 if epsilon == np.inf else repeats)]
        )
        value, no_twins, seconds = runs.mean(axis=0)
        quiet = quiet if len(quiet) else runs[0]
        kept = (runs[:, 0] - base[0]) / (quiet[0] - base[0])
        reach = stats.t.ppf(0.975, repeats - 1) * kept.std(ddof=1) / repeats**0.5 if len(kept) > 1 else 0.0
        row = {
            "target": task.target,
            "model": "PrivateMapper",
            "epsilon": epsilon,
            "ndcg@10": value,
            "ndcg@10 without twins": no_twins,
            "lift kept": kept.mean(),
            "lift kept low": kept.mean() - reach,
            "lift kept high": kept.mean() + reach,
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
    """Return the AUC of telling who is among the people of a release: by parts of it, and by all.

    Eight tenths of the linked people are released, with the noise PrivateMapper gives each part; a tenth are
    the strangers to tell them from; another tell the attacker what to expect, and how it varies.
    """
    rng, mapper, panel = np.random.default_rng(seed), tb.PrivateMapper(task.target), task.panel
    linked = rng.permutation(panel.linked(source, task.target))
    parts = np.split(np.arange(len(linked)), [8 * len(linked) // 10, 9 * len(linked) // 10])
    X = _clipped(task, source, mapper.source_components, linked, True)
    Y = _clipped(task, task.target, mapper.target_components, linked, False)
    noise, share = noise_multiplier_for(epsilon, DELTA), mapper.popularity_share
    mean, counts = (noise / (part * share) ** 0.5 for part in (_MEAN, 1 - _COUNT - _MEAN))
    cross = noise / ((1 - _COUNT) * (1 - share)) ** 0.5
    nobody = np.ones((len(linked), 1))
    scores = {
        "map": _traced(X, Y, parts, cross, rng),
        "popularity": _traced(nobody, _counted(task, linked, mapper.min_outsiders), parts, counts, rng),
    }
    scores["both"] = sum(scores.values()) + _traced(nobody, Y, parts, mean, rng)
    inside, outside, _ = parts
    return {f"attack auc, {name}": auc(part[inside], part[outside]) for name, part in scores.items()}


def _traced(
    X: NDArray[np.float64], Y: Any, parts: list[NDArray[np.int64]], sigma: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return for everybody the likelihood ratio of being part of a noisy sum of ``x y'``, entry by entry.

    The sum less what was to be expected is taken for normal, with the variance that the people of the
    reference show and that of the noise.
    """
    inside, _, rest = parts
    total = np.asarray(X[inside].T @ Y[inside]) + sigma * rng.normal(size=(X.shape[1], Y.shape[1]))
    mean, squares = X[rest].T @ Y[rest] / len(rest), Y.multiply(Y) if sparse.issparse(Y) else Y * Y
    spread = len(inside) * np.asarray((X[rest] ** 2).T @ squares[rest]) / len(rest) + sigma**2 + _LEAST
    D = (total - len(inside) * np.asarray(mean)) / spread
    return _forms(X, D, Y) - _forms(X**2, 1.0 / spread, squares) / 2


def _forms(X: NDArray[np.float64], D: NDArray[np.float64], Y: Any) -> NDArray[np.float64]:
    """Return ``x' D y`` of every row."""
    return np.einsum("ij,ij->i", X, np.asarray(Y @ D.T))


def _counted(task: Task, linked: NDArray[np.int64], min_outsiders: int) -> sparse.csr_matrix:
    """Return the rows of length 1 that PrivateMapper counts."""
    part = task.panel[task.target]
    outsiders = part.matrix[np.setdiff1d(part.active_numbers, linked)]
    often = np.bincount(outsiders.indices, minlength=len(part.items)) >= min_outsiders
    return (sparse_to_grid(part.matrix[linked][:, often]) / 2.0**BITS).tocsr()


def _clipped(
    task: Task, name: str, rank: int, linked: NDArray[np.int64], whiten: bool
) -> NDArray[np.float64]:
    """Return factors of length at most 1 as PrivateMapper takes them."""
    part = task.panel[name]
    outsiders = part.matrix[np.setdiff1d(part.active_numbers, linked)]
    model = SVDFactors(rank).fit(outsiders)
    scale = scale_of(np.asarray(model.transform(outsiders)), whiten)
    return scale.clipped(np.asarray(model.transform(part.matrix[linked]))) / scale.clip


def _run(
    task: Task, epsilon: float, negatives: NDArray[np.int64], twin: NDArray[np.bool_]
) -> tuple[float, float, float]:
    start = time.perf_counter()
    model = tb.PrivateMapper(task.target, epsilon=epsilon, delta=DELTA)
    if epsilon == np.inf:
        model.set_params(min_outsiders=1)
    model.fit(task.panel)
    seconds = time.perf_counter() - start
    values = ndcg(task, model, negatives)
    return float(values.mean()), float(values[~twin].mean()), seconds


if __name__ == "__main__":
    main()
