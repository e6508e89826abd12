"""Rows that cannot be used, found and left out one rule after another."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tastebridge.data.cleaning import Action, CleaningPolicy, CleaningStep
from tastebridge.data.events import Events
from tastebridge.exceptions import InvalidDataError

_OUTSIDE = "time infinite, outside 1900 to 2261, or a placeholder such as 9999-12-31"


class _Rule(NamedTuple):
    step: str
    find: Callable[[Events], np.ndarray]
    action: Action
    reason: str


def scrub(events: Events, policy: CleaningPolicy) -> tuple[Events, list[CleaningStep]]:
    """Leave out the rows a policy does not let through.

    Parameters
    ----------
    events : Events
        All rows of a frame.
    policy : CleaningPolicy
        The action for each kind of bad row.

    Returns
    -------
    events, steps : Events, list of CleaningStep
        The rows left, and the rules that took some out, in order.

    Raises
    ------
    InvalidDataError
        If a rule with the action ``"error"`` finds a row.
    """
    if _spotless(events, policy):
        return events, []
    steps = []
    for rule in _rules(policy):
        found = rule.find(events)
        rows = int(np.count_nonzero(found))
        if rows and rule.action == "error":
            raise InvalidDataError(_complaint(rule, rows, found))
        if rows:
            events = events.take(~found)
            steps.append(CleaningStep(rule.step, rows, rule.reason))
    return events, steps


def _spotless(events: Events, policy: CleaningPolicy) -> bool:
    """Return whether no rule can find a row: the usual case, seen in fewer passes than by the rules."""
    if policy.max_events_per_user is not None or not len(events):
        return False
    if min(codes.min() for codes in (events.users, events.items, events.categories)) < 0:
        return False
    if events.times is not None and not np.isfinite(events.times).all():
        return False
    # NaN is neither the least nor the largest of anything, and so fails too
    return bool(events.weights.min() > 0 and events.weights.max() < np.inf)


# A policy is frozen: its rules are made once, not anew for every history that is folded in.
@lru_cache
def _rules(policy: CleaningPolicy) -> list[_Rule]:
    cap = policy.max_events_per_user
    rules = [
        _Rule("missing ids", _missing_ids, policy.missing_ids, "no user, item or category"),
        _Rule("missing times", _missing_times, policy.missing_times, "no time"),
        _Rule("impossible times", _impossible_times, policy.missing_times, _OUTSIDE),
        _Rule(
            "NaN weights", lambda rows: np.isnan(rows.weights), policy.nan_weights, "weight missing or NaN"
        ),
        _Rule(
            "infinite weights",
            lambda rows: np.isinf(rows.weights),
            policy.infinite_weights,
            "weight infinite",
        ),
        _Rule(
            "negative weights", lambda rows: rows.weights < 0, policy.negative_weights, "weight below zero"
        ),
        _Rule("zero weights", lambda rows: rows.weights == 0, policy.zero_weights, "weight zero"),
        _Rule("busy users", lambda rows: _busy(rows, cap), "drop", f"users with more than {cap} rows"),
    ]
    strengths = ("negative weights", "zero weights")  # of a rating they are the lowest
    return [rule for rule in rules if not (policy.ratings and rule.step in strengths)]


def _missing_ids(events: Events) -> np.ndarray:
    return (events.users < 0) | (events.items < 0) | (events.categories < 0)


def _missing_times(events: Events) -> np.ndarray:
    return np.zeros(len(events), dtype=bool) if events.times is None else np.isnan(events.times)


def _impossible_times(events: Events) -> np.ndarray:
    return np.zeros(len(events), dtype=bool) if events.times is None else np.isinf(events.times)


def _busy(events: Events, cap: int | None) -> np.ndarray:
    if cap is None or not len(events):
        return np.zeros(len(events), dtype=bool)
    # Rows without a user are gone: the rule of missing ids comes first, and bincount takes no -1.
    return (np.bincount(events.users) > cap)[events.users]


def _complaint(rule: _Rule, rows: int, found: np.ndarray) -> str:
    # Impossible times have no option of their own.
    name = "missing_times" if rule.step == "impossible times" else rule.step.replace(" ", "_").lower()
    first = int(np.argmax(found))
    return (
        f"{rows:,} rows have {rule.step} ({rule.reason}), the first at place {first}"
        f" of those not left out before. Correct them, or leave them out with CleaningPolicy({name}='drop')."
    )
