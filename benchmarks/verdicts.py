"""Are verdicts right, is confidence calibrated, do explanations add up? On users outside of the fit.

Every ordered pair of MovieLens genres in five folds of the linked users, the cold Amazon pair both ways with
all its held-out users, and the same pairs with the users of the source shuffled, so that it is uninformative.
In each fold the mapper keeps its source whatever the verdict. Its lists for the held-out users are compared,
paired over users, with the better of two lists without a source: popularity, and a mapper that knows only the
popularity among all and among linked users. ``python -m benchmarks.verdicts``
prints the tables and writes ``results/verdicts.csv`` and ``results/confidence.csv``.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import permutations
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.data import amazon_cloth_sport
from benchmarks.data.movielens import GENRES
from benchmarks.environment import RESULTS, data_file
from tastebridge import InterestMapper, Panel, Popularity
from tastebridge.data import Interactions
from tastebridge.datasets import load_movielens
from tastebridge.evaluation.full import user_scores
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.fitting import source_evaluation, source_verdicts
from tastebridge.metrics.intervals import paired_difference
from tastebridge.splits import Split, k_fold_users
from tastebridge.splits.split import take_out

_FOLDS, _EXPLAINED = 5, 1000


@contextmanager
def every_source_kept() -> Iterator[None]:
    """Make mappers keep their sources whatever the verdict, so that the verdict can be put to the test."""
    judged = source_verdicts.judge

    def all_used(*given: Any, **more: Any) -> Any:
        found = judged(*given, **more)
        return found._replace(passing=list(found.single), useful=list(found.single))

    with mock.patch.object(source_evaluation, "judge", all_used):
        yield


def movielens(target: str, source: str, n_folds: int) -> Iterator[Split]:
    """Yield splits that hide, in turn, a fifth of the linked users in the target."""
    panel = load_movielens().select([source, target])
    linked = panel.linked(source, target)
    for people in k_fold_users(linked, _FOLDS, 0)[:n_folds]:
        yield take_out(panel, target, np.isin(panel[target].rows, people))


def amazon(target: str, source: str) -> Split:
    """Return the published split, with everything held out."""
    table = pd.read_parquet(data_file(amazon_cloth_sport.FILE))
    panel = Panel.from_frame(table[table["split"] == "train"].drop(columns="split"))
    rows = table[(table["category"] == target) & (table["split"] != "train")]
    rows = rows.drop_duplicates(["user_id", "item_id"])[["user_id", "item_id", "weight"]]
    return Split(panel, target, rows.sort_values(["user_id", "item_id"], ignore_index=True))


def shuffled(split: Split, source: str) -> Split:
    """Return the split with the histories in the source dealt out anew among the users who have one."""
    part = split.train[source]
    order = np.arange(len(split.train))
    order[part.active_numbers] = np.random.default_rng(0).permutation(part.active_numbers)
    matrix = part.matrix[order]
    anew = Interactions(part.category, part.users, part.items, matrix)
    kept = {
        name: Interactions(one.category, one.users, one.items, one.matrix)
        for name, one in split.train.interactions.items()
    }
    return Split(replace(split.train, interactions={**kept, source: anew}), split.target, split.truth)


def judge(name: str, splits: Iterator[Split] | list[Split], source: str) -> tuple[list[dict], pd.DataFrame]:
    """Return the verdict of every fold with the result on held-out users, and confidence with hits."""
    verdicts, own, sure = [], [], []
    base: dict[str, list[np.ndarray]] = {"popularity": [], "popularity among linked people too": []}
    for split in splits:
        with every_source_kept():
            mapper = InterestMapper(split.target, [source]).fit(split.train)
        plain = (Popularity(split.target), InterestMapper(split.target, [source], routes=[]))
        for kind, model in zip(base, plain, strict=True):
            base[kind].append(user_scores(model.fit(split.train), split, ["ndcg@10"])["ndcg@10"])
        found = user_scores(mapper, split, ["ndcg@10", "hr@10"])
        own.append(found["ndcg@10"])
        said = mapper.confidence(split.user_ids, 10).set_index("user_id")["confidence"]
        sure.append(pd.DataFrame({"pair": name, "said": said, "hit": found["hr@10"]}))
        row = mapper.transfer_.iloc[0]
        verdicts.append((row["verdict"], row["lift"], row["lift_low"], row["lift_high"]))
    best = max((np.concatenate(part) for part in base.values()), key=np.mean)
    gap = paired_difference(np.concatenate(own), best)
    truth = "helps" if gap.low > 0 else "hurts" if gap.high < 0 else "no evidence"
    rows = [
        {"pair": name, "fold": at, "verdict": verdict, "lift": lift, "lift_low": low, "lift_high": high,
         "held_out": truth, "gap": gap.mean, "gap_low": gap.low, "gap_high": gap.high,
         "people": len(best)}
        for at, (verdict, lift, low, high) in enumerate(verdicts)
    ]  # fmt: skip
    return rows, pd.concat(sure)


def pairs(shuffle: bool) -> Iterator[tuple[str, Any, str]]:
    """Yield every pair: its name, its splits and its source."""
    for target, source in (("cloth", "sport"), ("sport", "cloth")):
        split = amazon(target, source)
        yield f"{target}<-{source}", [shuffled(split, source) if shuffle else split], source
    for target, source in permutations(GENRES, 2):
        splits = movielens(target, source, 1 if shuffle else _FOLDS)
        yield f"{target}<-{source}", (shuffled(one, source) if shuffle else one for one in splits), source


def explanations(split: Split, source: str) -> dict[str, float]:
    """Return the worst relative error of the sums of 1,000 explanations, and the processor's time for one."""
    mapper = InterestMapper(split.target, [source]).fit(split.train)
    lists = mapper.recommend(split.user_ids, n=10)
    chosen = lists.sample(min(_EXPLAINED, len(lists)), random_state=0)
    errors, seconds = [], []
    for row in chosen.itertuples():
        start = time.process_time()
        told = mapper.explain(row.user_id, row.item_id)
        seconds.append(time.process_time() - start)
        errors.append(abs(told["contribution"].sum() - row.score) / abs(row.score))
    milliseconds = 1000 * np.quantile(seconds, [0.5, 0.95])
    return {"explanations": len(chosen), "worst relative error": max(errors),
            "median ms": milliseconds[0], "95 % within ms": milliseconds[1]}  # fmt: skip


