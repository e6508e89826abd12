"""The personal share of a blend for later users, as a table and in sentences."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from tastebridge.online.state import FittedState

SHARES = "in_time"
"""The name of the table among the findings."""
_NONE = 0.01
"""Personal shares below this only break ties of popularity."""
_TOLD = {"cold": "new to", "warm": "with a history in"}


def personal_shares(shares: Mapping[str, float]) -> pd.DataFrame:
    """Return one row per kind of users: segment, and the personal share of the blend.

    See :mod:`tastebridge.fitting.personal_share`.
    """
    return pd.DataFrame(list(shares.items()), columns=["segment", "personal"])


def shares_of(state: FittedState) -> dict[str, float]:
    """Return the scale of the blend of each kind of users: the personal share."""
    table = state.findings.get(SHARES)
    if table is None:
        return {}
    # at a share of 0 popularity is served on a scale of its own
    return {row.segment: float(row.personal) for row in table.itertuples() if row.personal > 0}


def share_sentences(state: FittedState) -> list[str]:
    """Return a sentence for each kind of users for whom the blend counts less, because of later events."""
    table = state.findings.get(SHARES)
    if table is None:
        return []
    return [
        _sentence(row.segment, row.personal, state.target) for row in table.itertuples() if row.personal < 1
    ]


def warning_in_time(shares: Mapping[str, float], target: str) -> str:
    """Return the warning that no source helps later users; "" for none."""
    share = shares.get("cold", 1.0)
    return f"{_sentence('cold', share, repr(target))} See transfer_." if share < _NONE else ""


def _sentence(segment: str, share: float, target: str) -> str:
    users = f"users {_TOLD[segment]} {target}"
    if share < _NONE:
        them = "they" if share == 0 else "those who are active"
        return (
            f"On later events of {users}, popularity does better than any source: {them} get popular items."
        )
    return (
        f"On later events of {users}, recent popularity does better than the blend learned at random: for "
        f"active users all routes but popularity count {share:.0%}."
    )
