"""Small panels that look like real ones: each user has a few themes and follows them in every category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from tastebridge._foundation.validation import check_choice, check_count, check_number
from tastebridge.data.panel import Panel

_START, _DAY = 1_700_000_000, 86_400
_DAYS = 365
_SIZES = ("small", "large", "organic", "of the week")


@dataclass(frozen=True)
class Scenario:
    """The themes, categories and events of a scenario.

    Attributes
    ----------
    themes : tuple of str
        The themes users may be interested in.
    kinds : mapping of category to tuple of str
        The kinds of item; an item is a theme and a kind, such as ``"hiking boots"``.
    unrelated : tuple of str
        Categories whose items have nothing to do with themes.
    worth : mapping of event to float
        The weight of each type of event.
    presence : mapping of category to float
        The share of users who are active in it.
    """

    themes: tuple[str, ...]
    kinds: Mapping[str, tuple[str, ...]]
    unrelated: tuple[str, ...]
    worth: Mapping[str, float]
    presence: Mapping[str, float]


SCENARIOS: Mapping[str, Scenario] = {
    "shop": Scenario(
        ("hiking", "running", "cycling", "climbing", "swimming", "yoga", "skiing", "fishing"),
        {
            "books": ("for beginners", "routes", "stories", "training", "in pictures", "for two", "at home"),
            "clothing": ("jacket", "trousers", "socks", "shirt", "gloves", "cap", "shoes", "bag"),
            "equipment": ("kit", "watch", "bottle", "lamp", "repair set", "mat", "poles", "helmet", "map"),
            "groceries": ("bread", "coffee", "rice", "apples", "cheese", "tea", "beans", "oats", "jam"),
        },
        ("groceries",),
        {"view": 1.0, "purchase": 5.0},
        {"books": 0.6, "clothing": 0.7, "equipment": 0.45, "groceries": 0.8},
    ),
    "community": Scenario(
        ("photography", "gardening", "chess", "cooking", "astronomy", "music", "knitting", "history"),
        {
            "threads": ("questions", "show and tell", "tips", "tools", "mistakes", "news", "for beginners"),
            "people followed": ("expert", "teacher", "collector", "newcomer", "critic", "veteran"),
            "groups": ("club", "weekend meeting", "reading circle", "challenge", "exchange", "masters"),
        },
        (),
        {"read": 1.0, "wrote": 3.0},
        {"threads": 0.9, "people followed": 0.6, "groups": 0.5},
    ),
    "courses": Scenario(
        ("statistics", "programming", "design", "marketing", "law", "biology", "languages", "finance"),
        {
            "articles": ("explained", "in practice", "myths", "interview", "history", "tools", "this week"),
            "videos": ("in ten minutes", "lecture", "live", "case study", "questions", "from scratch"),
            "courses": ("basics", "for professionals", "project", "certificate", "seminar", "refresher"),
        },
        (),
        {"opened": 1.0, "finished": 4.0},
        {"articles": 0.8, "videos": 0.7, "courses": 0.5},
    ),
    "health": Scenario(
        ("sleep", "stress", "back pain", "diabetes", "asthma", "pregnancy", "smoking", "headache"),
        {
            "articles": ("causes", "what helps", "questions", "myths", "stories", "for relatives"),
            "trackers": ("diary", "score", "reminder", "weekly review", "triggers"),
            "programmes": ("first steps", "eight weeks", "group", "with a coach", "at work", "at night"),
        },
        (),
        {"read": 1.0, "joined": 4.0},
        {"articles": 0.8, "trackers": 0.5, "programmes": 0.5},
    ),
}


def make_scenario(
    name: str,
    n_users: int = 800,
    random_state: int | np.random.RandomState | None = 0,
    browsing: float = 0.0,
) -> Panel:
    r"""Generate a small panel that looks realistic, with readable names.

    The interest of every user in the themes is drawn from a Dirichlet distribution with parameter 0.25, so
    two or three themes matter to each user. In every category, the probability of an item is proportional to
    :math:`\text{rank}^{-0.7}` times the user's share of its theme. In categories unrelated to the themes,
    only the rank counts. All users are synthetic.

    Parameters
    ----------
    name : {"shop", "community", "courses", "health"}
        ``"shop"``: books, clothing, equipment, and groceries, which are unrelated to the rest.
        ``"community"``: threads, ``people followed``, groups. ``"courses"``: articles, videos, courses.
        ``"health"``: articles, trackers, programmes.
    n_users : int, default=800
        The number of users.
    random_state : int, RandomState or None, default=0
        Seed; the same number gives the same panel.
    browsing : float, default=0.0
        The share of events that do not depend on taste, from 0 to 0.95. All of them have the event type with
        the lowest weight, such as views, and their items are drawn by rank alone. The other events are
        unchanged. Types of event therefore differ in how informative they are, and weights help.

    Returns
    -------
    Panel
        With item names, timestamps within one year, and weights by type of event.

    Raises
    ------
    InvalidParameterError
        If there is no scenario of this name, or ``browsing`` is out of range.

    Examples
    --------
    >>> panel = make_scenario("courses", n_users=100)
    >>> panel.categories
    ('articles', 'courses', 'videos')
    """
    scenario = SCENARIOS[check_choice("name", name, tuple(SCENARIOS))]
    check_count("n_users", n_users)
    check_number("browsing", browsing, 0.0, 0.95)
    rng = np.random.default_rng(check_random_state(random_state).randint(2**31))
    shares = rng.dirichlet(np.full(len(scenario.themes), 0.25), n_users)
    parts = [_category(rng, scenario, category, shares) for category in scenario.kinds]
    frame = pd.concat([events for events, _ in parts], ignore_index=True)
    names = pd.concat([items for _, items in parts], ignore_index=True)
    if browsing:
        frame = pd.concat([frame, _browsed(rng, scenario, parts, browsing)], ignore_index=True)
    return Panel.from_frame(frame, event_weights=scenario.worth, item_names=names)


def _category(
    rng: np.random.Generator, scenario: Scenario, category: str, shares: np.ndarray
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the events of a category, and the names of its items."""
    items = _items(scenario, category)
    ranks = rng.permutation(len(items)) + 1.0
    theme = items["theme"].to_numpy()
    liked = np.ones((len(shares), len(items))) if category in scenario.unrelated else shares[:, theme]
    # 0.004: now and then a user takes an item of a theme of no interest
    odds = np.log((liked + 0.004) * ranks**-0.7)
    counts = np.minimum(1 + rng.poisson(6, len(shares)), len(items) // 2)
    counts[rng.random(len(shares)) > scenario.presence[category]] = 0
    # without replacement, by Gumbel's trick
    order = np.argsort(-(odds + rng.gumbel(size=odds.shape)), axis=1)
    taken = np.arange(len(items)) < counts[:, None]
    users, places = np.nonzero(taken)
    events = pd.DataFrame(
        {
            "user_id": [f"person {user:04d}" for user in users],
            "item_id": items["item_id"].to_numpy()[order[users, places]],
            "category": category,
            # the first event listed, of small weight, is the common one
            "event": rng.choice(list(scenario.worth), len(users), p=[0.7, 0.3]),
            "timestamp": _START + rng.integers(_DAYS, size=len(users)) * _DAY,
        }
    )
    return events, items[["item_id", "name"]]


def _browsed(
    rng: np.random.Generator,
    scenario: Scenario,
    parts: Sequence[tuple[pd.DataFrame, pd.DataFrame]],
    share: float,
) -> pd.DataFrame:
    """Return events of no taste: of the users of each category, of the type of least weight."""
    found = []
    for events, items in parts:
        rows = events.sample(round(len(events) * share / (1 - share)), replace=True, random_state=rng)
        odds = rng.permutation(len(items)) + 1.0
        chosen = rng.choice(items["item_id"].to_numpy(), len(rows), p=odds**-0.7 / (odds**-0.7).sum())
        found.append(rows.assign(item_id=chosen, event=min(scenario.worth, key=scenario.worth.__getitem__)))
    return pd.concat(found, ignore_index=True)


def _items(scenario: Scenario, category: str) -> pd.DataFrame:
    """Return item_id, name and number of the theme of all items of a category."""
    kinds = scenario.kinds[category]
    if category in scenario.unrelated:
        pairs = [(0, f"{kind} {size}") for kind in kinds for size in _SIZES]
    else:
        pairs = [(at, f"{theme} {kind}") for at, theme in enumerate(scenario.themes) for kind in kinds]
    ids = [f"{category}:{number:03d}" for number in range(len(pairs))]
    themes, names = zip(*pairs, strict=True)
    return pd.DataFrame({"item_id": ids, "name": names, "theme": themes})
