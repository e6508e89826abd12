"""Six targets in one fit against six fits: time, and accuracy on users without a history in the target.

``python -m benchmarks.several`` runs on MovieLens: of every genre a fifth of the users lose all their rows,
one genre after another. Both ways then learn from the remaining rows, in turn, on one thread. ``mixed``
judges one list over all six: the last fifth of all users' events, predicted from the earlier ones.
``agreement`` compares the lists of both ways.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import pandas as pd
from scipy import sparse

import tastebridge as tb
from benchmarks.data.movielens import GENRES
from tastebridge.data import Panel
from tastebridge.datasets import load_movielens
from tastebridge.evaluation.full import user_scores
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.metrics import ndcg
from tastebridge.metrics.intervals import paired_difference
from tastebridge.splits import Split, cold_users, own_past

SHARE = 0.2
GAP = ["difference", "difference_low", "difference_high"]


def splits_of(panel: Panel, seed: int) -> dict[str, Split]:
    """Return a split for every genre, all with one training panel without any held-out row."""
    truths = {}
    for place, genre in enumerate(GENRES):
        split = cold_users(panel, genre, SHARE, random_state=seed + place)
        panel, truths[genre] = split.train, split.truth
    return {genre: Split(panel, genre, truth) for genre, truth in truths.items()}


def run(seed: int = 0) -> pd.DataFrame:
    """Return one row per genre: accuracy of both ways, their difference, and seconds."""
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
    """Return the mean of differences with its interval over users."""
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


def mixed() -> pd.DataFrame:
    """Return NDCG@10 of one list over all genres: by probabilities, and by simpler scores."""
    panel = load_movielens().select(list(GENRES))
    splits = {genre: own_past(panel, genre) for genre in GENRES}
    train = splits[GENRES[0]].train
    truth = pd.concat([split.truth for split in splits.values()], ignore_index=True)
    people = np.unique(truth["user_id"])
    model, _ = timed(tb.InterestMapper(list(GENRES), n_jobs=1), train)
    best = pd.concat(
        [mapper.recommend(people, n=10).assign(category=name) for name, mapper in model.mappers_.items()]
    )
    counts = pd.concat([tb.Popularity(name).fit(train).recommend(people, n=10) for name in GENRES])
    lists = {
        "chances": model.recommend(people, n=10),
        "scores as they are": first_ten(best),
        "each person's likeliest category": model.recommend(people, n=10, by="category", n_categories=1),
        "popularity": first_ten(counts),
    }
    values = {name: ndcg_of(found, truth, people) for name, found in lists.items()}
    rows = [
        {"list": name, "people": len(people), "ndcg@10": found.mean(), "chances less this": interval(gap)}
        for name, found in values.items()
        for gap in [values["chances"] - found]
    ]
    return pd.DataFrame(rows)


def agreement() -> pd.DataFrame:
    """Return how much of the lists of ten one fit of five genres shares with five fits."""
    panel = load_movielens(min_ratings=5000)
    together, rows = tb.InterestMapper("all").fit(panel), []
    for genre in panel.categories:
        alone = tb.InterestMapper(genre).fit(panel).recommend(n=10)
        joint = together.mappers_[genre].recommend(n=10)
        both = alone.merge(joint, on=["user_id", "item_id"])
        ranked = (both["rank_x"] == both["rank_y"]).sum()
        rows.append((genre, len(alone), len(both) / len(alone), ranked / len(alone)))
    return pd.DataFrame(rows, columns=["genre", "items", "in both", "at the same rank"])


def first_ten(found: pd.DataFrame) -> pd.DataFrame:
    ordered = found.sort_values(["user_id", "score"], ascending=[True, False], kind="stable")
    return ordered.assign(rank=ordered.groupby("user_id").cumcount() + 1).query("rank <= 10")


def ndcg_of(found: pd.DataFrame, truth: pd.DataFrame, people: np.ndarray) -> np.ndarray:
    """Return NDCG@10 of every user; film ids are of one space."""
    films = np.unique(np.concatenate([found["item_id"], truth["item_id"]]))
    lists = np.full((len(people), 10), -1)
    at = np.searchsorted(people, found["user_id"]), found["rank"] - 1
    lists[at] = np.searchsorted(films, found["item_id"])
    places = np.searchsorted(people, truth["user_id"]), np.searchsorted(films, truth["item_id"])
    relevant = sparse.csr_matrix((np.ones(len(truth)), places), shape=(len(people), len(films)))
    return ndcg(lists, relevant, 10)


if __name__ == "__main__":
    tables = (run(), mixed(), agreement())
    print(*(table.to_string(index=False) for table in tables), sep="\n")
