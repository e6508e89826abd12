"""Entrants: users who come to a category later, after events elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tastebridge._foundation.validation import check_category
from tastebridge.data import Panel
from tastebridge.data.panel import check_panel
from tastebridge.exceptions import InvalidDataError
from tastebridge.splits.split import Split, take_out
from tastebridge.splits.time import Moment, at_moment, before, first_times, moment_of, said

_SHARE = 0.8


def entrants(panel: Panel, target: str, moment: Moment | None = None) -> Split:
    r"""Train on all events before a moment, test on later target rows of users who are new to the target.

    With the moment :math:`m`, the time :math:`t` of a row and the categories c of its user, the split is

    .. math:: \text{train} = \{t < m\}, \qquad
              \text{truth} = \{(u, i) \in \text{target}: t_{ui} \ge m,\;
              \nexists\, j \in \text{target}: t_{uj} < m,\;
              \exists\, c \ne \text{target}, j \in c: t_{uj} < m\}

    Later rows of all other users and categories are in neither part, because they were not known then. For
    users who are cold *at random* (:func:`cold_users`), the other events date from the same period as the
    hidden ones. This is not the case for entrants, so recent popularity is the baseline to beat.

    Parameters
    ----------
    panel : Panel
        All data, with times. A pair with events before the moment and after it was known: its first event is
        in the training data, and if it is of the target, its user is no entrant.
    target : str
        The category in which rows are held out.
    moment : float, str, datetime or Timestamp, optional
        As for :func:`temporal`: a float between 0 and 1 is the share of all rows of the panel to train on.
        Rows with the same time stay together, after the moment. Other values are a time. None for 0.8: train
        on the first four fifths of the rows.

    Returns
    -------
    Split

    Raises
    ------
    UnknownCategoryError
        If there is no such target.
    InvalidDataError
        If a category with rows has no times, or no user is such an entrant.

    References
    ----------
    Y. Ji et al., "A critical study on data leakage in recommender system offline evaluation", ACM TOIS 41
    (2023). J. Tang, H. Gao and H. Liu, "mTrust", WSDM (2012), for the dated reviews on which the split was
    developed.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("ada", "dune", "books", 1), ("ada", "alien", "films", 9), ("bob", "alien", "films", 2)]
    >>> rows += [("bob", "brazil", "films", 8), ("eva", "emma", "books", 3), ("eva", "heat", "films", 7)]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "timestamp"])
    >>> entrants(Panel.from_frame(frame), "films", moment=7.0).truth["item_id"].tolist()
    ['alien', 'heat']
    """
    check_category("target", target, check_panel(panel).categories)
    parts = {name: part for name, part in panel.interactions.items() if part.matrix.nnz}
    bare = [name for name, part in parts.items() if part.times is None]
    if bare:
        raise InvalidDataError(
            f"entrants needs the time of every row, and {bare[0]!r} has none. Use cold_users."
        )
    times = np.concatenate([np.zeros(0), *(first_times(part) for part in parts.values())])
    if not len(times):
        raise InvalidDataError(f"entrants needs rows, and the panel with {target!r} has none.")
    when = moment_of(_SHARE if moment is None else moment, times, "moment")
    past = {name: before(part, when) for name, part in panel.interactions.items()}
    elsewhere = np.zeros(len(panel), dtype=bool)
    for name, part in past.items():
        if name != target:
            elsewhere[part.active_numbers] = True
    here = np.zeros(len(panel), dtype=bool)
    here[past[target].active_numbers] = True
    part, late = at_moment(panel[target], when)
    tested = late & (elsewhere & ~here)[part.rows]
    if not tested.any():
        raise InvalidDataError(
            f"entrants finds no user with rows elsewhere before {said(when)} whose first row of {target!r} "
            f"is from then on. {int(late.sum()):,} of {len(late):,} rows of {target!r} are from then on. "
            "Choose another moment, or use cold_users."
        )
    # Later target rows of other users would tell of a time that is not known yet.
    known = part.keep(~late | tested)
    return take_out(replace(panel, interactions=past | {target: known}), target, tested[~late | tested])
