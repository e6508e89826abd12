"""The main estimator: learns from users of several categories and recommends in one or several targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from tastebridge._foundation.validation import check_category, check_choice, check_count, check_fitted
from tastebridge._foundation.warnings import warn
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.data import ItemFeatures, Weighting
from tastebridge.data.changes import Repeats
from tastebridge.data.history_encoder import Rows
from tastebridge.data.types import Events, EventWeights, Features, Frame, Id, Ids, ItemFilter
from tastebridge.diagnostics.confidence import LENGTHS, confidence_of
from tastebridge.diagnostics.interests import interest_of
from tastebridge.diagnostics.relatedness import described
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors import PretrainedFactors
from tastebridge.features import later_features
from tastebridge.model.blend import StackingBlend
from tastebridge.model.list_rules import ListOptions, ListRules
from tastebridge.online.drift import drift_report
from tastebridge.online.erasure import Receipt
from tastebridge.online.state import GROUPS, ONE_OF_SEVERAL, FittedState
from tastebridge.online.updates import Fresh, leaving, remaining, updated, with_known_items, without_users
from tastebridge.recommenders.answers import ListRequest, explanation, recommendations, twins_shown
from tastebridge.recommenders.asking import KINDS, SCREEN, Answers, answered, questions, screen
from tastebridge.recommenders.attributes import encoder_of, from_state, from_table
from tastebridge.recommenders.base import Recommender
from tastebridge.recommenders.compressing import Request, compressed
from tastebridge.recommenders.compression import DTYPES
from tastebridge.recommenders.given_checks import models_of_one
from tastebridge.recommenders.mapped_vectors import mapped_vectors
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
from tastebridge.recommenders.steady import steady
from tastebridge.recommenders.weighting import ignored_event_weights
from tastebridge.report import write_report
from tastebridge.routes import Route
from tastebridge.routes.twins import LEAVE_OUT


class InterestMapper(Recommender):
    """Recommend in a target category to users known from other categories.

    Several routes lead from a user's history to scores of the target's items:

    - factors of a source, mapped to factors of the target;
    - links between single items;
    - joint factors of all categories;
    - the target's own factors, for users with a history there;
    - popularity.

    The weights of the routes are learned out of fold: on linked users whose target rows were hidden while the
    routes were fitted. They differ between users with and without a history in the target, and depend on the
    length of the history. A source that does not help out of fold gets weight zero. All routes are linear, so
    there is one vector per user and one per item, and the score is their inner product.

    Parameters
    ----------
    target : str or list of str
        The category to recommend in. A list, or ``"all"``, fits several targets in one pass, with shared
        source factors and folds. Lists then mix the categories by the probability that an item is the user's
        next one: see :meth:`recommend` and :mod:`tastebridge.recommenders.multi_target.temperature`.
    sources : list of str, optional
        The categories to learn from; None for all others.
    routes : list of Route, optional
        The routes to blend; None for :func:`tastebridge.fitting.default_routes.default_routes`. Popularity
        among all users, and among linked users, is always added.
    n_components : int, optional
        Maximum rank of the default routes; None for 128, or less for small data. Not with ``routes``.
    weighting : Weighting, optional
        The weights of events. None chooses a scheme out of fold if weights differ: binary, unless another is
        significantly better (:func:`tastebridge.fitting.weighting_choice.choose_weighting`). With a
        ``time_budget`` it is binary. Pass a Weighting to set it, or to search over its parameters, as in
        ``GridSearchCV(InterestMapper("films", weighting=Weighting()), {"weighting__scheme": ["log"]})``.
    event_weights : mapping of event type to weight, optional
        The weight of each type of event in a frame given to ``fit`` or ``recommend_from``, as in
        :meth:`tastebridge.Panel.from_frame`. If the weighting is binary, they have no effect, and a warning
        says so. A panel already contains the weights.
    bridge : {"auto", "users", "items", "features"}, default="auto"
        The overlap that connects a source to the target:

        - ``"users"``: users in both;
        - ``"items"``: items with the same id in both; no shared user is needed;
        - ``"features"``: item features with the same name and columns, see
          :meth:`tastebridge.Panel.with_item_features`;
        - ``"auto"``: every kind of overlap in the data.

        With fewer than 50 users in both, ``"auto"`` uses shared items or features if there are any. Users of
        the target then serve as pseudo-overlapping users: half of their items count as source events. There
        is no verdict on sources, and the few users in both add one more route
        (:mod:`tastebridge.fitting.few_overlap`). Without any overlap, all users get popular items and a
        warning is issued.
    recency : "auto" or list of float, optional
        Half-lives to test, in days. A half-life is the age at which an event counts half. ``"auto"`` tests
        1/2, 1/8 and 1/30 of the time span of the data. None uses no time decay.

        Half-lives are tested in time: the last fifth of all users' events is predicted from the earlier ones,
        then the fifth before that. The best half-life is used if it is significantly better than no decay at
        both moments, on at least 50 users. Testing k half-lives makes a fit about k + 1 times as long, and
        about twice that if any passes the first test. Recent *popularity*, in contrast, is used by default:
        see the notes.
    blend : StackingBlend, optional
        The learner of the weights; None for the listwise loss.
    time_budget : float, optional
        Seconds for the whole fit, above 0; None for all routes. The most useful default routes within the
        budget are used. Their time is estimated from the sizes of the data, for one core of the machine named
        in :mod:`tastebridge.fitting.cost_model`, so the same data give the same routes. If a slower machine
        exceeds the budget, the last routes and some diagnostics are left out, and a warning names them. With
        several targets only diagnostics are left out. Popularity, the links between items and one more route
        are always fitted.
    n_folds : int, optional
        Number of folds, 1 to 5; each fold hides a fifth of the linked users. None for as many as are needed
        to evaluate 1,000 users, or 200 users of the median target if there are several targets.
    n_lists, n_negatives : int
        The maximum number of held-out items from which the blend learns, and the number of negative items
        for each. With several targets, each target has a quarter of these lists, and the value of each kind
        of route is learned jointly.
    random_state : int, default=0
        The same seed gives the same result, whatever the number of threads.
    n_jobs : int, optional
        Threads of the fit; None or -1 for one per core.
    verbose : bool, default=False
        Whether to show a progress bar.
    source_models : mapping of category to PretrainedFactors, optional
        Models of sources trained elsewhere. Maps start from their vectors, and no factors are fitted on these
        sources for maps. The histories of the sources are still needed. With several targets, the model of a
        target is used where that target is a source of the others.
    target_model : PretrainedFactors, or mapping of target to PretrainedFactors, optional
        A model of the target trained elsewhere, whose item vectors become the space of the mapper:
        ``item_vectors()`` returns these vectors in float32, and ``user_vectors`` score your own index. The
        target is restricted to the items of that model. Links, joint factors, features and new items are
        not used, and popularity is approximated by one direction of the space. With several targets, pass a
        mapping for some or all of them.

    Attributes
    ----------
    model_ : LinearModel, or dict of target to LinearModel
        Routes, spaces and weights; it holds no user.
    mappers_ : dict of target to InterestMapper
        With several targets, the mapper of each, with the attributes of its target. The tables
        ``transfer_`` and ``routes_`` hold all targets, with a column target.
    transfer_ : DataFrame
        One row per source, evaluated out of fold on users without a history in the target. linked is the
        number of users in both. lift is the gain in NDCG@10 over the best baseline without a source, with its
        interval (lift_low, lift_high). canonical_correlation is measured over users, or over shared items if
        no user is in both. verdict is "helps", "helps with others" (its histories improve the blend of all
        sources), "no evidence" or "hurts"; kept states whether the source is used. marginal is the loss of
        NDCG@10 without the source, with its interval. With several targets or no shared users, routes over
        all categories still use the removed source. bridge is "users", "items", "features", several joined
        by " + ", or "".

        With more than one source, the last row is "all together": the lift of all sources jointly, which is
        tested first. The intervals of single sources then hold simultaneously. If there are more than 12
        sources, only the 4 with the most shared users are tested individually; the others contribute to the
        routes over all categories.

        If events have times, lift_in_time (lift_in_time_low, lift_in_time_high) is the lift for users who
        came to the target later, with routes fitted on earlier events. The baseline is the best of
        popularity, recent popularity and the blend without sources. verdict_in_time is "helps" if the
        interval is above zero, "hurts" if it is below, and "no evidence" otherwise. It is NaN for sources
        without weight in the blend.
    evidence_ : dict of {"cold", "warm"} to Evidence
        The complete out-of-fold evaluation, for each kind of users.
    interests_ : dict of category to arrays
        The models of :meth:`interests`, with their reliability: see :mod:`tastebridge.diagnostics.interests`.
        With more than 12 sources and one target, only for the target and the 4 sources with the most shared
        users.
    routes_ : DataFrame
        One row per route: its name, its mean weights for cold and for warm users, and its bridge: users in
        both ("users"), shared items ("items"), features ("features"), or none ("").
    ledger_ : ModelStatistics
        The sufficient statistics for :meth:`update` and :meth:`forget`: sums over users, without any single
        user.
    weightings_ : DataFrame
        If a weighting was chosen, one row per scheme: see
        :func:`tastebridge.fitting.weighting_choice.choose_weighting`.
    recency_ : DataFrame
        With ``recency``, one row per half-life: see
        :func:`tastebridge.recommenders.time_decay.choose_half_life`.
    drift_ : DataFrame
        The sums over events of :meth:`drift`.
    confidence_, directions_, findings_
        The models and tables of :meth:`confidence`, :meth:`explain_map` and :meth:`report`.

    Raises
    ------
    UnknownCategoryError
        If the target or a source is not in the panel.
    NoLinkedUsersError
        With ``bridge="users"``, if no source shares a user with the target.
    InvalidParameterError, InvalidDataError
        If a parameter or the data cannot be used.

    Notes
    -----
    If all events have times, and neither ``routes``, ``weighting`` nor ``recency`` is given, the fit is also
    evaluated in time. Its routes are fitted once more on the first four fifths of the events, and users are
    evaluated on their later rows in the target. ``findings_["accuracy"]`` has these figures as the segments
    "cold in time" and "warm in time", and :meth:`confidence` is learned on these users too. If the model is
    significantly worse for them than the better of popularity and recent popularity, that baseline is used
    instead: for current users if popularity drifts, and for all users otherwise.

    If the popularity of the target's items drifts (:mod:`tastebridge.fitting.popularity_drift`), three
    routes of recent popularity join the blend for users whose last event is not old:
    :class:`tastebridge.routes.RecentPopularityRoute`. The other routes may then count less, as determined on
    later users: ``findings_["in_time"]`` has this share. The weights of events then encode their ages, and
    differ by at most 2 % (:mod:`tastebridge.data.ages`). If popularity does not drift, the model equals the
    model of events without times, bit for bit, except for :meth:`confidence`.

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

    Several targets at once, with the likeliest category of each user first:

    >>> both = InterestMapper(target=["films", "books"]).fit(panel)
    >>> both.recommend(readers, n=3, by="category", n_categories=1).columns.tolist()
    ['user_id', 'item_id', 'category', 'score', 'rank']
    """

    transfer_ = from_table("transfer_", "One row per source, and whether it helps.")
    routes_ = from_table("routes_", "One row per route, and its mean weights.")
    recency_ = from_table("recency_", "One row per half-life that was tried.")
    weightings_ = from_table("weightings_", "One row per weighting scheme that was tried.")
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
        source_models: Mapping[str, PretrainedFactors] | None = None,
        target_model: PretrainedFactors | Mapping[str, PretrainedFactors] | None = None,
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
        self.source_models = source_models
        self.target_model = target_model

    @property
    def mappers_(self) -> dict[str, InterestMapper]:
        """With several targets, one mapper per target; they share their parts and copy nothing."""
        check_fitted(self, "targets_")
        if self.joint_ is None:
            raise AttributeError("a mapper of one target has no mappers_")
        return {name: self._one(name) for name in self.targets_}

    def fit(self, panel: Events, y: None = None) -> Self:
        """Learn from a panel, or from a frame of events as for :meth:`tastebridge.Panel.from_frame`."""
        panel = self._read(panel)
        targets = targets_of(self.target, panel)
        if targets is None:
            panel, state, message = fit_one(self, panel)
            messages, joint, states = [message] if message else [], None, {state.target: state}
        else:
            # the bits of a product depend on the number of BLAS threads
            with one_blas_thread():
                panel, states, joint, messages = fit_several(self, panel, targets)
        self._keep(states, panel, joint)
        # warned at the end: if warnings are errors, the model is whole all the same
        for message in [*messages, *ignored_event_weights(self)]:
            warn(message)
        return self

    @steady
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
        **options: Unpack[ListOptions],
    ) -> pd.DataFrame:
        """Recommend items of the target, or of several targets, to users of the fit.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            The users, each once; None for all users.
        n : int, default=10
            Maximum number of items per user; with ``by="category"``, per category. If fewer items remain, the
            list is shorter and a warning is issued.
        categories : category or list of them, optional
            The targets to recommend from; None for all.
        by : {"score", "category"}, default="score"
            The order of the list with several targets. ``"score"`` ranks all items by probability.
            ``"category"`` lists the items of the user's likeliest next category first, then the items of the
            second, and so on.
        n_categories : int, optional
            With ``by="category"``, the number of categories in a list; None for all.
        allow, deny : list of item ids, or frame of user_id and item_id, optional
            Recommend only these items, or never these: a list applies to all users, a frame to the user of
            each row. With ``allow`` as a frame, users without a row in it get no items.
        missing : {"error", "skip", "popular"}, default="error"
            Treatment of unknown users: raise an error, leave them out of the result, or recommend popular
            items. With ``"error"``, unknown items in ``allow`` or ``deny`` raise an error too; otherwise they
            are ignored.
        twins : {"leave out", "keep"}, default="leave out"
            Treatment of items that are the same product as an item of the user under another id: see
            :mod:`tastebridge.routes.twins` and ``twins_``.
        **options
            Diversity, caps, calibration, exploration and new items: see
            :class:`~tastebridge.recommenders.ListOptions`. With any of them the rank, not the score, is the
            order of a list.

        Returns
        -------
        DataFrame
            user_id, item_id, score, rank (from 1), in the order of ``user_ids``, best first. Ties are broken
            by the order of :meth:`item_vectors`. Items the user already has are never recommended. With
            several targets there is a column category, and the score is the probability (0 to 1) that the
            item is the user's next event. It can be compared between categories and users.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if a user or item is not known.
        UnknownCategoryError
            If a category is not a target.
        InvalidDataError
            If a user is named twice, or the model holds no users.
        """
        order = _order(self, categories, n, by, n_categories)
        if self.joint_ is None:
            # One target: its scores need no probability, which serves to compare categories.
            filters: Any = {"allow": allow, "deny": deny, "missing": missing, "twins": twins}
            return super().recommend(user_ids, n, **filters, **options)
        request = ListRequest(n, allow, deny, missing, twins, ListRules.of(options))
        users, ids = self._users(user_ids, missing)
        rows = self.joint_.encoder.rows_of(self._known(), users)
        return recommend_mixed(self._models(), order, rows, ids, request)

    def recommend_from(
        self,
        history: Events | None,
        n: int = 10,
        *,
        categories: str | Sequence[str] | None = None,
        by: str = "score",
        n_categories: int | None = None,
        allow: ItemFilter | None = None,
        deny: ItemFilter | None = None,
        missing: str = "skip",
        twins: str = LEAVE_OUT,
        answers: Answers | None = None,
        **options: Unpack[ListOptions],
    ) -> pd.DataFrame:
        """Recommend items to users, known or new, from the given histories and answers, without a refit.

        Parameters
        ----------
        history : Panel or frame, or None
            Their events, as for :meth:`tastebridge.Panel.from_frame`, in sources, target or both. None only
            with ``answers``, for users without any event.
        n, categories, by, n_categories, allow, deny, twins, **options
            As in :meth:`recommend`.
        missing : {"skip", "error"}, default="skip"
            Events of items or categories the model does not know are ignored with a warning, or refused. A
            user without any known event gets popular items.
        answers : mapping of item_id to answer, or frame, optional
            Answers to :meth:`questions`, each "liked", "not" or "unknown": a mapping for the only user, or a
            frame of user_id, item_id and answer. Liked and disliked items move the scores of similar items
            (:mod:`tastebridge.model.taste`), and are left out of lists. Unknown items stay in them. An id may
            be one of a group: liked groups move scores too, and their items stay in lists. With
            several targets ``categories`` must name one, and scores are those within the category.

        Returns
        -------
        DataFrame
            As of :meth:`recommend`, users in ascending order of their ids.

        Raises
        ------
        UnknownIdError
            If an item of ``answers`` is none of the target's.
        InvalidParameterError
            If an answer is not one of the three words, or there is neither a history nor an answer.
        InvalidDataError
            If answers as a mapping come with the histories of several users, or one is there twice.
        """
        order = _order(self, categories, n, by, n_categories)
        if answers is not None:
            state = self._state("answers", order.categories[0] if len(order.categories) == 1 else None)
            found = answered(state, history, answers, missing)
            request = ListRequest(n, allow, deny, missing, twins, ListRules.of(options))
            return recommendations(found.state, found.histories, found.ids, request)
        if history is None:
            raise InvalidParameterError(
                "recommend_from needs a history or answers; got neither. Pass events of the users, or the "
                "answers to questions."
            )
        if self.joint_ is None:
            filters: Any = {"allow": allow, "deny": deny, "missing": missing, "twins": twins}
            return super().recommend_from(history, n, **filters, **options)
        check_choice("missing", missing, ("error", "skip"))
        panel, rows = self.joint_.encoder.fold_in(history, missing)
        request = ListRequest(n, allow, deny, missing, twins, ListRules.of(options))
        return recommend_mixed(self._models(), order, rows, panel.users.ids, request)

    @steady
    def questions(
        self,
        history: Events | None = None,
        n: int | None = None,
        *,
        answers: Answers | None = None,
        category: str | None = None,
        missing: str = "skip",
        kind: str = "items",
    ) -> pd.DataFrame:
        r"""Return the target items about which an answer would improve one user's list most.

        This is useful for users with little or no history. Either ask about the first item and call again
        with the answer, so that questions adapt, or ask about all ``n`` items at once. Let s be the scores
        given the history and the answers so far, p the corresponding chances, and let + mark both after the
        answer "liked" for item j. The gain of a question is

        .. math:: g_j = p_j \sum_{r=1}^{10} \frac{p^{+}_{(r)} - p^{+}_{[r]}}{\log_2(1 + r)},

        with the item at rank (r) by :math:`s^{+}` and at [r] by s: see :mod:`tastebridge.model.questions`.

        Few users know any single item of a large catalogue. With ``kind="groups"``, one question is a screen
        of groups of similar items, and the user picks the groups that contain something they like: see
        :mod:`tastebridge.model.item_tree`. The next screen splits the picked groups.

        Parameters
        ----------
        history : Panel or frame, optional
            The events of one user, as for :meth:`recommend_from`; None for a user without any.
        n : int, optional
            Maximum number of questions, or of groups on the screen; None for 3 questions or 24 groups.
        answers : mapping of item_id to answer, optional
            Answers so far, as for :meth:`recommend_from`. No item or group is asked about twice.
        category : category, optional
            The target, if there are several.
        missing : {"skip", "error"}, default="skip"
            As for :meth:`recommend_from`.
        kind : {"items", "groups"}, default="items"

        Returns
        -------
        DataFrame
            item_id, name (if the model has names), chance (the probability that the user likes the item) and
            gain, the most useful first. Items that the user has, their twins, and items less popular than the
            median item are not asked about.

            For groups: group (the id for the answer, which is the item's id if only one item is left),
            examples (the ids of up to 3 popular items), names (if the model has names), n_items and chance
            (the probability that the user likes an item of the group), the likeliest first. Groups belong to
            the model: after ``update`` or another fit they contain different items.

        Raises
        ------
        InvalidDataError
            If the history has several users, or the model has no factors of the target's items.
        UnknownIdError, InvalidParameterError
            As of :meth:`recommend_from`.

        References
        ----------
        A. M. Rashid et al., "Getting to know you: learning new user preferences in recommender systems", IUI
        (2002). N. Golbandi, Y. Koren and R. Lempel, "Adaptive bootstrapping of recommender systems using
        decision trees", WSDM (2011). K. Christakopoulou, F. Radlinski and K. Hofmann, "Towards conversational
        recommender systems", KDD (2016).

        Examples
        --------
        >>> from tastebridge import InterestMapper
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=400, n_items=60)
        >>> mapper = InterestMapper("films").fit(panel)
        >>> first = mapper.questions(n=1)["item_id"].item()
        >>> second = mapper.questions(n=1, answers={first: "liked"})["item_id"].item()
        >>> answers = {first: "liked", second: "unknown"}
        >>> first in set(mapper.recommend_from(None, 5, answers=answers)["item_id"])
        False
        >>> shown = mapper.questions(n=6, kind="groups")
        >>> picked = {group: "liked" for group in shown["group"][:2]}
        >>> len(mapper.recommend_from(None, 5, answers=picked))
        5
        """
        state = self._state("questions", category)
        found = answered(state, history, answers, missing)
        if check_choice("kind", kind, KINDS) == "items":
            return questions(found, 3 if n is None else n)
        return screen(found, SCREEN if n is None else n)

    def explain_from(
        self,
        history: Events | None,
        item_id: Id,
        *,
        missing: str = "skip",
        category: str | None = None,
        answers: Answers | None = None,
    ) -> pd.DataFrame:
        """Return the parts of the score of a target item for one user with this history and these answers.

        Parameters
        ----------
        history : Panel or frame, or None
            The events of one user, as for :meth:`recommend_from`.
        item_id : id
            An item of the target.
        missing : {"skip", "error"}, default="skip"
            As for :meth:`recommend_from`.
        category : category, optional
            As for :meth:`explain`.
        answers : mapping of item_id to answer, optional
            As for :meth:`recommend_from`.

        Returns
        -------
        DataFrame
            As in :meth:`explain`. Each answer other than "unknown" is a row: its source_item is the item in
            question, and its route is "answer: liked" or "answer: not". A liked group is a row without a
            source_item, and its route ends with the id of the group. All rows sum to the score.
        """
        if answers is None and history is not None:
            return super().explain_from(history, item_id, missing=missing, category=category)
        state = self._state("explain_from", category, item_id)
        found = answered(state, history, answers, missing)
        if len(found.ids) != 1:
            raise InvalidDataError(
                f"explain_from takes the history of one user; this one has {len(found.ids)}. Call it once "
                "each."
            )
        return explanation(found.state, found.histories, item_id)

    @steady
    def predict(self, pairs: Frame, *, missing: str = "error") -> NDArray[np.float32]:
        """Return the score of every pair of a user of the fit and a target item.

        Scores can be compared within a user and between users; higher is better. They equal the scores of
        :meth:`recommend`, bit for bit. With several targets they are probabilities. For an item of the
        history, the probability is relative to the items outside the history.

        Parameters
        ----------
        pairs : frame
            Columns user_id and item_id; with several targets also category, if an id occurs in two targets.
        missing : {"error", "nan"}, default="error"
            Pairs of an unknown user or item are refused, or get NaN.

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

    @steady
    def interests(self, user_ids: Ids | None = None, *, missing: str = "error") -> pd.DataFrame:
        """Return the interest of users of the fit in each category.

        The interest is the probability that a user with this history in the other categories is active in
        the category, calibrated out of fold. The history in the category itself is not used. See
        :mod:`tastebridge.diagnostics.interests`.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            The users, each once; None for all users.
        missing : {"error", "skip", "popular"}, default="error"
            Users the model does not know are refused, left out, or get the share of all users.

        Returns
        -------
        DataFrame
            user_id, category, interest (0 to 1): one row per user and category, in the order of ``user_ids``.
        """
        users, ids = self._users(user_ids, missing)
        return _interest_table(self, ids, encoder_of(self).rows_of(self._known(), users))

    def interests_from(self, history: Events, *, missing: str = "skip") -> pd.DataFrame:
        """Return the interest in each category for the given histories; see :meth:`interests`.

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
        """Return the directions of taste shared by a source and the target, with the items at both ends.

        A direction means "users who prefer these items in the source prefer those items in the target". It
        is a canonical direction between the factors of the linked users with a positive out-of-fold
        correlation.

        Parameters
        ----------
        source : str, optional
            A category the mapper learned from; None for all.
        category : category, optional
            The target, if there are several.

        Returns
        -------
        DataFrame
            One row per item, for the eight items with the largest loadings at each end. The columns are
            source, direction (from 1), correlation (out of fold) with its 95 % interval (low, high), end
            ("high" or "low"), category (the source or the target), rank, item_id, name (None without names)
            and loading. The loading is the correlation between having the item and the direction. Users of
            the high items of the source tend to choose the high items of the target. Without a shared
            direction the frame is empty.

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

    @steady
    def confidence(
        self,
        user_ids: Ids | None = None,
        n: int = 10,
        *,
        missing: str = "error",
        category: str | None = None,
        twins: str = LEAVE_OUT,
    ) -> pd.DataFrame:
        """Return the probability that the list of ``n`` recommendations holds at least one hit.

        The probability is calibrated out of fold. For users without a history in the target, a hit is any
        item that the user chooses there. For other users, it is the next item the user chooses: see
        :mod:`tastebridge.diagnostics.confidence`. It is unrelated to the weight :math:`c_{ui}` of Hu, Koren
        and Volinsky (2008), which is also called confidence.

        Parameters
        ----------
        user_ids : list or column of ids, optional
            The users, each once; None for all users.
        n : int, default=10
            Length of the list, 1 to 50.
        missing : {"error", "skip", "popular"}, default="error"
            As in :meth:`recommend`.
        category : category, optional
            The target, if there are several.
        twins : {"leave out", "keep"}, default="leave out"
            Whether the list leaves out twins of items a user has, as in :meth:`recommend`. With ``"keep"``,
            such a twin counts as a hit if the user chose it.

        Returns
        -------
        DataFrame
            user_id, confidence (0 to 1; NaN where the fit had no such users), in the order of ``user_ids``.
        """
        state = self._state("confidence", category)
        users, ids = self._users(user_ids, missing)
        return _confidence_table(state, ids, self._rows(state, users), ListRequest(n, twins=twins))

    def confidence_from(
        self,
        history: Events,
        n: int = 10,
        *,
        missing: str = "skip",
        category: str | None = None,
        twins: str = LEAVE_OUT,
    ) -> pd.DataFrame:
        """Return the probability of a hit for the given histories; see :meth:`confidence`.

        Parameters
        ----------
        history, missing
            As for :meth:`recommend_from`.
        n : int, default=10
            Length of the list, 1 to 50.
        category : category, optional
            The target, if there are several.
        twins : {"leave out", "keep"}, default="leave out"
            As for :meth:`confidence`.
        """
        state = self._state("confidence_from", category)
        panel, histories = self._fold_in(state, history, missing)
        return _confidence_table(state, panel.users.ids, histories, ListRequest(n, twins=twins))

    def map_vectors(
        self, vectors: ArrayLike, source: str, *, category: str | None = None
    ) -> NDArray[np.float32]:
        """Map user vectors of a given source model into the space of this mapper.

        Use it for users with a vector in a production model whose histories are not available. Only
        popularity and the routes from that model count, with their weights for users without a history in
        the target.

        Parameters
        ----------
        vectors : array of shape (n_users, n_components)
            In the space of ``source_models[source]``, such as its ``user_factors``.
        source : str
            The category of that model.
        category : category, optional
            The target, if there are several.

        Returns
        -------
        ndarray of float32, shape (n_users, n_components of :meth:`item_vectors`)
            Their inner products with :meth:`item_vectors` are scores; with a ``target_model`` they score its
            index.

        Raises
        ------
        InvalidParameterError
            If no model was given for the source or it does not help, or the vectors have another width.
        InvalidDataError
            If a vector is not finite.

        Examples
        --------
        >>> from tastebridge import InterestMapper
        >>> from tastebridge.datasets import make_panel
        >>> from tastebridge.factors import ALSFactors, PretrainedFactors
        >>> panel, _ = make_panel(n_users=400, n_items=60, random_state=0)
        >>> books = ALSFactors(8).fit(panel["books"].matrix)
        >>> given = PretrainedFactors(panel["books"].items.ids, books.item_factors_, 0.1, 5.0)
        >>> mapper = InterestMapper("films", source_models={"books": given}).fit(panel)
        >>> vectors = mapper.map_vectors(books.transform(panel["books"].matrix[:2]), "books")
        >>> (vectors @ mapper.item_vectors().vectors.T).shape
        (2, 60)
        """
        model = self._state("map_vectors", category).scorer.model
        return mapped_vectors(model, vectors, source)

    @steady
    def compress(
        self,
        n_components: int | None = None,
        dtype: str = "float16",
        *,
        events: Events | None = None,
        random_state: int = 0,
    ) -> Self:
        """Return a smaller mapper with nearly the same rankings, and the loss of accuracy.

        This mapper is not changed. Vectors are reduced to ``n_components`` by a singular value decomposition
        of the item matrix in the metric of *users' scores*: the directions with the least variance in the
        scores are dropped. Links between single items have a flat spectrum, so they get half of the
        components, in which every link has its own direction, nearly orthogonal to all others. The
        projection is merged into the maps of the routes. Histories are therefore folded in to the shorter
        vector directly, and scores remain inner products. The contributions of :meth:`explain` sum to the
        scores of the smaller model. See ``tastebridge/recommenders/compression``.

        Both models are evaluated on the same users. Without ``events``, these are users of the fit, with some
        of their target rows hidden from their histories. The fit has seen these rows, so both accuracies are
        too high, but their difference is valid. With ``events``, both figures are held-out figures.

        Parameters
        ----------
        n_components : int, optional
            Width of the vectors, at least 2 and below the current width; None to keep it.
        dtype : {"float16", "int8", "float32"}, default="float16"
            Type of the matrices in a saved model; float16 and int8 have a scale for every row. Computations
            use float32.
        events : Panel or frame, optional
            Held-out events, as for :meth:`score`. They are required if the mapper was loaded without users.
            Half of their users then shape the projection, and the other half measure the loss.
        random_state : int, default=0

        Returns
        -------
        InterestMapper
            With ``compression_``, a frame with one row per kind of users (segment). Columns about accuracy:
            ``people`` (the number of users), ndcg_before and ndcg (@10), loss with its 95 % interval
            (loss_low, loss_high), overlap (the share of the ten items of a list that stay), judged_on.
            Columns about size: components_before, components, dtype, bytes_before and bytes (of the arrays in
            a file). All other diagnostics are copied from this mapper. The smaller mapper cannot be updated:
            update this mapper and compress it again.

        Raises
        ------
        InvalidParameterError
            If a parameter is out of range, or the mapper has a ``target_model``.
        InvalidDataError
            If there are no users to measure the loss on.

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
        if self.target_model:
            raise InvalidParameterError(
                "compress would change the space of target_model, in which this mapper's vectors score an "
                "index. Give a target model with fewer components."
            )
        check_choice("dtype", dtype, tuple(DTYPES))
        seed = check_count("random_state", random_state, 0)
        request = Request(n_components, dtype, events, seed)
        # each target has a model of its own, and so a projection of its own
        states = {name: compressed(state, self.panel_, request) for name, state in self.targets_.items()}
        return self._like(states, self.panel_, self.joint_)

    @steady
    def report(
        self,
        path: str | Path,
        events: Events | None = None,
        people: int | None = None,
        *,
        category: str | None = None,
        author: str | None = None,
        data: str | None = None,
    ) -> Path:
        """Write a report to one HTML file; see :func:`tastebridge.report.write_report` for parameters.

        The file contains no users unless ``people`` or ``events`` are given. With several targets,
        ``category`` selects the target of the report.
        """
        state = self._state("report", category)
        mapper = self._one(state.target) if self.joint_ else self
        return write_report(mapper, path, events, people, author, data)

    def update(
        self,
        events: Events | None = None,
        *,
        features: Features | None = None,
        before: Events | None = None,
        repeats: Repeats = "sum",
        missing: str = "skip",
    ) -> Self:
        """Add new events, of known and new users and items, without a refit.

        The old contributions of the users in ``events`` are subtracted from the sums of the model, and their
        new contributions are added. Then the maps, the links between items and the popularity are solved
        again. The result equals, bit for bit, sums over all current users with the same item factors. An
        update of a thousand users out of a million takes about a second. Concurrent requests from other
        threads see the model either before or after the update.

        **Unchanged parts** are the item factors, the weights of the routes, the statistics of the weighting,
        and the diagnostics (``transfer_``, :meth:`interests`, :meth:`confidence`, the report). Because the
        item factors stay, so do the routes within the target and over all categories; new histories are
        folded in. A new item gets factors by a fold-in from its users in ``events``, and keeps them.
        :meth:`drift` measures whether a refit is worthwhile.

        **Features of new items** are encoded in the feature spaces of the fit, so that an item without any
        user can be recommended. Its factors are predicted by the regression of the fit, and the routes over
        features can recommend it.

        - If at least four users interact with the item in its first update, its factors are folded in from
          these users and replace the predicted factors.
        - With fewer users, the predicted factors stay until the next fit. The popularity of the item is the
          larger of its counted and its predicted popularity.

        A model that was fitted without features ignores them and issues a warning. The features of known
        items do not change; a warning counts items whose given features differ.

        Parameters
        ----------
        events : Panel or frame, optional
            The new events, as for :meth:`tastebridge.Panel.from_frame`, without the earlier events of these
            users. None if there are only new items.
        features : mapping of category to mapping of name to ItemFeatures or frame, optional
            The features of new items, with the names and columns of the fit; a frame has a column item_id.
            Items need no events, and need not have every feature. Features in a panel of events are added
            too.
        before : Panel or frame, optional
            For a model loaded without its users: all earlier events of the users in ``events`` from which
            the model learned. Users without a row in it are new. Events of other users are ignored.
        repeats : {"sum", "max", "last"}, default="sum"
            The weight of a pair of user and item with an earlier event, as in
            :class:`tastebridge.CleaningPolicy`.
        missing : {"skip", "error"}, default="skip"
            Events in categories the model does not know are ignored, or refused.

        Returns
        -------
        self
            After an error, the mapper is unchanged.

        Raises
        ------
        InvalidDataError
            If the model has no sufficient statistics, or required timestamps are missing. Also if ``before``
            holds events the model cannot have learned from, or features differ in names or columns from the
            fit.
        InvalidParameterError
            If ``before`` is given although the model knows its users, or nothing is given.

        References
        ----------
        G. Takács et al., "Scalable collaborative filtering approaches for large recommender systems", JMLR 10
        (2009), for the fold-in. J. Vinagre et al., "Fast incremental matrix factorization for recommendation
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

        New films with features, before any user has taken them:

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
        # one step after all work is done: changed as a whole or not at all
        return self._keep({state.target: state}, panel)

    def read_features(
        self, tables: Mapping[str, Frame], item_column: str | None = None
    ) -> dict[str, dict[str, ItemFeatures]]:
        """Encode tables of new items in the feature spaces of the fit, for :meth:`update`.

        The words, tags and numbers of a table are encoded like the features of the fit, which must come from
        :func:`tastebridge.features.table_features` or the functions it calls: see
        :func:`tastebridge.features.later_features`.

        Parameters
        ----------
        tables : mapping of category to frame
            One row per item; the columns have the names of the features of the fit.
        item_column : str, optional
            The column of ids.

        Raises
        ------
        InvalidDataError
            If the model was fitted without features, or a column is not one of them.
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
        """Forget users: subtract their contributions from the model, and drop their histories.

        Afterwards, no stored array contains an id or a row of these users. The sums, and the maps, links and
        popularity solved from them, equal a fit without these users with the same item factors, bit for bit,
        because they are sums of integers (:mod:`tastebridge.routes.exact`). The Gram matrix for new
        items, ``user_gram_``, equals the one without these users up to the rounding of float64.

        **Remaining traces**, which ``refit_items=True`` removes: the item factors, the weights of the routes
        and the statistics of the weighting depend on all users of the fit. So do the calibration of
        :meth:`interests` and :meth:`confidence`, and the tables of the report. The model still knows the ids
        of their items. Panels, files and copies elsewhere are the caller's responsibility.

        Parameters
        ----------
        user_ids : list or column of ids
            The users to forget, each once.
        before : Panel or frame, optional
            For a model loaded without its users: all events of these users that the model learned from, and
            no others. The model cannot verify these events; it only refuses impossible ones.
        refit_items : bool, default=False
            Whether to fit again without these users. This takes as long as the fit, and the model must hold
            its users.
        missing : {"error", "skip"}, default="error"
            Users the model does not know are refused, or ignored.

        Returns
        -------
        Receipt
            The erasure record: the removed parts and the remaining traces. It is not stored in the model.

        Raises
        ------
        UnknownIdError
            With ``missing="error"``, if a user is not known.
        InvalidDataError
            If no user would remain, or ``before`` holds events the model cannot have learned from.

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
            # a fit of a copy: an error leaves this mapper as it is
            fitted = clone(self).fit(with_known_items(remaining(self._known(), gone)))
            labels = {GROUPS: state.tables[GROUPS]} if GROUPS in state.tables else {}
            fitted_state = fitted.targets_[state.target]
            fitted_state = replace(fitted_state, tables={**fitted_state.tables, **labels})
            self._keep({state.target: fitted_state}, fitted.panel_)
        else:
            state, panel = without_users(state, self.panel_, gone)
            self._keep({state.target: state}, panel)
        return Receipt.of(gone, self._updatable().updatable(), refit_items)

    def drift(self) -> pd.DataFrame:
        """Measure how well the item factors still fit new events, and whether a refit is worthwhile.

        The item factors stay as fitted while :meth:`update` adds events. Their agreement with each new
        event is measured before the event is learned: see :mod:`tastebridge.online.drift`.

        Returns
        -------
        DataFrame
            One row per category: category, events (new since the fit), growth (their share of the pairs of
            the fit), new_items (the share of them on items that were not in the fit), agreement_at_fit (out
            of sample; 0.5 is chance), agreement (of the new events), and lost: the lost share of the
            agreement beyond chance, with its 95 % interval (lost_low, lost_high). The verdict is

            - "a refit pays" if lost is significantly above a quarter, or a tenth of the events are on new
              items;
            - "no need of a refit" otherwise;
            - "too few events" below 100 events.

        Examples
        --------
        >>> from tastebridge import InterestMapper
        >>> from tastebridge.datasets import make_panel
        >>> panel, _ = make_panel(n_users=400, n_items=60)
        >>> InterestMapper("films").fit(panel).drift()["verdict"].tolist()
        ['too few events', 'too few events']
        """
        state = self._updatable() if getattr(self, "joint_", None) is not None else self._state("drift")
        # raises with the reason why one of several targets cannot be updated
        if state.no_statistics == ONE_OF_SEVERAL:
            state.updatable()
        if "drift_" not in state.tables:
            raise InvalidDataError(
                "this model was saved by a version of tastebridge that did not measure drift. Fit it again."
            )
        return drift_report(state.tables["drift_"])

    def _one(self, target: str) -> InterestMapper:
        """Return the mapper of one target among several."""
        state, panel = self.targets_[target], self.panel_
        if panel is not None and len(state.encoder.items) < len(panel.categories):
            # the mapper of one target knows only the categories it reads
            panel = panel.select(list(state.encoder.items))
        mapper = self._like({target: state}, panel)
        return mapper.set_params(target=target, **models_of_one(self, target))

    def _updatable(self) -> FittedState:
        """Return the state to update, of the only target."""
        check_fitted(self, "targets_")
        if self.joint_ is not None:
            raise InvalidDataError(ONE_OF_SEVERAL)
        state = next(iter(self.targets_.values()))
        state.updatable()
        return state

    def _models(self) -> Models:
        """Return the scorers of all targets, with the category model."""
        return Models(self.targets_, self.joint_)  # type: ignore[arg-type]


def _order(
    mapper: InterestMapper, categories: str | Sequence[str] | None, n: int, by: str, n_categories: int | None
) -> Order:
    """Return the checked order of lists."""
    check_fitted(mapper, "targets_")
    chosen = check_targets("categories", categories, list(mapper.targets_))
    return Order(chosen, n, by, n_categories).check()


def _interest_table(mapper: InterestMapper, ids: np.ndarray, histories: Rows) -> pd.DataFrame:
    """Return user_id, category and interest: one row per user and category."""
    values = interest_of(mapper.interests_, histories)
    columns = {
        "user_id": np.repeat(ids, values.shape[1]),
        "category": np.tile(np.array(list(mapper.interests_), dtype=object), len(ids)),
        "interest": values.ravel(),
    }
    return pd.DataFrame(columns)


def _confidence_table(
    state: FittedState, ids: np.ndarray, histories: Rows, request: ListRequest
) -> pd.DataFrame:
    """Return user_id and confidence."""
    n = check_count("n", request.n, 1, LENGTHS[-1])
    closed = state.left_out(histories, request.check().twins)
    values = confidence_of(state.confidence or {}, state.scorer.model, histories, n, closed)
    return pd.DataFrame({"user_id": ids, "confidence": values})
