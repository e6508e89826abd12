"""Questions about single items, and the answers of users: from ids to matrices and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_choice, check_count
from tastebridge._numerics.linalg import row_products
from tastebridge.data import Vocabulary
from tastebridge.data.types import Events, Frame, Id
from tastebridge.exceptions import InvalidDataError
from tastebridge.model import Array
from tastebridge.model.answered import ANSWERS, GROUPS, AnsweredScorer
from tastebridge.model.questions import Situation, best_questions
from tastebridge.online.in_time_figures import shares_of
from tastebridge.online.state import FittedState
from tastebridge.recommenders.asking_groups import (
    EXAMPLES,
    Given,
    GroupAnswers,
    groups_of,
    liked_groups,
    name_of,
    next_groups,
)
from tastebridge.routes import Histories
from tastebridge.routes.twins import LEAVE_OUT

Answers = Mapping[Id, str] | Frame
"""The answers of one user by item, or a frame of user_id, item_id and answer."""
KINDS = ("items", "groups")
SCREEN = 24
"""The groups on a screen: of 16, 20 and 24, the best on ``valid`` rows; see ``benchmarks/questions.py``."""
CHOICES = ("liked", "not", "unknown")
_VALUES = {"liked": 1.0, "not": -1.0, "unknown": 0.0}
_COLUMNS = ("user_id", "item_id", "answer")
NEW_USER = "new user"
"""The id of a user without a history whose answers come without an id."""


class Answered(NamedTuple):
    """Users with histories and answers, ready for the functions that make lists and explanations.

    Attributes
    ----------
    state : FittedState
        With a scorer that reads answers.
    ids : ndarray
        Of the users, ascending.
    histories : mapping of category to csr_matrix
        With the answers under :data:`tastebridge.model.answered.ANSWERS`, and liked groups under
        :data:`~tastebridge.model.answered.GROUPS`.
    asked : csr_matrix of shape (n_users, n_items)
        Every item a user was asked about, with a stored 0 where the item was unknown.
    groups : GroupAnswers
        The answers about groups, by user.
    """

    state: FittedState
    ids: np.ndarray
    histories: Histories
    asked: sparse.csr_matrix
    groups: GroupAnswers


def answered(
    state: FittedState, history: Events | None, answers: Answers | None, missing: str = "skip"
) -> Answered:
    """Return users with their histories and answers; without a history, the users of the answers.

    Raises
    ------
    InvalidDataError
        If answers name no user where there are several, or a pair of user and item comes twice.
    InvalidParameterError
        If an answer is not one of :data:`CHOICES`.
    UnknownIdError
        If an item is none of the target's.
    """
    given = _read(answers)
    check_choice("missing", missing, ("error", "skip"))
    if history is None:
        ids, rows = _ids(given.users or [NEW_USER]), None
    else:
        panel, rows = state.encoder.fold_in(history, missing)
        ids = panel.users.ids
        if given.users:
            every = _ids([*ids.tolist(), *given.users])
            rows = {name: _spread(part, ids, every) for name, part in rows.items()}
            ids = every
    if rows is None:
        rows = {
            name: sparse.csr_matrix((len(ids), len(items)), dtype=np.float32)
            for name, items in state.encoder.items.items()
        }
    groups, given = groups_of(given, ids, state.items, lambda: state.item_tree)
    asked = _matrix(given, ids, state.items)
    told = asked.copy()
    told.eliminate_zeros()
    histories = {**rows, ANSWERS: told}
    directions: Mapping[str, Array] = {}
    if any(groups):
        directions, histories[GROUPS] = liked_groups(told, groups, state.item_tree)
    scorer = AnsweredScorer(state.scorer.model, state.taste, directions, shares_of(state))
    return Answered(replace(state, scorer=scorer), ids, histories, asked, groups)


def questions(found: Answered, n: int) -> pd.DataFrame:
    """Return item_id, name (where items have names), chance and gain of up to ``n`` questions to one user."""
    n = check_count("n", n)
    _check_one(found)
    state, histories, scorer = found.state, found.histories, found.state.scorer
    assert isinstance(scorer, AnsweredScorer)
    closed = _closed(found)
    asked = np.zeros(len(closed), dtype=bool)
    asked[found.asked.indices] = True
    rarity = state.encoder.statistics[state.target].idf
    situation = Situation(
        scores=_scores(found),
        closed=closed,
        asked=asked,
        known=rarity <= np.median(rarity),
        answered=histories[ANSWERS].indices.astype(np.int64),
        n_liked=_n_liked(state),
        scale=float(scorer.scales(histories)[0]),
        taste=state.taste.mean(histories[ANSWERS], scorer.liked(histories)),
    )
    chosen = best_questions(state.taste, situation, n)
    columns = _named(state, [one.item for one in chosen])
    columns["chance"] = np.array([one.chance for one in chosen], dtype=np.float64)
    columns["gain"] = np.array([one.gain for one in chosen], dtype=np.float64)
    return pd.DataFrame(columns)


def screen(found: Answered, n: int) -> pd.DataFrame:
    """Return group, examples, names (where items have them), n_items and chance of up to ``n`` groups."""
    n = check_count("n", n, 2)
    _check_one(found)
    state, tree = found.state, found.state.item_tree
    scores = _scores(found)
    scores[_closed(found)] = -np.inf
    scores[found.asked.indices] = -np.inf
    mass = (
        np.exp(scores - scores.max(initial=-np.inf)) if np.isfinite(scores).any() else np.zeros(len(scores))
    )
    mass /= max(float(mass.sum()), 1e-300)
    groups = next_groups(tree, found.groups[0], found.asked, mass, n)
    examples = [tree.examples(group, EXAMPLES) for group in groups]
    shares = [float(mass[tree.items(group)].sum()) for group in groups]
    shown = [_named(state, some) for some in examples]
    columns: dict[str, object] = {
        "group": pd.Series(
            [
                name_of(group) if len(tree.items(group)) > 1 else ids["item_id"][0]
                for group, ids in zip(groups, shown, strict=True)
            ],
            dtype=object,
        ),
        "examples": pd.Series([tuple(one["item_id"]) for one in shown], dtype=object),
    }
    if (state.item_names or {}).get(state.target) is not None:
        columns["names"] = pd.Series([tuple(one["name"]) for one in shown], dtype=object)
    columns["n_items"] = np.array([len(tree.items(group)) for group in groups], dtype=np.int64)
    # the number of liked items in a group is about Poisson
    columns["chance"] = 1.0 - np.exp(-_n_liked(state) * np.array(shares, dtype=np.float64))
    return pd.DataFrame(columns)


def _check_one(found: Answered) -> None:
    if len(found.ids) != 1:
        raise InvalidDataError(
            f"questions are chosen for one user; the history has {len(found.ids)}. Call it once each."
        )


def _closed(found: Answered) -> NDArray[np.bool_]:
    """Return the items that are in no list of the only user."""
    state, histories = found.state, found.histories
    closed = np.zeros(len(state.items), dtype=bool)
    closed[histories[state.target].indices] = True
    closed[histories[ANSWERS].indices] = True
    events = {name: rows for name, rows in histories.items() if name not in (ANSWERS, GROUPS)}
    twins = state.left_out(events, LEAVE_OUT)
    if twins is not None:
        closed[twins.indices] = True
    return closed


def _scores(found: Answered) -> NDArray[np.float64]:
    """Return the scores (n_items,) of the only user."""
    scorer = found.state.scorer
    assert isinstance(scorer, AnsweredScorer)
    # items are the rows: a product of a single user's row would depend on where it lies in memory
    scores = row_products(scorer.model.item_vectors(), scorer.user_vectors(found.histories).T)
    return np.asarray(scores[:, 0], dtype=np.float64)


def _n_liked(state: FittedState) -> float:
    """Return the number of items a user of the target has on average: shares of users, summed over items."""
    return float(np.exp(-state.encoder.statistics[state.target].idf).sum())


def _named(state: FittedState, numbers: Sequence[int] | NDArray[np.int64]) -> dict[str, Any]:
    """Return the ids of some items, and their names where items have names."""
    ids = state.items.ids_of(numbers)
    columns: dict[str, Any] = {"item_id": ids}
    if (names := (state.item_names or {}).get(state.target)) is not None:
        columns["name"] = names.reindex(ids).to_numpy()
    return columns


def _ids(users: list[Id]) -> np.ndarray:
    return Vocabulary.from_ids(users).ids


def _spread(rows: sparse.csr_matrix, ids: np.ndarray, every: np.ndarray) -> sparse.csr_matrix:
    """Return the rows of more users, both ascending; rows of users without a history are empty."""
    lengths = np.zeros(len(every), dtype=np.int64)
    lengths[np.searchsorted(every, ids)] = np.diff(rows.indptr)
    indptr = np.append(0, np.cumsum(lengths))
    return sparse.csr_matrix((rows.data, rows.indices, indptr), shape=(len(every), rows.shape[1]))


def _read(answers: Answers | None) -> Given:
    """Return answers in columns, each one of :data:`CHOICES`."""
    if answers is None:
        return Given(None, [], [])
    if isinstance(answers, Mapping):
        given = Given(None, list(answers), list(answers.values()))
    else:
        frame = nw.from_native(answers, eager_only=True, pass_through=True)
        if not isinstance(frame, nw.DataFrame):
            raise InvalidDataError(
                "answers must be a mapping of item_id to answer, or a frame with the columns user_id, "
                f'item_id and answer; got {type(answers).__name__}. Write answers={{"item": "liked"}}.'
            )
        for column in _COLUMNS:
            if column not in frame.columns:
                raise InvalidDataError(
                    f"answers as a frame need the columns user_id, item_id and answer; {column} is missing."
                )
        given = Given(*(frame[column].to_list() for column in _COLUMNS))
    for word in given.words:
        check_choice("an answer", word, CHOICES)
    return given


def _matrix(given: Given, ids: np.ndarray, items: Vocabulary) -> sparse.csr_matrix:
    """Return the answers (n_users, n_items) as 1 (liked), -1 (not) and a stored 0 (unknown)."""
    shape = (len(ids), len(items))
    if not given.items:
        return sparse.csr_matrix(shape, dtype=np.float32)
    if given.users is None and len(ids) != 1:
        raise InvalidDataError(
            f"answers as a mapping belong to one user, and the history has {len(ids)}. Pass a frame with the "
            "columns user_id, item_id and answer."
        )
    columns = items.numbers(given.items)
    rows = np.zeros(len(columns), dtype=np.int64)
    if given.users is not None:
        rows = Vocabulary(ids, "user_id").numbers(given.users)
    order = np.lexsort((columns, rows))
    rows, columns = rows[order], columns[order]
    twice = np.flatnonzero((rows[1:] == rows[:-1]) & (columns[1:] == columns[:-1]))
    if len(twice):
        user, item = ids[rows[twice]].tolist()[0], items.ids[columns[twice]].tolist()[0]
        raise InvalidDataError(
            f"answers must have one row per user and item; user {user!r} answers twice about {item!r}. Keep "
            "the last one."
        )
    data = np.array([_VALUES[word] for word in given.words], dtype=np.float32)[order]
    indptr = np.searchsorted(rows, np.arange(len(ids) + 1))
    return sparse.csr_matrix((data, columns, indptr), shape=shape)
