"""A synthetic panel with a planted map between categories, and the truth it was made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import ortho_group
from sklearn.utils import check_random_state

from tastebridge._foundation.validation import check_count, check_number
from tastebridge.data.assembly import assemble
from tastebridge.data.cleaning import CleaningReport
from tastebridge.data.events import Events
from tastebridge.data.panel import Panel
from tastebridge.datasets.sampling import draw_items
from tastebridge.exceptions import InvalidParameterError

_STRENGTH = 2.0
"""Standard deviation of ``taste · item``: one above the mean makes an item exp(2), so 7, times as likely."""
_START, _YEAR = 1_600_000_000, 365 * 86_400


@dataclass(frozen=True, eq=False)
class Truth:
    """The parameters of a synthetic panel; rows are aligned with the vocabularies of the panel.

    Parameters
    ----------
    user_factors : ndarray of float32, shape (n_users, n_components)
        The taste of each user that all categories share.
    tastes : mapping of category to ndarray, shape (n_users, n_components)
        The taste of each user in a category: ``√r · user_factors @ rotation + √(1 - r) · noise``.
    item_factors : mapping of category to ndarray, shape (n_items, n_components)
        The items of a category; ``tastes @ item_factors.T`` is the utility of each item for each user.
    rotations : mapping of category to ndarray, shape (n_components, n_components)
        The orthogonal map from the shared taste to the taste in a category.
    relatedness : mapping of category to float
        The share ``r`` of the variance of the taste in a category that is shared.
    """

    user_factors: np.ndarray
    tastes: Mapping[str, np.ndarray]
    item_factors: Mapping[str, np.ndarray]
    rotations: Mapping[str, np.ndarray]
    relatedness: Mapping[str, float]

    def map(self, source: str, target: str) -> np.ndarray:
        """Return the best linear map from tastes in the source to tastes in the target.

        It is ``√(r_s r_t) · R_s' R_t``, and ``√(r_s r_t)`` is the canonical correlation of the two.
        """
        strength = np.sqrt(self.relatedness[source] * self.relatedness[target])
        return strength * self.rotations[source].T @ self.rotations[target]


def make_panel(
    n_users: int = 2000,
    n_items: int = 500,
    categories: Sequence[str] = ("books", "films"),
    n_components: int = 8,
    relatedness: float | Mapping[str, float] = 0.8,
    overlap: float = 0.5,
    events_per_user: float = 20,
    popularity: float = 1.0,
    random_state: int | np.random.RandomState | None = 0,
    timestamps: bool = False,
) -> tuple[Panel, Truth]:
    """Generate a panel whose categories are related by a known linear map.

    A user is active in every category with probability ``overlap``, and in one of them otherwise. In each
    category, the items of a user are drawn without replacement, with probability proportional to
    ``rank ** -popularity · exp(taste · item)``.

    Parameters
    ----------
    n_users : int, default=2000
        The number of users.
    n_items : int, default=500
        The number of items of each category; items without an event are not in the panel.
    categories : sequence of str, default=("books", "films")
        The names of the categories.
    n_components : int, default=8
        Dimensions of taste.
    relatedness : float or mapping of category to float, default=0.8
        Share of the variance of taste that is common to all categories: 0 for unrelated categories, 1 for
        the same taste up to a rotation.
    overlap : float, default=0.5
        Share of the users who are active in all categories.
    events_per_user : float, default=20
        Mean number of items of a user in a category; Poisson, at least 1, at most ``n_items``.
    popularity : float, default=1.0
        Exponent of Zipf's law; 0 makes all items equally popular.
    random_state : int, RandomState or None, default=0
        The same number gives the same panel.
    timestamps : bool, default=False
        Whether events have timestamps, uniform over one year and unrelated to taste.

    Returns
    -------
    panel, truth : Panel, Truth
        User ids are ints, item ids are like ``"books:00012"``, and all weights are 1.

    Examples
    --------
    >>> panel, truth = make_panel(n_users=100, n_items=50, events_per_user=5)
    >>> panel
    <Panel of 100 users in 2 categories: books, films>
    >>> truth.map("books", "films").shape
    (8, 8)
    """
    names = _check(n_users, n_items, categories, n_components, overlap, events_per_user, popularity)
    shares = _shares(relatedness, names)
    # accepts the seeds scikit-learn accepts
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31))
    user_factors = _normal(rng, n_users, n_components)
    rotations = {name: _rotation(rng, n_components) for name in names}
    tastes = {name: _taste(rng, user_factors, rotations[name], shares[name]) for name in names}
    factors = {name: _normal(rng, n_items, n_components) * _scale(n_components) for name in names}
    events = [
        _draw(rng, tastes[name], factors[name], present, events_per_user, popularity)
        for name, present in zip(names, _presence(rng, n_users, len(names), overlap), strict=True)
    ]
    panel, items = _panel(rng, names, events, (n_users, n_items), timestamps)
    kept = {name: factors[name][items[name]] for name in names}
    return panel, Truth(user_factors, tastes, kept, rotations, shares)


def _check(
    n_users: object, n_items: object, categories: Sequence[str], n_components: object, *rest: object
) -> list[str]:
    check_count("n_users", n_users)
    check_count("n_items", n_items)
    check_count("n_components", n_components)
    overlap, events_per_user, popularity = rest
    check_number("overlap", overlap, 0, 1)
    check_number("events_per_user", events_per_user, 1)
    check_number("popularity", popularity, 0)
    names = [] if isinstance(categories, str) else sorted(categories)
    if not names or len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
        raise InvalidParameterError(f"categories must be a list of different names; got {categories!r}.")
    return names


def _shares(relatedness: float | Mapping[str, float], names: list[str]) -> dict[str, float]:
    if not isinstance(relatedness, Mapping):
        return dict.fromkeys(names, check_number("relatedness", relatedness, 0, 1))
    if set(relatedness) != set(names):
        raise InvalidParameterError(
            f"relatedness must have a number for each of {names}; it has {list(relatedness)}."
        )
    return {name: check_number(f"relatedness[{name!r}]", relatedness[name], 0, 1) for name in names}


def _normal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    return rng.standard_normal((rows, columns), dtype=np.float32)


def _scale(n_components: int) -> np.float32:
    """Return the factor by which the standard deviation of ``taste · item`` becomes ``_STRENGTH``."""
    return np.float32(_STRENGTH / np.sqrt(n_components))


def _rotation(rng: np.random.Generator, n_components: int) -> np.ndarray:
    if n_components == 1:  # ortho_group starts at 2
        return np.ones((1, 1), dtype=np.float32)
    return ortho_group.rvs(n_components, random_state=rng).astype(np.float32)


def _taste(
    rng: np.random.Generator, user_factors: np.ndarray, rotation: np.ndarray, share: float
) -> np.ndarray:
    noise = _normal(rng, *user_factors.shape)
    return np.float32(np.sqrt(share)) * (user_factors @ rotation) + np.float32(np.sqrt(1 - share)) * noise


def _presence(rng: np.random.Generator, n_users: int, n_categories: int, overlap: float) -> list[np.ndarray]:
    """Return the numbers of the users active in each category."""
    # linked users are in all categories, the others at home in one
    everywhere = rng.random(n_users) < overlap
    home = rng.integers(0, n_categories, n_users)
    return [np.flatnonzero(everywhere | (home == category)) for category in range(n_categories)]


def _draw(
    rng: np.random.Generator,
    tastes: np.ndarray,
    factors: np.ndarray,
    present: np.ndarray,
    events_per_user: float,
    popularity: float,
) -> tuple[np.ndarray, np.ndarray]:
    counts = np.minimum(1 + rng.poisson(events_per_user - 1, len(present)), len(factors))
    # popularity is independent of the factors
    ranks = rng.permutation(len(factors)) + 1.0
    people, items = draw_items(tastes[present], factors, ranks**-popularity, counts, rng)
    return present[people].astype(np.int32), items


def _panel(
    rng: np.random.Generator,
    names: list[str],
    events: list[tuple[np.ndarray, np.ndarray]],
    sizes: tuple[int, int],
    timestamps: bool,
) -> tuple[Panel, dict[str, np.ndarray]]:
    """Return the panel of all draws, and the numbers of the items drawn in each category."""
    n_users, n_items = sizes
    digits = len(str(n_items - 1))
    people = np.concatenate([one for one, _ in events])
    coded = Events(
        user_ids=np.arange(n_users),
        item_ids=np.array([f"{name}:{item:0{digits}d}" for name in names for item in range(n_items)], object),
        category_ids=np.array(names, dtype=object),
        users=people,
        items=np.concatenate([one + number * n_items for number, (_, one) in enumerate(events)]),
        categories=np.repeat(np.arange(len(names), dtype=np.int32), [len(one) for one, _ in events]),
        weights=np.ones(len(people)),
        times=rng.integers(_START, _START + _YEAR, len(people)).astype(np.float64) if timestamps else None,
    )
    users, parts = assemble(coded)
    panel = Panel(users, {part.category: part for part in parts}, CleaningReport(len(people), len(people)))
    return panel, {name: np.unique(items) for name, (_, items) in zip(names, events, strict=True)}
