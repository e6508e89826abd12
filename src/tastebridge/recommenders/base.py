"""The public methods of every recommender, from frames of ids to frames of ids."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, TypeVar, Unpack

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils import estimator_html_repr

from tastebridge import persist
from tastebridge._foundation.nouns import with_article
from tastebridge._foundation.validation import check_category, check_choice, check_fitted, check_type
from tastebridge.data import CleaningPolicy, Panel, Weighting
from tastebridge.data.history_encoder import HistoryEncoder, Rows, read_events
from tastebridge.data.item_groups import read_item_groups
from tastebridge.data.types import Events, EventWeights, Frame, Id, Ids, ItemFilter
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.metrics import ndcg
from tastebridge.model import LinearModel, Vectors32
from tastebridge.model.chunks import chunks
from tastebridge.model.filters import Filters
from tastebridge.model.list_rules import ListOptions, ListRules
from tastebridge.online.state import GROUPS, FittedState, MultiTarget
from tastebridge.privacy.keys import Key
from tastebridge.recommenders import answers
from tastebridge.recommenders.attributes import encoder_of, from_encoder, from_state
from tastebridge.recommenders.cards import card_of
from tastebridge.recommenders.frames import pairs_frame
from tastebridge.recommenders.held_out import held_out
from tastebridge.recommenders.multi_target.lookup import categories_of
from tastebridge.recommenders.related import RelatedOptions, RelatedRequest, related, relating
from tastebridge.recommenders.steady import put, steady
from tastebridge.recommenders.users import users_asked_for
from tastebridge.routes.twins import LEAVE_OUT

RecommenderT = TypeVar("RecommenderT", bound="Recommender")


class Vectors(NamedTuple):
    """Ids and their vectors, one row per id."""

    ids: np.ndarray
    vectors: Vectors32


ENCRYPTED = "encrypted_"
"""Set on a recommender loaded with a key; a fit forgets it, as all attributes that end in an underscore."""


class Recommender(BaseEstimator, metaclass=ABCMeta):
    """Base of the mapper and the baselines; a subclass implements :meth:`fit`.

    A fitted recommender consists of one frozen state per target, the part that several targets share,
    and the users. The other attributes are read-only views of these.

    Attributes
    ----------
    targets_ : dict of target to FittedState
        One entry per target.
    joint_ : MultiTarget or None
        The part that several targets share; None for one target.
    panel_ : Panel or None
        The users of the fit, in memory; None in a model loaded without them.
    model_ : LinearModel
        Routes, spaces and weights; it holds no user.
    items_ : dict of category to Vocabulary
        The items the model knows.
    weighting_ : Weighting
        The weights of events.
    statistics_ : dict of category to WeightingStatistics
        The statistics for weighting a fresh history.
    item_names_ : mapping of category to Series, or None
        The names of items, if the panel of the fit had names.
    item_groups_ : DataFrame
        The labels of items, after :meth:`set_item_groups`.
    """

    target: Any
    event_weights: EventWeights | None = None
    weighting: Weighting | None
    targets_: dict[str, FittedState]
    joint_: MultiTarget | None
    panel_: Panel | None
    policy: ClassVar[CleaningPolicy] = CleaningPolicy()

    model_ = from_state(lambda state: state.scorer.model, "Routes, spaces and weights; it holds no user.")
    items_ = from_encoder("items", "The items the model knows, by category.")
    weighting_ = from_encoder("weighting", "The weights of events.")
    statistics_ = from_encoder("statistics", "The statistics for weighting a fresh history, by category.")

    def _repr_html_inner(self) -> str:
        """Return the card that a notebook shows; scikit-learn's diagram before a fit."""
        return card_of(self) if hasattr(self, "targets_") else str(estimator_html_repr(self))

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, str]:
        """Return the text and the HTML card for a notebook."""
        return {"text/plain": repr(self), "text/html": self._repr_html_inner()}

    @property
    def item_names_(self) -> Mapping[str, pd.Series] | None:
        """The names of items by category, if the panel of the fit had names."""
        shared = self.joint_ if self.joint_ is not None else next(iter(self.targets_.values()))
        return shared.item_names

    @property
    def item_groups_(self) -> pd.DataFrame:
        """The labels of :meth:`set_item_groups`: category, item_id (as text), column, label."""
        state = next(iter(self.targets_.values()))
        if GROUPS not in state.tables:
            raise AttributeError(f"this {type(self).__name__} has no labels of items: see set_item_groups")
        return state.tables[GROUPS]

    @abstractmethod
    def fit(self, panel: Events, y: None = None) -> Self:
        """Learn from a panel or a frame of events; this replaces an earlier fit."""

    @steady
    def recommend(
        self,
        user_ids: Ids | None = None,
        n: int = 10,
        *,
        allow: ItemFilter | None = None,
        deny: ItemFilter | None = None,
        missing: str = "error",
        twins: str = LEAVE_OUT,
        **options: Unpack[ListOptions],
    ) -> pd.DataFrame:
        """Recommend items of the target to users of the fit.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            The users, each once; None for all.
        n : int, default=10
            Maximum number of items per user. If fewer remain, the list is shorter and a warning is issued.
        allow, deny : list of item ids, or frame of user_id and item_id, optional
            Recommend only these items, or never these: a list applies to all users, a frame to the user of
            each row. With ``allow`` as a frame, users without a row in it get no items.
        missing : {"error", "skip", "popular"}, default="error"
            Treatment of unknown users: raise an error, leave them out of the result, or recommend popular
            items. With ``"error"``, unknown items in ``allow`` or ``deny`` raise an error too; otherwise they
            are ignored.
        twins : {"leave out", "keep"}, default="leave out"
            Treatment of items that are the same product as an item of the user under another id in a source:
            see :mod:`tastebridge.routes.twins`.
        **options
            Diversity, caps, calibration, exploration and new items: see
            :class:`~tastebridge.recommenders.ListOptions`. With any of them the rank, not the score, is the
            order of a list.

        Returns
        -------
        DataFrame
            user_id, item_id, score, rank (from 1), in the order of ``user_ids``, best first. Ties are broken
            by the order of :meth:`item_vectors`. Items the user already has are never recommended.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if a user or item is not known.
        InvalidDataError
            If a user is named twice, or the model holds no users.
        """
        users, ids = self._users(user_ids, missing)
        state = self._state("recommend")
        request = answers.ListRequest(n, allow, deny, missing, twins, ListRules.of(options))
        return answers.recommendations(state, self._rows(state, users), ids, request)

    def recommend_from(
        self,
        history: Events,
        n: int = 10,
        *,
        allow: ItemFilter | None = None,
        deny: ItemFilter | None = None,
        missing: str = "skip",
        twins: str = LEAVE_OUT,
        **options: Unpack[ListOptions],
    ) -> pd.DataFrame:
        """Recommend items to users, known or new, from the given histories, without a refit.

        Parameters
        ----------
        history : Panel or frame
            Their events, as for :meth:`tastebridge.Panel.from_frame`, in sources, target or both.
        n, allow, deny, twins, **options
            As in :meth:`recommend`.
        missing : {"skip", "error"}, default="skip"
            Events of items or categories the model does not know are ignored with a warning, or refused. A
            user without any known event gets popular items.

        Returns
        -------
        DataFrame
            As in :meth:`recommend`, with users in ascending order of their ids.
        """
        state = self._state("recommend_from")
        panel, histories = self._fold_in(state, history, missing)
        request = answers.ListRequest(n, allow, deny, missing, twins, ListRules.of(options))
        return answers.recommendations(state, histories, panel.users.ids, request)

    @steady
    def audience(
        self,
        items: Id | Ids,
        n: int = 100,
        *,
        user_ids: Ids | None = None,
        missing: str = "error",
        category: str | None = None,
        twins: str = LEAVE_OUT,
    ) -> pd.DataFrame:
        """Return the users of the fit who are most likely to want an item.

        Users are compared by the score of :meth:`predict`, the same score that ranks items for a user.

        - An :class:`~tastebridge.InterestMapper` learns out of fold the log-odds that an item is a user's
          next one, up to a constant. It learns them separately for users with and without a history in the
          target, so that both kinds are on the same scale. Within each kind, the blend determines the order.
        - Baselines, and mappers saved by versions without this scale, give higher scores to users with a
          longer history, or with a history in the target.

        ``benchmarks/audience.py`` evaluates this on held-out users without a known event in the target. A
        user of the item ranks above another user in 69 % of pairs on Amazon clothing and sports, and in 86 to
        88 % on MovieLens genres. Ranking by the length of the history alone achieves 54 to 56 %, and 79 to
        81 %.

        Parameters
        ----------
        items : id or list of ids
            Items of the target.
        n : int, default=100
            Maximum number of users per item.
        user_ids : list or column of ids, optional
            The users to rank; None for all.
        missing : {"error", "skip", "popular"}, default="error"
            Users the model does not know, as for :meth:`recommend`.
        category : category, optional
            The target, if there are several.
        twins : {"leave out", "keep"}, default="leave out"
            Whether to leave out users who have a twin of the item, too.

        Returns
        -------
        DataFrame
            item_id, user_id, score, rank (from 1), in the order of ``items``, best first. Ties are broken by
            the order of the users. Users who already have the item are left out.

        Raises
        ------
        UnknownIdError
            If an item or user is not known.
        InvalidDataError
            If an item or user is named twice, or the model holds no users.

        Examples
        --------
        >>> import tastebridge as tb
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=200, n_items=40)
        >>> found = tb.TargetOnly("films").fit(panel).audience("films:03", n=2)
        >>> found.columns.tolist(), len(found)
        (['item_id', 'user_id', 'score', 'rank'], 2)
        """
        state = self._state("audience", category)
        users, ids = self._users(user_ids, missing)
        request = answers.ListRequest(n, twins=twins)
        return answers.audience(state, self._rows(state, users), ids, items, request)

    def audience_from(
        self,
        history: Events,
        items: Id | Ids,
        n: int = 100,
        *,
        missing: str = "skip",
        category: str | None = None,
        twins: str = LEAVE_OUT,
    ) -> pd.DataFrame:
        """Return the users of the given histories who are most likely to want an item.

        Parameters
        ----------
        history : Panel or frame
            Their events, as for :meth:`recommend_from`.
        items, n, category, twins
            As for :meth:`audience`.
        missing : {"skip", "error"}, default="skip"
            Events of items the model does not know, as for :meth:`recommend_from`.

        Returns
        -------
        DataFrame
            As in :meth:`audience`.
        """
        state = self._state("audience_from", category)
        panel, histories = self._fold_in(state, history, missing)
        request = answers.ListRequest(n, twins=twins)
        return answers.audience(state, histories, panel.users.ids, items, request)

    @steady
    def related(
        self,
        items: Id | Ids | None = None,
        n: int = 10,
        *,
        category: str | None = None,
        **options: Unpack[RelatedOptions],
    ) -> pd.DataFrame:
        r"""Return the items of the target that are related to given items, such as films for a book.

        An item of any category is represented by a user with this single event, with the vector
        :math:`z_i`. The score of a target item is

        .. math:: r_{ij} = (z_i - \bar z)^\top v_j / \sigma_j^{1/4},

        where :math:`\bar z` is the mean vector of the items in the category of i. Subtracting it removes
        popularity. :math:`\sigma_j` is the standard deviation of the numerator over these items: see
        :mod:`tastebridge.model.related`.

        ``benchmarks/related.py`` compares the method with item neighbours and the factors of implicit.

        Parameters
        ----------
        items : id or list of ids, optional
            Items of a source or of the target; None for all.
        n : int, default=10
            Maximum number of related items for each.
        category : category, optional
            The target whose items are returned, if there are several. It can also be a source: its items are
            then compared with each other by the model's vectors (:mod:`tastebridge.model.source_items`).
        **options
            The category of ``items``, filters, and the treatment of twins and unknown items: see
            :class:`~tastebridge.recommenders.RelatedOptions`.

        Returns
        -------
        DataFrame
            item_id, related_item_id, score, rank (from 1), in the order of ``items``, best first. An item is
            never related to itself. Scores can only be compared within one query item.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if an item is not known.
        InvalidDataError
            If an item is named twice, or an id is an item of several categories.
        InvalidParameterError
            If the model has no vectors, or was learned from ratings.

        References
        ----------
        B. Sarwar et al., "Item-based collaborative filtering recommendation algorithms", WWW (2001), for
        the question; X. Ning, C. Desrosiers and G. Karypis, "A comprehensive survey of neighborhood-based
        recommendation methods", Recommender Systems Handbook (2015), for removing means.

        Examples
        --------
        >>> import tastebridge as tb
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=200, n_items=40)
        >>> found = tb.JointALS("films").fit(panel).related(["books:03", "films:05"], n=2)
        >>> found[["item_id", "rank"]].values.tolist()
        [['books:03', 1], ['books:03', 2], ['films:05', 1], ['films:05', 2]]
        """
        check_fitted(self, "targets_")
        state, request = relating(self.targets_, category, RelatedRequest.read(n, options))
        return related(state, items, request)

    @steady
    def predict(self, pairs: Frame, *, missing: str = "error") -> NDArray[np.float32]:
        """Return the score of every pair of a user of the fit and a target item.

        Scores can be compared within a user and between users; higher is better. They equal the scores of
        :meth:`recommend`, bit for bit.

        Parameters
        ----------
        pairs : frame
            Columns user_id and item_id.
        missing : {"error", "nan"}, default="error"
            Pairs of an unknown user or item are refused, or get NaN.

        Returns
        -------
        ndarray of shape (n_pairs,)
        """
        state = self._state("predict")
        check_choice("missing", missing, ("error", "nan"))
        frame = pairs_frame(pairs)
        policy: Any = "error" if missing == "error" else "negative"
        numbers = self._known().users.numbers(frame["user_id"].to_numpy(), missing=policy)
        items = state.items.numbers(frame["item_id"].to_numpy(), missing=policy)
        known = (numbers >= 0) & (items >= 0)
        # each user is encoded once, however many pairs name them
        users, place = np.unique(numbers[known], return_inverse=True)
        scores = np.full(len(numbers), np.nan, dtype=np.float32)
        scores[known] = state.scorer.pair_scores(self._pair_rows(state, users), place, items[known])
        return scores

    @steady
    def user_vectors(
        self, user_ids: Ids | None = None, *, missing: str = "error", category: str | None = None
    ) -> Vectors:
        """Return ids and vectors of users of the fit: ``vectors @ item_vectors().vectors.T`` are scores.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            None for all.
        missing : {"error", "skip", "popular"}
            As in :meth:`recommend`.
        category : category, optional
            The target, if there are several.

        Returns
        -------
        Vectors
            ``ids`` (n_users,) and ``vectors`` (n_users, n_components) in float32.
        """
        state = self._state("user_vectors", category)
        users, ids = self._users(user_ids, missing)
        model = _with_vectors(self, state)
        parts = [model.user_vectors(part) for _, part in chunks(self._rows(state, users), len(ids))]
        # no users: still a matrix of the right width
        parts = parts or [np.zeros((0, model.item_vectors().shape[1]), np.float32)]
        return Vectors(ids, np.concatenate(parts))

    def user_vectors_from(
        self, history: Events, *, missing: str = "skip", category: str | None = None
    ) -> Vectors:
        """Return ids and vectors of users from the given histories, without a refit.

        The vectors are in the space of :meth:`item_vectors`, which is your own index with a ``target_model``.

        Parameters
        ----------
        history : Panel or frame
            Their events, as for :meth:`recommend_from`.
        missing : {"skip", "error"}, default="skip"
            As for :meth:`recommend_from`.
        category : category, optional
            The target, if there are several.

        Returns
        -------
        Vectors
            ``ids`` (n_users,), ascending, and ``vectors`` (n_users, n_components) in float32. A user's vector
            does not depend on the other users.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if the model does not know an item or category.
        InvalidParameterError
            If the model has no vectors.

        Examples
        --------
        >>> from tastebridge import InterestMapper
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=400, n_items=60, random_state=0)
        >>> mapper = InterestMapper("films").fit(panel)
        >>> history = [("ann", "books:03", "books"), ("ann", "books:11", "books")]
        >>> history = pd.DataFrame(history, columns=["user_id", "item_id", "category"])
        >>> found = mapper.user_vectors_from(history)
        >>> found.ids.tolist(), found.vectors.shape[1] == mapper.item_vectors().vectors.shape[1]
        (['ann'], True)
        """
        state = self._state("user_vectors_from", category)
        model = _with_vectors(self, state)
        panel, rows = self._fold_in(state, history, missing)
        parts = [model.user_vectors(part) for _, part in chunks(rows, len(panel.users))]
        parts = parts or [np.zeros((0, model.item_vectors().shape[1]), np.float32)]
        return Vectors(panel.users.ids, np.concatenate(parts))

    def item_vectors(self, category: str | None = None) -> Vectors:
        """Return ids and vectors of the target's items, in ascending order of the ids.

        Parameters
        ----------
        category : category, optional
            The target, if there are several.
        """
        state = self._state("item_vectors", category)
        return Vectors(state.items.ids, _with_vectors(self, state).item_vectors())

    @steady
    def explain(self, user_id: Id, item_id: Id, *, category: str | None = None) -> pd.DataFrame:
        """Return the parts of the score of a user of the fit and a target item.

        Contributions sum to the score of :meth:`predict`, or with several targets to the score within the
        category. See :mod:`tastebridge.model.explanation` for their meaning and limits.

        Parameters
        ----------
        user_id, item_id : id
            One user and one item of the target, whether in the history or not.
        category : category, optional
            The target, if an item belongs to several.

        Returns
        -------
        DataFrame
            source_category, source_item, route, contribution, twin, largest contribution first: one row per
            past item and route. A row with source_item None does not belong to a single item: it is the
            baseline of a map, or popularity (source_category ``"(popularity)"``). If ``twin`` is True, the
            past item is the same product under another id: see :mod:`tastebridge.routes.twins`.

        Raises
        ------
        UnknownIdError
            If the user or item is not known.
        """
        state = self._state("explain", category, item_id)
        users, _ = self._users([user_id], "error")
        return answers.explanation(state, self._rows(state, users), item_id)

    def explain_from(
        self, history: Events, item_id: Id, *, missing: str = "skip", category: str | None = None
    ) -> pd.DataFrame:
        """Return the parts of the score of a target item for one user with this history.

        Parameters
        ----------
        history : Panel or frame
            The events of one user, as for :meth:`recommend_from`.
        item_id : id
            An item of the target.
        missing : {"skip", "error"}, default="skip"
            As for :meth:`recommend_from`.
        category : category, optional
            As for :meth:`explain`.

        Returns
        -------
        DataFrame
            As in :meth:`explain`.
        """
        state = self._state("explain_from", category, item_id)
        panel, histories = self._fold_in(state, history, missing)
        if len(panel) != 1:
            raise InvalidDataError(
                f"explain_from takes the history of one user; this one has {len(panel)}. Call it once each."
            )
        return answers.explanation(state, histories, item_id)

    @steady
    def score(self, panel: Events, y: None = None) -> float:
        """Return the mean NDCG@10 over users of a panel or frame of held-out events, every item ranked.

        The relevant items are the given rows in the target. Rows of the fit among them are never recommended,
        so they are left out with a warning. Users of the fit are ranked by their history in the fit and the
        given rows in the sources, other users by the given rows in the sources alone. Both ways of splitting
        therefore work in a grid search: over users (a panel), or over rows (a frame). With several targets,
        the result is the mean over the targets, with each category ranked separately. Twins are treated like
        other items.
        """
        check_fitted(self, "targets_")
        found = []
        for state in self.targets_.values():
            truth, histories = held_out(state, self.panel_, panel)
            best = [
                state.scorer.top_items(part, min(10, len(state.items)), Filters())[0]
                for _, part in chunks(histories, truth.shape[0])
            ]
            # No user to judge is NaN, not 0: a grid search must not take it for a bad model.
            values = ndcg(np.concatenate(best), truth, 10) if best else np.array([np.nan])
            found.append(float(np.nanmean(values)))
        return float(np.nanmean(found))

    def set_item_groups(self, table: Frame, category: str | None = None) -> Self:
        """Set labels of items, such as brands and genres, for lists; earlier labels are replaced.

        The model does not learn from labels: they can be set before or after saving and loading, and are
        saved with the model. ``per_group``, ``calibrate`` and ``diversity`` of :meth:`recommend` refer to
        them by column name.

        Parameters
        ----------
        table : frame
            A column item_id, and columns of labels: text, numbers or booleans. Several labels of an item are
            a list, or text separated by ``|``. With a column category, each row belongs to an item of that
            category. Unknown items are left out.
        category : category, optional
            The category of all items, instead of a column; None for every category that has the item id.

        Returns
        -------
        self

        Raises
        ------
        InvalidDataError
            If there is no column of ids or of labels, or no item is known.
        UnknownCategoryError
            If there is no such category.

        Examples
        --------
        >>> import pandas as pd
        >>> import tastebridge as tb
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=200, n_items=40)
        >>> films = panel["films"].items.ids
        >>> table = pd.DataFrame({"item_id": films, "studio": [f"studio {name[-1]}" for name in films]})
        >>> model = tb.Popularity("films").fit(panel).set_item_groups(table)
        >>> found = model.recommend(panel.users.ids[:1], n=5, per_group={"studio": 1})
        >>> found["item_id"].str[-1].nunique()
        5
        """
        check_fitted(self, "targets_")
        # of all categories that any target reads: histories of sources are labelled too
        groups = read_item_groups(table, encoder_of(self).items, category)
        states = {
            name: replace(state, tables={**state.tables, GROUPS: groups})
            for name, state in self.targets_.items()
        }
        return self._keep(states, self.panel_, self.joint_)

    @steady
    def save(
        self,
        path: str | Path,
        with_users: bool = False,
        *,
        key: Key | bytes | None = None,
        pseudonyms: Key | bytes | None = None,
        updatable: bool = False,
        name: str | None = None,
    ) -> None:
        """Write the fitted model to a folder; :func:`tastebridge.load` restores it exactly.

        Parameters
        ----------
        path : str or Path
            A new or empty folder, or the folder of a saved model, which is replaced in one step.
        with_users : bool, default=False
            Whether to save the users of the fit and their histories. Otherwise the files contain no users,
            and the loaded model supports :meth:`recommend_from`. ``evidence_``, which has values per user,
            and the rows dropped by cleaning are never saved.
        key : Key or bytes, optional
            Encrypt the files with AES-256-GCM; see :mod:`tastebridge.privacy`. The number and the sizes of
            the files stay visible.
        pseudonyms : Key or bytes, optional
            With users: store them under pseudonyms of this key
            (:func:`tastebridge.privacy.pseudonymize`). The loaded model knows users by their pseudonyms.
        updatable : bool, default=False
            Whether an :class:`tastebridge.InterestMapper` keeps its sufficient statistics, so that the loaded
            model can be updated and can forget users. With users it always keeps them. They are sums over
            users, including the number of users of each item pair: a count of 1 comes from a single user.
        name : str, optional
            Bind the model to a name that :func:`tastebridge.load` can request, so that no other model saved
            with the same key can be loaded in its place. With a key, the name is encrypted too.

        Raises
        ------
        ModelFileError
            If ``path`` holds anything other than a model, or cannot be written.
        InvalidParameterError
            If a parameter is neither a plain value nor an estimator of this package.
        MissingDependencyError
            If a key is given and ``cryptography`` is not installed.
        """
        check_fitted(self, "targets_")
        parts = persist.Saved(
            type(self).__name__, self.get_params(deep=False), self.targets_, self.joint_, self.panel_
        )
        options = persist.SaveOptions(with_users, key, pseudonyms, updatable, name)
        persist.save(parts, path, options)

    def update(self, events: Events) -> Self:
        """Refuse: only :class:`tastebridge.InterestMapper` adds events without a refit."""
        raise InvalidParameterError(self._refit_needed("take events in", "with them"))

    def forget(self, user_ids: Ids) -> object:
        """Refuse: only :class:`tastebridge.InterestMapper` forgets users without a refit."""
        raise InvalidParameterError(self._refit_needed("forget users", "on a panel without them"))

    def _refit_needed(self, what: str, how: str) -> str:
        return f"{with_article(self)} cannot {what} without a refit. Fit it again, {how}."

    def _read(self, events: Events) -> Panel:
        """Discard the last fit, and return the panel of the events."""
        # a refit keeps no attribute of the fit before
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)
        return read_events(events, self.event_weights, self.policy)

    def _keep(
        self, targets: dict[str, FittedState], panel: Panel | None, joint: MultiTarget | None = None
    ) -> Self:
        """Set the parts of a fit or of a loaded model."""
        put(self, {"targets_": targets, "joint_": joint, "panel_": panel})
        return self

    def _like(
        self, targets: dict[str, FittedState], panel: Panel | None, joint: MultiTarget | None = None
    ) -> Self:
        """Return a recommender with the same parameters and other parts; encrypted if this one is."""
        other = clone(self)._keep(targets, panel, joint)
        if getattr(self, ENCRYPTED, False):
            setattr(other, ENCRYPTED, True)
        return other

    def _state(self, verb: str, category: str | None = None, item_id: Id | None = None) -> FittedState:
        """Return the state of a category: the only one, the one named, or the category of an item."""
        check_fitted(self, "targets_")
        if category is not None:
            return self.targets_[check_category("category", category, self.targets_)]
        if item_id is not None and len(self.targets_) > 1:
            known = {name: state.items for name, state in self.targets_.items()}
            return self.targets_[list(known)[int(categories_of([item_id], known, "error")[0])]]
        if len(self.targets_) > 1:
            raise InvalidParameterError(
                f"{verb} is about one category, and this mapper recommends in "
                f"{', '.join(map(repr, self.targets_))}. Name one: category={next(iter(self.targets_))!r}."
            )
        return next(iter(self.targets_.values()))

    def _known(self) -> Panel:
        """Return the users of the fit."""
        check_fitted(self, "targets_")
        if self.panel_ is None:
            raise InvalidDataError(
                f"this {type(self).__name__} was loaded without users. Use recommend_from(history), or save "
                "it with save(path, with_users=True)."
            )
        return self.panel_

    def _users(self, user_ids: Ids | None, missing: str) -> tuple[NDArray[np.int64], np.ndarray]:
        """Return numbers (-1 for unknown users, if allowed) and ids."""
        check_choice("missing", missing, ("error", "skip", "popular"))
        return users_asked_for(self._known().users, user_ids, missing)

    def _rows(self, state: FittedState, users: NDArray[np.int64]) -> Rows:
        """Return the weighted rows of users of the fit; empty ones for the number -1."""
        return state.encoder.rows_of(self._known(), users)

    def _pair_rows(self, state: FittedState, users: NDArray[np.int64]) -> Rows:
        """Return the rows that :meth:`predict` scores by."""
        return self._rows(state, users)

    def _fold_in(self, state: FittedState, history: Events, missing: str) -> tuple[Panel, Rows]:
        """Return the panel of the given histories, and its weighted rows."""
        check_choice("missing", missing, ("error", "skip"))
        return state.encoder.fold_in(history, missing)


