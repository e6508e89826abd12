"""The parts all protocols share: fitting against the clock, and the table of results."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._foundation.validation import check_choice
from tastebridge.data import Panel
from tastebridge.exceptions import InvalidParameterError
from tastebridge.metrics.intervals import bootstrap_mean, paired_difference
from tastebridge.splits import Split


class Fittable(Protocol):
    """A model that can be fitted to a panel."""

    def fit(self, panel: Panel) -> object:
        """Learn from a panel; forget the last fit."""


class Recommender(Fittable, Protocol):
    """A model for :func:`~tastebridge.evaluation.evaluate`."""

    def recommend(self, user_ids: np.ndarray, n: int = 10) -> pd.DataFrame:
        """Return user_id, item_id and rank (1 is best) of at most ``n`` items a user."""


class Predictor(Fittable, Protocol):
    """A model for :func:`~tastebridge.evaluation.evaluate_sampled`."""

    def predict(self, pairs: pd.DataFrame) -> NDArray[np.floating]:
        """Return a score for each row of user_id and item_id; only their order within a user counts."""


@dataclass(frozen=True)
class Scores:
    """The results of one model in one split: values by metric, the user of each value, and seconds."""

    values: Mapping[str, NDArray[np.float64]]
    people: NDArray
    fit_seconds: float
    score_seconds: float


def check_models(models: Mapping[str, Any], baseline: str | None) -> None:
    """Check that there are models and that the baseline is one of them."""
    if not isinstance(models, Mapping) or not models:
        raise InvalidParameterError(f"models must be a mapping of name to model, not empty; got {models!r}.")
    if baseline is not None:
        check_choice("baseline", baseline, list(models))


def listed_metrics(metrics: Sequence[str]) -> Sequence[str]:
    """Return the metrics; a single text, which is a list of letters, is refused."""
    if isinstance(metrics, str):
        raise InvalidParameterError(f"metrics must be a list of names; got {metrics!r}. Write [{metrics!r}].")
    return metrics


def named_splits(splits: Split | Mapping[str, Split]) -> Mapping[str, Split]:
    """Return the splits by name; a single one goes by the name of its target."""
    if isinstance(splits, Split):
        return {splits.target: splits}
    if not isinstance(splits, Mapping) or not all(isinstance(split, Split) for split in splits.values()):
        raise InvalidParameterError(
            f"splits must be a Split, or a mapping of name to Split; got {type(splits).__name__}. Make one:"
            ' splits.cold_users(panel, "films").'
        )
    return splits


def fit_seconds(model: Fittable, panel: Panel, fit: bool) -> float:
    """Fit the model if that is asked and return the seconds it took; NaN if it was not."""
    if not fit:
        return float("nan")
    start = time.perf_counter()
    model.fit(panel)
    return time.perf_counter() - start


def rows_of_split(
    split: str, scores: Mapping[str, Scores], baseline: str | None, n_resamples: int, random_state: int
) -> Iterable[dict[str, Any]]:
    """Yield a row of the table for each model and metric of one split."""
    for model, own in scores.items():
        for metric, values in own.values.items():
            options: dict[str, Any] = {"people": own.people, "random_state": random_state}
            found = bootstrap_mean(values, n_resamples, **options)
            row: dict[str, Any] = {"split": split, "model": model, "metric": metric}
            row |= {"mean": found.mean, "low": found.low, "high": found.high}
            row |= {"n_users": len(np.unique(own.people))}
            row |= dict.fromkeys(("difference", "difference_low", "difference_high"), np.nan)
            if baseline not in (None, model):
                # The same seed as for the mean: the same users are drawn for every model.
                gap = paired_difference(values, scores[str(baseline)].values[metric], n_resamples, **options)
                row |= {"difference": gap.mean, "difference_low": gap.low, "difference_high": gap.high}
            yield row | {"fit_seconds": own.fit_seconds, "score_seconds": own.score_seconds}
