"""Cold users: all their target rows are hidden."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tastebridge._foundation.validation import check_category, check_count, check_number
from tastebridge.data import Panel
from tastebridge.data.panel import check_panel
from tastebridge.exceptions import InvalidParameterError, NoLinkedUsersError
from tastebridge.splits.split import Split, take_out

Numbers = NDArray[np.int64]


def cold_users(
    panel: Panel,
    target: str,
    test_size: float | int = 0.2,
    random_state: int = 0,
    *,
    linked_only: bool = True,
) -> Split:
    """Hide all target rows of some users, so that they are new to the target.

    Parameters
    ----------
    panel : Panel
        All data.
    target : str
        The category in which rows are hidden.
    test_size : float or int
        A share of the eligible users, below 1, or their number.
    random_state : int
        Seed. The order of the original rows does not matter.
    linked_only : bool
        Whether to draw only users with a history in another category, which stays known.

    Returns
    -------
    Split

    Raises
    ------
    NoLinkedUsersError
        If there are fewer than two eligible users: one to hide and one to learn from.
    InvalidParameterError, UnknownCategoryError
        If ``test_size`` leaves no user on one side, or the target does not exist.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = [(user, item, category) for user in "abcde" for item, category in ("xf", "yb")]
    >>> panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    >>> cold_users(panel, "f", test_size=2)
    <Split of 'f': 2 rows of 2 users held out, 3 left>
    """
    check_category("target", target, check_panel(panel).categories)
    people = linked_users(panel, target) if linked_only else panel[target].active_numbers
    if len(people) < 2:
        also = " and in another category" if linked_only else ""
        raise NoLinkedUsersError(
            f"cold_users needs at least 2 users in {target!r}{also}, one to hide and one to learn from; "
            f"there are {len(people)}. panel.overlap() counts the users of every two categories."
        )
    n_hidden = _n_held_out(test_size, len(people))
    # Users are in the order of their ids, so the draw does not depend on the rows of the frame.
    hidden = np.random.default_rng(random_state).permutation(people)[:n_hidden]
    return take_out(panel, target, np.isin(panel[target].rows, hidden))


def linked_users(panel: Panel, target: str) -> Numbers:
    """Return the numbers of the users with a history in ``target`` and in at least one other category."""
    elsewhere = [some.active_numbers for name, some in panel.interactions.items() if name != target]
    return np.intersect1d(
        panel[target].active_numbers, np.concatenate([np.zeros(0, dtype=np.int64), *elsewhere])
    )


def _n_held_out(test_size: float | int, n_people: int) -> int:
    if isinstance(test_size, int | np.integer) and not isinstance(test_size, bool):
        return check_count("test_size", test_size, 1, n_people - 1)
    share = check_number("test_size", test_size, 0.0, 1.0, open_minimum=True)
    n_held_out = max(1, round(share * n_people))
    if n_held_out >= n_people:
        raise InvalidParameterError(
            f"test_size={test_size!r} hides all of {n_people} users and leaves none to learn from; lower it."
        )
    return n_held_out
