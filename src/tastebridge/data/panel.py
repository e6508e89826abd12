"""A panel: the interactions of several categories over one space of users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import pandas as pd
from scipy import sparse

from tastebridge._foundation.cards import card
from tastebridge._foundation.nouns import counted
from tastebridge._foundation.validation import check_category, check_type
from tastebridge.data import frames, views
from tastebridge.data.alignment import with_items
from tastebridge.data.cleaning import CleaningPolicy, CleaningReport
from tastebridge.data.events import FrameLike
from tastebridge.data.interactions import Interactions
from tastebridge.data.item_features import ItemFeatures
from tastebridge.data.names import names_by_category
from tastebridge.data.pipeline import clean
from tastebridge.data.vocabulary import Vocabulary
from tastebridge.exceptions import InvalidDataError

if TYPE_CHECKING:
    from tastebridge.data.types import Ids


@dataclass(frozen=True, eq=False, repr=False)
class Panel:
    """Several categories of interactions between the same users and their items.

    Create a panel with :meth:`from_frame` or :func:`tastebridge.data.read_panel`. ``len`` is the number of
    users, and indexing with a name returns a category. Indexing with numbers, a mask or a slice returns the
    panel of these users, so scikit-learn's splitters and searches work on a panel as they do on an array.
    The users of a panel are always in ascending order of their ids.

    Parameters
    ----------
    users : Vocabulary
        All users, ascending.
    interactions : mapping of category to Interactions
        Each over all of ``users``; kept in the order of the names.
    cleaning : CleaningReport
        The report on reading and cleaning the rows of the panel.
    item_names : mapping of category to Series, or None
        Names to show for items, each series indexed by item id.
    item_features : mapping of category to mapping of name to ItemFeatures
        Descriptions of the items, over all items of the category: see :meth:`with_item_features`.

    Examples
    --------
    >>> rows = [("ada", "dune", "books"), ("ada", "alien", "films"), ("eva", "emma", "books")]
    >>> panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    >>> panel
    <Panel of 2 users in 2 categories: books, films>
    >>> panel.users.ids_of(panel.linked("books", "films")).tolist()
    ['ada']
    >>> panel.overview()["with films"].to_dict()
    {'books': 1, 'films': 1}
    """

    users: Vocabulary
    interactions: Mapping[str, Interactions]
    cleaning: CleaningReport
    item_names: Mapping[str, pd.Series] | None = field(default=None)
    item_features: Mapping[str, Mapping[str, ItemFeatures]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, part in self.interactions.items():
            if part.users != self.users:
                raise InvalidDataError(
                    f"category {name!r} has other users than the panel; they must be the same."
                )
        for name, kinds in self.item_features.items():
            for kind, features in kinds.items():
                if features.items != self[name].items:
                    raise InvalidDataError(
                        f"the features {kind!r} describe other items than category {name!r} has. Add "
                        "them by with_item_features."
                    )
        ordered = {name: self.interactions[name] for name in sorted(self.interactions)}
        # Sorted by name, so that the order of rows in a frame leaves no trace; read-only, as the dataclass
        # is.
        object.__setattr__(self, "interactions", MappingProxyType(ordered))

    @classmethod
    def from_frame(
        cls,
        frame: FrameLike,
        *,
        columns: Mapping[str, str | None] | None = None,
        event_weights: Mapping[Any, float] | None = None,
        policy: CleaningPolicy = CleaningPolicy(),  # noqa: B008 - frozen
        item_names: FrameLike | None = None,
    ) -> Panel:
        """Create a panel from a frame with one row per event.

        Parameters
        ----------
        frame : pandas.DataFrame, polars.DataFrame, polars.LazyFrame, pyarrow.Table or Arrow stream
            Columns for user_id, item_id and category, and optionally for weight, timestamp and event. Column
            names of other packages are recognised; other columns are ignored. Without weights, every row has
            weight 1.
        columns : mapping of role to column, optional
            The column of each role, such as ``{"user_id": "buyer"}``; ``{"weight": None}`` leaves weights
            out.
        event_weights : mapping of event type to weight, optional
            The weight of each type of event, such as ``{"view": 1, "purchase": 5}``. It multiplies the
            weight column, if there is one. Without it, a column of event types is ignored.
        policy : CleaningPolicy, optional
            The treatment of rows that cannot be used, and of rows that repeat a user and an item.
        item_names : frame, optional
            Columns item_id and name, for showing items.

        Returns
        -------
        Panel
            The panel; it does not depend on the order of the rows.

        Raises
        ------
        InvalidDataError
            If columns are missing or unclear, ids are of mixed type, or no row is left.

        Warns
        -----
        TastebridgeWarning
            If rows were bad and left out, or the user and item columns look swapped.
        """
        users, parts, report = clean(frame, columns, event_weights, policy)
        interactions = {part.category: part for part in parts}
        names = None if item_names is None else names_by_category(item_names, interactions)
        return cls(users, interactions, report, names)

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories, sorted."""
        return tuple(self.interactions)

    @property
    def has_times(self) -> bool:
        """Whether the interactions have times (of the whole panel: all of them or none)."""
        return any(part.times is not None for part in self.interactions.values())

    @cached_property
    def last_time(self) -> float | None:
        """The latest time of all, in seconds since 1970; None without times."""
        times = (part.times for part in self.interactions.values())
        return max((float(some.max()) for some in times if some is not None and len(some)), default=None)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of users and of categories."""
        return len(self.users), len(self.interactions)

    def __len__(self) -> int:
        return len(self.users)

    @overload
    def __getitem__(self, key: str) -> Interactions: ...
    @overload
    def __getitem__(self, key: views.Rows) -> Panel: ...
    def __getitem__(self, key: str | views.Rows) -> Interactions | Panel:
        if isinstance(key, str):
            return self.interactions[check_category("category", key, self.categories)]
        asked: object = key
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            asked = key[0]  # scikit-learn indexes with [rows, ...]
        return self._people(views.people(asked, len(self)))

    def _people(self, people: np.ndarray) -> Panel:
        users = Vocabulary(self.users.ids[people], self.users.name)
        parts = {name: part.of(people, users) for name, part in self.interactions.items()}
        return replace(self, users=users, interactions=parts)

    def users_with(self, *categories: str) -> np.ndarray:
        """Return the ids of the users with a history in all of the given categories, ascending.

        Examples
        --------
        >>> import pandas as pd
        >>> from tastebridge import Panel
        >>> rows = [("ada", "dune", "books"), ("ada", "alien", "films"), ("bob", "emma", "books")]
        >>> panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
        >>> panel.users_with("books", "films").tolist(), panel.users_without("films").tolist()
        (['ada'], ['bob'])
        """
        known = np.ones(len(self), dtype=bool)
        for name in categories:
            known &= np.diff(self[name].matrix.indptr) > 0
        return self.users.ids[known]

    def users_without(self, *categories: str) -> np.ndarray:
        """Return the ids of the users without a history in any of the given categories, ascending."""
        known = np.zeros(len(self), dtype=bool)
        for name in categories:
            known |= np.diff(self[name].matrix.indptr) > 0
        return self.users.ids[~known]

    def linked(self, source: str, target: str) -> np.ndarray:
        """Return the numbers of the users active in both categories, ascending."""
        return np.intersect1d(self[source].active_numbers, self[target].active_numbers, assume_unique=True)

    def overview(self) -> pd.DataFrame:
        """Return one row per category: its size, and the number of its users in each other category.

        ``density`` is the number of pairs, divided by all pairs of an active user and an item. ``median`` is
        the median number of items per user. ``with x`` counts the users of the row who are active in category
        x.
        """
        return views.overview(self.interactions)

    def overlap(self) -> pd.DataFrame:
        """Return the number of users that each two categories share; the diagonal counts all users."""
        return views.overlap(self.interactions)

    def relatedness(self, n_components: int = 32, random_state: int = 0) -> pd.DataFrame:
        """Return the relatedness of the tastes in every two categories, measured out of fold.

        See :func:`tastebridge.diagnostics.relatedness.relatedness` for parameters and columns.
        """
        from tastebridge.diagnostics.relatedness import relatedness  # upward, so only when called

        return relatedness(self, n_components, random_state)

    def without(self, category: str, users: Ids) -> Panel:
        """Return the panel with some users hidden in one category; users and items stay the same.

        Parameters
        ----------
        category : str
            The category to hide them in.
        users : list or column of ids
            The ids of the users to hide.

        Returns
        -------
        Panel
            Their rows in the category are empty.
        """
        part = self[category]
        hidden = np.zeros(len(self), dtype=bool)
        hidden[self.users.numbers(users)] = True
        return replace(self, interactions={**self.interactions, category: part.keep(~hidden[part.rows])})

    def select(self, categories: Iterable[str]) -> Panel:
        """Return the panel of some categories only; all users stay, even those without events there."""
        if isinstance(categories, str):
            raise InvalidDataError(
                f"categories must be a list of names; got {categories!r}. Write [{categories!r}]."
            )
        names = self.item_names
        chosen = {name: self[name] for name in categories}
        kept = None if names is None else {name: names[name] for name in chosen if name in names}
        described = {name: self.item_features[name] for name in chosen if name in self.item_features}
        return replace(self, interactions=chosen, item_names=kept, item_features=described)

    def with_item_features(
        self,
        category: str,
        features: ItemFeatures | FrameLike | np.ndarray | sparse.spmatrix,
        *,
        item_ids: Sized | None = None,
        name: str = "features",
        new_items: bool = True,
    ) -> Panel:
        """Return the panel with features of the items of a category.

        Several kinds of features, such as texts and pictures, are added one by one under different names,
        and are weighted separately. If two categories have features with the same name and columns, these
        share one space. The items a user likes in one category can then be compared with items of the other.

        Parameters
        ----------
        category : str
        features : frame, ndarray, sparse matrix or ItemFeatures
            A frame has a column item_id; all other columns are numbers. :mod:`tastebridge.features` encodes
            texts, tags and numbers. Vectors from your own models, such as a language or image model, can be
            passed as they are.
        item_ids : list or column of ids, optional
            The item of each row of a matrix; None for the items of the category in ascending order.
        name : str, default="features"
            The kind of features; features of the same name are replaced.
        new_items : bool, default=True
            Whether to add items with features but without events to the category, so that they can be
            recommended. Otherwise their rows are left out.

        Returns
        -------
        Panel
            A new panel; items without a row have no features.

        Raises
        ------
        UnknownCategoryError, InvalidDataError
            If there is no such category, or the features cannot be used.

        Examples
        --------
        >>> rows = [("ada", "dune", "books"), ("ada", "alien", "films"), ("eva", "emma", "books")]
        >>> panel = Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
        >>> pages = pd.DataFrame({"item_id": ["dune", "emma", "ulysses"], "pages": [412, 474, 730]})
        >>> panel.with_item_features("books", pages)["books"].items.ids.tolist()
        ['dune', 'emma', 'ulysses']
        """
        part = self[category]
        if not isinstance(features, ItemFeatures):
            plain = item_ids is None and (sparse.issparse(features) or isinstance(features, np.ndarray))
            features = ItemFeatures.read(features, part.items.ids if plain else item_ids)
        if not (part.items.numbers(features.items.ids, missing="negative") >= 0).any():
            raise InvalidDataError(
                f"the features describe no item of category {category!r}: of ids such as "
                f"{features.items.ids[:1].tolist()[0]!r} none is among its items, such as "
                f"{part.items.ids[:1].tolist()[0]!r}. Check the column item_id."
            )
        items = part.items.extended(features.items.ids)[0] if new_items else part.items
        kinds = {**self.item_features.get(category, {}), name: features}
        described = {kind: given.over(items) for kind, given in kinds.items()}
        return replace(
            self,
            interactions={**self.interactions, category: with_items(part, items)[0]},
            item_features={**self.item_features, category: described},
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per pair: user_id, item_id, category, weight and, if there are times, timestamp.

        :meth:`from_frame` restores the same panel from it, except for users without any row.
        """
        return frames.to_frame(self.interactions, self.has_times)

    def __repr__(self) -> str:
        names = ", ".join(self.categories[:6]) + (", …" if len(self.categories) > 6 else "")
        return f"<Panel of {self._size()}: {names}>"

    def _size(self) -> str:
        return f"{counted(len(self), 'user')} in {counted(len(self.categories), 'category')}"

    def _repr_html_(self) -> str:
        """Return the card that a notebook shows: the sizes of the categories, and no user."""
        columns = {"people": "users", "items": "items", "interactions": "pairs", "median": "median of a user"}
        rows = [
            (name, *(f"{row[column]:,.0f}" for column in columns)) for name, row in self.overview().iterrows()
        ]
        return card(f"Panel of {self._size()}", [], ["category", *columns.values()], rows)

    def __reduce__(self) -> tuple[Any, ...]:
        # A read-only mapping cannot be pickled, as joblib does to send a panel to another process.
        parts = (self.users, dict(self.interactions), self.cleaning, self.item_names)
        return Panel, (*parts, dict(self.item_features))


def check_panel(panel: Panel) -> Panel:
    """Return a panel; refuse a frame of events."""
    return check_type("panel", panel, Panel, "Panel.from_frame(frame)")
