"""What a budget allows is decided by sizes, and by what routes share."""

import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidParameterError, TastebridgeWarning
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.fitting.cost_model import Evaluation, Size, affordable, factor_seconds, within_budget
from tastebridge.fitting.deadline import Deadline
from tastebridge.fitting.default_routes import default_routes
from tastebridge.fitting.target_fit import in_time
from tastebridge.routes import (
    FitContext,
    JointRoute,
    NeighbourRoute,
    PopularityRoute,
    TargetRoute,
    TransferRoute,
)

SIZES = {"books": Size(30_000, 10_000, 200_000), "films": Size(40_000, 20_000, 200_000)}


def chosen(budget, n_folds=1):
    routes = default_routes({"books": 500, "films": 500}, "films", 128, 0)
    return routes, affordable(routes, SIZES, "films", n_folds, budget)


def test_a_budget_that_holds_everything_changes_nothing():
    routes, kept = chosen(1e6)
    assert kept == routes


def test_the_least_is_popularity_links_and_one_map():
    _, kept = chosen(1e-9)
    kinds = [type(route) for route in kept[:4]]
    assert kinds == [PopularityRoute, PopularityRoute, NeighbourRoute, TransferRoute]
    assert not any(isinstance(route, JointRoute) for route in kept)


def test_more_seconds_never_lose_a_cheaper_choice_of_the_same_order():
    counts = [len(chosen(budget)[1]) for budget in (0.1, 3.0, 10.0, 30.0, 100.0)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_lower_ranks_of_factors_paid_for_are_free():
    _, kept = chosen(1e-9)
    assert sum(isinstance(route, TransferRoute) for route in kept) == 2
    assert sum(isinstance(route, TargetRoute) for route in kept) == 1


def test_spending_is_the_sum_of_the_parts_that_are_not_shared():
    wide = SVDFactors(128)
    here, there = (factor_seconds(wide, SIZES[name]) for name in ("books", "films"))
    joint = factor_seconds(EASEFactors(64), Size(40_000, 30_000, 400_000))
    routes = [TransferRoute(wide, wide), JointRoute(EASEFactors(64))]
    exact = here + 3 * there + 3 * joint  # the target, and all categories, again in each of two folds
    assert len(affordable(routes, SIZES, "films", 2, exact * 1.001)) == 2
    assert len(affordable(routes, SIZES, "films", 2, exact * 0.999)) == 1


def test_seconds_grow_with_every_size():
    for model in (SVDFactors(8), EASEFactors(8), ALSFactors(8)):
        small = factor_seconds(model, Size(100, 100, 1000))
        larger = [factor_seconds(model, Size(200, 200, 1000)), factor_seconds(model, Size(100, 100, 2000))]
        assert small > 0
        assert min(larger) > small


def test_the_mapper_takes_a_budget_and_refuses_one_beside_routes():
    panel, _ = make_panel(n_users=400, n_items=60, random_state=0)
    everything = tb.InterestMapper("films", n_folds=1).fit(panel)
    with pytest.warns(TastebridgeWarning, match="time_budget=1e-06: the clock left out"):
        little = tb.InterestMapper("films", n_folds=1, time_budget=1e-6).fit(panel)
    assert len(little.routes_) < len(everything.routes_)
    with pytest.raises(InvalidParameterError, match="time_budget chooses among the default routes"):
        tb.InterestMapper("films", routes=[TargetRoute()], time_budget=1.0).fit(panel)
    with pytest.raises(InvalidParameterError, match="time_budget"):
        tb.InterestMapper("films", time_budget=0.0).fit(panel)


def test_the_whole_fit_fits_the_budget():
    work = Evaluation(n_cells=600_000, n_judged=2400, n_sources=1, n_items=20_000)
    routes = default_routes({"books": 500, "films": 500}, "films", 128, 0)
    for budget in (20.0, 60.0, 200.0):
        kept = within_budget(routes, SIZES, "films", 1, budget, work)
        alone = affordable(kept, SIZES, "films", 1, 1e6)
        assert alone == kept
        dearest = affordable(kept, SIZES, "films", 1, max(0.75 * budget - work.seconds(kept), 1e-9))
        assert dearest == kept
    assert within_budget(routes, SIZES, "films", 1, 1e6, work) == routes


def test_of_many_sources_the_route_of_all_comes_first():
    routes = default_routes(dict.fromkeys("abcd", 50), "a", 128, 0, ["c"])
    assert isinstance(routes[2], JointRoute)
    named = [route.sources for route in routes if isinstance(route, TransferRoute)]
    assert named
    assert all(sources == ["c"] for sources in named)
    assert isinstance(default_routes(dict.fromkeys("abcd", 50), "a", 128, 0)[-1], JointRoute)


def test_a_clock_leaves_out_optional_work_and_says_so():
    moments = iter([0.0, 1.0, 4.0, 9.0, 9.0])
    deadline = Deadline(5.0, clock=lambda: next(moments))
    assert deadline.allows("routes", 3.0)
    assert not deadline.allows("routes", 3.0)
    assert not deadline.allows("directions")
    assert not deadline.allows("directions")
    assert deadline.message == "time_budget=5: the clock left out routes, directions."
    assert Deadline().allows("anything", 1e9)
    assert Deadline().message == ""


def test_routes_the_clock_leaves_no_time_for_are_not_in_the_folds_either():
    panel, _ = make_panel(n_users=300, n_items=40, random_state=0)
    histories = {name: panel[name].matrix for name in panel.categories}
    routes = default_routes({"books": 20, "films": 20}, "films", 16, 0)
    late = Deadline(1.0, clock=iter([0.0] + [5.0] * 100).__next__)
    kept = in_time(routes, FitContext(histories, "films", 16), late, n_folds=2)
    assert [type(route) for route in kept] == [
        PopularityRoute,
        PopularityRoute,
        NeighbourRoute,
        TransferRoute,
    ]
    assert in_time(routes, FitContext(histories, "films", 16), Deadline(), n_folds=2) is routes
