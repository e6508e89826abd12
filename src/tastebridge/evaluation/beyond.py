"""Metrics beyond accuracy, next to those of accuracy: coverage, novelty, popularity, diversity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.metrics import (
    RANKING_METRICS,
    average_popularity,
    catalogue_coverage,
    hit_rate,
    novelty,
    parse_metric,
    popularity_bias,
)
from tastebridge.splits import Split

Lists = NDArray[np.int64]
Values = NDArray[np.float64] | float
_STEP = 512


class Catalogue(NamedTuple):
    """The training rows of the target, from which popularity and similarity of items are computed."""

    rows: sparse.csr_matrix

    @classmethod
    def of(cls, split: Split) -> Catalogue:
        """Return the catalogue of a split, without its held-out rows."""
        return cls(split.train[split.target].matrix)

    @property
    def popularity(self) -> NDArray[np.float64]:
        """The number of users of each item; one entry more, 0, for unknown items."""
        return np.append(np.bincount(self.rows.indices, minlength=self.rows.shape[1]), 0).astype(np.float64)

    @property
    def n_users(self) -> int:
        """The number of users with any row."""
        return max(1, int((np.diff(self.rows.indptr) > 0).sum()))


def _coverage(lists: Lists, catalogue: Catalogue) -> float:
    n_items = catalogue.rows.shape[1]
    # unknown items are in no catalogue
    return catalogue_coverage(np.where(lists < n_items, lists, -1), max(n_items, 1))


def _novelty(lists: Lists, catalogue: Catalogue) -> Values:
    return novelty(lists, catalogue.popularity, catalogue.n_users)


def _popularity(lists: Lists, catalogue: Catalogue) -> Values:
    return average_popularity(lists, catalogue.popularity)


def _popularity_bias(lists: Lists, catalogue: Catalogue) -> Values:
    # an unknown item has no place among the percentiles
    known = np.where(lists < catalogue.rows.shape[1], lists, -1)
    return popularity_bias(known, catalogue.popularity[:-1])


def _diversity(lists: Lists, catalogue: Catalogue) -> Values:
    r"""Return one minus the mean cosine of the pairs in each list, items as their columns of users."""
    columns = sparse.csr_matrix(catalogue.rows.T.astype(bool).astype(np.float64))
    lengths = np.sqrt(np.diff(columns.indptr))
    # columns of length 1, so that the product of two is their cosine
    columns.data /= np.repeat(lengths, np.diff(columns.indptr))
    # an unknown item, and one without users, has cosine 0 with every other
    known, n_items = np.append(lengths > 0, False), columns.shape[0]
    columns = sparse.vstack([columns, sparse.csr_matrix((1, columns.shape[1]))], format="csr")
    found = np.full(len(lists), np.nan)
    for start in range(0, len(lists), _STEP):
        part = np.minimum(lists[start : start + _STEP], n_items)
        filled = part >= 0
        n = filled.sum(axis=1)
        indptr = np.append(0, np.cumsum(n))
        member = sparse.csr_matrix((np.ones(indptr[-1]), part[filled], indptr), (len(part), n_items + 1))
        # the squared length of a sum of unit vectors holds every pair twice, and each vector once
        sums = member @ columns
        doubled = np.asarray(sums.multiply(sums).sum(axis=1)).ravel() - member @ known.astype(np.float64)
        pairs = n * (n - 1)
        found[start : start + _STEP] = 1 - np.divide(
            doubled, pairs, out=np.full(len(part), np.nan), where=pairs > 0
        )
    return found


Beyond = Callable[[Lists, Catalogue], Values]
BEYOND_METRICS: Mapping[str, Beyond] = MappingProxyType(
    {
        "coverage": _coverage,
        "diversity": _diversity,
        "novelty": _novelty,
        "popularity": _popularity,
        "popularity_bias": _popularity_bias,
    }
)
"""Name → function of (lists, catalogue). Lists hold item numbers, the number of items for unknown ones."""


class NamedMetrics:
    """Metrics by name, of accuracy and beyond it, computed from the same lists.

    Parameters
    ----------
    names : sequence of str
        Such as ``"ndcg@10"`` and ``"coverage@10"``.
    """

    def __init__(self, names: Sequence[str]) -> None:
        # only the name and the cut-off of a metric beyond accuracy are parsed, so any function will do
        every = {**dict.fromkeys(BEYOND_METRICS, hit_rate), **RANKING_METRICS}
        self._parsed = {name: parse_metric(name, every) for name in names}
        # without a cut-off the metrics take ten, their own default
        self.depths = {name: 10 if k is None else k for name, (_, k) in self._parsed.items()}

    @property
    def depth(self) -> int:
        """The longest list any metric reads."""
        return max(self.depths.values(), default=10)

    def values(
        self, lists: Lists, relevant: sparse.csr_matrix, numbers: Lists, catalogue: Catalogue
    ) -> dict[str, Values]:
        """Return the value of each user by metric; coverage is one number of all lists.

        Parameters
        ----------
        lists, relevant : ndarray and csr_matrix
            As for :data:`tastebridge.metrics.RANKING_METRICS`.
        numbers : ndarray
            The same lists, in numbers of the catalogue.
        catalogue : Catalogue
        """
        found: dict[str, Values] = {}
        # lists are as long as the deepest metric asks: each of the others reads their beginning
        for name, (metric, _) in self._parsed.items():
            beyond = BEYOND_METRICS.get(name.strip().lower().partition("@")[0])
            if beyond is None:
                found[name] = metric(lists, relevant)
            else:
                found[name] = beyond(numbers[:, : self.depths[name]], catalogue)
        return found
