"""Questions about single items, and the answers of users: from ids to matrices and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
from scipy import sparse

from tastebridge._foundation.validation import check_choice, check_count
from tastebridge._numerics.linalg import row_products
from tastebridge.data import Vocabulary
from tastebridge.data.types import Events, Frame, Id
from tastebridge.exceptions import InvalidDataError
from tastebridge.model.answered import ANSWERS, AnsweredScorer, events_of
from tastebridge.model.questions import Situation, best_questions
from tastebridge.model.taste import scale_of
from tastebridge.online.state import FittedState
from tastebridge.routes import Histories
from tastebridge.routes.twins import LEAVE_OUT

Answers = Mapping[Id, str] | Frame
"""The answers of one user by item, or a frame of user_id, item_id and answer."""
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
        With the answers under :data:`tastebridge.model.answered.ANSWERS`.
    asked : csr_matrix of shape (n_users, n_items)
        Every item a user was asked about, with a stored 0 where the item was unknown.
    """

    state: FittedState
    ids: np.ndarray
    histories: Histories
    asked: sparse.csr_matrix


class _Given(NamedTuple):
    """Answers in columns; ``users`` is None if they belong to the only user there is."""

    users: list[Id] | None
    items: list[Id]
    words: list[str]


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
    asked = _matrix(given, ids, state.items)
    told = asked.copy()
    told.eliminate_zeros()
    scorer = AnsweredScorer(state.scorer.model, state.taste)
    return Answered(replace(state, scorer=scorer), ids, {**rows, ANSWERS: told}, asked)


def questions(found: Answered, n: int) -> pd.DataFrame:
    """Return item_id, name (where items have names), chance and gain of up to ``n`` questions to one user."""
    n = check_count("n", n)
    state, histories = found.state, found.histories
    if len(found.ids) != 1:
        raise InvalidDataError(
            f"questions are chosen for one user; the history has {len(found.ids)}. Call it once each."
        )
    n_items = len(state.items)
    closed = np.zeros(n_items, dtype=bool)
    closed[histories[state.target].indices] = True
    closed[histories[ANSWERS].indices] = True
    twins = state.left_out({name: rows for name, rows in histories.items() if name != ANSWERS}, LEAVE_OUT)
    if twins is not None:
        closed[twins.indices] = True
    asked = np.zeros(n_items, dtype=bool)
    asked[found.asked.indices] = True
    rarity = state.encoder.statistics[state.target].idf
    scorer = state.scorer
    assert isinstance(scorer, AnsweredScorer)
    # items are the rows: a product of a single user's row would depend on where it lies in memory
    scores = row_products(scorer.model.item_vectors(), scorer.user_vectors(histories).T)
    situation = Situation(
        scores=scores[:, 0].astype(np.float64),
        closed=closed,
        asked=asked,
        known=rarity <= np.median(rarity),
        answered=histories[ANSWERS].indices.astype(np.int64),
        # the share of users who have an item, summed over items
        n_liked=float(np.exp(-rarity).sum()),
        scale=float(scale_of(events_of(histories))[0]),
        taste=scorer.prior.mean(histories[ANSWERS]),
    )
    chosen = best_questions(scorer.prior, situation, n)
    ids = state.items.ids_of([one.item for one in chosen])
    columns: dict[str, object] = {"item_id": ids}
    if (names := (state.item_names or {}).get(state.target)) is not None:
        columns["name"] = names.reindex(ids).to_numpy()
    columns["chance"] = np.array([one.chance for one in chosen], dtype=np.float64)
    columns["gain"] = np.array([one.gain for one in chosen], dtype=np.float64)
    return pd.DataFrame(columns)


def _ids(users: list[Id]) -> np.ndarray:
    return Vocabulary.from_ids(users).ids


def _spread(rows: sparse.csr_matrix, ids: np.ndarray, every: np.ndarray) -> sparse.csr_matrix:
    """Return the rows of more users, both ascending; rows of users without a history are empty."""
    lengths = np.zeros(len(every), dtype=np.int64)
    lengths[np.searchsorted(every, ids)] = np.diff(rows.indptr)
    indptr = np.append(0, np.cumsum(lengths))
    return sparse.csr_matrix((rows.data, rows.indices, indptr), shape=(len(every), rows.shape[1]))


def _read(answers: Answers | None) -> _Given:
    """Return answers in columns, each one of :data:`CHOICES`."""
    if answers is None:
        return _Given(None, [], [])
    if isinstance(answers, Mapping):
        given = _Given(None, list(answers), list(answers.values()))
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
        given = _Given(*(frame[column].to_list() for column in _COLUMNS))
    for word in given.words:
        check_choice("an answer", word, CHOICES)
    return given


def _matrix(given: _Given, ids: np.ndarray, items: Vocabulary) -> sparse.csr_matrix:
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
