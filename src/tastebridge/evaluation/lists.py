"""The price of list options: accuracy next to coverage, novelty and diversity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_count
from tastebridge.evaluation.full import checked_lists, numbered_lists
from tastebridge.evaluation.of_target import lists_of_target
from tastebridge.evaluation.twins import SplitTwins
from tastebridge.exceptions import InvalidParameterError
from tastebridge.metrics import (
    catalogue_coverage,
    intra_list_diversity,
    novelty,
    parse_metric,
    popularity_bias,
)
from tastebridge.metrics.intervals import Interval, bootstrap_mean, paired_difference
from tastebridge.splits import Split

PLAIN = "plain"
_NONE = Interval(np.nan, np.nan, np.nan)


class Lister(Protocol):
    """A fitted model whose lists take options."""

    def recommend(self, user_ids: NDArray, n: int = 10, **options: Any) -> pd.DataFrame:  # noqa: ANN401
        """Return user_id, item_id and rank."""


class Judged(NamedTuple):
    """The values of each user by metric, and the coverage of the catalogue."""

    values: Mapping[str, NDArray[np.float64]]
    coverage: float


def evaluate_lists(
    model: Lister,
    split: Split,
    options: Mapping[str, Mapping[str, Any]],
    n: int = 10,
    metrics: Sequence[str] = ("ndcg", "hr"),
) -> pd.DataFrame:
    """Evaluate the lists of one fitted model under list options, compared with its plain lists.

    Lists leave out twins, as ``recommend`` does, and held-out twins of a user's own items do not count.
    Diversity is one minus the mean cosine of the items of a list, by their users in the training panel, so
    it does not depend on the vectors of the model.

    Parameters
    ----------
    model : fitted recommender
        Fitted on ``split.train``.
    split : Split
    options : mapping of name to mapping of option to value
        The list options of ``recommend`` for each named setting: see
        :class:`~tastebridge.recommenders.ListOptions`. The name ``"plain"`` is reserved.
    n : int, default=10
        The length of a list.
    metrics : sequence of str
        Names of :data:`tastebridge.metrics.RANKING_METRICS`, without a cut-off.

    Returns
    -------
    DataFrame
        One row per setting and metric, plain lists first: lists, metric, mean, low, high, and the paired
        difference to the plain lists with its 95 % interval (difference, difference_low, difference_high).
        The metrics are the given ones, novelty (bits), popularity_bias (0.5 for random lists), diversity and
        coverage. Coverage describes all lists together and has no interval.

    Raises
    ------
    InvalidParameterError
        If a metric is not known, or options are called ``"plain"``.

    Examples
    --------
    >>> import tastebridge as tb
    >>> from tastebridge.datasets import make_panel
    >>> from tastebridge.evaluation import evaluate_lists
    >>> panel, _ = make_panel(n_users=200, n_items=60)
    >>> split = tb.splits.cold_users(panel, "films", test_size=40)
    >>> model = tb.JointALS("films").fit(split.train)
    >>> table = evaluate_lists(model, split, {"diverse": {"diversity": 0.5}})
    >>> table["lists"].unique().tolist(), table["metric"].unique().tolist()
    (['plain', 'diverse'], ['ndcg', 'hr', 'novelty', 'popularity_bias', 'diversity', 'coverage'])
    """
    check_count("n", n)
    if not isinstance(options, Mapping) or not all(isinstance(given, Mapping) for given in options.values()):
        raise InvalidParameterError(
            f"options must be a mapping of name to options of lists; got {options!r}. Write "
            'options={"diverse": {"diversity": 0.5}}.'
        )
    if PLAIN in options:
        raise InvalidParameterError(
            "the name 'plain' stands for lists without options. Give your options another name."
        )
    for metric in metrics:
        parse_metric(f"{metric}@{n}")
    # once for all kinds of lists: the search for twins takes longer than a list
    twins = SplitTwins(split)
    found = {
        name: _judged(lists_of_target(model, split, n, **given), split, twins, n, metrics)
        for name, given in {PLAIN: {}, **options}.items()
    }
    plain, rows = found[PLAIN], []
    for name, judged in found.items():
        for metric, values in judged.values.items():
            mean = bootstrap_mean(values)
            change = _NONE
            if name != PLAIN:
                own = plain.values[metric]
                change = paired_difference(values, own)
            rows.append((name, metric, *astuple(mean), *astuple(change)))
        more = np.nan if name == PLAIN else judged.coverage - plain.coverage
        rows.append((name, "coverage", judged.coverage, np.nan, np.nan, more, np.nan, np.nan))
    bounds = ["mean", "low", "high", "difference", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=["lists", "metric", *bounds])


def _judged(frame: pd.DataFrame, split: Split, twins: SplitTwins, n: int, metrics: Sequence[str]) -> Judged:
    """Return the values of the lists in a frame."""
    users, part = split.user_ids, split.train[split.target]
    frame = checked_lists(frame, users)
    lists, relevant, numbers = numbered_lists(frame, split, split.truth[~twins.rows], n)
    # a user who has only twins to find is not judged by accuracy, and by the rest all the same
    some = np.diff(relevant.indptr) > 0
    values = {
        name: np.where(some, parse_metric(f"{name}@{n}")[0](lists, relevant), np.nan) for name in metrics
    }
    # items outside the training panel, which no count describes, go to the end
    numbers = np.where(numbers < len(part.items), numbers, -1)
    numbers = np.take_along_axis(numbers, np.argsort(numbers < 0, axis=1, kind="stable"), axis=1)
    counts = np.bincount(part.matrix.indices, minlength=len(part.items))
    taken = sparse.csr_matrix(part.matrix.T, dtype=np.float64, copy=True)
    # vectors of an item are its users, so that diversity does not depend on the model that is judged
    taken.data = np.ones_like(taken.data)
    values["novelty"] = novelty(numbers, counts, len(part.active_numbers))
    values["popularity_bias"] = popularity_bias(numbers, counts)
    values["diversity"] = intra_list_diversity(numbers, taken)
    return Judged(values, catalogue_coverage(numbers, len(part.items)))
