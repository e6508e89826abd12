"""The mapper: the one place where the parts meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy import sparse

from tastebridge._foundation.progress import Step, steps
from tastebridge._foundation.validation import check_choice, check_count, check_number
from tastebridge._numerics.threads import one_blas_thread, together
from tastebridge.data import Panel, Weighting
from tastebridge.diagnostics.interests import State, interest_of, learn_interests
from tastebridge.diagnostics.relatedness import item_agreement
from tastebridge.diagnostics.transfer_table import carried_by, route_table, source_table, warn_of
from tastebridge.exceptions import InvalidParameterError
from tastebridge.fitting.checks import check_sources, check_target
from tastebridge.fitting.cold_items import MakeFolds, learn_new_items
from tastebridge.fitting.cost_model import Size, affordable
from tastebridge.fitting.default_routes import (
    RANK,
    content_routes,
    default_routes,
    item_routes,
    largest_rank,
    over_people,
    routes_over,
)
from tastebridge.fitting.few_overlap import learn_handful
from tastebridge.fitting.folds import (
    FEWEST_LINKED,
    Fold,
    Held,
    Lists,
    fit_routes,
    folds_of,
    held_out,
    lists_of,
    number_of_folds,
    without,
)
from tastebridge.fitting.plan import BRIDGES, Plan
from tastebridge.fitting.pseudo_overlap import stand_in_folds, stand_ins
from tastebridge.fitting.shared_fit import Built
from tastebridge.fitting.source_evaluation import Evidence, popular_alone, weigh
from tastebridge.model import LinearModel, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.online.drift import learn_drift
from tastebridge.online.statistics import ModelStatistics
from tastebridge.recommenders.multi_target import SeveralTargets, targets_of
from tastebridge.routes import (
    NEW_ITEMS,
    FitContext,
    FittedRoute,
    Histories,
    PopularityRoute,
    Route,
    new_items,
)

_FEWEST_LISTS = 10


class InterestMapper(SeveralTargets):
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
        see :meth:`recommend` and :mod:`tastebridge.recommenders.multi_target`.
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
    >>> readers = [user for user in panel.users.ids if user not in panel["films"].active][:2]
    >>> mapper.recommend(readers, n=3).columns.tolist()
    ['user_id', 'item_id', 'score', 'rank']

    Several targets at once, each person's likeliest category first:

    >>> both = InterestMapper(target=["films", "books"]).fit(panel)
    >>> both.recommend(readers, n=3, by="category", n_categories=1).columns.tolist()
    ['user_id', 'item_id', 'category', 'score', 'rank']
    """

    evidence_: dict[str, Evidence]
    transfer_: pd.DataFrame
    routes_: pd.DataFrame

    def __init__(
        self,
        target: str | list[str],
        sources: list[str] | None = None,
        routes: list[Route] | None = None,
        n_components: int | None = None,
        weighting: Weighting | None = None,
        event_weights: Mapping[Any, float] | None = None,
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

    def fit(self, panel: Any, y: None = None) -> Self:
        """Learn from a panel, or from a frame of events as :meth:`tastebridge.Panel.from_frame` takes it."""
        panel = self._read(panel)
        targets = targets_of(self.target, panel)
        if targets is None:
            return self._fit(panel, FitContext)
        with one_blas_thread():
            self._fit_many(panel, targets)
        return self

    def interests(self, user_ids: Any = None, *, missing: str = "error") -> pd.DataFrame:
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
        check_choice("missing", missing, ("error", "skip", "popular"))
        people, ids = self._people(user_ids, missing)
        return self._interests(ids, self._histories_of(people))

    def interests_from(self, history: Any, *, missing: str = "skip") -> pd.DataFrame:
        """Say how strongly people with a history given now lean to each category; see :meth:`interests`.

        Parameters
        ----------
        history, missing
            As for :meth:`recommend_from`.
        """
        check_choice("missing", missing, ("error", "skip"))
        panel, histories = self._fold_in(history, missing)
        return self._interests(panel.users.ids, histories)

    def _interests(self, ids: np.ndarray, histories: Histories) -> pd.DataFrame:
        values = interest_of(self.interests_, histories)
        columns = {
            "user_id": np.repeat(ids, values.shape[1]),
            "category": np.tile(np.array(list(self.interests_), dtype=object), len(ids)),
            "interest": values.ravel(),
        }
        return pd.DataFrame(columns)

    def _fit(self, panel: Panel, make_context: Callable[..., FitContext]) -> Self:
        """Learn from a panel in a context of some kind, for a single target."""
        sources = self._check(panel)
        panel = panel.select([*sources, self.target])
        plan = Plan.of(self.bridge, panel, self.target, sources)
        histories = self._recall(panel, [self.target])
        asked = self._routes(histories, panel, plan)
        routes = routes_over(plan.over, asked)
        rng = np.random.default_rng(self.random_state)
        context = make_context(
            histories, self.target, largest_rank(asked), features=panel.item_features, same=plan.matches
        )
        with one_blas_thread(), steps("Fitting", 7, self.verbose) as step:
            step("factors")
            agreement = self._agreement(context, plan)
            held = self._held(context, plan.standing, rng)
            built = self._build(context, routes, held, _judging(plan, sources if len(sources) > 1 else ()))
            beside = over_people(asked) if plan.over == "other" else ()
            self._learn(panel, sources, plan, built, rng, step, agreement=agreement, beside=beside)
        return self

    def _learn(
        self,
        panel: Panel,
        sources: Sequence[str],
        plan: Plan,
        built: Built,
        rng: np.random.Generator,
        step: Step,
        interests: State | None = None,
        agreement: Mapping[str, float] | None = None,
        beside: Sequence[Route] = (),
    ) -> dict[str, Segment]:
        """Learn all else from what was built, the interests too unless they are known; return the weights."""
        context, routes, held, fitted, folds, priors = built
        step("blend")
        parts = {name: [fold for fold in folds if fold.held.segment == name] for name in ("cold", "warm")}
        draws = rng.spawn(len(parts))
        calls = [
            partial(self._segment, part, fitted, sources, own, priors.get(name))
            for (name, part), own in zip(parts.items(), draws, strict=True)
        ]
        weighed = dict(zip(parts, together(calls, self.n_jobs), strict=True))
        segments = {name: segment for name, (segment, _) in weighed.items()}
        self.evidence_ = {name: evidence for name, (_, evidence) in weighed.items() if evidence is not None}
        known, carried = segments, fitted
        if beside:
            few, known = learn_handful(
                context,
                routes,
                beside,
                fitted,
                segments,
                self._blend(),
                self.n_lists,
                self.n_negatives,
                rng.spawn(1)[0],
                self.n_jobs,
            )
            fitted = [*fitted, *few]
        step("new items")
        newer, every = learn_new_items(
            context,
            routes,
            fitted,
            held,
            {**known, "empty": popular_alone(fitted, self.target, sources)},
            self._blend(),
            self.n_lists,
            self.n_negatives,
            rng.spawn(1)[0],
            self.n_jobs,
            _judging(plan),
            ahead=interests is None,
            carried=carried,
        )
        step("interests")
        self.interests_ = interests or learn_interests(context, self.random_state)
        if interests is None:  # one of several targets cannot be updated, so that it cannot drift
            self.drift_ = learn_drift(context, self._popularity(self.statistics_), self.random_state)
        step("model")
        whole = [*fitted, *newer]
        ready = LinearModel.of(context, whole, every)
        awaited = NEW_ITEMS in ready.spaces and not len(new_items(context))
        self.model_ = ready.without(NEW_ITEMS) if awaited else ready
        self.ledger_ = ModelStatistics.of(context, self.model_, ready)
        self.routes_ = route_table(every, whole, self.target)
        linked = {name: len(panel.linked(name, self.target)) for name in sources}
        self.transfer_ = source_table(self.evidence_.get("cold"), linked, plan.standing)
        self.transfer_["bridge"] = [carried_by(known["cold"], fitted, name) for name in sources]
        if beside:
            self.transfer_["kept"] = self.transfer_["bridge"] != ""
        warn_of(self.transfer_, self.target, plan.standing, stacklevel=4)
        if plan.standing:  # what stand-ins say is no evidence of people of a source
            self.evidence_.pop("cold", None)
            folds = [fold for fold in folds if fold.held.segment != "cold"]
        step("account")
        self._account(panel, context, folds, segments, self.random_state)
        self.transfer_["canonical_correlation"] = self._correlations(sources, agreement or {})
        return segments

    def _check(self, panel: Panel) -> list[str]:
        """Check parameters against the panel and return the sources."""
        check_target(self.target, panel)
        check_count("n_lists", self.n_lists, 10)
        check_count("n_negatives", self.n_negatives, 1)
        check_count("random_state", self.random_state, 0, 2**32 - 1)
        check_choice("verbose", self.verbose, (True, False))
        if self.time_budget is not None:
            check_number("time_budget", self.time_budget, 0.0, open_minimum=True)
            if self.routes is not None:
                raise InvalidParameterError(
                    "time_budget chooses among the default routes, and routes are given. Leave one of them "
                    "None."
                )
        if self.n_jobs not in (None, -1):
            check_count("n_jobs", self.n_jobs)
        if self.blend is not None:
            self.blend.check()
        if self.n_folds is not None:
            check_count("n_folds", self.n_folds, 1, 5)
        check_choice("bridge", self.bridge, ("auto", *BRIDGES))
        linked = self.bridge == "users"
        return check_sources("InterestMapper", self.target, self.sources, panel, linked)

    def _routes(self, histories: dict[str, sparse.csr_matrix], panel: Panel, plan: Plan) -> list[Route]:
        if self.routes is not None:
            given = {route.linked for route in self.routes if isinstance(route, PopularityRoute)}
            return [
                *(PopularityRoute(linked=kind) for kind in (False, True) if kind not in given),
                *self.routes,
            ]
        limits = {name: _limit(rows) for name, rows in histories.items()}
        wanted = RANK
        if self.n_components is not None:
            wanted = check_count("n_components", self.n_components)
            here = max(limit for name, limit in limits.items() if name != self.target)
            if wanted > (most := min(here, limits[self.target])):
                raise InvalidParameterError(
                    f"InterestMapper(n_components={wanted}) needs at least {wanted} people and items in the "
                    f"target and in a source; the data allow {most}. Lower n_components, or leave it None."
                )
        routes = default_routes(limits, self.target, wanted, self.random_state)
        if plan.matches:
            routes += item_routes(wanted, self.random_state)
        described = panel.item_features.get(self.target, {})
        routes += content_routes(described, limits, self.target, wanted, self.random_state)
        if self.time_budget is None:
            return routes
        sizes = {name: _size(rows) for name, rows in histories.items()}
        return affordable(routes, sizes, self.target, self.n_folds or 1, self.time_budget)

    def _build(
        self, context: FitContext, routes: list[Route], held: list[list[Held]], make_folds: MakeFolds
    ) -> Built:
        """Return the routes and what they say of held people.

        The routes are fitted on everybody and, side by side, without the held people of each fold.
        """
        target = context.histories[self.target]
        contexts = [context.hiding(without(target, part)) for part in held]
        every = [partial(fit_routes, routes, own) for own in contexts]
        whole, *apart = together([partial(fit_routes, routes, context), *every], self.n_jobs)
        fitted, names = list(whole.values()), list(whole)
        folds = [
            fold
            for own, part, found in zip(contexts, held, apart, strict=True)
            for fold in make_folds(own, part, found, names)
        ]
        return Built(context, routes, held, fitted, folds)

    def _held(self, context: FitContext, standing: bool, rng: Any) -> list[list[Held]]:
        """Return whom each fold hides; nobody where there are too few to be judged."""
        target = context.histories[self.target]
        judged = stand_ins(target) if standing else context.linked_to_any()
        if len(judged) < FEWEST_LINKED:
            return []
        n_folds = self.n_folds or number_of_folds(len(judged))
        return list(held_out(target, judged, n_folds, self.n_lists, rng))

    def _agreement(self, context: FitContext, plan: Plan) -> dict[str, float]:
        """Return how closely shared items agree; without people in both, those that do not are none."""
        found = {}
        for name in plan.matches if plan.standing else ():
            agreed = item_agreement(context, name, self.random_state)
            found[name] = np.nan if agreed is None else agreed.mean
            if self.bridge == "auto" and (agreed is None or agreed.low <= 0):
                del context.same[name]
        return found

    def _segment(
        self,
        folds: list[Fold],
        routes: list[FittedRoute],
        sources: Sequence[str],
        rng: Any,
        prior: Mapping[str, np.ndarray] | None,
    ) -> tuple[Segment, Evidence | None]:
        """Return the blend of one kind of people; popularity alone where there are too few to learn from."""
        n_rows = sum(fold.held.hidden.nnz for fold in folds)
        if n_rows < _FEWEST_LISTS:
            return popular_alone(routes, self.target, sources), None
        same = deepcopy(rng)
        lists = lists_of(folds, self.n_lists, self.n_negatives, rng)

        def lacking(source: str) -> Lists:
            known = [fold.lacking.get(source, fold) for fold in folds]
            return lists_of(known, self.n_lists, self.n_negatives, deepcopy(same), (folds, lists))

        return weigh(self._blend(), lists, lacking, folds, routes, self.target, sources, rng, prior)

    def _blend(self) -> StackingBlend:
        return self.blend if self.blend is not None else StackingBlend()

    def _correlations(self, sources: Sequence[str], agreement: Mapping[str, float]) -> list[float]:
        """Return how closely each source is related to the target: by its people, or by shared items."""
        found = self.findings_["relatedness"].set_index(["source", "target"])["correlation"]
        return [agreement.get(name, found.get((name, self.target), np.nan)) for name in sources]


def _judging(plan: Plan, lacking: Sequence[str] = ()) -> MakeFolds:
    """Return how held people are judged, as they are and without what is known of them in some sources."""
    return stand_in_folds if plan.standing else partial(folds_of, lacking=lacking)


def _size(rows: sparse.csr_matrix) -> Size:
    """Return how many people, items and interactions there are, those without any not counted."""
    people, items = (int((rows.getnnz(axis=axis) > 0).sum()) for axis in (1, 0))
    return Size(people, items, rows.nnz)


def _limit(rows: sparse.csr_matrix) -> int:
    """Return the highest rank, with a fifth of the people hidden, the histories allow."""
    people = int((np.diff(rows.indptr) > 0).sum())
    items = int((np.bincount(rows.indices, minlength=rows.shape[1]) > 0).sum())
    return max(1, min(people * 3 // 5, items))
