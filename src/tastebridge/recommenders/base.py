"""What every recommender of the package can do once its model is fitted: frames of ids in and out."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from pathlib import Path
from typing import Any, NamedTuple, Self

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from tastebridge import persist
from tastebridge._foundation.validation import check_choice, check_count
from tastebridge._numerics.threads import one_blas_thread
from tastebridge._numerics.topk import chosen_scores, top_k
from tastebridge.data import Vocabulary
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.metrics import ndcg
from tastebridge.model import Vectors32
from tastebridge.model.explanation import Part, parts_of
from tastebridge.model.filters import Filters, read_filters
from tastebridge.privacy.keys import Key
from tastebridge.recommenders.audience import Found, best_people, item_numbers
from tastebridge.recommenders.audience import to_frame as audience_frame
from tastebridge.recommenders.frames import chunks, ordered, to_frame
from tastebridge.recommenders.histories import HistoryReader
from tastebridge.routes import Histories


class Vectors(NamedTuple):
    """Ids and, row by row, their vectors."""

    ids: np.ndarray
    vectors: Vectors32


class Recommender(HistoryReader, metaclass=ABCMeta):
    """Base of the mapper and the baselines; a subclass implements :meth:`_fit`.

    Attributes
    ----------
    model_ : LinearModel
        Routes, spaces and weights; no person.
    items_ : dict of category to Vocabulary
        The items the model knows.
    statistics_ : dict of category to WeightingStatistics
        What weighting a fresh history needs.
    panel_ : Panel or None
        The people of the fit, in memory; None in a model that was loaded without them.
    item_names_ : mapping of category to Series, or None
    """

    @abstractmethod
    def fit(self, panel: Any, y: None = None) -> Self:
        """Learn from a panel or a frame of events; forget what was learned before."""

    def recommend(
        self,
        user_ids: Any = None,
        n: int = 10,
        *,
        allow: Any = None,
        deny: Any = None,
        missing: str = "error",
    ) -> pd.DataFrame:
        """Recommend items of the target to people of the fit.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            For whom, each person once; None for everybody.
        n : int, default=10
            Items a person gets, at most. Where fewer are left they get fewer, and a warning says so.
        allow, deny : list of item ids, or frame of user_id and item_id, optional
            Only these items, or all but these: for everybody, or (a frame) for the person of the row. With
            ``allow`` as a frame a person without a row in it gets nothing.
        missing : {"error", "skip", "popular"}, default="error"
            What to do with people the model does not know: refuse, leave them out of the answer, or
            recommend what is popular. With ``"error"`` unknown items in ``allow`` or ``deny`` are refused
            too, otherwise passed over.

        Returns
        -------
        DataFrame
            user_id, item_id, score, rank (from 1), in the order of ``user_ids``, best first; of equal scores
            the item that comes first in :meth:`item_vectors`. Never an item the person already has.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if a person or item is not known.
        InvalidDataError
            If a person is asked for twice, or the model holds no people.
        """
        check_choice("missing", missing, ("error", "skip", "popular"))
        people, ids = self._people(user_ids, missing)
        return self._recommend(self._histories_of(people), ids, n, allow, deny, missing)

    def recommend_from(
        self, history: Any, n: int = 10, *, allow: Any = None, deny: Any = None, missing: str = "skip"
    ) -> pd.DataFrame:
        """Recommend to people by a history given now, whether the model has seen them or not; no refit.

        Parameters
        ----------
        history : Panel or frame
            Their events, as for :meth:`tastebridge.Panel.from_frame`, in sources, target or both.
        n, allow, deny
            As in :meth:`recommend`.
        missing : {"skip", "error"}, default="skip"
            What to do with events of items or categories the model does not know: pass over with a warning,
            or refuse. A person of whom nothing known is left gets what is popular.

        Returns
        -------
        DataFrame
            As of :meth:`recommend`, people in ascending order of their ids.
        """
        check_choice("missing", missing, ("error", "skip"))
        panel, histories = self._fold_in(history, missing)
        return self._recommend(histories, panel.users.ids, n, allow, deny, missing)

    def audience(
        self, items: Any, n: int = 100, *, user_ids: Any = None, missing: str = "error"
    ) -> pd.DataFrame:
        """Return the people of the fit who are most likely to want an item.

        People are compared by the score of :meth:`predict`, the same number that ranks items for a person. It
        is higher for people whose history speaks for the item, and for people of whom more is known. On
        held-out people, of whom nothing in the target was known, a taker of an item stands before one who did
        not take it in 69 % of pairs on Amazon clothing and sports (the longer history: 54 to 56 %), and in 86
        to 88 % on MovieLens genres (79 to 81 %): ``benchmarks/audience.py``.

        Parameters
        ----------
        items : id or list of ids
            Items of the target.
        n : int, default=100
            People for each item, at most.
        user_ids : list or column of ids, optional
            Among whom; None for everybody.
        missing : {"error", "skip", "popular"}, default="error"
            What to do with people the model does not know, as for :meth:`recommend`.

        Returns
        -------
        DataFrame
            item_id, user_id, score, rank (from 1), items as given, best first; of equal scores the person who
            stands first. Never a person who has the item already.

        Raises
        ------
        UnknownIdError
            If an item or person is not known.
        InvalidDataError
            If an item or person is named twice, or the model holds no people.

        Examples
        --------
        >>> import tastebridge as tb
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=200, n_items=40)
        >>> found = tb.TargetOnly("films").fit(panel).audience("films:03", n=2)
        >>> found.columns.tolist(), len(found)
        (['item_id', 'user_id', 'score', 'rank'], 2)
        """
        check_choice("missing", missing, ("error", "skip", "popular"))
        people, ids = self._people(user_ids, missing)
        return self._audience(self._histories_of(people), ids, items, n)

    def audience_from(self, history: Any, items: Any, n: int = 100, *, missing: str = "skip") -> pd.DataFrame:
        """Return those of the people with a history given now who are most likely to want an item.

        Parameters
        ----------
        history : Panel or frame
            Their events, as for :meth:`recommend_from`.
        items, n
            As for :meth:`audience`.
        missing : {"skip", "error"}, default="skip"
            What to do with events of items the model does not know, as for :meth:`recommend_from`.

        Returns
        -------
        DataFrame
            As of :meth:`audience`.
        """
        check_choice("missing", missing, ("error", "skip"))
        panel, histories = self._fold_in(history, missing)
        return self._audience(histories, panel.users.ids, items, n)

    def predict(self, pairs: Any, *, missing: str = "error") -> NDArray[np.float32]:
        """Return the score of every pair of a person of the fit and a target item.

        Scores can be compared within a person and between people; higher is better. They are those of
        :meth:`recommend`, bit by bit.

        Parameters
        ----------
        pairs : frame
            Columns user_id and item_id.
        missing : {"error", "nan"}, default="error"
            What to do with pairs of an unknown person or item.

        Returns
        -------
        ndarray of shape (n_pairs,)
        """
        check_is_fitted(self, "model_")
        check_choice("missing", missing, ("error", "nan"))
        frame = nw.from_native(pairs, eager_only=True)
        for column in ("user_id", "item_id"):
            if column not in frame.columns:
                raise InvalidDataError(f"pairs need the columns user_id and item_id; {column} is missing.")
        policy: Any = "error" if missing == "error" else "negative"
        users = self._known().users.numbers(frame["user_id"].to_numpy(), missing=policy)
        items = self.items_[self._target()].numbers(frame["item_id"].to_numpy(), missing=policy)
        known = (users >= 0) & (items >= 0)
        scores = np.full(len(users), np.nan, dtype=np.float32)
        scores[known] = self._pairs(users[known], items[known])
        return scores

    def user_vectors(self, user_ids: Any = None, *, missing: str = "error") -> Vectors:
        """Return ids and vectors of people of the fit: ``vectors @ item_vectors().vectors.T`` are scores.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            None for everybody.
        missing : {"error", "skip", "popular"}
            As in :meth:`recommend`.

        Returns
        -------
        Vectors
            ``ids`` (n_people,) and ``vectors`` (n_people, n_components) in float32.
        """
        check_choice("missing", missing, ("error", "skip", "popular"))
        people, ids = self._people(user_ids, missing)
        parts = [self.model_.user_vectors(part) for _, part in chunks(self._histories_of(people), len(ids))]
        parts = parts or [np.zeros((0, self.model_.item_vectors().shape[1]), np.float32)]
        return Vectors(ids, np.concatenate(parts))

    def explain(self, user_id: Any, item_id: Any) -> pd.DataFrame:
        """Say of what the score of a person of the fit and a target item is made.

        Contributions sum to the score of :meth:`predict`. What they mean, and what they do not, is told in
        :mod:`tastebridge.model.explanation`.

        Parameters
        ----------
        user_id, item_id : id
            One person and one item of the target, had already or not.

        Returns
        -------
        DataFrame
            source_category, source_item, route, contribution, largest first: a row for each past item and
            route. Where source_item is None the row stands for no single item: it is the baseline of a map,
            or what is popular (source_category ``"(popularity)"``).

        Raises
        ------
        UnknownIdError
            If the person or item is not known.
        """
        people, _ = self._people([user_id], "error")
        return self._explain(self._histories_of(people), item_id)

    def explain_from(self, history: Any, item_id: Any, *, missing: str = "skip") -> pd.DataFrame:
        """Say of what the score of a target item is made for one person with this history.

        Parameters
        ----------
        history : Panel or frame
            The events of one person, as for :meth:`recommend_from`.
        item_id : id
            An item of the target.
        missing : {"skip", "error"}, default="skip"
            As for :meth:`recommend_from`.

        Returns
        -------
        DataFrame
            As of :meth:`explain`.
        """
        check_choice("missing", missing, ("error", "skip"))
        panel, histories = self._fold_in(history, missing)
        if len(panel) != 1:
            raise InvalidDataError(
                f"explain_from takes the history of one person; this one has {len(panel)}. Call it once each."
            )
        return self._explain(histories, item_id)

    def item_vectors(self) -> Vectors:
        """Return ids and vectors of the target's items, in ascending order of the ids."""
        check_is_fitted(self, "model_")
        return Vectors(self.items_[self._target()].ids, self.model_.item_vectors())

    def score(self, panel: Any, y: None = None) -> float:
        """Return the mean NDCG@10 over people of a panel or frame of held-out events, every item ranked.

        What is to be found are its rows in the target. People of the fit are ranked by the history of the
        fit and the sources given here, other people by the sources given here alone. So both ways of
        splitting work in a grid search: over people (a panel), or over rows (a frame).
        """
        truth, histories = self._held_out(panel)
        best = [self._best(part, 10, Filters())[0] for _, part in chunks(histories, truth.shape[0])]
        values = ndcg(np.concatenate(best), truth, 10) if best else np.array([np.nan])
        return float(np.nanmean(values))

    def _held_out(self, panel: Any) -> tuple[sparse.csr_matrix, dict[str, sparse.csr_matrix]]:
        """Return what is to be found for people of a panel or frame, and what is known of them beside it."""
        fresh, given = self._fold_in(panel, "skip", quiet=True)
        truth = given[self._target()]
        histories = {**given, self._target(): sparse.csr_matrix(truth.shape, dtype=np.float32)}
        if self.panel_ is not None:
            at = self.panel_.users.numbers(fresh.users.ids, missing="negative")
            known = self._histories_of(at)
            histories = {
                name: known[name] + (rows - _common(rows, known[name])) for name, rows in histories.items()
            }
        wanted = np.flatnonzero(np.diff(truth.indptr))
        return truth[wanted], {name: rows[wanted] for name, rows in histories.items()}

    def save(
        self,
        path: str | Path,
        with_users: bool = False,
        *,
        key: Key | bytes | None = None,
        pseudonyms: Key | bytes | None = None,
        updatable: bool = False,
    ) -> None:
        """Write the fitted model to a folder; :func:`tastebridge.load` reads it back, bit by bit.

        Parameters
        ----------
        path : str or Path
            A new or empty folder, or that of a saved model, which is replaced in one step.
        with_users : bool, default=False
            Whether the people of the fit and their histories go along. Without them no person is in the
            files; the loaded model serves :meth:`recommend_from`. ``evidence_``, which is by person, and the
            rows that cleaning dropped are never saved.
        key : Key or bytes, optional
            Encrypts the files by AES-256-GCM; see :mod:`tastebridge.privacy`. What stays in the open is the
            number of files and their sizes.
        pseudonyms : Key or bytes, optional
            With people: store them under pseudonyms of this key
            (:func:`tastebridge.privacy.pseudonymize`), by which the loaded model knows them.
        updatable : bool, default=False
            Whether an :class:`tastebridge.InterestMapper` keeps its ledger, so that the loaded model can be
            updated and can forget people; with people it always does. It holds sums over people, and among
            them how many took both items of a pair: where that is one person, it tells of that person.

        Raises
        ------
        ModelFileError
            If something other than a model is at ``path``, or it cannot be written.
        InvalidParameterError
            If a parameter is neither a plain value nor an estimator of this package.
        MissingDependencyError
            If a key is given and ``cryptography`` is not installed.
        """
        check_is_fitted(self, "model_")
        persist.save(self, path, with_users, key, pseudonyms, updatable)

    def update(self, events: Any) -> Self:
        """Refuse: only :class:`tastebridge.InterestMapper` takes fresh events in without a refit."""
        raise InvalidParameterError(self._as_fitted("take events in", "with them"))

    def forget(self, user_ids: Any) -> Any:
        """Refuse: only :class:`tastebridge.InterestMapper` forgets people without a refit."""
        raise InvalidParameterError(self._as_fitted("forget people", "on a panel without them"))

    def _as_fitted(self, what: str, how: str) -> str:
        return f"a {type(self).__name__} cannot {what} without a refit. Fit it again, {how}."

    def _recommend(
        self, histories: Histories, ids: np.ndarray, n: int, allow: Any, deny: Any, missing: str
    ) -> pd.DataFrame:
        n = check_count("n", n)
        items = self.items_[self._target()]
        filters = Filters()
        if allow is not None or deny is not None:
            people = Vocabulary.from_ids(ids) if len(ids) else Vocabulary(ids)
            filters = ordered(read_filters(allow, deny, people, items, missing), people, ids)
        found = [
            self._best(part, min(n, len(items)), Filters(**filters.of(rows)))
            for rows, part in chunks(histories, len(ids))
        ]
        return to_frame(found, ids, items, n)

    def _best(
        self, histories: Histories, n: int, filters: Filters
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return the numbers (-1 for none) and scores of the best items of people."""
        seen = histories[self._target()]
        sizes = {name: len(items) for name, items in self.items_.items()}
        with one_blas_thread():  # entered once for both
            vectors, catalogue = self.model_.user_vectors(histories), self.model_.catalogue(sizes)
            return top_k(vectors, catalogue, n, seen=seen, **filters._asdict())

    def _audience(self, histories: Histories, ids: np.ndarray, items: Any, n: int) -> pd.DataFrame:
        known, n = self.items_[self._target()], check_count("n", n)
        numbers = item_numbers(items, known)
        found = best_people(self._takers, histories, len(ids), numbers, n)
        return audience_frame(found, known.ids_of(numbers), ids)

    def _takers(self, histories: Histories, items: NDArray[np.int64], n: int) -> Found:
        """Return the places (-1 for none) and scores of the best people for each item."""
        vectors, had = self.model_.user_vectors(histories), histories[self._target()][:, items]
        return top_k(self.model_.item_vectors()[items], vectors, n, seen=sparse.csr_matrix(had.T))

    def _explain(self, histories: Histories, item_id: Any) -> pd.DataFrame:
        item = int(self.items_[self._target()].numbers([item_id])[0])
        parts = sorted(self._parts_of(histories, item), key=lambda part: -part.contribution)
        ids = [None if at < 0 else self.items_[name].ids[at] for name, at, _, _ in parts]
        columns = {
            "source_category": [part.category for part in parts],
            "source_item": pd.Series(ids, dtype=object),
            "route": [part.route for part in parts],
            "contribution": np.array([part.contribution for part in parts], dtype=np.float64),
        }
        return pd.DataFrame(columns)

    def _parts_of(self, histories: Histories, item: int) -> list[Part]:
        """Return the parts of the score of one person and item."""
        return parts_of(self.model_, histories, item)

    def _pairs(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        people, place = np.unique(users, return_inverse=True)
        vectors, V = self.user_vectors(self._known().users.ids_of(people)).vectors, self.model_.item_vectors()
        return chosen_scores(vectors, place, V, items)


def _common(matrix: sparse.csr_matrix, other: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the entries of ``matrix`` that ``other`` stores too."""
    return sparse.csr_matrix(matrix.multiply(other.astype(bool)))
