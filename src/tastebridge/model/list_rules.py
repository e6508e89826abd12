"""The rules of a list beyond the order of scores: diversity, caps, calibration, exploration and new items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypedDict

from tastebridge._foundation.validation import check_count, check_number, nearest
from tastebridge.data.id_lists import listed
from tastebridge.data.types import Ids
from tastebridge.exceptions import InvalidParameterError

POOL = 200
"""The number of best items from which a list is made; twice its length for lists of more than 100."""
CATEGORY = "category"
"""With several targets, the name of the target of an item among the columns of labels."""
_STRENGTH = 0.5
"""The strength of a calibration that is given by its column alone."""


class ListOptions(TypedDict, total=False):
    r"""The options of ``recommend`` that trade accuracy of a list for other goals.

    A list is selected from a user's 200 best items (twice its length, if that is more), in these steps:

    1. ``explore`` adds a random draw to the scores.
    2. The list is filled from the top. Each position takes the item with the largest gain

       .. math:: (1-d)(1-c)\, r_i - d \max_{j \in L} s_{ij} - c\, \mathrm{KL}(p \,\|\, q(L + i)),

       where :math:`r_i` is the score, scaled to 0 to 1 over the best items, and :math:`L` the list so far.
       If gains are equal, the item with the higher score comes first.

    3. Items with a label that has reached its ``per_group`` cap are skipped.
    4. An item is also skipped if it would leave no room for the new items that ``min_new`` still requires,
       either in the list or under the caps of their labels.

    Attributes
    ----------
    diversity : float or mapping of column to float, default=0
        :math:`d`, 0 to 1: maximal marginal relevance. The similarity :math:`s_{ij}` is the correlation of the
        scores of two items over users, or with ``{"genre": 0.3}`` the cosine of their labels in a column.
    per_group : mapping of column to int, optional
        The maximum number of items per label in a list, such as ``{"brand": 2}``. Items without a label
        are not limited. An item with several labels counts for each of them.
    calibrate : str or mapping of column to float, optional
        A column whose shares in the list follow the shares :math:`p` in the user's history, with the
        strength :math:`c` (0 to 1; 0.5 if only a column is given). Every item of the history counts once,
        and an item with several labels counts for each in equal parts. Lists of users without a labelled
        history are not calibrated. With several targets, ``"category"`` refers to the targets. Their shares
        follow the probability that each is the category of the user's next event.
    explore : float, default=0
        Thompson sampling: the scale of a draw around the user's vector, from a normal approximation of its
        posterior. The covariance is estimated from the vectors of 64 artificial users, and divided by 1 plus
        the number of the user's events. Fitted vectors are shrunk, so their spread underestimates the true
        uncertainty: a scale of 1 is cautious, and larger scales explore more.
    min_new : int, default=0
        The minimum number of ``new_items`` in a list, as far as the user's items and the caps allow.
    new_items : list of item ids, optional
        The items that count as new. None for items with few users by the model's own counts. Let n be the
        number of users of an item, and m the median over the items of the target: items with
        :math:`1 + n \le (1 + m) / 4` count as new. Items added by ``update`` are among them until they have
        more users.
    random_state : int, default=0
        The seed of ``explore``. Together with a user's id it determines the draw, in any batch.

    References
    ----------
    J. Carbonell and J. Goldstein, "The use of MMR, diversity-based reranking for reordering documents and
    producing summaries", SIGIR (1998). H. Steck, "Calibrated recommendations", RecSys (2018).
    W. R. Thompson, "On the likelihood that one unknown probability exceeds another in view of the evidence of
    two samples", Biometrika 25 (1933).
    """

    diversity: float | Mapping[str, float]
    per_group: Mapping[str, int] | None
    calibrate: str | Mapping[str, float] | None
    explore: float
    min_new: int
    new_items: Ids | None
    random_state: int


@dataclass(frozen=True)
class ListRules:
    """Checked list options.

    Attributes
    ----------
    diversity : float
    similar_by : str or None
        The column of labels by which items are similar; None for their vectors.
    caps : tuple of (str, int)
        The largest number of items of one label, by column.
    calibration : float
        Its strength; 0 for none.
    calibrate : str or None
        The column to calibrate by.
    explore : float
    min_new : int
    new_items : list or column of ids, or None
    random_state : int
    """

    diversity: float = 0.0
    similar_by: str | None = None
    caps: tuple[tuple[str, int], ...] = ()
    calibration: float = 0.0
    calibrate: str | None = None
    explore: float = 0.0
    min_new: int = 0
    new_items: Ids | None = None
    random_state: int = 0

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self | None:
        """Return the rules of some options; None where these change no list.

        Raises
        ------
        TypeError
            If there is no such option.
        InvalidParameterError
            If a value is out of range.
        """
        if not options:
            return None
        for name in options:
            if name not in ListOptions.__annotations__:
                hint = nearest(name, ListOptions.__annotations__)
                raise TypeError(f"recommend() got an unexpected keyword argument {name!r}.{hint}")
        similar_by, diversity = _strength("diversity", options.get("diversity", 0.0), None)
        calibrate, calibration = _strength("calibrate", options.get("calibrate"), _STRENGTH)
        found = cls(
            diversity,
            similar_by if diversity else None,
            _caps(options.get("per_group")),
            calibration,
            calibrate if calibration else None,
            check_number("explore", options.get("explore", 0.0), 0.0),
            check_count("min_new", options.get("min_new", 0), 0),
            # read once: a generator would be empty for the second of several targets
            None if (new := options.get("new_items")) is None else listed(new, "new_items"),
            check_count("random_state", options.get("random_state", 0), 0, 2**32 - 1),
        )
        found._check_new()
        if "random_state" in options and not found.explore:
            raise InvalidParameterError(
                "random_state is the seed of the draws of explore, and explore=0 makes none. Pass both, such"
                " as explore=1, random_state=0, or neither."
            )
        return found if found.active else None

    @property
    def active(self) -> bool:
        """Whether any rule can change a list."""
        return bool(self.diversity or self.caps or self.calibration or self.explore or self.min_new)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of labels that the rules read, each once."""
        named = (self.similar_by, *(name for name, _ in self.caps), self.calibrate)
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def needs_vectors(self) -> bool:
        """Whether the rules read the vectors of items."""
        return bool(self.explore or (self.diversity and self.similar_by is None))

    def pool(self, n: int) -> int:
        """Return the number of best items from which a list of ``n`` is made."""
        return max(POOL, 2 * n)

    def _check_new(self) -> None:
        if self.new_items is not None and not self.min_new:
            raise InvalidParameterError(
                "new_items needs min_new, the least number of them in a list; got min_new=0. Pass both, such "
                "as min_new=2, new_items=[…], or min_new alone for items with few users."
            )


