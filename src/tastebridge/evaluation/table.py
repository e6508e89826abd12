"""The parts all protocols share: fitting against the clock, and the table of results."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tastebridge._foundation.nouns import with_article
from tastebridge._foundation.validation import check_choice
from tastebridge.data import Panel
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.metrics.intervals import Interval, bootstrap_mean, paired_difference
from tastebridge.routes.twins import WITHOUT
from tastebridge.splits import Split


class Fittable(Protocol):
    """A model that can be fitted to a panel."""

    def fit(self, panel: Panel) -> object:
        """Learn from a panel; forget the last fit."""


class Recommender(Fittable, Protocol):
    """A model for :func:`~tastebridge.evaluation.evaluate`."""

    def recommend(self, user_ids: np.ndarray, n: int = 10) -> pd.DataFrame:
        """Return user_id, item_id and rank (1 is best) of at most ``n`` items per user."""


class Predictor(Fittable, Protocol):
    """A model for :func:`~tastebridge.evaluation.evaluate_sampled`."""

    def predict(self, pairs: pd.DataFrame) -> NDArray[np.floating]:
        """Return a score for each row of user_id and item_id; only their order within a user counts."""


@dataclass(frozen=True)
class Scores:
    """The results of one model in one split: values by metric, the user of each value, and seconds.

    A value is one number per user, or one number of all lists together, such as coverage.

    ``without_twins`` are the values without twins, NaN for what is then not to be found; None where the
    protocol has no such figures.
    """

    values: Mapping[str, NDArray[np.float64] | float]
    people: NDArray
    fit_seconds: float
    score_seconds: float
    without_twins: Mapping[str, NDArray[np.float64] | float] | None = None


def check_models(models: Mapping[str, Any], baseline: str | None) -> None:
    """Check that there are models and that the baseline is one of them."""
    if not isinstance(models, Mapping) or not models:
        came = "an empty one" if isinstance(models, Mapping) else with_article(models)
        raise InvalidParameterError(
            f'models must be a mapping of name to model, not empty; got {came}. Write {{"ours": …}}.'
        )
    for name, model in models.items():
        if isinstance(model, type):
            raise InvalidParameterError(
                f"the model {name!r} is the class {model.__name__}. Give an object of it: {model.__name__}()."
            )
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
    """Fit the model if requested, and return the seconds; NaN otherwise."""
    if not fit:
        return float("nan")
    if not any(hasattr(model, verb) for verb in ("fit", "recommend", "predict")):
        raise InvalidParameterError(
            f"{with_article(model)} gives no scores, which are needed here. Give a model, or evaluate "
            "finished lists with tastebridge.evaluate."
        )
    if not hasattr(model, "fit"):
        raise InvalidParameterError(
            f"{with_article(model)} has no method fit, so it cannot learn from the split. Train it on"
            " split.train yourself, and evaluate it with fit=False."
        )
    start = time.perf_counter()
    model.fit(panel)
    return time.perf_counter() - start


def predicted(model: Predictor, pairs: pd.DataFrame, word: str) -> NDArray[np.float64]:
    """Return a finite number for each pair of user_id and item_id; ``word`` names it in the error."""
    given = np.asarray(model.predict(pairs))
    try:
        found = given.astype(np.float64) if given.dtype.kind in "biufO" else None
    except (TypeError, ValueError):
        found = None
    if found is None or found.shape != (len(pairs),) or not np.isfinite(found).all():
        what = f"{given.dtype} of shape {given.shape}" if found is None else f"shape {found.shape}"
        n_bad = 0 if found is None else np.count_nonzero(~np.isfinite(found))
        raise InvalidDataError(
            f"predict must return a finite {word} for each of {len(pairs)} rows; {type(model).__name__} "
            f"returned {what}, {n_bad} of them not finite."
        )
    return found


def rows_of_split(
    split: str, scores: Mapping[str, Scores], baseline: str | None, n_resamples: int, random_state: int
) -> Iterable[dict[str, Any]]:
    """Yield a row of the table for each model and metric of one split."""
    bootstrap = {"n_resamples": n_resamples, "random_state": random_state}
    for model, own in scores.items():
        other = None if baseline in (None, model) else scores[str(baseline)]
        for metric, values in own.values.items():
            row: dict[str, Any] = {"split": split, "model": model, "metric": metric}
            row |= _figures(values, None if other is None else other.values[metric], own.people, bootstrap)
            if own.without_twins is not None:
                base = None if other is None or other.without_twins is None else other.without_twins[metric]
                apart = _figures(own.without_twins[metric], base, own.people, bootstrap)
                row |= {f"{name}{WITHOUT}": value for name, value in apart.items()}
            yield row | {"fit_seconds": own.fit_seconds, "score_seconds": own.score_seconds}


def _figures(
    values: NDArray[np.float64] | float,
    base: NDArray[np.float64] | float | None,
    people: NDArray,
    bootstrap: dict[str, int],
) -> dict[str, Any]:
    """Return the mean, its interval, the number of users, and the difference to a baseline; NaN is no row."""
    if isinstance(values, float):
        return _of_all_lists(values, base, len(np.unique(people)))
    found = bootstrap_mean(values, **bootstrap, people=people)
    row: dict[str, Any] = {"mean": found.mean, "low": found.low, "high": found.high}
    row["n_users"] = len(np.unique(people[~np.isnan(values)]))
    gap = Interval(np.nan, np.nan, np.nan)
    if base is not None and not isinstance(base, float):
        gap = paired_difference(values, base, **bootstrap, people=people)
    return row | {"difference": gap.mean, "difference_low": gap.low, "difference_high": gap.high}


def _of_all_lists(value: float, base: NDArray[np.float64] | float | None, n_users: int) -> dict[str, Any]:
    """Return the figures of a number of all lists: it is no mean over users, so it has no interval of one."""
    nothing = dict.fromkeys(("low", "high", "difference_low", "difference_high"), np.nan)
    gap = value - base if isinstance(base, float) else np.nan
    return {"mean": value, "low": np.nan, "high": np.nan, "n_users": n_users, "difference": gap} | nothing
