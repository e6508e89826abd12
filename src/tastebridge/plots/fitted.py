"""Pictures of a fitted mapper or a panel, in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd

from tastebridge._foundation.validation import check_fitted
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.plots.heat import heat_map
from tastebridge.plots.intervals import interval_plot
from tastebridge.plots.lines import reliability_plot
from tastebridge.plots.picture import Picture

LENGTHS = (1, 5, 10, 20, 50)
"""The lengths of lists whose probability of a hit a mapper predicts, in the order of its calibrations."""
_ROLES = {"helps": "good", "helps with others": "good", "hurts": "bad"}
_SEGMENTS = {"cold": "users new to {}", "warm": "users with a history in {}"}


class Calibration(Protocol):
    """A calibration of the probability that a list holds a hit."""

    @property
    def reliability(self) -> np.ndarray:
        """Predicted and observed shares and numbers of users, shape (n, 3)."""


class Mapper(Protocol):
    """A fitted :class:`tastebridge.InterestMapper`; this wing lies below it and reads its attributes."""

    @property
    def target(self) -> object:
        """The target category."""

    @property
    def transfer_(self) -> pd.DataFrame:
        """One row per source: source, lift, interval, verdict."""

    @property
    def confidence_(self) -> Mapping[str, Sequence[Calibration]]:
        """The calibrations of each kind of users, one per length of lists."""


class Related(Protocol):
    """A :class:`tastebridge.Panel`."""

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories."""

    def relatedness(self, n_components: int = ..., random_state: int = ...) -> pd.DataFrame:
        """Return source, target and correlation of all ordered pairs."""


def transfer(mapper: Mapper, category: str | None = None) -> Picture:
    """Draw the lift of each source, with its 95 % interval; green helps, red hurts.

    Parameters
    ----------
    mapper : InterestMapper
        Fitted or loaded.
    category : str, optional
        The target, if the mapper has several.

    Raises
    ------
    InvalidParameterError
        If the mapper has several targets and none is named.

    Examples
    --------
    >>> import tastebridge as tb
    >>> from tastebridge import plots
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=400, n_items=60)
    >>> mapper = tb.InterestMapper("films", random_state=0).fit(panel)
    >>> "books" in plots.transfer(mapper)
    True
    """
    table, target = _of_fit(mapper, "transfer_"), mapper.target
    if "target" not in table and category not in (None, target):
        raise InvalidParameterError(
            f"this mapper recommends in {target!r}; got category={category!r}. Leave category out."
        )
    if "target" in table:
        names = list(dict.fromkeys(table["target"]))
        if category not in names:
            raise InvalidParameterError(
                f"this mapper recommends in {', '.join(map(repr, names))}; got category={category!r}. Name "
                "one of them."
            )
        table, target = table[table["target"] == category], category
    rows = [
        (row["source"], row["lift"], row["lift_low"], row["lift_high"], _ROLES.get(row["verdict"], "flat"))
        for row in table.sort_values("lift", ascending=False).to_dict("records")
    ]
    return interval_plot(
        rows, f"Lift of each source for users new to {target}, with 95 % intervals", "lift of NDCG@10"
    )


def relatedness(panel: Related, n_components: int = 32, random_state: int = 0) -> Picture:
    """Draw the canonical correlations of users' tastes in every two categories, measured out of fold.

    Parameters
    ----------
    panel : Panel
    n_components, random_state
        As for :meth:`tastebridge.Panel.relatedness`.

    Examples
    --------
    >>> from tastebridge import plots
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=400, n_items=60)
    >>> plots.relatedness(panel, n_components=4).startswith("<svg")
    True
    """
    if not hasattr(panel, "relatedness"):
        raise InvalidParameterError(
            f"relatedness draws a Panel; got a {type(panel).__name__}. For a mapper, pass the panel of its "
            "fit."
        )
    table = panel.relatedness(n_components, random_state)
    values = {(row["source"], row["target"]): row["correlation"] for row in table.to_dict("records")}
    return heat_map(values, list(panel.categories), "Canonical correlations of tastes, out of fold")


def reliability(mapper: Mapper, segment: str | None = None, n: int = 10) -> Picture:
    """Draw predicted probabilities that a list holds a hit against the shares that did, out of fold.

    Parameters
    ----------
    mapper : InterestMapper
        Fitted or loaded, with one target.
    segment : {"cold", "warm"}, optional
        Users new to the target, or users with a history there; by default the first that was measured.
    n : {1, 5, 10, 20, 50}, default=10
        The length of the lists.

    Raises
    ------
    InvalidParameterError
        If there are no lists of this length.
    InvalidDataError
        If too few users were held out to measure it.

    Examples
    --------
    >>> import tastebridge as tb
    >>> from tastebridge import plots
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=400, n_items=60)
    >>> mapper = tb.InterestMapper("films", random_state=0).fit(panel)
    >>> "observed share" in plots.reliability(mapper)
    True
    """
    if n not in LENGTHS:
        raise InvalidParameterError(f"n must be one of {', '.join(map(str, LENGTHS))}; got {n!r}.")
    if segment is not None and segment not in _SEGMENTS:
        raise InvalidParameterError(f"segment must be 'cold' or 'warm'; got {segment!r}.")
    known = _of_fit(mapper, "confidence_") or {}
    if getattr(mapper, "joint_", None) is not None:
        raise InvalidParameterError(
            f"reliability is of one target, and this mapper has {', '.join(map(repr, known))}. Pass the "
            f"mapper of one of them, such as mappers_[{next(iter(known))!r}]."
        )
    for name in _SEGMENTS if segment is None else (segment,):
        parts = known.get(name, [])
        # a kind with too few users has no calibrations, or one without points
        if parts and len(parts[LENGTHS.index(n)].reliability):
            points = parts[LENGTHS.index(n)].reliability.tolist()
            who = _SEGMENTS[name].format(mapper.target)
            return reliability_plot(points, f"Does a list of {n} hold a hit? For {who}")
    raise InvalidDataError(
        "too few users were held out to measure how reliable probabilities are. Fit on more users."
    )


def _of_fit(mapper: object, attribute: str) -> Any:  # noqa: ANN401 - of the type of the attribute
    """Return an attribute of a fitted mapper, or raise an error if it is missing."""
    # before a fit the attribute is missing too, and another error says so
    if hasattr(mapper, "fit") and not hasattr(mapper, "targets_"):
        check_fitted(mapper, "targets_")
    if not hasattr(mapper, attribute):
        raise InvalidParameterError(
            f"this picture is of a fitted InterestMapper; a {type(mapper).__name__} has no {attribute}."
        )
    return getattr(mapper, attribute)
