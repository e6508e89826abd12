"""What a budget allows is decided by sizes, and by what routes share."""

import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidParameterError
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.fitting.cost_model import Size, affordable, factor_seconds
from tastebridge.fitting.default_routes import default_routes
from tastebridge.routes import JointRoute, NeighbourRoute, PopularityRoute, TargetRoute, TransferRoute

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
    little = tb.InterestMapper("films", n_folds=1, time_budget=1e-6).fit(panel)
    assert len(little.routes_) < len(everything.routes_)
    with pytest.raises(InvalidParameterError, match="time_budget chooses among the default routes"):
        tb.InterestMapper("films", routes=[TargetRoute()], time_budget=1.0).fit(panel)
    with pytest.raises(InvalidParameterError, match="time_budget"):
        tb.InterestMapper("films", time_budget=0.0).fit(panel)
