"""A mapper that is differentially private end to end for the users who link two categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tastebridge._foundation.validation import check_count, check_number
from tastebridge._foundation.warnings import muted, warn
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.data import Interactions, Panel, Vocabulary, Weighting
from tastebridge.data.alignment import with_items
from tastebridge.data.types import Events, EventWeights
from tastebridge.exceptions import InvalidDataError
from tastebridge.factors import SVDFactors
from tastebridge.fitting.checks import check_sources, check_target
from tastebridge.maps import RidgeMap
from tastebridge.maps.moments import Array, Moments
from tastebridge.model import GATES, LinearModel, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.model.scorers import LinearScorer
from tastebridge.online.state import FittedState
from tastebridge.privacy import Budget, Key, noise_multiplier_for
from tastebridge.privacy.budget import check_delta, check_epsilon
from tastebridge.privacy.grid import BITS, GridPart, add_noise, sparse_to_grid
from tastebridge.privacy.moments import PARTS, noisy_moments
from tastebridge.privacy.public_units import check_public, with_public_times
from tastebridge.privacy.shrinkage import shrink_towards
from tastebridge.privacy.whitening import Scale, scale_of
from tastebridge.recommenders.base import Recommender, encoder_for
from tastebridge.recommenders.weighting import ignored_event_weights
from tastebridge.routes import FitContext, FittedRoute, Histories, RouteKind
from tastebridge.routes.popularity import Constant

Numbers = NDArray[np.int64]

_COUNT, _MEAN = 0.03, 0.2
"""Shares of a part of the budget: for the number of users, and, of popularity's, for their mean factors."""


