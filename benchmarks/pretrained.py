"""Models trained elsewhere against the mapper's own factors, on the users of ``valid``.

``python -m benchmarks.pretrained`` trains ALS of the package implicit on the source alone and on the target
alone. It gives them to a mapper as ``source_models`` and ``target_model``, ranks the held-out rows of
``valid`` among 999 others, and writes ``results/pretrained.csv``: NDCG@10, with and without twins, and the
paired difference to the mapper's own factors with its interval over users. The test rows are not read.
``--tasks`` takes names or patterns.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from implicit.cpu.als import AlternatingLeastSquares
from numpy.typing import NDArray

from benchmarks.protocols.groups import row_groups
from benchmarks.protocols.sampled import row_ranks
from benchmarks.task import TASKS, Task, binary
from benchmarks.valid import run
from tastebridge import InterestMapper, Panel, Popularity
from tastebridge.evaluation import draw_negatives
from tastebridge.exceptions import TastebridgeWarning
from tastebridge.factors import PretrainedFactors, from_implicit
from tastebridge.metrics import rank_ndcg
from tastebridge.metrics.intervals import paired_difference

_TASKS = ["cloth<-*", "sport<-cloth*"]
_DRAW = 1
"""Another draw of the 999 than the test's."""


def trained(panel: Panel, category: str) -> PretrainedFactors:
    """Return a model of implicit, trained on one category alone with the settings of the default routes."""
    part = panel[category]
    model = AlternatingLeastSquares(factors=64, regularization=0.1, alpha=5.0, iterations=15, random_state=0)
    model.fit(binary(part.matrix), show_progress=False)
    return from_implicit(model, part.items.ids)


def variants(task: Task) -> Iterator[tuple[str, Any]]:
    """Yield the recommenders to compare; the first is the one others are compared with."""
    panel, target = task.valid_panel, task.target
    sources = {name: trained(panel, name) for name in panel.categories if name != target}
    space = trained(panel, target)
    yield "the mapper's own", InterestMapper(target)
    yield "source model given", InterestMapper(target, source_models=sources)
    yield "target model given", InterestMapper(target, target_model=space)
    yield "both given", InterestMapper(target, source_models=sources, target_model=space)
    yield "popularity", Popularity(target)


def judged(task: Task, recommender: Any) -> NDArray[np.float64]:
    """Return NDCG@10 of every held-out row of ``valid``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TastebridgeWarning)
        recommender.fit(task.valid_panel)
    people = task.valid_split.user_ids
    scores = recommender.user_vectors(people).vectors @ recommender.item_vectors().vectors.T
    negatives = draw_negatives(task.valid_split, random_state=_DRAW)
    return np.asarray(rank_ndcg(row_ranks(task.valid_split, people, scores, negatives), 10))


def compare(name: str) -> pd.DataFrame:
    """Return a row for each variant and group of rows of a task."""
    task = TASKS[name].make(0).as_validation()
    people = task.truth["user_id"].to_numpy()
    groups = {key: mask for key, mask in row_groups(task) if key in ("all", "without twins")}
    rows, base = [], None
    for variant, recommender in variants(task):
        start = time.perf_counter()
        values = judged(task, recommender)
        seconds = time.perf_counter() - start
        base = values if base is None else base
        for group, mask in groups.items():
            gap = paired_difference(values[mask], base[mask], people=people[mask])
            rows.append((name, variant, group, values[mask].mean(), gap.mean, gap.low, gap.high, seconds))
        print(
            name,
            variant,
            *(f"{values[mask].mean():.4f}" for mask in groups.values()),
            f"{seconds:.0f} s",
            flush=True,
        )
    columns = [
        "task",
        "variant",
        "rows",
        "ndcg@10",
        "difference",
        "difference_low",
        "difference_high",
        "seconds",
    ]
    return pd.DataFrame(rows, columns=columns)


if __name__ == "__main__":
    run(__doc__, _TASKS, compare, "pretrained")