def reliability(sure: pd.DataFrame, bins: int = 10) -> pd.DataFrame:
    """Return predicted and observed shares by groups of similar confidence, with their standard errors."""
    order = pd.qcut(sure["said"].rank(method="first"), bins, labels=False)
    table = sure.groupby(order).agg(said=("said", "mean"), seen=("hit", "mean"), people=("hit", "size"))
    return table.assign(error=np.sqrt(table["seen"] * (1 - table["seen"]) / table["people"]))


def main() -> None:
    """Run all and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    warnings.simplefilter("ignore", TastebridgeWarning)
    rows, sure = [], []
    for shuffle in (False, True):
        for name, splits, source in pairs(shuffle):
            found, confidence = judge(name, splits, source)
            rows += [{"shuffled": shuffle, **row} for row in found]
            sure += [confidence] if not shuffle else []
            print(f"{'shuffled ' if shuffle else ''}{name}: {[row['verdict'] for row in found]}, held out "
                  f"{found[0]['held_out']} {found[0]['gap']:+.4f}", flush=True)  # fmt: skip
            pd.DataFrame(rows).to_csv(RESULTS / "verdicts.csv", index=False, float_format="%.5g")
    table, confidence = pd.DataFrame(rows), pd.concat(sure)
    confidence["data"] = np.where(confidence["pair"].str.contains("cloth"), "amazon", "movielens")
    curves = [reliability(part).assign(data=name) for name, part in confidence.groupby("data")]
    pd.concat(curves).to_csv(RESULTS / "confidence.csv", index=False, float_format="%.4g")
    print(summary(table))
    print(pd.concat(curves).round(3).to_string())
    for split, source in (
        (amazon("cloth", "sport"), "sport"),
        (next(movielens("Drama", "Action", 1)), "Action"),
    ):
        print(
            split.target, {name: float(f"{value:.3g}") for name, value in explanations(split, source).items()}
        )


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return how often verdicts and held-out users agree, and how often ``helps`` was wrong."""
    table = table.assign(
        data=np.where(table["pair"].str.contains("cloth"), "amazon", "movielens"),
        agree=table["verdict"] == table["held_out"],
        wrong=(table["verdict"] == "helps") & (table["gap_high"] < 0),
    )
    return table.groupby(["shuffled", "data"]).agg(
        pairs=("pair", "nunique"), verdicts=("pair", "size"), agree=("agree", "mean"), wrong=("wrong", "sum")
    )


if __name__ == "__main__":
    main()
