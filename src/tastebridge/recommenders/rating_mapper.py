"""Ratings in a target category, predicted from ratings elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.base import clone

from tastebridge._foundation.validation import check_choice, check_count, check_number
from tastebridge._foundation.warnings import warn_of_data
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.data import CleaningPolicy, Panel, Weighting
from tastebridge.data.history_encoder import Rows as RowsByCategory
from tastebridge.data.types import Events, Frame
from tastebridge.exceptions import InvalidDataError
from tastebridge.factors import SVDFactors
from tastebridge.factors.rating import RatingFactors
from tastebridge.fitting.checks import check_sources, check_target
from tastebridge.fitting.folds import Fold, Held, build_fold, held_out, number_of_folds, without
from tastebridge.fitting.rating_weights import Judged, Rows, gain_of, rows_of, tells_of, weigh_rows
from tastebridge.metrics.intervals import Interval
from tastebridge.model import GATES, LinearModel, Segment
from tastebridge.model.blend import StackingBlend
from tastebridge.model.scorers import RatingScorer
from tastebridge.online.state import FittedState
from tastebridge.recommenders.attributes import from_state, from_table
from tastebridge.recommenders.base import Recommender, encoder_for
from tastebridge.recommenders.interest_mapper import InterestMapper
from tastebridge.routes import FitContext, Histories
from tastebridge.routes.ratings import RatingRoute

_ENOUGH, _CAP = 2000, 5000
"""Linked users to judge by, and users of a kind in a fold, at most."""
_FEWEST = 50
"""Hidden ratings, and linked users, below which nothing is learned from them."""
_FOLDS = 2
"""Folds the shrinkage is chosen on."""
_SHRINKAGES = (1.5, 3.0, 6.0, 12.0)
_KINDS = ("cold", "warm")


class Scale(NamedTuple):
    """The ends of the target scale, and the number added inside the model so that all ratings are above 0."""

    low: float
    high: float
    shift: float

    @property
    def ends(self) -> tuple[float, float]:
        """The lowest and the highest rating of the target."""
        return self.low, self.high

    @property
    def n_shared(self) -> int:
        """The number of routes that are the same for all users."""
        return 3 if self.shift else 2


def _ratings_of(state: FittedState) -> LinearModel | None:
    scorer = state.scorer
    return scorer.ratings if isinstance(scorer, RatingScorer) and not scorer.by_rating else None


class RatingMapper(Recommender):
    r"""Predict ratings in a target category for users known from other categories.

    .. math:: \hat r_{ui} = \mu + b_i + w\,b_u + \sum_s w_s\, z_u^{(s)\top} v_i

    with the mean, effects of items and users, and taste. Taste comes from the user's ratings in the target
    and, through maps learned from linked users, from the ratings in the sources: see
    :class:`tastebridge.routes.ratings.RatingRoute`. The weights w and the shrinkage of items are chosen on
    ratings that were hidden while the routes were fitted. Users without ratings in the target have separate
    weights, and weights depend on the number of ratings of a user. A source that increases the error is
    left out. The model is linear, so a prediction is an inner product.

    Event weights are read as ratings, including values of 0 and below. Predictions have the same unit: if all
    ratings are multiplied by 20, so are the predictions. If 0 or -1 means "seen, not rated", leave
    these rows out. Later histories need ratings too: a frame without a rating column is refused. If a frame
    has two ratings of the same user and item, the later one counts. For users
    without any known rating, the prediction is the mean plus the effect of the item;
    ``missing="popular"`` recommends the items rated highest.

    Parameters
    ----------
    target : str
        The category to predict in.
    sources : list of str, optional
        The categories to learn from; None for all others.
    rank_by : {"rating", "preference"}, default="rating"
        The order of ``recommend``: by predicted rating, or by the probability that a user chooses an item, as
        in :class:`~tastebridge.InterestMapper`, whose model is then ``model_``. Ratings express how much
        users like the items they chose, but say little about which items they choose. ``predict`` returns
        ratings in both cases; scores, vectors and explanations follow ``rank_by``.
    n_components : int, default=8
        Rank of the taste part; reduced if the data require it.
    item_shrinkage : float, optional
        Number of ratings at which the ratings of an item count half; None to choose it out of fold.
    random_state : int, default=0
        The same seed gives the same result, whatever the number of threads.

    Attributes
    ----------
    model_ : LinearModel
        The model that ranks lists.
    ratings_ : LinearModel
        With ``rank_by="preference"``, the model that predicts ratings; otherwise ``model_`` does.
    chosen_ : DataFrame
        One row: low and high, the lowest and the highest rating of the target, to which predictions are
        clipped, and item_shrinkage.
    transfer_ : DataFrame
        One row per source, for users without ratings in the target, out of fold: source, linked (users), lift
        with its interval over users (lift_low, lift_high), verdict ("helps", "no evidence", "hurts") and
        kept. lift is the reduction of the squared error by the source alone. With ``rank_by="preference"``,
        this is the table of the mapper.
    routes_ : DataFrame
        One row per route: its name, and mean weight for cold and for warm users.
    errors_ : DataFrame
        Out of fold, for "cold" and "warm" users: n (ratings), rmse and mae, and the same errors of the items'
        effects alone (items_rmse, items_mae).

    Raises
    ------
    UnknownCategoryError, NoLinkedUsersError
        As for the mapper.
    InvalidDataError
        If all ratings of the target are the same.
    InvalidParameterError
        If a parameter cannot be used.

    References
    ----------
    Y. Koren, R. Bell and C. Volinsky, "Matrix factorization techniques for recommender systems", Computer 42
    (2009). D. Agarwal and B.-C. Chen, "Regression-based latent factor models", KDD (2009).

    Examples
    --------
    >>> import pandas as pd
    >>> from tastebridge import RatingMapper
    >>> from tastebridge.datasets import make_panel
    >>> frame = make_panel(n_users=300, n_items=40, random_state=0)[0].to_frame()
    >>> frame["weight"] = 1 + (frame["user_id"] + frame["item_id"].str[-2:].astype(int)) % 5
    >>> mapper = RatingMapper("films").fit(frame)
    >>> ratings = mapper.predict(frame.loc[frame["category"] == "films", ["user_id", "item_id"]])
    >>> bool((ratings >= 1).all() and (ratings <= 5).all())
    True
    """

    policy: ClassVar[CleaningPolicy] = CleaningPolicy(duplicates="last")

    transfer_ = from_table("transfer_", "One row per source, and whether it helps.")
    routes_ = from_table("routes_", "One row per route, and its mean weights.")
    errors_ = from_table("errors_", "Out-of-fold errors of ratings.")
    chosen_ = from_table("chosen_", "The scale of the ratings, and the shrinkage that was chosen.")
    ratings_ = from_state(_ratings_of, "The model that predicts ratings, where another model ranks.")

    def __init__(
        self,
        target: str,
        sources: list[str] | None = None,
        rank_by: str = "rating",
        n_components: int = 8,
        item_shrinkage: float | None = None,
        random_state: int = 0,
    ) -> None:
        self.target = target
        self.sources = sources
        self.rank_by = rank_by
        self.n_components = n_components
        self.item_shrinkage = item_shrinkage
        self.random_state = random_state

    @property
    def weighting(self) -> Weighting:  # type: ignore[override]
        """Ratings as they are, or the binary events that the mapper of preferences reads."""
        return Weighting("none" if self.rank_by == "rating" else "binary")

    def fit(self, panel: Events, y: None = None) -> Self:
        """Learn from a panel whose weights are ratings, or a frame of them."""
        panel = self._read(panel)
        sources = self._check(panel)
        panel = panel.select([*sources, self.target])
        scale = _scale(self.target, panel)
        weighting = self.weighting.set_params(shift=scale.shift)
        encoder = encoder_for(self, panel, weighting)
        histories = {name: weighting.shifted(panel[name].matrix) for name in panel.categories}
        with one_blas_thread():
            ratings, tables = self._learn(panel, histories, sources, scale)
        model = ratings
        if self.rank_by == "preference":
            binary, seed = Weighting("binary"), self.random_state  # a rating is no strength of interest
            mapper = InterestMapper(self.target, sources, weighting=binary, random_state=seed).fit(panel)
            model = mapper.model_
            tables = {**tables, "transfer_": mapper.transfer_, "routes_": mapper.routes_}
        state = FittedState(RatingScorer(model, ratings, *scale.ends), encoder, panel.item_names, tables)
        self._keep({self.target: state}, panel)
        _warn_of_sums(panel)
        return self

    def predict(self, pairs: Frame, *, missing: str = "error") -> NDArray[np.float32]:
        """Return the predicted rating of every pair of a user of the fit and a target item.

        Ratings are clipped to the scale of the data. If lists are ranked by rating, predictions equal the
        scores of :meth:`recommend`, bit for bit; items predicted beyond the scale keep their order there.

        Parameters
        ----------
        pairs : frame
            Columns user_id and item_id.
        missing : {"error", "nan"}, default="error"
            Refuse pairs of an unknown user or item, or return NaN for them.

        Returns
        -------
        ndarray of shape (n_pairs,)
        """
        return super().predict(pairs, missing=missing)

    def _check(self, panel: Panel) -> list[str]:
        check_target(self.target, panel)
        check_choice("rank_by", self.rank_by, ("rating", "preference"))
        check_count("n_components", self.n_components, 0)
        check_count("random_state", self.random_state, 0, 2**32 - 1)
        if self.item_shrinkage is not None:
            check_number("item_shrinkage", self.item_shrinkage, 0.0, open_minimum=True)
        return check_sources("RatingMapper", self.target, self.sources, panel)

    def _learn(
        self, panel: Panel, histories: Histories, sources: Sequence[str], scale: Scale
    ) -> tuple[LinearModel, dict[str, pd.DataFrame]]:
        """Return the model of ratings, and the tables of the findings."""
        wanted = _SHRINKAGES if self.item_shrinkage is None else (self.item_shrinkage,)
        context = FitContext(histories, self.target)
        held = self._held(context)
        if len(wanted) > 1:
            tried = [self._judge(context, one, held[:_FOLDS], scale) for one in wanted]
            wanted = (min(tried, key=lambda found: found.loss).shrinkage,)
        best = self._judge(context, wanted[0], held, scale)
        routes = self._route(histories, wanted[0], scale.shift).build(context)
        weights = {name: best.segments[name].blend.weights() * best.segments[name].kept for name in _KINDS}
        chosen = {"low": [scale.low], "high": [scale.high], "item_shrinkage": [float(best.shrinkage)]}
        tables = {
            "chosen_": pd.DataFrame(chosen),
            "errors_": best.errors(),
            "transfer_": _transfer(panel, self.target, sources, best),
            "routes_": pd.DataFrame({"route": [route.name for route in routes], **weights}),
        }
        return LinearModel.of(context, routes, best.segments), tables

    def _route(self, histories: Histories, shrinkage: float, shift: float) -> RatingRoute:
        """Return the routes at a shrinkage, with ranks that every category allows with users hidden."""
        shapes = [
            # 3/5 of the users, as in fit_plan: a fold hides a part of them.
            (max(1, int((np.diff(R.indptr) > 0).sum() * 3 // 5)), len(np.unique(R.indices)))
            for R in histories.values()
            if R.nnz
        ]
        limit = min(min(shape) for shape in shapes)
        factors = RatingFactors(min(self.n_components, limit), random_state=self.random_state)
        choice = SVDFactors(min(32, limit), random_state=self.random_state)
        return RatingRoute(clone(factors).set_params(item_shrinkage=shrinkage), factors, choice, shift)

    def _held(self, context: FitContext) -> list[list[Held]]:
        """Return the users to hide in each fold; no fold where too few users are linked."""
        linked = context.linked_to_any()
        if len(linked) < _FEWEST:
            return []
        rng, n_folds = np.random.default_rng(self.random_state), number_of_folds(len(linked), _ENOUGH)
        folds = held_out(context.histories[self.target], linked, n_folds, _CAP, rng)
        return [held for held in folds if without(context.histories[self.target], held).nnz]

    def _judge(self, context: FitContext, shrinkage: float, folds: list[list[Held]], scale: Scale) -> Judged:
        """Return the weights at a shrinkage, and the hidden ratings they were learned from."""
        route = self._route(context.histories, shrinkage, scale.shift)
        names = route.names(context)
        found: list[Fold] = []
        for held in folds:
            hidden = context.hiding(without(context.histories[self.target], held))
            found += build_fold([route], hidden, held, list(names))
        reads = np.array(list(names.values()))
        rows = {kind: _rows([f for f in found if f.held.segment == kind], scale) for kind in _KINDS}
        gains, tells = {}, set()
        if (cold := rows["cold"]) is not None:
            new = [fold for fold in found if fold.held.segment == "cold"]
            as_rows = partial(rows_of, shared=scale.n_shared, shift=scale.shift)
            for source in context.sources:
                gains[source] = gain_of(cold, reads == source, scale.ends)
                ends = (source, self.target)
                if gains[source].low > 0 and tells_of(new, list(reads), ends, as_rows, scale.ends):
                    tells.add(source)
        # Left out only if it hurts significantly: the weights shrink a useless source by themselves.
        hurt = np.isin(reads, [source for source, gain in gains.items() if gain.high < 0])
        shared = np.arange(len(names)) < scale.n_shared
        segments = {kind: _segment(rows[kind], kind, reads == self.target, hurt, shared) for kind in _KINDS}
        segments["empty"] = Segment(StackingBlend.equal(len(names), len(GATES)), shared)
        return Judged(shrinkage, rows, segments, gains, scale.ends, frozenset(tells))

    def _pair_rows(self, state: FittedState, users: NDArray[np.int64]) -> RowsByCategory:
        """Return the rows that :meth:`predict` scores by: ratings as they are."""
        if self.rank_by == "rating":
            return super()._pair_rows(state, users)
        known = self._known()
        shifted = state.encoder.weighting.shifted
        return {name: shifted(known[name].matrix[users]) for name in state.encoder.items}


def _warn_of_sums(panel: Panel) -> None:
    """Warn if ratings of the same user and item were added up: a sum of ratings is none."""
    merged = sum(step.rows for step in panel.cleaning.steps if step.step == "duplicates")
    if merged and panel.cleaning.duplicates in ("sum", "count"):
        warn_of_data(
            f"{merged:,} ratings were merged into others of the same user and item by "
            f"{panel.cleaning.duplicates!r}, which is right for events only. Build the panel with "
            "CleaningPolicy(duplicates='last'), or pass the frame to fit, which does so."
        )


def _scale(target: str, panel: Panel) -> Scale:
    low, high = _ends(panel[target].matrix)
    if low == high:
        raise InvalidDataError(
            f"all ratings of {target!r} are {low:g}, so there is nothing to predict. Give a column of "
            "ratings as weights; for events without ratings use InterestMapper."
        )
    return Scale(low, high, _shift(panel))


def _shift(panel: Panel) -> float:
    """Return the number that lifts the lowest rating to a fourth of the widest scale; 0 if all are above 0.

    So ratings from 0 to 4 become ratings from 1 to 5: the start of a scale makes no difference.
    """
    ends = [_ends(part.matrix) for part in panel.interactions.values() if part.matrix.nnz]
    lowest = min(low for low, _ in ends)
    # Above 0 in a sparse matrix: a stored 0 would be lost. A fourth, as 1 is of the scale from 1 to 5.
    return 0.0 if lowest > 0 else max(high - low for low, high in ends) / 4 - lowest


def _ends(R: sparse.csr_matrix) -> tuple[float, float]:
    return float(R.data.min()), float(R.data.max())


def _rows(folds: list[Fold], scale: Scale) -> Rows | None:
    """Return the hidden ratings of some folds; None where they are too few to learn from."""
    rows = rows_of(folds, scale.n_shared, scale.shift) if folds else None
    return None if rows is None or len(rows.y) < _FEWEST else rows


def _segment(
    rows: Rows | None,
    kind: str,
    own: NDArray[np.bool_],
    hurt: NDArray[np.bool_],
    shared: NDArray[np.bool_],
) -> Segment:
    """Return the weights for one kind of users; without rows, the target's ``own`` routes count once."""
    if rows is None:
        return Segment(StackingBlend.equal(len(own), len(GATES)), shared | (own & (kind == "warm")))
    return weigh_rows(StackingBlend("ridge"), rows, ~(hurt | own) if kind == "cold" else ~hurt)


def _transfer(panel: Panel, target: str, sources: Sequence[str], judged: Judged) -> pd.DataFrame:
    """Return the table of sources."""
    found = []
    for source in sources:
        gain = judged.gains.get(source, Interval(np.nan, np.nan, np.nan))
        verdict = "helps" if source in judged.tells else "hurts" if gain.high < 0 else "no evidence"
        linked = len(panel.linked(source, target))
        kept = bool(judged.gains) and linked > 0 and not gain.high < 0
        found.append((source, linked, gain.mean, gain.low, gain.high, verdict, kept))
    columns = ["source", "linked", "lift", "lift_low", "lift_high", "verdict", "kept"]
    return pd.DataFrame(found, columns=columns)