class PrivateMapper(Recommender):
    r"""Learn across categories from linked users with :math:`(\varepsilon, \delta)`-differential privacy.

    The protected users are those with events both in the target and in a source. All others, the
    *outsiders*, are public here. The items of the model, the weighting and the unit of numeric times come
    from outsiders only, and so do the factors of each category, their means, whitening and clips. One joint
    query releases two statistics of the protected users with noise: the popularity of each item among them,
    and their cross moments,

    .. math:: h = \sum_u y_u / \|y_u\|, \quad m = \sum_u \tilde y_u, \quad
              M_s = \sum_u \tilde x_u \tilde y_u^\top,

    where :math:`y_u` are target rows over the items that at least ``min_outsiders`` outsiders have.
    :math:`\tilde y_u` are clipped target factors, and :math:`\tilde x_u` are whitened and clipped factors of
    the source s. The ridge map :math:`B_s` from these moments and the outsiders' covariance leads from a
    history to target factors. The score of item i is :math:`h_i / n + \tilde x^\top B_s v_i`, averaged over
    sources. First, empirical Bayes shrinks h towards the outsiders' popularity, shifted by m. For users with
    a target history, the score of the outsiders' target factors is added.

    **Guarantee.** Let two panels differ by one protected user, whose events are all present or all absent.
    Then for any set S of models, :math:`\Pr[\text{model} \in S]` differs by at most the factor
    :math:`e^\varepsilon`, up to :math:`\delta`. The saved model, and recommendations made for other users,
    reveal hardly more about a protected user than a model fitted without that user. All parameters, the
    outsiders' events and the names of the categories are public: choose them without looking at protected
    users. The released data are the model (``model_``, ``items_``, ``statistics_``, ``privacy_``), and hence
    a saved folder.

    **Not covered.**

    - Outsiders.
    - Recommendations made *for* a user: they reveal that user's own history to whoever reads them.
    - ``panel_``, which holds all users in memory. Saving it requires a key.
    - Errors, warnings, printed counts, and the duration of a fit.
    - The construction of a panel that is passed instead of a frame. Panels that were cleaned with minimum
      counts are refused, and so are panels whose unit of time depends on a protected user.
    - Settings chosen by looking at results of protected users.
    - Repeated fits: each spends the budget again, unless all draw on one ``budget``.
    - Users who are no longer linked: they become outsiders in the next fit. Name them in ``protected``.

    docs/privacy_audit.md derives the guarantee by hand and tests it.

    **Cost.** Pairs of items that few users have, such as one product under two ids, must stay hidden, so
    the routes of :class:`InterestMapper` that use them are missing here. With thousands of linked users,
    epsilon=3 costs little compared with the same model without noise. At 1 or less, the noise hides most of
    the signal, and popular items may be more accurate.

    Parameters
    ----------
    target : str
        The category to recommend in.
    sources : list of str, optional
        Categories to learn from; None for all others.
    epsilon : float, default=3.0
        Above 0; ``inf`` for no noise and no protection, to measure the cost of the noise.
    delta : float, default=1e-6
        Well below one over the number of linked users.
    source_components, target_components : int, default=64, 128
        Ranks of the factors, or the highest ranks the outsiders allow. Higher ranks capture more signal and
        need more noise.
    alpha : float, default=3.0
        Penalty of the ridge map, in units of the mean eigenvalue.
    popularity_share : float, default=0.25
        Share of the privacy budget for the popularity of items, between 0 and 1; the rest is for the moments.
        Popularity is the part that a membership attack uses best.
    min_outsiders : int, default=5
        Minimum number of outsiders with an item for protected users to be counted on it. Rare items are the
        easiest target of an attacker.
    protected : list of ids, optional
        Additional users to exclude from everything public. Without a linked history, they are not used at
        all.
    weighting : Weighting, optional
        The weights of events; None for binary. Its statistics come from outsiders.
    event_weights : mapping of event type to weight, optional
        As for :class:`tastebridge.InterestMapper`.
    budget : Budget, optional
        The privacy budget to draw on; None for a budget of this fit only. A loaded model has a record of it
        that cannot be spent.
    random_state : int, default=0
        Seed of the public factors. The noise has no seed, so two fits differ.

    Attributes
    ----------
    model_ : LinearModel
    privacy_ : dict
        epsilon, delta, the noise multiplier of the joint query, and the released number of users.

    Raises
    ------
    UnknownCategoryError, NoLinkedUsersError
        If a category is not in the panel, or no user is linked.
    InvalidDataError
        If a category has no outsiders to learn factors from, or protected users influenced public data when
        the panel was made.
    PrivacyBudgetError
        If the budget does not allow the fit.

    References
    ----------
    C. Dwork and A. Roth, "The algorithmic foundations of differential privacy" (2014). F. McSherry and I.
    Mironov, "Differentially private recommender systems", KDD (2009). J. Hsu et al., "Private matchings and
    allocations", STOC (2014), for the billboard model, in which a user's own answer may use that user's data.

    Examples
    --------
    >>> import tastebridge as tb
    >>> from tastebridge.datasets import make_panel
    >>> panel, _ = make_panel(n_users=600, n_items=60)
    >>> mapper = tb.PrivateMapper("films", epsilon=3.0, source_components=8, target_components=8).fit(panel)
    >>> len(mapper.recommend(panel.users.ids[:2], n=3))
    6
    """

    def __init__(
        self,
        target: str,
        sources: Sequence[str] | None = None,
        epsilon: float = 3.0,
        delta: float = 1e-6,
        source_components: int = 64,
        target_components: int = 128,
        alpha: float = 3.0,
        popularity_share: float = 0.25,
        min_outsiders: int = 5,
        protected: Sequence[Any] | None = None,
        weighting: Weighting | None = None,
        event_weights: EventWeights | None = None,
        budget: Budget | None = None,
        random_state: int = 0,
    ) -> None:
        self.target = target
        self.sources = sources
        self.epsilon = epsilon
        self.delta = delta
        self.source_components = source_components
        self.target_components = target_components
        self.alpha = alpha
        self.popularity_share = popularity_share
        self.min_outsiders = min_outsiders
        self.protected = protected
        self.weighting = weighting
        self.event_weights = event_weights
        self.budget = budget
        self.random_state = random_state

    def fit(self, panel: Events, y: None = None) -> Self:
        """Learn from a frame of events as for :meth:`tastebridge.Panel.from_frame`, or from a panel.

        For a frame, the unit of numeric times is inferred from outsiders. For a panel, it was inferred from
        all users.
        """
        self._check()
        panel = self._read(panel)
        check_target(self.target, panel)
        sources = check_sources("PrivateMapper", self.target, self.sources, panel)
        panel = panel.select([*sources, self.target])
        linked = _linked(panel, sources, self.target)
        public = _of_outsiders(panel, self._protected(panel, linked))
        encoder = encoder_for(self, public)
        context = FitContext(encoder.rows(public), self.target)
        with one_blas_thread():
            model = self._learn(encoder.rows(panel), linked, context)
        state = FittedState(LinearScorer(model), encoder, public.item_names)
        self._keep({self.target: state}, panel)
        for message in ignored_event_weights(self):
            warn(message)
        return self

    def _read(self, events: Events) -> Panel:
        """Return the panel of the events, in which no protected user influences public data."""
        if isinstance(events, Panel):
            panel = super()._read(events)
            # without noise there is no guarantee to keep
            if self.epsilon != float("inf"):
                check_public(panel, self._protected_in)
            return panel
        # this first reading only tells who is protected; the second one warns
        with muted():
            panel = super()._read(events)
        mended = with_public_times(events, panel.users.ids[~self._protected_in(panel)])
        return super()._read(events if mended is None else mended)

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
        """Write the model like :meth:`InterestMapper.save`; saving its users requires a key.

        Raises
        ------
        InvalidDataError
            If users would be saved without a key, because their histories are protected.
        """
        if with_users and key is None:
            raise InvalidDataError(
                "a PrivateMapper protects its users: save them with a key=…, or without with_users."
            )
        nameless = copy(self)
        nameless.protected = None  # ids of users, needed by a fit only
        super(PrivateMapper, nameless).save(
            path, with_users, key=key, pseudonyms=pseudonyms, updatable=updatable, name=name
        )

    def _refit_needed(self, what: str, how: str) -> str:
        return (
            f"a PrivateMapper cannot {what}: each solution of its maps from changed sums would spend privacy "
            f"anew. Fit it again, {how}, on a budget that allows it."
        )

    def _check(self) -> None:
        check_epsilon(self.epsilon), check_delta(self.delta)
        check_count("source_components", self.source_components)
        check_count("target_components", self.target_components)
        check_count("min_outsiders", self.min_outsiders)
        check_count("random_state", self.random_state, 0)
        check_number("alpha", self.alpha, 0.0)
        check_number("popularity_share", self.popularity_share, 0.0, 0.99, open_minimum=True)

    def _protected_in(self, panel: Panel) -> NDArray[np.bool_]:
        """Return which users of a panel of any categories are protected."""
        names = panel.categories if self.sources is None else self.sources
        sources = [name for name in names if name in panel.categories and name != self.target]
        known = self.target in panel.categories
        return self._protected(panel, _linked(panel, sources, self.target) if known else {})

    def _protected(self, panel: Panel, linked: Mapping[str, Numbers]) -> NDArray[np.bool_]:
        """Return which users are protected."""
        mask = np.zeros(len(panel), dtype=bool)
        for users in linked.values():
            mask[users] = True
        if self.protected is not None and len(self.protected):
            more = panel.users.numbers(self.protected, missing="negative")
            mask[more[more >= 0]] = True
        return mask

    def _learn(self, private: Histories, linked: Mapping[str, Numbers], context: FitContext) -> LinearModel:
        """Fit the public parts, release the private ones, and return the model."""
        sources = context.sources
        there = _side(context, self.target, self.target_components, self.random_state, False)
        here = {
            name: _side(context, name, self.source_components, self.random_state, True) for name in sources
        }
        # Spent before the first release: an error later on costs budget, never privacy.
        noise = self._spend()
        protected = np.unique(np.concatenate(list(linked.values())))
        popularity, n = self._popularity(
            private[self.target][protected], context.histories[self.target], there, noise
        )
        # One joint query: the shares of popularity and of all maps sum to 1.
        share = (1.0 - self.popularity_share) / len(sources)
        routes = [_popularity_route(context, popularity)]
        space = context.space("target", np.asarray(there.model.item_factors_))
        for name in sources:
            rows = {part: private[part][linked[name]] for part in (name, self.target)}
            B = self._map(here[name], there, rows[name], rows[self.target], noise, share) / len(sources)
            coef = here[name].scale.matrix @ B
            encoder = context.encoder((name,), here[name].model, name)
            intercept = -here[name].scale.center @ coef
            kind = RouteKind.MAPPED
            found = FittedRoute(f"{name} → private map", (name,), encoder, coef, intercept, space, kind=kind)
            routes.append(found)
        encoder = context.encoder((self.target,), there.model, self.target)
        kind, own = RouteKind.WITHIN, (self.target,)
        routes.append(FittedRoute(f"{self.target} → outsiders", own, encoder, None, None, space, kind=kind))
        self.privacy_ = {
            "epsilon": float(self.epsilon),
            "delta": self.delta,
            "noise_multiplier": noise,
            "n_people": n,
        }
        return LinearModel.of(context, routes, _segments(len(routes)))

    def _spend(self) -> float:
        """Return the noise multiplier of the joint query, entered in the budget."""
        noise = noise_multiplier_for(self.epsilon, self.delta)
        if self.budget is not None:
            self.budget.spend(noise)
        return noise

    def _popularity(
        self, rows: sparse.csr_matrix, public: sparse.csr_matrix, there: _Side, noise: float
    ) -> tuple[Array, float]:
        """Return the private mean of target rows of length 1, (n_items,), and the private number of users.

        Users are counted on items that many outsiders have. Expected of all items is the outsiders'
        popularity, moved by the difference of mean factors between protected users and outsiders.
        """
        mean = there.mean(rows, noise, self.popularity_share)
        often = np.bincount(public.indices, minlength=public.shape[1]) >= self.min_outsiders
        share = (1.0 - _COUNT - _MEAN) * self.popularity_share
        counts = GridPart(_sum_of(sparse_to_grid(rows[:, often])), BITS)
        noisy = add_noise(counts, noise, share)
        usual = _sum_of(sparse_to_grid(public)) / 2.0**BITS
        times = max(float(noisy.sum()), 0.0) / max(float(usual[often].sum()), np.finfo(np.float64).tiny)
        # Of items that few outsiders have the expected popularity stays: protected users are not counted
        # there.
        h = np.maximum(usual * times + np.asarray(there.model.item_factors_) @ mean.sum_y, 0.0)
        h[often] = shrink_towards(noisy, h[often], noise / share**0.5)
        return h / mean.n, mean.n

    def _map(
        self,
        here: _Side,
        there: _Side,
        X: sparse.csr_matrix,
        Y: sparse.csr_matrix,
        noise: float,
        share: float,
    ) -> Array:
        """Return the private ridge map (p, q) from scaled source factors to centred target factors."""
        p, q = here.scale.matrix.shape[1], there.scale.matrix.shape[1]
        known = here.scale.clipped(here.outsiders)
        public = Moments.zeros(p, q)
        public = replace(public, n=float(len(known)), xx=known.T @ known)
        moments = noisy_moments(
            here.scale.apply(here.model.transform(X)),
            there.scale.apply(there.model.transform(Y)),
            noise,
            (here.scale.clip, there.scale.clip),
            # The covariance of the source is the outsiders', so no noise is spent on it.
            {**dict.fromkeys(PARTS, 0.0), "n": _COUNT * share, "xy": (1.0 - _COUNT) * share},
            public,
        )
        return RidgeMap(self.alpha, fit_intercept=False).fit_moments(moments).coef_


