"""Rows of the same user and item, merged into one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tastebridge.data.cleaning import CleaningStep, Merge
from tastebridge.data.events import Events
from tastebridge.exceptions import InvalidDataError


def merge(events: Events, duplicates: Merge, with_first: bool = False) -> tuple[Events, list[CleaningStep]]:
    """Sort rows by category, user and item, and merge those that agree in all three.

    Weights are summed in order of size, so that the sum does not depend on the order of the rows. The time of
    a merged row is the latest.

    Parameters
    ----------
    events : Events
        Rows without anything missing.
    duplicates : {"sum", "max", "last", "count", "error"}
        How the weights of merged rows become one.
    with_first : bool, default=False
        Whether to keep the time and the weight of the earliest of merged rows.

    Returns
    -------
    events, steps : Events, list of CleaningStep
        Sorted rows, none twice; a step if anything was merged.
    """
    # One number per row instead of three columns to sort by; users times items exceed 32 bits.
    key = (events.categories.astype(np.int64) * len(events.user_ids) + events.users) * len(events.item_ids)
    key += events.items
    order = np.argsort(key, kind="stable")
    key_sorted = key[order]
    first = np.append(True, key_sorted[1:] > key_sorted[:-1])[: len(key)]
    merged = len(events) - int(np.count_nonzero(first))
    if merged and duplicates == "error":
        raise InvalidDataError(_complaint(order, first, merged))
    if not merged:
        counted = replace(events, weights=np.ones(len(events))) if duplicates == "count" else events
        return counted.take(order), []
    order = _order_ties(order, key, first, _tie_break(events, duplicates))
    step = CleaningStep("duplicates", merged, f"same user and item, merged by {duplicates}")
    return _merged(events.take(order), np.flatnonzero(first), duplicates, with_first), [step]


def _tie_break(events: Events, duplicates: Merge) -> np.ndarray:
    """Return the order within the rows of one pair: time where the last counts, otherwise size."""
    if duplicates != "last":
        return events.weights
    return np.zeros(len(events)) if events.times is None else events.times


def _order_ties(order: np.ndarray, key: np.ndarray, first: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Return the order with the rows of each repeated pair sorted; the others stay where they are."""
    tied = np.flatnonzero(~first | ~np.append(first[1:], True))
    # In the order of the frame again: lexsort is stable, so of rows equally late the last one wins.
    rows = np.sort(order[tied])
    ordered = order.copy()
    ordered[tied] = rows[np.lexsort((by[rows], key[rows]))]
    return ordered


def _merged(events: Events, starts: np.ndarray, duplicates: Merge, with_first: bool) -> Events:
    one, weights = events.take(starts), _weights(events.weights, starts, duplicates)
    # Each weight is finite by now, but a sum may exceed the range of the matrix.
    if np.abs(weights).max() > np.finfo(np.float32).max:
        raise InvalidDataError("merged weights exceed the range of single precision. Scale the weights down.")
    if events.times is None:
        return replace(one, weights=weights)
    last, first = (by.reduceat(events.times, starts) for by in (np.maximum, np.minimum))
    if not with_first or not (first < last).any():
        return replace(one, weights=weights, times=last)
    sizes = np.diff(starts, append=len(events))
    early = events.times == np.repeat(first, sizes)
    # rows of one pair stay together and in their order, so the same rule merges the earliest of them
    counts = np.add.reduceat(early.astype(np.int64), starts)
    early_weights = _weights(events.weights[early], np.cumsum(counts) - counts, duplicates)
    return replace(one, weights=weights, times=last, first_times=first, first_weights=early_weights)


def _weights(weights: np.ndarray, starts: np.ndarray, duplicates: Merge) -> np.ndarray:
    """Return one weight for each run of rows, which begin at ``starts``."""
    ends = np.append(starts[1:], len(weights)) - 1
    if duplicates == "count":
        return (ends - starts + 1).astype(np.float64)
    if duplicates == "sum":
        return np.add.reduceat(weights, starts)
    return weights[ends]  # the largest sorts last by size, the latest sorts last by time


def _complaint(order: np.ndarray, first: np.ndarray, merged: int) -> str:
    row = int(order[np.argmin(first)])
    return (
        f"{merged:,} rows repeat a user and an item, such as the row at place {row} of those not left out"
        " before. Choose how to merge them: CleaningPolicy(duplicates='sum', 'max', 'last' or 'count')."
    )
