"""What differential privacy costs on clothing and sports, and what an attacker still learns.

``python -m benchmarks.private`` writes ``results/private.csv``: for each epsilon the NDCG@10 of
``PrivateMapper`` (protocol ``sampled``, test rows, all and without twins), the share of its lift over
popularity that is left of the one without noise, and the AUC of a membership attack on the released moments.
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

import tastebridge as tb
from benchmarks.data.amazon_cloth_sport import make
from benchmarks.protocols.sampled import DRAW, row_ranks
from benchmarks.task import Task
from benchmarks.twins import has_twin
from tastebridge.evaluation import draw_negatives
from tastebridge.factors import SVDFactors
from tastebridge.metrics import rank_ndcg
from tastebridge.moments import Moments
from tastebridge.privacy import noise_multiplier_for
from tastebridge.privacy.audit import membership_auc
from tastebridge.privacy.moments import check_shares, noisy_moments
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
            "attack auc": np.mean([attack(task, source, epsilon, seed) for seed in range(repeats)]),
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


def attack(task: Task, source: str, epsilon: float, seed: int) -> float:
    """Return the AUC of the attack on moments of half of the linked people, the other half being strangers.

    The moments are those PrivateMapper releases, with the noise its share of the budget leaves them. A third
    of the people, in neither, tells the attacker what to expect.
    """
    panel, mapper = task.panel, tb.PrivateMapper(task.target)
    linked = np.random.default_rng(seed).permutation(panel.linked(source, task.target))
    pairs, clips = [], []
    for name, rank, whiten in (
        (source, mapper.source_components, True),
        (task.target, mapper.target_components, False),
    ):
        outsiders = panel[name].matrix[np.setdiff1d(panel[name].active, linked)]
        model = SVDFactors(rank).fit(outsiders)
        scale = scale_of(model.transform(outsiders), whiten)
        pairs.append(scale.clipped(model.transform(panel[name].matrix[linked])))
        clips.append(scale.clip)
    X, Y = pairs
    inside, outside, rest = np.array_split(np.arange(len(linked)), 3)
    shares = check_shares({"n": 0.03, "xy": 0.97})
    noise = noise_multiplier_for(epsilon, DELTA) / (1.0 - mapper.popularity_share) ** 0.5
    zeros = Moments.zeros(X.shape[1], Y.shape[1])
    public = Moments(1.0, zeros.sum_x, zeros.sum_y, zeros.xx, zeros.xy, zeros.yy)
    released = noisy_moments(X[inside], Y[inside], noise, (clips[0], clips[1]), shares, public)
    reference = Moments.from_arrays(X[rest], Y[rest])
    return membership_auc(released, (X[inside], Y[inside]), (X[outside], Y[outside]), reference)


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
