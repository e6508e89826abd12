"""The results of a fit as small tables about groups of users, never about a single one.

Reports and model cards are made of them, so both can be made from a saved model, which holds no users.
Groups of fewer users than :data:`SMALLEST` never get a row of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._numerics.catalogue import Catalogue
from tastebridge._numerics.cells import union
from tastebridge._numerics.topk import Masks, catalogue_of, top_k
from tastebridge.data import Panel
from tastebridge.metrics import average_popularity, catalogue_coverage, novelty, popularity_bias
from tastebridge.metrics.intervals import Interval, bootstrap_mean, paired_difference
from tastebridge.model import LinearModel, Segment, read_by_gates
from tastebridge.model.evidence import MODEL, POPULARITY, WITHIN, Evidence, InTime
from tastebridge.routes import Histories
from tastebridge.routes.twins import NO_TWINS, Twins

Tables = dict[str, pd.DataFrame]
Array = NDArray[np.float64]

SMALLEST = 20
"""Least number of users of a group with a row of its own."""
CHANCE = "at random"
"""Lists to compare others with."""
_STARTS = (0, 1, 2, 3, 5, 10, 20, 50, 100)
_LISTED, _LENGTH = 500, 10


def accuracy(evidence: Mapping[str, Evidence]) -> pd.DataFrame:
    """Return the out-of-fold NDCG@10 for each kind of users, with 95 % intervals over users.

    Parameters
    ----------
    evidence : mapping of {"cold", "warm"} to Evidence
        As of :attr:`tastebridge.InterestMapper.evidence_`.

    Returns
    -------
    DataFrame
        One row per segment and list: segment, list, ``people`` (the number of users), mean, low, high, and
        the difference to the better list without sources (difference, difference_low, difference_high; NaN
        for that list itself), and hits (the share of lists of ten that hold a hidden item).
        The list of the model uses all sources, or, if none is kept, the best list without sources.
    """
    rows = []
    for segment, found in evidence.items():
        best = found.values[found.baseline]
        for name, label in _VALUES.items():
            values = found.served if label == MODEL else found.values[name]
            if name == "without transfer" and np.array_equal(values, found.values["popularity"]):
                continue  # without other sources, users new to the target get popularity: one list, not two
            hits = float((values > 0).mean())  # a list without a hit among its first ten has an NDCG@10 of 0
            gap = (np.nan,) * 3 if name == found.baseline else _triple(paired_difference(values, best))
            rows.append((segment, label, len(values), *_triple(bootstrap_mean(values)), *gap, hits))
    columns = ["segment", "list", "people", "mean", "low", "high", *_GAP, "hits"]
    return pd.DataFrame(rows, columns=columns)


def accuracy_in_time(in_time: Mapping[str, InTime]) -> pd.DataFrame:
    """Return NDCG@10 on later events, with 95 % intervals over users; columns of :func:`accuracy`.

    The difference is to the better of popularity and recent popularity.
    """
    rows = []
    for segment, found in in_time.items():
        best = found.values[found.baseline]
        for name, values in found.values.items():
            gap = (np.nan,) * 3 if name == found.baseline else _triple(paired_difference(values, best))
            own = _triple(bootstrap_mean(values))
            rows.append((f"{segment} in time", name, len(values), *own, *gap, float((values > 0).mean())))
    return pd.DataFrame(rows, columns=["segment", "list", "people", "mean", "low", "high", *_GAP, "hits"])


def by_history(evidence: Mapping[str, Evidence], panel: Panel, target: str) -> pd.DataFrame:
    """Return the out-of-fold NDCG@10 by the number of items in the histories outside of the target.

    Parameters
    ----------
    evidence : mapping of {"cold", "warm"} to Evidence
    panel : Panel
        The panel of the fit.
    target : str

    Returns
    -------
    DataFrame
        One row per segment and length of history: segment, known (such as ``"3–4"``), ``people`` (the number
        of users), mean, low, high (of the blend), baseline (the mean of the better list without sources), and
        the difference to it with its interval.
    """
    lengths = sum(np.diff(part.matrix.indptr) for name, part in panel.interactions.items() if name != target)
    rows = []
    for segment, found in evidence.items():
        blend, best = found.served, found.values[found.baseline]
        for label, here in _bins(np.asarray(lengths)[found.people]):
            gap = _triple(paired_difference(blend[here], best[here]))
            own = _triple(bootstrap_mean(blend[here]))
            rows.append((segment, label, len(here), *own, float(best[here].mean()), *gap))
    return pd.DataFrame(
        rows, columns=["segment", "known", "people", "mean", "low", "high", "baseline", *_GAP]
    )


def beyond_accuracy(
    model: LinearModel, histories: Histories, seed: int, twins: Twins = NO_TWINS
) -> pd.DataFrame:
    """Return the coverage, novelty and popularity bias of lists of ten.

    Users with a history in the target are used twice, at most 500 of each kind: with their history ("warm"),
    and without it ("cold"). The lists compared are the model's, popularity, for warm users the model's routes
    within the target, and the expected values of random lists. All but the last leave out twins of items that
    users have.

    Returns
    -------
    DataFrame
        One row per segment and list: segment, list, ``people`` (the number of users), coverage (the share of
        the catalogue that is in any list), novelty (bits), bias (mean popularity percentile, 0.5 at random),
        popularity (mean number of users of an item).
    """
    rng = np.random.default_rng(seed)
    target = histories[model.target]
    counts = np.bincount(target.indices, minlength=target.shape[1])
    elsewhere = sum(np.diff(part.indptr) for name, part in histories.items() if name != model.target)
    known = np.flatnonzero((np.diff(target.indptr) > 0) & (np.asarray(elsewhere) > 0))
    people = np.sort(rng.permutation(known)[:_LISTED])
    columns = ["segment", "list", "people", "coverage", "novelty", "bias", "popularity"]
    rows: list[tuple] = []
    items = catalogue_of(model.item_vectors()), catalogue_of(counts[:, None].astype(np.float32))
    for segment in ("cold", "warm") if len(people) >= SMALLEST else ():
        given = {name: part[people] for name, part in histories.items()}
        if segment == "cold":
            # the same users as if they were new to the target
            given[model.target] = sparse.csr_matrix(given[model.target].shape, dtype=np.float32)
        for name, lists in _lists(model, given, items, segment, twins):
            kinds = (novelty(lists, counts, target.shape[0]), popularity_bias(lists, counts))
            means = (float(part.mean()) for part in (*kinds, average_popularity(lists, counts)))
            rows.append((segment, name, len(people), catalogue_coverage(lists, len(counts)), *means))
        rows.append((segment, CHANCE, len(people), *_chance(counts, len(people), target.shape[0])))
    return pd.DataFrame(rows, columns=columns)


def typed(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with columns of texts or numbers even if it is empty, as it will be read from a file."""
    texts = {name: str for name in table.columns if name in _TEXTS}
    empty = {name: np.float64 for name in table.columns if table[name].dtype == object and name not in texts}
    return table.astype({**texts, **empty})


