"""Six targets in one fit beside six fits: time, and accuracy on people without a history in the target.

``python -m benchmarks.several`` runs on MovieLens: of every genre a fifth of the people lose all their rows,
one genre after another; then both ways learn from what is left, by turns, on one thread.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd

import tastebridge as tb
from benchmarks.data.movielens import GENRES
from tastebridge.data import Panel
from tastebridge.datasets import load_movielens
from tastebridge.evaluation.full import user_scores
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.intervals import paired_difference
from tastebridge.splits import Split, cold_users

SHARE = 0.2
GAP = ["difference", "difference_low", "difference_high"]


def splits_of(panel: Panel, seed: int) -> dict[str, Split]:
    """Return a split for every genre, all of the one panel that lacks what any of them holds out."""
    truths = {}
    for place, genre in enumerate(GENRES):
        split = cold_users(panel, genre, SHARE, random_state=seed + place)
        panel, truths[genre] = split.train, split.truth
    return {genre: Split(panel, genre, truth) for genre, truth in truths.items()}


def run(seed: int = 0) -> pd.DataFrame:
    """Return a row a genre: accuracy of both ways, their difference, and seconds."""
    splits = splits_of(load_movielens().select(list(GENRES)), seed)
    panel, rows = next(iter(splits.values())).train, []
    alone, seconds = {}, {}
    for genre in GENRES[:3]:
        alone[genre], seconds[genre] = timed(tb.InterestMapper(genre, n_jobs=1), panel)
    together, whole = timed(tb.InterestMapper(list(GENRES), n_jobs=1), panel)
    for genre in GENRES[3:]:
        alone[genre], seconds[genre] = timed(tb.InterestMapper(genre, n_jobs=1), panel)
    gaps = []
    for genre, split in splits.items():
        models = {"separate": alone[genre], "one fit": together.mappers_[genre]}
        full = {name: user_scores(model, split, ["ndcg@10"])["ndcg@10"] for name, model in models.items()}
        gap = full["one fit"].to_numpy() - full["separate"].to_numpy()
        gaps.append(gap)
        sampled = tb.evaluate_sampled(models, split, ["ndcg@10"], baseline="separate", fit=False)
        own = sampled.set_index("model")
        rows.append(
            {
                "genre": genre,
                "people": len(gap),
                **{name: values.mean() for name, values in full.items()},
                "difference": interval(gap),
                "sampled": own.loc["separate", "mean"],
                "sampled one fit": own.loc["one fit", "mean"],
                "sampled difference": written(*own.loc["one fit", GAP]),
                "seconds": seconds[genre],
            }
        )
    rows.append({"genre": "all", "difference": interval(np.concatenate(gaps)), "seconds": whole})
    print(
        f"separate {sum(seconds.values()):.1f} s, one fit {whole:.1f} s: {whole / sum(seconds.values()):.3f}"
    )
    return pd.DataFrame(rows)


def interval(gap: np.ndarray) -> str:
    """Return the mean of differences with its interval over people."""
    found = paired_difference(gap, np.zeros(len(gap)))
    return written(found.mean, found.low, found.high)


def written(mean: float, low: float, high: float) -> str:
    return f"{mean:+.4f} ({low:+.4f} … {high:+.4f})"


def timed(model: tb.InterestMapper, panel: Panel) -> tuple[tb.InterestMapper, float]:
    """Return the fitted model and the seconds of one core it took."""
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        model.fit(panel)
    return model, time.process_time() - start


if __name__ == "__main__":
    print(run().to_string(index=False))
