"""Leave last: each user's latest target rows."""

from __future__ import annotations

import numpy as np

from tastebridge._foundation.validation import check_category, check_count
from tastebridge.data import Panel
from tastebridge.data.panel import check_panel
from tastebridge.exceptions import InvalidDataError
from tastebridge.splits.split import Split, take_out


def leave_last(
    panel: Panel, target: str, n_last: int = 1, random_state: int = 0, *, min_left: int = 1
) -> Split:
    """Hold out the last target rows of every user who has enough of them.

    Rows are ordered by time. Rows with the same time, and all rows of a panel without times, are in random
    order.

    Parameters
    ----------
    panel : Panel
        All data.
    target : str
        The category in which rows are held out.
    n_last : int
        Number of held-out rows per user.
    random_state : int
        Seed for rows of unknown order.
    min_left : int
        Users who would keep fewer target rows than this are not held out.

    Returns
    -------
    Split

    Raises
    ------
    InvalidDataError
        If no user has ``n_last + min_left`` target rows.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [("a", "x", 3), ("a", "y", 1), ("a", "z", 2), ("b", "x", 1)]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]).assign(category="films")
    >>> leave_last(Panel.from_frame(frame), "films").truth["item_id"].tolist()
    ['x']
    """
    part = panel[check_category("target", target, check_panel(panel).categories)]
    needed = check_count("n_last", n_last) + check_count("min_left", min_left, minimum=0)
    counts = np.diff(part.matrix.indptr)
    times = np.zeros(part.matrix.nnz) if part.times is None else part.times
    chance = np.random.default_rng(random_state).random(len(times))
    # Chance decides last, among rows of one time.
    order = np.lexsort((chance, times, part.rows))
    from_end = part.matrix.indptr[1:][part.rows] - np.arange(len(order))  # 1 for a user's last row
    held_out = np.zeros(len(order), dtype=bool)
    held_out[order] = (from_end <= n_last) & (counts[part.rows] >= needed)
    if not held_out.any():
        raise InvalidDataError(
            f"leave_last needs users with at least {needed} rows in {target!r} (n_last + min_left); "
            f"the most any user has is {counts.max(initial=0)}. Lower n_last or min_left."
        )
    return take_out(panel, target, held_out)
