"""What a budget allows is decided by sizes, and by what routes share."""

import warnings
from time import process_time

import numpy as np
import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.exceptions import InvalidParameterError, TastebridgeWarning
from tastebridge.factors import ALSFactors, EASEFactors, SVDFactors
from tastebridge.fitting.cost_model import Evaluation, Size, affordable, factor_seconds, within_budget
from tastebridge.fitting.deadline import Deadline
from tastebridge.fitting.default_routes import default_routes
from tastebridge.fitting.target_fit import in_time
from tastebridge.recommenders import fit_plan
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
    with pytest.warns(TastebridgeWarning, match="time_budget=1e-06: time ran out for"):
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


def test_a_fold_in_time_costs_a_fit_of_all_factors_on_four_fifths_of_the_events():
    wide = SVDFactors(128)
    here, there = (factor_seconds(wide, SIZES[name]) for name in ("books", "films"))
    routes = [PopularityRoute(), TransferRoute(wide, wide), JointRoute(EASEFactors(64))]
    joint = factor_seconds(EASEFactors(64), Size(40_000, 30_000, 400_000))
    exact = 1.8 * here + 2.8 * there + 2.8 * joint  # one fold, and the fold in time
    assert len(affordable(routes, SIZES, "films", 1, exact * 1.001, in_time=True)) == 3
    assert len(affordable(routes, SIZES, "films", 1, exact * 0.999, in_time=True)) == 2
    assert len(affordable(routes, SIZES, "films", 1, exact * 0.999)) == 3
    late, never = (Evaluation(600_000, 2400, 1, 20_000, n) for n in (2400, 0))
    assert late.seconds(routes) > never.seconds(routes)
    for budget in (5.0, 20.0, 60.0):
        dated = within_budget(routes, SIZES, "films", 1, budget, late)
        assert len(dated) <= len(within_budget(routes, SIZES, "films", 1, budget, never))


def test_a_dated_fit_keeps_its_budget_within_a_fifth(monkeypatch):
    frame = make_panel(n_users=1200, n_items=200, random_state=0)[0].to_frame()
    panel = tb.Panel.from_frame(
        frame.assign(timestamp=1e9 + np.random.default_rng(0).random(len(frame)) * 1e7)
    )
    # the processor's time, as the clock of a busy machine runs on without the fit
    monkeypatch.setattr(fit_plan, "Deadline", lambda seconds: Deadline(seconds, clock=process_time))

    def seconds(budget: float | None) -> tuple[float, tb.InterestMapper]:
        start = process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mapper = tb.InterestMapper("films", n_folds=1, n_jobs=1, time_budget=budget).fit(panel)
        return process_time() - start, mapper

    seconds(1e-6)  # the first fit also loads libraries
    least, smallest = seconds(1e-6)
    whole, everything = seconds(None)
    budget = 0.5 * (least + whole)
    spent, mapper = seconds(budget)
    assert spent <= 1.2 * budget
    assert len(smallest.routes_) <= len(mapper.routes_) <= len(everything.routes_)


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
    assert deadline.message == "time_budget=5: time ran out for routes, directions."
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
