"""The weight of a pair of user and item: one object an estimator can hold and a grid search can reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from tastebridge._foundation.validation import check_choice, check_number
from tastebridge.data import weighting_schemes as schemes
from tastebridge.data.interactions import Interactions
from tastebridge.data.reindexing import Places
from tastebridge.exceptions import InvalidDataError, InvalidParameterError

Scheme = Literal["none", "binary", "log", "bm25", "tfidf", "l2"]

_SCHEMES = ("none", "binary", "log", "bm25", "tfidf", "l2")
# The values of Koren (2010), in ratings.
_ITEM_SHRINK, _USER_SHRINK = 25.0, 10.0


@dataclass(frozen=True)
class WeightingStatistics:
    """The statistics of a whole category that weighting a single row of it later needs.

    Parameters
    ----------
    idf : ndarray, shape (n_items,)
        Inverse frequency of each item.
    length : float
        Mean sum of a row.
    mean : float
        Mean of all weights.
    item_bias : ndarray, shape (n_items,)
        Shrunk deviation of each item from the mean.
    now : float or None
        The time from which age is counted, in seconds since 1970.
    """

    idf: np.ndarray
    length: float
    mean: float
    item_bias: np.ndarray
    now: float | None

    def extended(self, matrix: sparse.csr_matrix, places: Places, n_people: int) -> WeightingStatistics:
        """Return the statistics extended to new items; all others stay.

        Parameters
        ----------
        matrix : csr_matrix of shape (n_rows, n_items)
            Weights over all items of those who took the new ones.
        places : Places
            Where items stand now.
        n_people : int
            Users with any pair in the category of the statistics.
        """
        taken = sparse.csr_matrix(matrix[:, places.new])
        idf, item_bias = places.spread(self.idf), places.spread(self.item_bias)
        idf[places.new] = schemes.inverse_frequency(taken, n_people)
        item_bias[places.new] = schemes.item_bias(taken, self.mean, _ITEM_SHRINK)
        return replace(self, idf=idf, item_bias=item_bias)


class Weighting(BaseEstimator):
    """Transform the weights of a category into the weights that a model learns from.

    The steps are, in this order: centre ratings, apply the scheme, decay older pairs. ``"l2"`` comes last,
    so that rows have length 1. The formulas are in :mod:`tastebridge.data.weighting_schemes`.

    Parameters
    ----------
    scheme : {"none", "binary", "log", "bm25", "tfidf", "l2"}, default="none"
        Unchanged weights, 1 for all, ``log(1 + w)``, BM25, TF-IDF, or rows of length 1.
    half_life : float or None, default=None
        Days after which a pair counts half. Needs times.
    center : bool, default=False
        Subtract from each rating the mean and the shrunk biases of item and user (Koren, 2010): for
        explicit ratings, with the schemes ``"none"`` and ``"l2"``.
    k1 : float, default=100
        BM25: saturation of repeated events, as in implicit; larger values saturate later.
    b : float, default=0.8
        BM25: discount of long histories, from 0 to 1.
    shift : float or None, default=None
        For ratings, with the scheme ``"none"``: a number added to every rating, so that all are above 0. A
        rating of 0 would be lost in a sparse matrix. Chosen by :class:`tastebridge.RatingMapper`.
    undated : {"error", "now"}, default="error"
        With a half-life, events without times are refused, or count as if they happened now.

    Raises
    ------
    InvalidDataError
        If a weight is below 0 and the scheme needs weights of at least 0, or a rating plus ``shift`` is not
        above 0.

    Notes
    -----
    Inverse frequencies are at least 0: an item that all users have is uninformative, and no confidence is
    negative.

    References
    ----------
    S. Robertson and H. Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
    G. Salton and C. Buckley, "Term-weighting approaches in automatic text retrieval", 1988.
    Y. Koren, "Factor in the neighbors: Scalable and accurate collaborative filtering", 2010.

    Examples
    --------
    >>> import pandas as pd
    >>> from tastebridge.data import Panel
    >>> rows = [("ada", "dune", "books", 3.0), ("ada", "emma", "books", 4.0)]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "weight"])
    >>> books = Panel.from_frame(frame)["books"]
    >>> Weighting("l2").apply(books).toarray().round(2).tolist()
    [[0.6000000238418579, 0.800000011920929]]
    """

    def __init__(
        self,
        scheme: Scheme = "none",
        half_life: float | None = None,
        center: bool = False,
        k1: float = 100.0,
        b: float = 0.8,
        shift: float | None = None,
        undated: str = "error",
    ) -> None:
        self.scheme = scheme
        self.half_life = half_life
        self.center = center
        self.k1 = k1
        self.b = b
        self.shift = shift
        self.undated = undated

    def apply(
        self,
        interactions: Interactions,
        now: float | None = None,
        statistics: WeightingStatistics | None = None,
    ) -> sparse.csr_matrix:
        """Return the weighted matrix, of the same pattern.

        Parameters
        ----------
        interactions : Interactions
            The category.
        now : float, optional
            The time from which ages are measured; by default the time in the statistics, or the latest time
            here.
        statistics : WeightingStatistics, optional
            For new histories, the statistics of the category at the fit. By default they are computed here.

        Returns
        -------
        csr_matrix of float32, shape (n_users, n_items)
            The weights, aligned with ``interactions.matrix.data``.

        Raises
        ------
        InvalidParameterError
            If a parameter is out of range.
        InvalidDataError
            If there is a half-life and no times.
        """
        self._check()
        known = self.statistics(interactions, now) if statistics is None else statistics
        matrix = interactions.matrix
        if self.center:
            matrix = schemes.center(matrix, known.mean, known.item_bias, _USER_SHRINK)
        matrix = self._scaled(matrix, known)
        matrix = self._decayed(matrix, interactions, known.now if now is None else now)
        return schemes.l2(matrix) if self.scheme == "l2" else matrix

    def statistics(self, interactions: Interactions, now: float | None = None) -> WeightingStatistics:
        """Return the statistics with which :meth:`apply` weights new histories of this category."""
        matrix, times = interactions.matrix, interactions.times
        latest = float(times.max()) if times is not None and len(times) else None
        mean = float(matrix.data.mean(dtype=np.float64)) if matrix.nnz else 0.0
        return WeightingStatistics(
            idf=schemes.inverse_frequency(matrix),
            length=schemes.mean_length(matrix),
            mean=mean,
            item_bias=schemes.item_bias(matrix, mean, _ITEM_SHRINK),
            now=latest if now is None else float(now),
        )

    def _scaled(self, matrix: sparse.csr_matrix, known: WeightingStatistics) -> sparse.csr_matrix:
        if self.scheme == "binary":
            return schemes.binary(matrix)
        if self.shift is not None and self.scheme == "none":
            return self.shifted(matrix)
        if not self.center and matrix.data.min(initial=0.0) < 0:
            raise InvalidDataError(
                f"Weighting({self.scheme!r}) needs weights of at least 0; the lowest is "
                f"{float(matrix.data.min()):g}. Use Weighting('binary'), or center=True for ratings."
            )
        if self.scheme == "log":
            return schemes.log(matrix)
        if self.scheme == "tfidf":
            return schemes.tfidf(matrix, known.idf)
        if self.scheme == "bm25":
            return schemes.bm25(matrix, known.idf, known.length, self.k1, self.b)
        return matrix

    @property
    def reads_ratings(self) -> bool:
        """Whether a model of ratings reads its histories by this weighting."""
        return self.shift is not None and self.scheme == "none"

    def shifted(self, matrix: sparse.csr_matrix) -> sparse.csr_matrix:
        """Return ratings with ``shift`` added, of the same pattern."""
        if self.shift is None:
            return matrix
        lowest = float(matrix.data.min(initial=np.inf))
        if lowest + self.shift <= 0:
            raise InvalidDataError(
                f"a rating of {lowest:g} is below the scale of the fit, where all ratings were above "
                f"{0.0 - self.shift:g}. Leave such rows out if they mean 'not rated', or fit again with them."
            )
        return schemes.with_data(matrix, matrix.data + np.float32(self.shift)) if self.shift else matrix

    def _decayed(
        self, matrix: sparse.csr_matrix, interactions: Interactions, now: float | None
    ) -> sparse.csr_matrix:
        if self.half_life is None:
            return matrix
        if interactions.times is None and self.undated == "now":
            return matrix
        if interactions.times is None:
            raise InvalidDataError(
                f"Weighting(half_life={self.half_life}) needs times, and {interactions.category!r} has none."
                " Give a timestamp column, or half_life=None."
            )
        if now is None:  # no pair here, and none where the statistics come from
            return matrix
        return schemes.with_data(matrix, matrix.data * schemes.decay(interactions.times, now, self.half_life))

    def _check(self) -> None:
        check_choice("scheme", self.scheme, _SCHEMES)
        check_choice("center", self.center, (True, False))
        check_choice("undated", self.undated, ("error", "now"))
        if self.half_life is not None:
            check_number("half_life", self.half_life, 0, open_minimum=True)
        check_number("k1", self.k1, 0, open_minimum=True)
        check_number("b", self.b, 0, 1)
        if self.shift is not None:
            check_number("shift", self.shift)
        if self.center and self.scheme not in ("none", "l2"):
            raise InvalidParameterError(
                f"Weighting(center=True) makes weights of both signs, and scheme={self.scheme!r} needs"
                " positive ones. Use scheme='none' or 'l2'."
            )
