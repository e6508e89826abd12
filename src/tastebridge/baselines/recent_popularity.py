"""Recent popularity: the items with the most recent users."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tastebridge._foundation.validation import check_number
from tastebridge.baselines.base import Baseline, fixed
from tastebridge.data import Interactions, Panel, Weighting
from tastebridge.evaluation import user_scores
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.model import LinearModel
from tastebridge.model.scorers import LinearScorer
from tastebridge.online.state import Tables
from tastebridge.recommenders.attributes import from_table
from tastebridge.routes import FitContext, FittedRoute
from tastebridge.routes.popularity import Constant
from tastebridge.splits import temporal

SHARES = (1 / 2, 1 / 8, 1 / 30)
"""The half-lives tried by default, as shares of the span of the target."""
_DAY = 86_400.0
_LEARNED = 0.8
_METRIC = "ndcg@10"


class RecentPopularity(Baseline):
    r"""Recommend the items with the most recent users, except items the user already has.

    .. math:: \log \frac{n_i + c}{\overline{n + c}}, \qquad n_i = \sum_{u: i \in u} 2^{-(t - t_{ui}) / h}

    with the half-life :math:`h`, the last time :math:`t` of the target and the time :math:`t_{ui}` of the
    last event of user and item. With neither ``half_life`` nor ``share``, three half-lives are tested: 1/2,
    1/8 and 1/30 of the time span of the target. The chosen one predicts the last fifth of the rows from the
    earlier ones with the highest mean NDCG@10 (:func:`tastebridge.splits.temporal`).

    Parameters
    ----------
    target : str
        The category to recommend in.
    half_life : float, optional
        In days, above 0.
    share : float, optional
        The half-life as a share of the time span, above 0; instead of ``half_life``.
    prior : float, default=0.5
        Number c of users added to each item, above 0.

    Attributes
    ----------
    model_ : LinearModel
        The single route; it holds no users.
    recency_ : DataFrame
        One row per half-life: half_life (days), share (of the span), ndcg (NDCG@10 on the last fifth; NaN
        if the half-life was given) and chosen.

    Raises
    ------
    UnknownCategoryError
        If the target is not in the panel.
    InvalidDataError
        If the target has no times.
    InvalidParameterError
        If a parameter is out of range, or both ``half_life`` and ``share`` are given.

    References
    ----------
    Y. Ji, A. Sun, J. Zhang and C. Li, "A re-visit of the popularity baseline in recommender systems", SIGIR
    (2020).

    Examples
    --------
    >>> import pandas as pd
    >>> from tastebridge.baselines import RecentPopularity
    >>> rows = [("ada", "alien", 0), ("bob", "alien", 1), ("eva", "brazil", 30)]
    >>> frame = pd.DataFrame(rows, columns=["user_id", "item_id", "day"]).assign(category="films")
    >>> frame["timestamp"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(frame.pop("day"), "D")
    >>> model = RecentPopularity("films", half_life=7).fit(frame)
    >>> model.recommend(["ada"], n=1)["item_id"].tolist(), model.recency_["chosen"].tolist()
    (['brazil'], [True])
    """

    weighting: Weighting | None = None

    recency_ = from_table("recency_", "One row per half-life that was tried.")

    def __init__(
        self,
        target: str,
        half_life: float | None = None,
        share: float | None = None,
        prior: float = 0.5,
    ) -> None:
        self.target = target
        self.half_life = half_life
        self.share = share
        self.prior = prior

    def _check(self) -> None:
        check_number("prior", self.prior, 0.0, open_minimum=True)
        for name in ("half_life", "share"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 0.0, open_minimum=True)
        if self.half_life is not None and self.share is not None:
            raise InvalidParameterError(
                f"half_life={self.half_life!r} and share={self.share!r} both set how fast events age. Give "
                "one of them."
            )

    def _learned(self, context: FitContext, panel: Panel) -> tuple[LinearScorer, Tables]:
        part = panel[self.target]
        if part.times is None:
            raise InvalidDataError(
                f"RecentPopularity needs the times of events, and {self.target!r} has none. Give a timestamp "
                "column, or use Popularity."
            )
        table = self._half_lives(panel, float(np.ptp(part.times)) / _DAY)
        half_life = float(table.loc[table["chosen"], "half_life"].iloc[0])
        return self._of(context, _decayed_counts(part, half_life)), {"recency_": table}

    def _scorer(self, context: FitContext) -> LinearScorer:
        """Return the scorer of events that do not age."""
        return self._of(context, context.popularity)

    def _of(self, context: FitContext, counts: np.ndarray) -> LinearScorer:
        # The prior keeps the logarithm of an item without users finite.
        name, counts = "recent popularity", counts + self.prior
        space = context.space(name, np.log(counts / counts.mean())[:, None])
        encoder = context.encoder((context.target,), Constant(), "constant")
        route = FittedRoute(name, (), encoder, None, None, space)
        return LinearScorer(LinearModel.of(context, [route], fixed(cold=[True], warm=[True])))

    def _half_lives(self, panel: Panel, span: float) -> pd.DataFrame:
        """Return the half-lives, in days and as shares of the span, and which is chosen."""
        if self.half_life is not None:
            shares = [self.half_life / span if span > 0 else np.inf]
        else:
            shares = list(SHARES) if self.share is None else [self.share]
        # events of one moment are all of one age: any half-life says the same
        days = [self.half_life or share * (span if span > 0 else 1.0) for share in shares]
        scores = [np.nan] * len(days) if len(days) == 1 or span == 0 else self._foretold(panel, days)
        # NaN where nothing could be judged: the first, longest half-life is taken then.
        best = int(np.argmax(np.nan_to_num(scores, nan=-np.inf)))
        chosen = np.arange(len(days)) == best
        return pd.DataFrame({"half_life": days, "share": shares, "ndcg": scores, "chosen": chosen})

    def _foretold(self, panel: Panel, half_lives: list[float]) -> list[float]:
        """Return the accuracy of each half-life on the last fifth of the rows; NaN without such rows."""
        try:
            split = temporal(panel, self.target, _LEARNED)
        except InvalidDataError:  # nearly all rows are of one moment
            return [float("nan")] * len(half_lives)
        models = [RecentPopularity(self.target, one, prior=self.prior).fit(split.train) for one in half_lives]
        return [float(user_scores(model, split, [_METRIC])[_METRIC].mean()) for model in models]


def _decayed_counts(part: Interactions, half_life: float) -> np.ndarray:
    """Return the sum over users of each item, older events counting less."""
    aged = Weighting("binary", half_life=half_life).apply(part)
    return np.bincount(aged.indices, aged.data.astype(np.float64), minlength=aged.shape[1])