class _Side(NamedTuple):
    """The public part of a category: the factor model, the outsiders' factors, and their scale."""

    model: SVDFactors
    outsiders: Array
    scale: Scale

    def mean(self, rows: sparse.csr_matrix, noise: float, share: float) -> Moments:
        """Return the private number of users and the sum of their factors, as ``n`` and ``sum_y``."""
        Y = self.scale.apply(self.model.transform(rows))
        shares = {**dict.fromkeys(PARTS, 0.0), "n": _COUNT * share, "sum_y": _MEAN * share}
        # Parts without a share are taken from here: moments of no factors, whose number is not 0.
        nobody = replace(Moments.zeros(0, Y.shape[1]), n=1.0)
        return noisy_moments(Y[:, :0], Y, noise, (1.0, self.scale.clip), shares, nobody)


def _side(context: FitContext, name: str, rank: int, random_state: int, whiten: bool) -> _Side:
    rank = min(rank, context.limit((name,)))
    model = context.factors((name,), SVDFactors(rank, random_state=random_state))
    rows = context.histories[name]
    outsiders = np.asarray(model.transform(rows[np.diff(rows.indptr) > 0]), dtype=np.float64)
    return _Side(model, outsiders, scale_of(outsiders, whiten))


def _linked(panel: Panel, sources: Sequence[str], target: str) -> dict[str, Numbers]:
    """Return the numbers of the users linked by each source."""
    return {name: panel.linked(name, target) for name in sources}