def encoder_for(recommender: Recommender, panel: Panel, weighting: Weighting | None = None) -> HistoryEncoder:
    """Return the encoder of a panel; ``weighting`` replaces the parameter of this name."""
    given = recommender.weighting if weighting is None else weighting
    chosen = Weighting("binary")
    if given is not None:
        chosen = clone(check_type("weighting", given, Weighting, 'Weighting("log")'))
    return HistoryEncoder.of(panel, chosen, recommender.event_weights, recommender.policy)


def restored(recommender: RecommenderT, saved: persist.Saved) -> RecommenderT:
    """Return a recommender with its saved parts; frames are read by its own parameters."""
    # these are parameters of the recommender, and no part of a saved encoder
    given: dict[str, Any] = {"event_weights": recommender.event_weights, "policy": recommender.policy}
    joint = saved.joint
    if joint is not None:
        joint = replace(joint, encoder=replace(joint.encoder, **given))
    targets = {
        name: replace(state, encoder=replace(state.encoder, **given)) for name, state in saved.targets.items()
    }
    recommender.targets_, recommender.joint_, recommender.panel_ = targets, joint, saved.panel
    return recommender


def _with_vectors(recommender: Recommender, state: FittedState) -> LinearModel:
    """Return the model if it has vectors."""
    if not isinstance(state.scorer.model, LinearModel):
        raise InvalidParameterError(
            f"{type(recommender).__name__} has no vectors: they would be as wide as the catalogue. Use "
            "recommend and predict, or JointALS for a baseline with vectors."
        )
    return state.scorer.model
