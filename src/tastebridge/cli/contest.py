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
from tastebridge.evaluation.beyond import NamedMetrics
from tastebridge.evaluation.full import scores_on
from tastebridge.evaluation.table import rows_of_split
from tastebridge.evaluation.twins import SplitTwins
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


class Contest(NamedTuple):
    """The figures as of :func:`tastebridge.evaluate`, the models, and how many hidden rows are twins."""

    figures: pd.DataFrame
    models: dict[str, Recommender]
    n_twins: int


USUAL = Choices()
_RESAMPLES = 2000
MODELS = ("tastebridge", "joint iALS", "neighbours", "popularity", "recent popularity")


def contest(
    split: Split,
    metrics: Sequence[str],
    seed: int,
    shown: bool,
    choices: Choices = USUAL,
) -> Contest:
    """Fit the mapper and the baselines on a split and evaluate them.

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
    twins = SplitTwins(split)
    scores = scores_on(split, twins, judged, NamedMetrics(metrics), fit=False)
    table = pd.DataFrame(rows_of_split(target, scores, "popularity", _RESAMPLES, seed))
    return Contest(table.assign(fit_seconds=table["model"].map(seconds)), models, int(twins.rows.sum()))
