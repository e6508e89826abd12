"""The mapper: learns from users known in several categories, and recommends in one or several of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone

from tastebridge._foundation.validation import check_category, check_choice, check_count, check_fitted
from tastebridge._foundation.warnings import warn
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.compression import DTYPES
from tastebridge.data import ItemFeatures, Weighting
from tastebridge.data.changes import Repeats
from tastebridge.data.history_encoder import Rows
from tastebridge.data.types import Events, EventWeights, Features, Frame, Ids, ItemFilter
from tastebridge.diagnostics.confidence import LENGTHS, confidence_of
from tastebridge.diagnostics.interests import interest_of
from tastebridge.diagnostics.relatedness import described
from tastebridge.exceptions import InvalidDataError
from tastebridge.features import later_features
from tastebridge.model.blend import StackingBlend
from tastebridge.online.drift import told
from tastebridge.online.erasure import Receipt
from tastebridge.online.state import ONE_OF_SEVERAL, FittedState
from tastebridge.online.updates import Fresh, leaving, remaining, updated, with_known_items, without_users
from tastebridge.recommenders.answers import LEAVE_OUT, ListRequest, twins_shown
from tastebridge.recommenders.attributes import encoder_of, from_state, from_table
from tastebridge.recommenders.base import Recommender
from tastebridge.recommenders.compressing import Request, compressed
from tastebridge.recommenders.multi_target.lists import (
    Models,
    Order,
    Pairs,
    predict_mixed,
    recommend_mixed,
)
from tastebridge.recommenders.multi_target.multi_fit import fit_several
from tastebridge.recommenders.multi_target.targets import check_targets, targets_of
from tastebridge.recommenders.single_fit import fit_one
from tastebridge.report import write_report
from tastebridge.routes import Route


class InterestMapper(Recommender):
    """Recommends in a target category to people known from other categories.

    Several routes lead from a person's history to scores over the target's items: factors of a source mapped
    to factors of the target, links between single items, factors of all categories as one, the target's own
    factors for people who have a history there, and popularity. Their weights are learned on linked people
    whose target rows were hidden while the routes were fitted, apart for people without a history in the
    target and with one, and depend on how much is known of the person. A source that does not help out of
    fold gets weight zero. All routes are linear, so the result is one vector a person and one an item, and
    the score is their inner product.

    Parameters
    ----------
    target : str or list of str
        The category to recommend in; or several, or ``"all"``, which are fitted in one pass, sharing the
        factors of sources and folds. Lists then mix categories by the chance that an item is a person's next:
        see :meth:`recommend` and :mod:`tastebridge.recommenders.multi_target.temperature`.
    sources : list of str, optional
        The categories to learn from; None for all others.
    routes : list of Route, optional
        What to blend; None for :func:`tastebridge.fitting.default_routes.default_routes`. Popularity, among
        all and among linked people, is always there.
    n_components : int, optional
        The largest rank of the default routes; None for 128, or less where the data allow less.
    weighting : Weighting, optional
        How events count; None for ``Weighting("binary")``. Pass one to search over its parameters, as in
        ``GridSearchCV(InterestMapper("films", weighting=Weighting()), {"weighting__scheme": ["log"]})``.
    event_weights : mapping of event type to weight, optional
        The worth of each type of event in a frame given to ``fit`` or ``recommend_from``, as in
        :meth:`tastebridge.Panel.from_frame`; it counts where the weighting is not binary. A panel has them
        applied already.
    bridge : {"auto", "users", "items", "features"}, default="auto"
        What may join a source to the target. ``"users"``: people in both. ``"items"``: items with the same id
        in both, for people of whom none need be in both. ``"features"``: features of one name and with the
        same columns, as of :meth:`tastebridge.Panel.with_item_features`. ``"auto"``: all there are; where
        fewer than 50 people are in both, the other two, if there are any, people of the target standing in
        for people in both, half of their items seen as if from the source; then no verdict is given, and what
        the few people in both show counts as one more route (:mod:`tastebridge.fitting.few_overlap`). Where
        there is nothing at all, everybody gets what is popular, with a warning.
    recency : "auto" or list of float, optional
        Half-lives in days to try, after which an event counts half; ``"auto"`` for a half, an eighth and a
        thirtieth of the time the data cover. They are judged by time: on the last fifth of everybody's
        events, foretold from those before, and then on the fifth before that. The best is taken if it is
        surely better than none at both moments, judged on 50 people at least. A fit takes as many times as
        long, and one more, twice that where the first moment speaks for any. None to count all events alike,
        or as ``weighting`` says.
    blend : StackingBlend, optional
        How weights are learned; None for the listwise loss.
    time_budget : float, optional
        Seconds that factors may take, above 0: of the default routes those are taken that fit it, the most
        useful first. They are judged by the sizes of the data, not by a clock, for one core of the machine
        named in :mod:`tastebridge.fitting.cost_model`, so that the same data give the same routes anywhere.
        Judging the routes comes on top. None for all routes.
    n_folds : int, optional
        How many fifths of the linked people are hidden in turn, 1 to 5; None for as many as it takes to judge
        1,000 people; with several targets, 200 of the middle one.
    n_lists, n_negatives : int
        Held-out items the blend learns from, at most, and the other items beside each. With several targets
        each has a fourth as many of its own, and the others teach it what routes of each kind are worth.
    random_state : int, default=0
        The same seed gives the same result, whatever the number of threads.
    n_jobs : int, optional
        Threads the fit may use; None or -1 for one a core.
    verbose : bool, default=False
        Whether to show a progress bar.

    Attributes
    ----------
    model_ : LinearModel, or dict of target to LinearModel
        Routes, spaces and weights; no person.
    mappers_ : dict of target to InterestMapper
        With several targets, the fitted mapper of each, whose attributes hold for its target;
        ``transfer_`` and ``routes_`` are those of all, with a column target.
    transfer_ : DataFrame
        A row a source, for people without a history in the target, out of fold: source, linked (people),
        lift of NDCG@10 over the best that needs no source, its interval (lift_low, lift_high),
        canonical_correlation (of people, or of shared items where nobody is in both), verdict ("helps", "no
        evidence", "hurts"), kept; marginal, what NDCG@10 loses when the source is left out of all, with its
        interval (with several targets or no shared people, routes over all categories go on reading it);
        more detail; and the bridge that carries it: "users", "items", "features", several joined by
        " + ", or "".
    evidence_ : dict of {"cold", "warm"} to Evidence
        The same and more for each kind of people.
    interests_ : dict of category to arrays
        What :meth:`interests` needs, and its reliability: see :mod:`tastebridge.diagnostics.interests`.
    routes_ : DataFrame
        A row a route: its name, mean weight for cold and for warm people, and what bridges from its sources
        to the target: people in both ("users"), a common space of features ("features"), or nothing ("").
    ledger_ : ModelStatistics
        What :meth:`update` and :meth:`forget` need: sums over people, and no single one.
    recency_ : DataFrame
        With ``recency``, a row a half-life: see :func:`tastebridge.recommenders.time_decay.choose_half_life`.
    drift_ : DataFrame
        What :meth:`drift` needs: sums over events.
    confidence_, directions_, findings_
        What :meth:`confidence`, :meth:`explain_map` and :meth:`report` need.

    Raises
    ------
    UnknownCategoryError
        If the target or a source is not in the panel.
    NoLinkedUsersError
        With ``bridge="users"``, if no source shares anybody with the target.
    InvalidParameterError, InvalidDataError
        If a parameter or the data cannot be used.

    References
    ----------
    T. Man et al., "Cross-domain recommendation: an embedding and mapping approach", IJCAI (2017).
    D. H. Wolpert, "Stacked generalization", Neural Networks 5 (1992).

    Examples
    --------
    >>> from tastebridge import InterestMapper
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=400, n_items=60, random_state=0)
    >>> mapper = InterestMapper(target="films").fit(panel)
    >>> readers = panel.users_without("films")[:2]
    >>> mapper.recommend(readers, n=3).columns.tolist()
    ['user_id', 'item_id', 'score', 'rank']

    Several targets at once, each person's likeliest category first:

    >>> both = InterestMapper(target=["films", "books"]).fit(panel)
    >>> both.recommend(readers, n=3, by="category", n_categories=1).columns.tolist()
    ['user_id', 'item_id', 'category', 'score', 'rank']
    """

    transfer_ = from_table("transfer_", "One row per source, and whether it helps.")
    routes_ = from_table("routes_", "One row per route, and its mean weights.")
    recency_ = from_table("recency_", "One row per half-life that was tried.")
    drift_ = from_table("drift_", "Sums over events, for :meth:`drift`.")
    directions_ = from_table("directions_", "The directions of :meth:`explain_map`; items by number.")
    compression_ = from_table("compression_", "The cost of compressing, one row per segment.")

    @property
    def twins_(self) -> pd.DataFrame:
        """Items of the target that are source items under another id, one row per pair.

        source, source_item, item, users (in common), jaccard; with several targets a column target. See
        :mod:`tastebridge.routes.twins`.
        """
        check_fitted(self, "targets_")
        parts = [twins_shown(state) for state in self.targets_.values()]
        if self.joint_ is None:
            return parts[0]
        named = [part.assign(target=name) for name, part in zip(self.targets_, parts, strict=True)]
        return pd.concat(named, ignore_index=True)

    evidence_ = from_state(lambda state: state.evidence, "Out-of-fold scores by segment.")
    findings_ = from_state(lambda state: state.findings or None, "Tables for reports and model cards.")
    confidence_ = from_state(lambda state: state.confidence, "The calibrations of :meth:`confidence`.")
    interests_ = from_state(lambda state: state.interests, "The models of :meth:`interests`.", "interests")
    ledger_ = from_state(lambda state: state.statistics, "The sums that :meth:`update` changes.")

    def __init__(
        self,
        target: str | list[str],
        sources: list[str] | None = None,
        routes: list[Route] | None = None,
        n_components: int | None = None,
        weighting: Weighting | None = None,
        event_weights: EventWeights | None = None,
        recency: str | list[float] | None = None,
        bridge: str = "auto",
        blend: StackingBlend | None = None,
        time_budget: float | None = None,
        n_folds: int | None = None,
        n_lists: int = 3000,
        n_negatives: int = 100,
        random_state: int = 0,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        self.target = target
        self.sources = sources
        self.routes = routes
        self.n_components = n_components
        self.weighting = weighting
        self.event_weights = event_weights
        self.recency = recency
        self.bridge = bridge
        self.blend = blend
        self.time_budget = time_budget
        self.n_folds = n_folds
        self.n_lists = n_lists
        self.n_negatives = n_negatives
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.verbose = verbose

    @property
    def mappers_(self) -> dict[str, InterestMapper]:
        """With several targets, a mapper of each; they share everything and cost nothing."""
        check_fitted(self, "targets_")
        if self.joint_ is None:
            raise AttributeError("a mapper of one target has no mappers_")
        return {name: self._one(name) for name in self.targets_}

    def fit(self, panel: Events, y: None = None) -> Self:
        """Learn from a panel, or from a frame of events as :meth:`tastebridge.Panel.from_frame` takes it."""
        panel = self._read(panel)
        targets = targets_of(self.target, panel)
        if targets is None:
            panel, state, message = fit_one(self, panel)
            messages, joint, states = [message] if message else [], None, {state.target: state}
        else:
            with one_blas_thread():
                panel, states, joint, messages = fit_several(self, panel, targets)
        self._keep(states, panel, joint)
        for message in messages:
            warn(message)
        return self

    def recommend(
        self,
        user_ids: Ids | None = None,
        n: int = 10,
        *,
        categories: str | Sequence[str] | None = None,
        by: str = "score",
        n_categories: int | None = None,
        allow: ItemFilter | None = None,
        deny: ItemFilter | None = None,
        missing: str = "error",
        twins: str = LEAVE_OUT,
    ) -> pd.DataFrame:
        """Recommend items of the target, or of several targets, to people of the fit.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            For whom, each person once; None for everybody.
        n : int, default=10
            Items a person gets, at most; with ``by="category"`` in each category. Where fewer are left they
            get fewer, and a warning says so.
        categories : category or list of them, optional
            Among which of the targets; None for all.
        by : {"score", "category"}, default="score"
            What comes first in the list of a mapper of several targets: the likeliest items of all, or those
            of the category that most likely comes next for the person, then those of the second, and so on.
        n_categories : int, optional
            With ``by="category"``, only each person's likeliest categories, so many.
        allow, deny : list of item ids, or frame of user_id and item_id, optional
            Only these items, or all but these: for everybody, or (a frame) for the person of the row. With
            ``allow`` as a frame a person without a row in it gets nothing.
        missing : {"error", "skip", "popular"}, default="error"
            What to do with people the model does not know: refuse, leave them out of the answer, or
            recommend what is popular. With ``"error"`` unknown items in ``allow`` or ``deny`` are refused
            too, otherwise passed over.
        twins : {"leave out", "keep"}, default="leave out"
            What to do with items that are products the user has already under another id: see
            :mod:`tastebridge.routes.twins` and ``twins_``.

        Returns
        -------
        DataFrame
            user_id, item_id, score, rank (from 1), in the order of ``user_ids``, best first; of equal scores
            the item that comes first in :meth:`item_vectors`. Never an item the person already has. With
            several targets there is a column category, and the score is the chance (0 to 1) that the item is
            the person's next event, which can be compared between categories and people.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if a person or item is not known.
        UnknownCategoryError
            If a category is not a target.
        InvalidDataError
            If a person is asked for twice, or the model holds no people.
        """
        order = self._order(categories, n, by, n_categories)
        if self.joint_ is None:
            return super().recommend(user_ids, n, allow=allow, deny=deny, missing=missing, twins=twins)
        users, ids = self._users(user_ids, missing)
        rows = self.joint_.encoder.rows_of(self._known(), users)
        return recommend_mixed(self._models(), order, rows, ids, ListRequest(n, allow, deny, missing, twins))

    def recommend_from(
        self,
        history: Events,
        n: int = 10,
        *,
        categories: str | Sequence[str] | None = None,
        by: str = "score",
        n_categories: int | None = None,
        allow: ItemFilter | None = None,
        deny: ItemFilter | None = None,
        missing: str = "skip",
        twins: str = LEAVE_OUT,
    ) -> pd.DataFrame:
        """Recommend to people by a history given now, whether the model has seen them or not; no refit.

        Parameters
        ----------
        history : Panel or frame
            Their events, as for :meth:`tastebridge.Panel.from_frame`, in sources, target or both.
        n, categories, by, n_categories, allow, deny, twins
            As in :meth:`recommend`.
        missing : {"skip", "error"}, default="skip"
            What to do with events of items or categories the model does not know: pass over with a warning,
            or refuse. A person of whom nothing known is left gets what is popular.

        Returns
        -------
        DataFrame
            As of :meth:`recommend`, people in ascending order of their ids.
        """
        order = self._order(categories, n, by, n_categories)
        if self.joint_ is None:
            return super().recommend_from(history, n, allow=allow, deny=deny, missing=missing, twins=twins)
        check_choice("missing", missing, ("error", "skip"))
        panel, rows = self.joint_.encoder.fold_in(history, missing)
        request = ListRequest(n, allow, deny, missing, twins)
        return recommend_mixed(self._models(), order, rows, panel.users.ids, request)

    def predict(self, pairs: Frame, *, missing: str = "error") -> NDArray[np.float32]:
        """Return the score of every pair of a person of the fit and a target item.

        Scores can be compared within a person and between people; higher is better. They are those of
        :meth:`recommend`, bit by bit; with several targets, chances. That of an item the person has is what
        it would be beside those they do not have.

        Parameters
        ----------
        pairs : frame
            Columns user_id and item_id; with several targets also category, where an id is an item of two.
        missing : {"error", "nan"}, default="error"
            What to do with pairs of an unknown person or item.

        Returns
        -------
        ndarray of shape (n_pairs,)
        """
        check_fitted(self, "targets_")
        if self.joint_ is None:
            return super().predict(pairs, missing=missing)
        check_choice("missing", missing, ("error", "nan"))
        models = self._models()
        return predict_mixed(models, self._known(), Pairs.of(pairs, models.items, missing), missing)

    def interests(self, user_ids: Ids | None = None, *, missing: str = "error") -> pd.DataFrame:
        """Say how strongly people of the fit lean to each category.

        The probability that a person with these histories elsewhere is active in the category, calibrated out
        of fold; what they did in the category itself is not looked at. See
        :mod:`tastebridge.diagnostics.interests`.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            For whom, each person once; None for everybody.
        missing : {"error", "skip", "popular"}, default="error"
            What to do with people the model does not know: refuse, leave them out, or say what holds of
            people in general.

        Returns
        -------
        DataFrame
            user_id, category, interest (0 to 1): a row a person and category, in the order of ``user_ids``.
        """
        users, ids = self._users(user_ids, missing)
        return _interest_table(self, ids, encoder_of(self).rows_of(self._known(), users))

    def interests_from(self, history: Events, *, missing: str = "skip") -> pd.DataFrame:
        """Say how strongly people with a history given now lean to each category; see :meth:`interests`.

        Parameters
        ----------
        history, missing
            As for :meth:`recommend_from`.
        """
        check_fitted(self, "targets_")
        check_choice("missing", missing, ("error", "skip"))
        panel, histories = encoder_of(self).fold_in(history, missing)
        return _interest_table(self, panel.users.ids, histories)

    def explain_map(self, source: str | None = None, *, category: str | None = None) -> pd.DataFrame:
        """Tell which directions of taste carry over from a source to the target, by the items at both ends.

        "People who lean to these items there lean to those here": the canonical directions between the
        factors of the linked people, those whose correlation among people outside of the fit is above zero.

        Parameters
        ----------
        source : str, optional
            A category the mapper learned from; None for all.
        category : category, optional
            Which target, where there are several.

        Returns
        -------
        DataFrame
            source, direction (from 1), correlation (out of fold) with its 95 % interval (low, high), end
            ("high" or "low"), category (the source or the target), rank, item_id, name (None without names)
            and loading, the correlation of having the item with the direction: a row an item, the eight that
            load most. Those who take the high items of the source take the high items of the target. No rows
            where nothing carries over.

        Raises
        ------
        UnknownCategoryError
            If the mapper did not learn from the source.

        References
        ----------
        H. Hotelling, "Relations between two sets of variates", Biometrika 28 (1936).
        """
        state = self._state("explain_map", category)
        table = state.tables["directions_"]
        if source is not None:
            check_category("source", source, [name for name in state.encoder.items if name != state.target])
            table = table[table["source"] == source].reset_index(drop=True)
        return described(table, state.encoder.items, state.item_names)

    def confidence(
        self, user_ids: Ids | None = None, n: int = 10, *, missing: str = "error", category: str | None = None
    ) -> pd.DataFrame:
        """Say how likely the list of ``n`` recommendations to people of the fit holds at least one hit.

        The probability is calibrated out of fold. For people without a history in the target a hit is any of
        the items such people take there, for the others the one they take next: see
        :mod:`tastebridge.diagnostics.confidence`.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            For whom, each person once; None for everybody.
        n : int, default=10
            Length of the list, 1 to 50.
        missing : {"error", "skip", "popular"}, default="error"
            As in :meth:`recommend`.
        category : category, optional
            Which target, where there are several.

        Returns
        -------
        DataFrame
            user_id, confidence (0 to 1; NaN where there was nobody to learn from), in the order of
            ``user_ids``.
        """
        state = self._state("confidence", category)
        users, ids = self._users(user_ids, missing)
        return _confidence_table(state, ids, self._rows(state, users), n)

    def confidence_from(
        self, history: Events, n: int = 10, *, missing: str = "skip", category: str | None = None
    ) -> pd.DataFrame:
        """Say how likely lists for histories given now hold a hit; see :meth:`confidence`.

        Parameters
        ----------
        history, missing
            As for :meth:`recommend_from`.
        n : int, default=10
            Length of the list, 1 to 50.
        category : category, optional
            Which target, where there are several.
        """
        state = self._state("confidence_from", category)
        panel, histories = self._fold_in(state, history, missing)
        return _confidence_table(state, panel.users.ids, histories, n)

    def compress(
        self,
        n_components: int | None = None,
        dtype: str = "float16",
        *,
        events: Events | None = None,
        random_state: int = 0,
    ) -> Self:
        """Return a smaller mapper that ranks nearly as this one, and say what is lost; this one stays.

        Vectors become ``n_components`` wide by a singular value decomposition of the item matrix in the
        metric of *people's scores*, so that what is lost is what people's scores show least of. Spaces of
        single links, whose spectrum is flat, get half of the components, in which every link has a direction
        of its own, nearly orthogonal to all others. The projection goes into the maps of the routes: a
        history is folded in to the narrow vector at once, scores are inner products as before, and
        contributions of :meth:`explain` sum to the scores of the smaller model. See
        ``tastebridge/compression``.

        Both models are judged on the same people. Those of the fit, some of whose rows in the target are
        hidden from their histories now, though they were not hidden from the fit: the level is too high, and
        what counts is the loss. With ``events`` both are held-out figures.

        Parameters
        ----------
        n_components : int, optional
            Width of the vectors, at least 2 and below the present one; None to keep it.
        dtype : {"float16", "int8", "float32"}, default="float16"
            What a saved model holds its matrices in: float16 and int8 with a scale for every row. They are
            computed with in float32.
        events : Panel or frame, optional
            Held-out events, as :meth:`score` takes them. They are needed where the mapper was loaded without
            people; half of the people then show what is to be kept, and the other half what is lost.
        random_state : int, default=0

        Returns
        -------
        InterestMapper
            With ``compression_``, a frame of a row a kind of people (segment): people, ndcg_before and ndcg
            (@10), loss with its 95 % interval (loss_low, loss_high), overlap (the share of the ten items of a
            list that stay), judged_on, components_before, components, dtype, bytes_before, bytes (of the
            model's arrays in a file). All else it knows of itself is of the mapper before. It cannot be
            updated: update the mapper before and compress it again.

        Raises
        ------
        InvalidParameterError
            If a parameter is out of range.
        InvalidDataError
            If there is nobody to judge on.

        Examples
        --------
        >>> from tastebridge import InterestMapper
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=400, n_items=60, random_state=0)
        >>> small = InterestMapper(target="films").fit(panel).compress(16, "int8")
        >>> small.item_vectors().vectors.shape[1]
        16
        >>> bool((small.compression_["bytes"] < small.compression_["bytes_before"] / 2).all())
        True
        """
        check_fitted(self, "targets_")
        check_choice("dtype", dtype, tuple(DTYPES))
        seed = check_count("random_state", random_state, 0)
        request = Request(n_components, dtype, events, seed)
        states = {name: compressed(state, self.panel_, request) for name, state in self.targets_.items()}
        return clone(self)._keep(states, self.panel_, self.joint_)

    def report(
        self,
        path: str | Path,
        events: Events | None = None,
        people: int = 300,
        *,
        category: str | None = None,
    ) -> Path:
        """Write a report to one HTML file; see :func:`tastebridge.report.write_report` for parameters.

        With users in memory, as after a fit, some can be looked up in it; ``people=0`` leaves them out. With
        several targets ``category`` names the one to report on.
        """
        state = self._state("report", category)
        return write_report(self._one(state.target) if self.joint_ else self, path, events, people)

    def update(
        self,
        events: Events | None = None,
        *,
        features: Features | None = None,
        before: Events | None = None,
        repeats: Repeats = "sum",
        missing: str = "skip",
    ) -> Self:
        """Take fresh events in: of people of the fit and of new ones, of known items and of new ones.

        What the people of the events added to the sums of the model is taken out and what they add now is put
        in; then the maps, the links between items and the popularity are made anew. The result is that of
        sums over all people anew, with the same item factors, bit for bit. It takes a second for a thousand
        people in a million.

        **What stays as it was**: the factors of the items and with them the routes within the target and over
        all categories at once, for which a fresh history is folded in; the weights of the routes; the
        statistics of the weighting; what the mapper says of itself (``transfer_``, :meth:`interests`,
        :meth:`confidence`, the report). A new item gets factors by a fold-in of the item side, from those
        who took it now, and keeps them. :meth:`drift` says when a refit pays.

        **Features of new items** are read as those of the fit were, so that an item can be recommended that
        nobody has taken: its factors are those the regression of the fit predicts, and the routes over
        features reach it. When four people take it for the first time, all in one update, it goes over to
        the factors these give it, and what was predicted is dropped; with fewer, who say less, its features
        tell it until the next fit, and of its popularity the larger of what is counted and predicted. A model
        fitted without features takes none in, with a warning. The features of items the model knows stay as
        they are; a warning tells of how many others came.

        Parameters
        ----------
        events : Panel or frame, optional
            The fresh events, as for :meth:`tastebridge.Panel.from_frame`; of each person only what is new.
            None where nothing but new items came.
        features : mapping of category to mapping of name to ItemFeatures or frame, optional
            What describes new items, of the names and with the columns of the fit; a frame has a column
            item_id. Items may have no events, and some of the names only. Features that a panel of events
            carries are taken too.
        before : Panel or frame, optional
            For a model that was loaded without its people: all events so far, those the model learned from,
            of the people in ``events``. Whoever is not in it is new. Events of other people are passed over.
        repeats : {"sum", "max", "last"}, default="sum"
            The weight of a person and an item that met before, as in :class:`tastebridge.CleaningPolicy`.
        missing : {"skip", "error"}, default="skip"
            What to do with events in categories the model does not know: pass over, or refuse.

        Returns
        -------
        self
            Changed in whole, or, after an error, not at all.

        Raises
        ------
        InvalidDataError
            If the model has no ledger, ``before`` holds what the model cannot have learned from, times are
            missing that the model needs, or features are not of the names and columns of the fit.
        InvalidParameterError
            If ``before`` is given though the model knows its people, or there is nothing to take in.

        References
        ----------
        G. Takács et al., "Scalable collaborative filtering approaches for large recommender systems", JMLR 10
        (2009), for folding in. J. Vinagre et al., "Fast incremental matrix factorization for recommendation
        with positive-only feedback", UMAP (2014), for the setting.

        Examples
        --------
        >>> import pandas as pd
        >>> import tastebridge as tb
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=400, n_items=60)
        >>> mapper = tb.InterestMapper("films").fit(panel)
        >>> rows = [(1000, "books:01", "books"), (1000, "a new film", "films")]
        >>> events = pd.DataFrame(rows, columns=["user_id", "item_id", "category"])
        >>> mapper = mapper.update(events)
        >>> 1000 in mapper.panel_.users, "a new film" in mapper.items_["films"]
        (True, True)

        Films that come with features, before anybody has taken them:

        >>> length = np.random.default_rng(0).normal(100, 20, len(panel["films"].items))
        >>> seen = pd.DataFrame({"item_id": panel["films"].items.ids, "minutes": length})
        >>> mapper = tb.InterestMapper("films").fit(panel.with_item_features("films", seen, name="length"))
        >>> more = pd.DataFrame({"item_id": ["a premiere"], "minutes": [95.0]})
        >>> mapper = mapper.update(features={"films": {"length": more}})
        >>> len(mapper.recommend(panel.users.ids[:5], n=1, allow=["a premiere"]))
        5
        """
        check_choice("repeats", repeats, ("sum", "max", "last"))
        check_choice("missing", missing, ("skip", "error"))
        state = self._updatable()
        fresh = Fresh(events, features, before, repeats, missing)
        state, panel = updated(state, self.panel_, fresh, self.random_state)
        return self._keep({state.target: state}, panel)

    def read_features(
        self, tables: Mapping[str, Frame], item_column: str | None = None
    ) -> dict[str, dict[str, ItemFeatures]]:
        """Return the features of tables of new items, in the spaces of the fit, for :meth:`update`.

        The words, tags and numbers of a table are read as those the fit's features were made of, by
        :func:`tastebridge.features.table_features` or the functions it calls: see
        :func:`tastebridge.features.later_features`.

        Parameters
        ----------
        tables : mapping of category to frame
            A row an item, columns called as the features of the fit.
        item_column : str, optional
            The column of ids.

        Raises
        ------
        InvalidDataError
            If the model was fitted without features, or a column is not one of theirs.
        """
        state = self._updatable()
        arrivals = state.updatable().arrivals
        if arrivals is None:
            raise InvalidDataError(
                "the model keeps no item features: it was fitted without any, or saved by an older version "
                "of tastebridge. Fit it again, on a panel with item features."
            )
        for category in tables:
            check_category("the category of a table of items", category, state.encoder.items)
        return later_features(tables, arrivals.kinds, item_column)

    def forget(
        self,
        user_ids: Ids,
        *,
        before: Events | None = None,
        refit_items: bool = False,
        missing: str = "error",
    ) -> Receipt:
        """Forget people: what they added to the model is taken out of it, and their histories are dropped.

        Afterwards no id and no row of theirs is in any stored array, and the sums, and the maps, links and
        popularity made from them, are those of a fit without them with the same item factors, bit for bit:
        all of them are sums of whole numbers (:mod:`tastebridge.routes.exact`). What is kept to give new
        items factors, ``user_gram_``, is that without them up to the rounding of float64.

        **What the model still owes to them**, as it does to each of the people of the fit, and which
        ``refit_items=True`` takes away: the factors of the items, the weights of the routes, the statistics
        of the weighting, the calibration of :meth:`interests` and :meth:`confidence`, and the tables of the
        report, and the ids of items that nobody else took: a refit keeps such an item only if features
        describe it. Panels, files and copies elsewhere are the caller's.

        Parameters
        ----------
        user_ids : list or column of ids
            Whom to forget, each person once.
        before : Panel or frame, optional
            For a model that was loaded without its people: all events of these people that the model learned
            from. They must be just those: the model cannot know, and refuses only what is impossible.
        refit_items : bool, default=False
            Whether to fit again without them. It takes as long as the fit; the model must know its people.
        missing : {"error", "skip"}, default="error"
            What to do with people the model does not know.

        Returns
        -------
        Receipt
            What was removed, and what is still owed. It is not kept in the model.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if a person is not known.
        InvalidDataError
            If nobody would be left, or ``before`` holds what the model cannot have learned from.

        Examples
        --------
        >>> import tastebridge as tb
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=400, n_items=60)
        >>> mapper = tb.InterestMapper("films").fit(panel)
        >>> receipt = mapper.forget(panel.users.ids[:2])
        >>> len(receipt.user_ids), len(mapper.panel_)
        (2, 398)
        """
        check_choice("missing", missing, ("error", "skip"))
        check_choice("refit_items", refit_items, (True, False))
        state = self._updatable()
        gone = leaving(state, self.panel_, user_ids, before, missing)
        if refit_items:
            fitted = clone(self).fit(with_known_items(remaining(self._known(), gone)))
            self._keep(fitted.targets_, fitted.panel_)
        else:
            state, panel = without_users(state, self.panel_, gone)
            self._keep({state.target: state}, panel)
        return Receipt.of(gone, self._updatable().updatable(), refit_items)

    def drift(self) -> pd.DataFrame:
        """Say how far events have drifted from the factors of the items, and whether a refit pays.

        Factors stay those of the fit while events come in by :meth:`update`. Whether they still tell what
        people take is measured on each fresh event before it is learned from: see
        :mod:`tastebridge.online.drift`.

        Returns
        -------
        DataFrame
            A row a category: category, events (fresh since the fit), growth (their share of the pairs of the
            fit), new_items (the share of them on items the fit did not know), agreement_at_fit (out of
            sample; 0.5 is chance) and agreement (of the fresh events), lost (the share of what the factors
            told beyond chance that is lost) with its 95 % interval (lost_low, lost_high), and verdict: "a
            refit pays" where a quarter is surely being lost or a tenth of the events are of new items, "no
            need of a refit", or "too few events", below 100.

        Examples
        --------
        >>> from tastebridge import InterestMapper
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=400, n_items=60)
        >>> InterestMapper("films").fit(panel).drift()["verdict"].tolist()
        ['too few events', 'too few events']
        """
        state = self._updatable() if getattr(self, "joint_", None) is not None else self._state("drift")
        if state.no_statistics == ONE_OF_SEVERAL:
            state.updatable()
        if "drift_" not in state.tables:
            raise InvalidDataError(
                "this model was saved by a version of tastebridge that did not measure drift. Fit it again."
            )
        return told(state.tables["drift_"])

    def _one(self, target: str) -> InterestMapper:
        """Return the mapper of one of several targets."""
        state, panel = self.targets_[target], self.panel_
        if panel is not None and len(state.encoder.items) < len(panel.categories):
            panel = panel.select(list(state.encoder.items))
        return clone(self).set_params(target=target)._keep({target: state}, panel)

    def _updatable(self) -> FittedState:
        """Return the one state that can be updated."""
        check_fitted(self, "targets_")
        if self.joint_ is not None:
            raise InvalidDataError(ONE_OF_SEVERAL)
        state = next(iter(self.targets_.values()))
        state.updatable()
        return state

    def _models(self) -> Models:
        """Return what scores users in several categories."""
        return Models(self.targets_, self.joint_)  # type: ignore[arg-type]

    def _order(
        self, categories: str | Sequence[str] | None, n: int, by: str, n_categories: int | None
    ) -> Order:
        """Return how lists are made."""
        check_fitted(self, "targets_")
        return Order(
            check_targets("categories", categories, list(self.targets_)), n, by, n_categories
        ).check()


def _interest_table(mapper: InterestMapper, ids: np.ndarray, histories: Rows) -> pd.DataFrame:
    """Return user_id, category and interest: one row per user and category."""
    values = interest_of(mapper.interests_, histories)
    columns = {
        "user_id": np.repeat(ids, values.shape[1]),
        "category": np.tile(np.array(list(mapper.interests_), dtype=object), len(ids)),
        "interest": values.ravel(),
    }
    return pd.DataFrame(columns)


def _confidence_table(state: FittedState, ids: np.ndarray, histories: Rows, n: int) -> pd.DataFrame:
    """Return user_id and confidence."""
    n = check_count("n", n, 1, LENGTHS[-1])
    values = confidence_of(state.confidence or {}, state.scorer.model, histories, n)
    return pd.DataFrame({"user_id": ids, "confidence": values})
