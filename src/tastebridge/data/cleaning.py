"""The policy for rows that cannot be used, and the account of a cleaning."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from tastebridge._foundation.validation import check_choice, check_count, check_number

Action = Literal["drop", "error"]
Merge = Literal["sum", "max", "last", "count", "error"]
SeveralCategories = Literal["auto", "keep", "first", "primary", "all", "error"]

_MERGES = ("sum", "max", "last", "count", "error")
_SEVERAL = ("auto", "keep", "first", "primary", "all", "error")
_MERGED = ("duplicates", "several categories")
# These mean a mistake in the table; rare items and busy users are the choice of the policy.
_BAD = (
    "missing ids",
    "missing times",
    "impossible times",
    "NaN weights",
    "infinite weights",
    "negative weights",
    "zero weights",
)


@dataclass(frozen=True)
class CleaningPolicy:
    """Rules for rows that cannot be used as they are, applied in the order of the parameters.

    Parameters
    ----------
    missing_ids : {"drop", "error"}, default="drop"
        For rows without a user, an item or a category (null, NaN or empty).
    missing_times : {"drop", "error"}, default="drop"
        For rows without a time, if there is a time column, and for rows whose time is a placeholder:
        infinite, outside 1900 to 2261, or a date that means never, such as 2099-12-31.
    nan_weights, infinite_weights, negative_weights, zero_weights : {"drop", "error"}, default="drop"
        For rows with such a weight in single precision. If *all* weights are NaN, this is always an error.
        If weights are ratings (see ``ratings``), values of 0 and below are valid weights.
    max_events_per_user : int or None, default=None
        Users with more rows than this, over all categories, are treated as bots and removed completely.
    duplicates : {"sum", "max", "last", "count", "error"}, default="sum"
        The weight of a pair of user and item with several rows: the sum, the largest or the latest of the
        weights, or the number of rows. Among rows with the same time or without times, the last in the frame
        counts. Use ``"sum"`` for events and ``"last"`` for ratings.
    min_user_events : int, default=1
        Users with fewer items in a category lose their rows in this category.
    min_item_events : int, default=1
        Items with fewer users are left out. Both minima are applied repeatedly until nothing changes.
    no_rating : float or None, default=None
        A weight that means no rating was given, such as -1 or 0. It is handled before all other rules.
    unrated : {"event", "drop"}, default="event"
        Whether a row without a rating counts as an event of weight 1, or is left out.
    several_categories : {"auto", "keep", "first", "primary", "all", "error"}, default="auto"
        For an item that occurs in several categories with the same users, as in a table with one row per
        genre.

        - ``"first"``: the category whose name sorts first.
        - ``"primary"``: the category with the most rows of the item; ties go to the larger category.
        - ``"all"``: every category, the weight of a pair split evenly over them; ratings stay whole.
        - ``"keep"``: every category with the whole weight, so that an event counts several times.
        - ``"auto"``: ``"primary"`` with a warning if the table is clearly of this kind, otherwise
          ``"keep"``. The test: at least 20 pairs of a user and such an item, of which 95 % occur in every
          category of the item.
        This applies to whole tables only: a history that is folded in keeps its rows.
    ratings : bool or None, default=None
        Whether weights are ratings. If so, rows with weights of 0 and below are kept, because they are the
        lowest ratings of scales such as 0 to 4 or -1 to 1. None means True with ``duplicates="last"`` and
        without ``event_weights``. If 0 or -1 means "seen, not rated", leave these rows out, or pass False.

    Examples
    --------
    >>> CleaningPolicy(duplicates="last", min_user_events=5).min_user_events
    5
    >>> import pandas as pd
    >>> from tastebridge import Panel
    >>> thumbs = pd.DataFrame({"user_id": [1, 2], "item_id": [7, 7], "category": "films", "weight": [0, 1]})
    >>> Panel.from_frame(thumbs, policy=CleaningPolicy(duplicates="last"))["films"].matrix.data.tolist()
    [0.0, 1.0]
    """

    missing_ids: Action = "drop"
    missing_times: Action = "drop"
    nan_weights: Action = "drop"
    infinite_weights: Action = "drop"
    negative_weights: Action = "drop"
    zero_weights: Action = "drop"
    max_events_per_user: int | None = None
    duplicates: Merge = "sum"
    min_user_events: int = 1
    min_item_events: int = 1
    no_rating: float | None = None
    unrated: Literal["event", "drop"] = "event"
    several_categories: SeveralCategories = "auto"
    ratings: bool | None = None

    def __post_init__(self) -> None:
        # The first six fields are the rules for bad rows.
        for rule in fields(self)[:6]:
            check_choice(rule.name, getattr(self, rule.name), ("drop", "error"))
        check_choice("duplicates", self.duplicates, _MERGES)
        check_choice("ratings", self.ratings, (None, True, False))
        if self.max_events_per_user is not None:
            check_count("max_events_per_user", self.max_events_per_user)
        check_count("min_user_events", self.min_user_events)
        check_count("min_item_events", self.min_item_events)
        if self.no_rating is not None:
            check_number("no_rating", self.no_rating)
        check_choice("unrated", self.unrated, ("event", "drop"))
        check_choice("several_categories", self.several_categories, _SEVERAL)

    def settled(self, event_weights: object) -> CleaningPolicy:
        """Return the policy with ``ratings`` decided, from the ``event_weights`` of the frame or None."""
        if self.ratings is not None:
            return self
        # Events add up, while of several ratings the last one holds: "last" shows that weights are ratings.
        return with_rule(self, "ratings", self.duplicates == "last" and event_weights is None)

    def rated(self, weights: np.ndarray) -> np.ndarray:
        """Return weights with 1 in the place of ``no_rating``, or NaN where such rows are dropped."""
        if self.no_rating is None:
            return weights
        # events are read in single precision, so the sign of no rating is too
        return np.where(self.are_signs(weights), 1.0 if self.unrated == "event" else np.nan, weights)

    def are_signs(self, weights: np.ndarray) -> np.ndarray:
        """Return which weights mean that no rating was given."""
        if self.no_rating is None:
            return np.zeros(len(weights), dtype=bool)
        with np.errstate(over="ignore"):
            return np.asarray(weights.astype(np.float32) == np.float32(self.no_rating))

    def idle_sign(self, weights: np.ndarray | None) -> tuple[str, ...]:
        """Return a note if no weight is the sign of no rating; None stands for no weights."""
        if self.no_rating is None or (weights is not None and self.are_signs(weights).any()):
            return ()
        why = "there are no weights" if weights is None else "no weight is it"
        return (f"no_rating={self.no_rating:g} changed nothing: {why}",)


# kept, as every history that is folded in asks anew, and a policy is frozen
@lru_cache
def with_rule(policy: CleaningPolicy, name: str, value: str | bool) -> CleaningPolicy:
    """Return a policy with another value of one of its parameters."""
    return replace(policy, **{name: value})  # type: ignore[arg-type]


class CleaningStep(NamedTuple):
    """One step of the cleaning that changed something.

    Parameters
    ----------
    step : str
        The name of the step.
    rows : int
        The number of rows it took out.
    reason : str
        The reason, in a few words.
    """

    step: str
    rows: int
    reason: str


@dataclass(frozen=True)
class CleaningReport:
    """The report on a cleaning: ``rows_in - dropped - merged == rows_out``.

    Parameters
    ----------
    rows_in, rows_out : int
        Rows of the frame, and pairs of a user and an item left.
    steps : tuple of CleaningStep
        The steps in between, in order; steps that changed nothing are not listed.
    minima : (int, int), default=(1, 1)
        The minimum counts of the policy, for users and for items.
    notes : tuple of str
        How the table was read, such as file, delimiter and columns, and decisions that removed no row.
    duplicates : {"sum", "max", "last", "count", "error"} or None
        How the policy merges rows of the same user and item; None where no policy was applied.

    Examples
    --------
    >>> report = CleaningReport(5, 3, (CleaningStep("missing ids", 2, "no user, item or category"),))
    >>> print(report)
    5 rows in, 3 out: 2 dropped, 0 merged.
      missing ids: 2 (no user, item or category)
    """

    rows_in: int
    rows_out: int
    steps: tuple[CleaningStep, ...] = ()
    minima: tuple[int, int] = (1, 1)
    notes: tuple[str, ...] = field(default=(), compare=False)
    duplicates: Merge | None = field(default=None, compare=False)

    @property
    def merged(self) -> int:
        """Rows that went into another row of the same user and item."""
        return sum(step.rows for step in self.steps if step.step in _MERGED)

    @property
    def dropped(self) -> int:
        """Rows that were left out."""
        return sum(step.rows for step in self.steps if step.step not in _MERGED)

    @property
    def bad(self) -> tuple[CleaningStep, ...]:
        """The steps that dropped rows because something was wrong with them."""
        return tuple(step for step in self.steps if step.step in _BAD)

    def to_frame(self) -> pd.DataFrame:
        """Return the steps as a frame with the columns step, rows and reason."""
        return pd.DataFrame(list(self.steps), columns=list(CleaningStep._fields))

    def __str__(self) -> str:
        head = (
            f"{self.rows_in:,} rows in, {self.rows_out:,} out: {self.dropped:,} dropped, {self.merged:,}"
            " merged."
        )
        steps = (f"  {step}: {rows:,} ({reason})" for step, rows, reason in self.steps)
        return "\n".join([head, *steps, *(f"  {note}" for note in self.notes)])
