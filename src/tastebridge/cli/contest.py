"""The mapper compared with the baselines, on the same users."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from tastebridge._foundation.progress import steps
from tastebridge.baselines import ItemNeighbours, JointALS, Popularity, RecentPopularity
from tastebridge.data import Weighting
from tastebridge.evaluation import evaluate
from tastebridge.recommenders import Recommender
from tastebridge.recommenders.interest_mapper import InterestMapper
from tastebridge.splits import Split


class Choices(NamedTuple):
    """What a user of the command line may choose.

    Attributes
    ----------
    sources : list of str, optional
        As for the mapper.
    weighting : Weighting, optional
        Of the mapper; None lets it choose.
    finished : mapping of name to Path
        Finished recommendations, as for :func:`tastebridge.evaluate`.
    """

    sources: list[str] | None = None
    weighting: Weighting | None = None
    finished: Mapping[str, Path] = MappingProxyType({})


USUAL = Choices()
MODELS = ("tastebridge", "joint iALS", "neighbours", "popularity", "recent popularity")


def contest(
    split: Split,
    metrics: Sequence[str],
    seed: int,
    shown: bool,
    choices: Choices = USUAL,
) -> tuple[pd.DataFrame, dict[str, Recommender]]:
    """Fit the mapper and the baselines on a split and evaluate them; return the figures and the models.

    Parameters
    ----------
    split : Split
    metrics : sequence of str
        As for :func:`tastebridge.evaluate`.
    seed : int
    shown : bool
        Whether to show a progress bar.
    choices : Choices
    """
    sources, weighting, finished = choices
    target, part = split.target, split.train[split.target]
    models: dict[str, Recommender] = {
        "tastebridge": InterestMapper(target, sources, weighting=weighting, random_state=seed),
        "joint iALS": JointALS(target, sources, random_state=seed),
        "neighbours": ItemNeighbours(target, sources),
        "popularity": Popularity(target),
    }
    if part.times is not None and part.matrix.nnz:
        models["recent popularity"] = RecentPopularity(target)
    seconds = {}
    with steps("Fitting", len(models), shown) as step:
        # fitted here, one by one, so that each has its line of progress and its time
        for name, model in models.items():
            step(name)
            start = time.perf_counter()
            model.fit(split.train)
            seconds[name] = time.perf_counter() - start
    judged: dict[str, Recommender | Path] = {**models, **finished}
    table = evaluate(judged, split, metrics, baseline="popularity", random_state=seed, fit=False)
    return table.assign(fit_seconds=table["model"].map(seconds)), models
