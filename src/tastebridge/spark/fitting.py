"""A mapper fitted on the events of a Spark data frame."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from tastebridge._foundation.validation import check_count
from tastebridge.batch.driver import warn_of_losses
from tastebridge.data import CleaningPolicy, Weighting
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors import ALSFactors
from tastebridge.maps import RidgeMap
from tastebridge.recommenders.interest_mapper import InterestMapper
from tastebridge.recommenders.single_fit import fit_elsewhere
from tastebridge.routes import JointRoute, NeighbourRoute, PopularityRoute, Route, TargetRoute, TransferRoute
from tastebridge.spark.context import SparkFitContext
from tastebridge.spark.events import read_events
from tastebridge.spark.library import SparkFrame, check_frame
from tastebridge.spark.statistics import cleaned
from tastebridge.spark.taken import Taken


def fit(
    frame: SparkFrame,
    target: str,
    sources: list[str] | None = None,
    *,
    n_components: int = 64,
    routes: list[Route] | None = None,
    n_people: int = 100_000,
    n_folds: int = 1,
    columns: Mapping[str, str | None] | None = None,
    event_weights: Mapping[Any, float] | None = None,
    policy: CleaningPolicy = CleaningPolicy(),  # noqa: B008 - frozen
    random_state: int = 0,
    verbose: bool = False,
) -> InterestMapper:
    """Fit a mapper on a Spark data frame of events.

    Events are cleaned per user, as in a local fit. Spark learns these parts from all users:

    - the factors of items, by MLlib's ALS;
    - the maps, from moments summed by a tree in a fixed order;
    - the links between items, and popularity.

    Users are folded in exactly, as for scoring. The remaining parts are learned locally from a sample of
    users: the weights of the routes, and the diagnostics. Both use linked users whose target rows were held
    out from everything above. A fit on Spark has no item regression, which a local fit with default routes
    may have.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        One row per event, as for :func:`tastebridge.spark.recommend`.
    target, sources
        As for :class:`tastebridge.InterestMapper`.
    n_components : int, default=64
        Rank of the factors.
    routes : list of Route, optional
        By default popularity, links between items, and three routes of ALS factors: from source to target,
        within the target, and over all categories jointly. Factors other than
        :class:`~tastebridge.factors.ALSFactors` are fitted on the sample.
    n_people : int, default=100_000
        Number of users in the sample, selected by a hash of their numbers. Increase it if few users are
        linked, because sources are evaluated on the linked users of the sample.
    n_folds : int, default=1
        As for :class:`tastebridge.InterestMapper`; each fold trains the target's factors again.
    columns, event_weights, policy
        As for :meth:`tastebridge.Panel.from_frame`. Every event counts as 1, unless the policy drops it
        because of its weight; ``policy.min_item_events`` must be 1.
    random_state : int, default=0
        Seed of sample, factors and folds. The same seed gives the same sample and folds. MLlib's factors are
        equal up to rounding if its partitions are equal.
    verbose : bool, default=False
        Whether to show a progress bar.

    Returns
    -------
    InterestMapper
        The same kind of model as after a local fit: it saves to the same files and answers
        :meth:`~tastebridge.InterestMapper.recommend_from`, :func:`tastebridge.spark.recommend` and
        :func:`tastebridge.batch.recommend_all`. Its tables, such as ``transfer_``, describe the users of the
        sample, but the model holds no users.

    Raises
    ------
    MissingDependencyError
        If pyspark is not installed.
    InvalidDataError
        If ``frame`` is not a Spark data frame of a classic session, a column is missing, or no row is left.
    NoLinkedUsersError
        If no user of the sample has events in both a source and the target.
    InvalidParameterError
        If a parameter is out of range.

    Warns
    -----
    TastebridgeWarning
        If rows were bad and left out, or no source helps.

    References
    ----------
    Y. Hu, Y. Koren and C. Volinsky, "Collaborative filtering for implicit feedback datasets", ICDM (2008).

    Examples
    --------
    >>> from pyspark.sql import SparkSession  # doctest: +SKIP
    >>> from tastebridge.datasets import make_panel
    >>> from tastebridge.spark import fit
    >>> panel, _ = make_panel(n_users=400, n_items=60)
    >>> session = SparkSession.builder.master("local[2]").getOrCreate()  # doctest: +SKIP
    >>> events = session.createDataFrame(panel.to_frame().astype({"category": str}))  # doctest: +SKIP
    >>> mapper = fit(events, "films", n_components=8)  # doctest: +SKIP
    >>> mapper.recommend_from(panel[:2], n=1).columns.tolist()  # doctest: +SKIP
    ['user_id', 'item_id', 'score', 'rank']
    """
    check_frame(frame)
    check_count("n_people", n_people, 10)
    if policy.min_item_events != 1:
        raise InvalidParameterError(
            f"CleaningPolicy(min_item_events={policy.min_item_events}) needs all users of an item at once, "
            "but Spark cleans user by user. Use min_item_events=1."
        )
    mapper = InterestMapper(
        target,
        sources,
        default_routes(check_count("n_components", n_components), random_state) if routes is None else routes,
        weighting=Weighting("binary"),  # a choice needs all users at once
        event_weights=event_weights,
        n_folds=n_folds,
        random_state=check_count("random_state", random_state, 0, 2**32 - 1),
        n_jobs=1,
        verbose=verbose,
    )
    events = read_events(frame, columns, event_weights, policy)
    found = cleaned(events, event_weights, policy)
    if not found.people:
        raise InvalidDataError(
            f"no row is left after cleaning: {found.events:,} rows in, left out {found.cleaning}. Correct "
            "the rows, or accept more with a CleaningPolicy."
        )
    warn_of_losses(found)
    with ExitStack() as kept:  # frees the tables that Spark caches during the fit, also after an error
        taken = Taken.of(events, event_weights, policy, kept)
        who, panel = taken.sample(n_people, random_state)
        return fit_elsewhere(mapper, panel, partial(SparkFitContext, taken=taken, who=who))


def default_routes(n_components: int, random_state: int) -> list[Route]:
    """Return routes whose parts come from MLlib or from sums over users.

    Parameters
    ----------
    n_components : int
    random_state : int
    """

    def als(alpha: float, penalty: float) -> ALSFactors:
        return ALSFactors(n_components, penalty, alpha, random_state=random_state)

    return [
        PopularityRoute(),
        NeighbourRoute(),
        TransferRoute(als(5.0, 0.1), als(5.0, 0.1), RidgeMap(0.5)),
        TargetRoute(als(5.0, 0.1)),
        JointRoute(als(20.0, 1.0)),
    ]