def _strength(name: str, given: object, alone: float | None) -> tuple[str | None, float]:
    """Return the column and the strength of a rule; ``alone`` is the strength of a column without one."""
    if given is None:
        return None, 0.0
    if isinstance(given, str):
        if alone is None:
            raise InvalidParameterError(
                f"{name} must be a number from 0 to 1 or a mapping of one column to such a number; got "
                f"{given!r}. Write {name}={{{given!r}: 0.3}}."
            )
        return given, alone
    if isinstance(given, Mapping):
        if len(given) != 1 or not isinstance(next(iter(given)), str):
            raise InvalidParameterError(
                f"{name} as a mapping must hold one column and its strength; got {dict(given)!r}. Write "
                f"{name}={{'genre': 0.3}}."
            )
        ((column, strength),) = given.items()
        return column, check_number(f"{name}[{column!r}]", strength, 0.0, 1.0)
    if alone is not None:
        raise InvalidParameterError(
            f"{name} must be a column, or a mapping of one column to a strength from 0 to 1; got {given!r}. "
            f"Write {name}='genre'."
        )
    return None, check_number(name, given, 0.0, 1.0)


def _caps(given: object) -> tuple[tuple[str, int], ...]:
    if given is None:
        return ()
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise InvalidParameterError(
            f"per_group must be a mapping of columns to the largest number of items of one label; got "
            f"{given!r}. Write per_group={{'brand': 2}}."
        )
    return tuple((name, check_count(f"per_group[{name!r}]", cap)) for name, cap in given.items())
