"""Answers about groups of items: from the ids of groups to directions of taste, and the next groups."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge.data import Vocabulary
from tastebridge.data.types import Id
from tastebridge.exceptions import InvalidDataError, UnknownIdError
from tastebridge.model import Array
from tastebridge.model.item_tree import ROOT, ItemTree

EXAMPLES = 3
"""The items that are shown of a group."""
GroupAnswers = list[dict[int, str]]
"""For each user the answers by group."""
_GROUP = re.compile(r"\(group\) ([1-9][0-9]{0,37})")


class Given(NamedTuple):
    """Answers in columns; ``users`` is None if they belong to the only user there is."""

    users: list[Id] | None
    items: list[Id]
    words: list[str]


def name_of(group: int) -> str:
    """Return the id under which a group is answered.

    Examples
    --------
    >>> name_of(19)
    '(group) 19'
    """
    return f"(group) {group}"


def groups_of(
    given: Given, ids: np.ndarray, items: Vocabulary, tree: Callable[[], ItemTree]
) -> tuple[GroupAnswers, Given]:
    """Return the answers about groups by user, and the other answers.

    The tree is made only where there is such an answer.

    Raises
    ------
    UnknownIdError
        If the model has no such group.
    InvalidDataError
        If a user answers twice about a group, answers without users belong to several, or an item of the
        target has the name of a group as its id.
    """
    found: GroupAnswers = [{} for _ in ids]
    numbers = [_number(item) for item in given.items]
    places = [place for place, number in enumerate(numbers) if number]
    if not places:
        return found, given
    _refuse_items([given.items[place] for place in places], items)
    if given.users is None and len(ids) != 1:
        raise InvalidDataError(
            f"answers as a mapping belong to one user, and the history has {len(ids)}. Pass a frame with the "
            "columns user_id, item_id and answer."
        )
    # without ids all answers are of the only user
    rows = [0] * len(places)
    if given.users is not None:
        rows = Vocabulary(ids, "user_id").numbers([given.users[place] for place in places]).tolist()
    for row, place in zip(rows, places, strict=True):
        group = numbers[place]
        _check(group, tree())
        if group in found[row]:
            user = ids[row : row + 1].tolist()[0]
            raise InvalidDataError(
                f"answers must have one row per user and group; user {user!r} answers twice about "
                f"{name_of(group)!r}. Keep the last one."
            )
        found[row][group] = given.words[place]
    rest = [place for place, number in enumerate(numbers) if not number]
    users = None if given.users is None else [given.users[place] for place in rest]
    return found, Given(users, [given.items[place] for place in rest], [given.words[place] for place in rest])


def liked_groups(
    told: sparse.csr_matrix, answers: GroupAnswers, tree: ItemTree
) -> tuple[dict[str, Array], sparse.csr_matrix]:
    """Return the directions of the groups users like, and an entry for each user and liked group.

    A group is passed over if a smaller group in it, or one of its items, is liked: it says no more.
    """
    found = []
    for row, given in enumerate(answers):
        liked = [group for group, word in given.items() if word == "liked"]
        part = slice(told.indptr[row], told.indptr[row + 1])
        items = told.indices[part][told.data[part] > 0]
        found.append(tree.deepest(liked, items.astype(np.int64)) if liked else [])
    # ascending, so that a user's groups have one order in any batch
    groups = sorted({group for one in found for group in one})
    place = {group: at for at, group in enumerate(groups)}
    indices = np.array([place[group] for one in found for group in one], dtype=np.int64)
    indptr = np.cumsum([0, *(len(one) for one in found)])
    ones = np.ones(len(indices), dtype=np.float32)
    liked_by = sparse.csr_matrix((ones, indices, indptr), shape=(len(found), len(groups)))
    return {name_of(group): tree.direction(group) for group in groups}, liked_by


def next_groups(
    tree: ItemTree, answers: Mapping[int, str], asked: sparse.csr_matrix, mass: NDArray[np.float64], n: int
) -> list[int]:
    """Return up to ``n`` groups to show one user.

    Parts of the groups liked last; if there are none left, parts of all other items; then of groups that the
    user passed over, whose examples may not have told enough.
    """
    liked = [group for group, word in answers.items() if word == "liked"]
    likes = asked.indices[asked.data > 0].astype(np.int64)
    deepest = tree.deepest(liked, likes)
    passed = {group for group, word in answers.items() if word != "liked"}
    # the groups themselves would be asked about again
    parts = [half for group in deepest for half in tree.halves(group)]
    found = tree.screen(parts, passed, mass, n) or tree.screen([ROOT], {*passed, *liked}, mass, n)
    if found:
        return found
    unsure = [group for group in tree.deepest(answers, likes[:0]) if answers[group] == "unknown"]
    rest = [half for group in unsure for half in tree.halves(group)]
    return tree.screen(rest, set(answers), mass, n)


def _number(item: Id) -> int:
    """Return the number of a group; 0 for the id of an item."""
    found = _GROUP.fullmatch(item) if isinstance(item, str) else None
    return int(found[1]) if found else 0


def _check(group: int, tree: ItemTree) -> None:
    try:
        tree.items(group)
    except KeyError:
        raise UnknownIdError(
            f"this model has no group {name_of(group)!r}. Answer about the groups of "
            "questions(kind='groups') of the same model."
        ) from None


def _refuse_items(names: Sequence[Id], items: Vocabulary) -> None:
    """Refuse names of groups that are ids of items too: the answer can be about either."""
    both = [name for name in names if name in items]
    if both:
        raise InvalidDataError(
            f"{both[0]!r} is the id of an item of the target and the name of a group of items, so an answer "
            "about it has two meanings. Answer about others, or fit with another id for the item."
        )