def overview(panel: Panel) -> pd.DataFrame:
    """Return the sizes of the categories of a panel, as :meth:`tastebridge.Panel.overview` does."""
    return panel.overview().reset_index()


def cleaning(panel: Panel) -> pd.DataFrame:
    """Return the cleaning report: step, rows, reason; the first row counts the input."""
    report = panel.cleaning
    first = pd.DataFrame(
        [("rows in", report.rows_in, "rows of the table")], columns=["step", "rows", "reason"]
    )
    last = pd.DataFrame(
        [("rows out", report.rows_out, "pairs of a person and an item")], columns=first.columns
    )
    return pd.concat([first, report.to_frame(), last], ignore_index=True).astype({"rows": "int64"})


_TEXTS = ("category", "end", "known", "list", "reason", "segment", "source", "step", "target")
_VALUES = {"blend": MODEL, "without transfer": WITHIN, "popularity": POPULARITY}
_GAP = ["difference", "difference_low", "difference_high"]


def _triple(interval: Interval) -> tuple[float, float, float]:
    return interval.mean, interval.low, interval.high


def _bins(lengths: NDArray[np.integer]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Yield groups of users by length of history; a small group is joined with the next one."""
    most, nowhere = lengths.max(initial=0), int((lengths == 0).sum())
    starts = [start for start in _STARTS if start <= most and (start or nowhere >= SMALLEST)]
    first: float = starts[0] if starts else 0
    for end in [*starts[1:], np.inf][: len(starts)]:
        here = np.flatnonzero((lengths >= first) & (lengths < end))
        rest = int((lengths >= end).sum())
        # the rest counts too: a small one could be found by subtraction
        if rest and min(len(here), rest) < SMALLEST:
            continue
        if len(here) >= SMALLEST:
            yield _label(first, end), here
        first = end


def _label(first: float, end: float) -> str:
    if np.isinf(end):
        return f"{first:g} or more"
    return f"{first:g}" if end == first + 1 else f"{first:g}–{end - 1:g}"


def _lists(
    model: LinearModel, given: Histories, items: tuple[Catalogue, Catalogue], segment: str, twins: Twins
) -> Iterator[tuple[str, NDArray[np.int32]]]:
    """Yield the lists to compare, without the items users have and their twins.

    ``items`` are those of the model and of popularity, arranged for the search.
    """
    seen, reached = given[model.target], twins.left_out(given)
    if reached is not None:
        seen = union(seen, reached)
    (whole, popular), masks = items, Masks(seen)
    yield MODEL, top_k(model.user_vectors(given), whole, _LENGTH, masks=masks)[0]
    if segment == "warm":
        yield WITHIN, top_k(_within(model).user_vectors(given), whole, _LENGTH, masks=masks)[0]
    ones = np.ones((seen.shape[0], 1), dtype=np.float32)
    yield POPULARITY, top_k(ones, popular, _LENGTH, masks=masks)[0]


def _within(model: LinearModel) -> LinearModel:
    """Return the model with weights only for the routes without a source."""
    # routes the gates read stay, with weight 0: without them the gates would read other numbers
    own = np.array([set(route.sources) <= {model.target} for route in model.routes])
    left = own | np.array([read_by_gates(route) for route in model.routes])
    segments = {
        name: Segment(part.blend.only(left), (part.kept & own)[left]) for name, part in model.segments.items()
    }
    routes = tuple(route for route, keep in zip(model.routes, left, strict=True) if keep)
    return replace(model, routes=routes, segments=segments)


def _chance(counts: NDArray[np.int64], n_lists: int, n_users: int) -> tuple[float, float, float, float]:
    """Return the expected values of random lists: coverage, novelty, bias, popularity."""
    # a random list misses an item with probability 1 - 10 / n_items
    covered = 1 - (1 - min(_LENGTH / len(counts), 1.0)) ** n_lists
    bits = -np.log2(np.maximum(counts, 1) / n_users)
    return float(covered), float(bits.mean()), 0.5, float(counts.mean())