def _of_outsiders(panel: Panel, protected: NDArray[np.bool_]) -> Panel:
    """Return the panel of all other users, with their items and no other, features left out."""
    public = panel[~protected]
    parts: dict[str, Interactions] = {}
    for name, part in public.interactions.items():
        # An item that protected users alone have must not be known to the model by its id.
        taken = np.unique(part.matrix.indices)
        if not len(taken):
            raise InvalidDataError(
                f"all users with events in {name!r} are protected, so no user is left to learn factors from. "
                "PrivateMapper needs users of a single category in each; add some, or protect fewer."
            )
        parts[name] = with_items(part, Vocabulary(part.items.ids[taken], part.items.name))[0]
    names = public.item_names
    known = (
        None
        if names is None
        else {
            name: some[some.index.isin(parts[name].items.ids)]
            for name, some in names.items()
            if name in parts
        }
    )
    return replace(public, interactions=parts, item_names=known, item_features={})


def _sum_of(rows: sparse.csr_matrix) -> Numbers:
    return np.asarray(rows.sum(axis=0), dtype=np.int64).ravel()


def _popularity_route(context: FitContext, popularity: Array) -> FittedRoute:
    space = context.space("popularity", popularity[:, None])
    encoder = context.encoder((context.target,), Constant(), "constant")
    return FittedRoute("popularity", (), encoder, None, None, space, kind=RouteKind.POPULARITY)


def _segments(n_routes: int) -> dict[str, Segment]:
    """Return fixed weights: the route within the target is for users with a history there."""
    masks = {"cold": np.arange(n_routes) < n_routes - 1, "warm": np.ones(n_routes, dtype=bool)}
    return {name: Segment(StackingBlend.equal(n_routes, len(GATES)), mask) for name, mask in masks.items()}
