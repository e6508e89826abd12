"""Metrics by name: ``"ndcg@10"``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from tastebridge._foundation.validation import nearest
from tastebridge.exceptions import InvalidParameterError
from tastebridge.metrics.ranking import average_precision, hit_rate, mrr, ndcg, precision, recall
from tastebridge.metrics.sampled import rank_hit_rate, rank_mrr, rank_ndcg

Metric = Callable[..., NDArray[np.float64]]

RANKING_METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "hr": hit_rate,
        "map": average_precision,
        "mrr": mrr,
        "ndcg": ndcg,
        "precision": precision,
        "recall": recall,
    }
)
"""Name → function of (recommended, relevant, k)."""

RANK_METRICS: Mapping[str, Metric] = MappingProxyType(
    {"hr": rank_hit_rate, "mrr": rank_mrr, "ndcg": rank_ndcg}
)
"""Name → function of (ranks, k), for the sampled protocol."""


def parse_metric(text: str, metrics: Mapping[str, Metric] = RANKING_METRICS) -> tuple[Metric, int | None]:
    """Return the metric that ``"name@k"`` names, with its ``k`` filled in, and ``k``.

    Parameters
    ----------
    text : str
        Such as ``"ndcg@10"``. Without ``@k`` the function's own default holds.
    metrics : mapping
        :data:`RANKING_METRICS` or :data:`RANK_METRICS`.

    Returns
    -------
    metric, k : callable, int or None
        ``metric(recommended, relevant)`` or ``metric(ranks)``; and the cut-off, None if not given.

    Raises
    ------
    InvalidParameterError
        If there is no such metric, or ``k`` is not a whole number above 0.

    Examples
    --------
    >>> metric, k = parse_metric("hr@2", RANK_METRICS)
    >>> metric(np.array([1.0, 2.5])).tolist(), k
    ([1.0, 0.0], 2)
    """
    name, at, cut = _split(text)
    if name not in metrics:
        known = ", ".join(sorted(metrics))
        raise InvalidParameterError(
            f"metric {text!r} is not known; write one of {known}, with a cut-off as in 'ndcg@10'."
            f"{nearest(name, metrics)}"
        )
    if not at:
        return metrics[name], None
    if not (cut.isascii() and cut.isdigit() and int(cut) > 0):
        raise InvalidParameterError(f"metric {text!r} needs a whole number above 0 after '@'; got {cut!r}.")
    return partial(metrics[name], k=int(cut)), int(cut)


def _split(text: object) -> tuple[str, str, str]:
    if not isinstance(text, str):
        raise InvalidParameterError(f"a metric must be a name such as 'ndcg@10'; got {text!r}.")
    return text.strip().lower().partition("@")
