"""Does a source help: the numbers are those of the held people, and names cannot deceive."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.datasets import make_panel
from tastebridge.diagnostics.transfer_table import of_single_sources
from tastebridge.factors import SVDFactors
from tastebridge.fitting.source_evaluation import masks
from tastebridge.metrics.intervals import paired_difference
from tastebridge.routes import (
    FittedRoute,
    JointRoute,
    NeighbourRoute,
    RouteKind,
    TargetRoute,
    TransferRoute,
)
from tastebridge.splits import cold_users


def routes():
    return [
        TransferRoute(SVDFactors(8), SVDFactors(10, filter="power")),
        NeighbourRoute(40),
        TargetRoute(SVDFactors(10)),
        JointRoute(SVDFactors(10)),
    ]


@pytest.fixture(scope="module")
def fitted():
    panel, _ = make_panel(500, 50, ["books", "films"], relatedness=0.9, random_state=0, events_per_user=12)
    return panel, tb.InterestMapper("films", routes=routes(), n_folds=3).fit(panel)


def route(name, *sources, kind=RouteKind.OTHER):
    return FittedRoute(name, sources, "e", None, None, "s", kind=kind)


def test_masks_say_where_a_route_comes_from():
    built = [route("p", kind=RouteKind.POPULARITY), route("t", "films"), route("b", "books")]
    built += [route("m", "music"), route("j", "books", "music", "films"), route("popularity")]
    found = masks(built, "films", ["books", "music"])
    assert {name: np.flatnonzero(mask).tolist() for name, mask in found.items()} == {
        "popularity": [0],
        "within": [1, 5],
        "from books": [2],
        "from music": [3],
        "joint": [4],
    }
    single = masks([route("j", "books", "films")], "films", ["books"])
    assert single["from books"].tolist() == [True]
    assert single["joint"].tolist() == [False]


def test_evidence_is_of_the_held_people(fitted):
    panel, mapper = fitted
    for segment, evidence in mapper.evidence_.items():
        people = evidence.people
        assert len(np.unique(people)) == len(people)
        assert all(len(values) == len(people) for values in evidence.values.values())
        assert evidence.baseline == max(
            ("popularity", "without transfer"), key=lambda name: evidence.values[name].mean()
        )
        assert segment == "warm" or np.isin(people, panel.linked("books", "films")).all()
    evidence = mapper.evidence_["cold"]
    lift = paired_difference(evidence.values["blend"], evidence.values[evidence.baseline])
    row = mapper.transfer_.iloc[0]
    assert [lift.mean, lift.low, lift.high] == pytest.approx(row[["lift", "lift_low", "lift_high"]].tolist())


def test_with_one_source_what_is_lost_without_it_is_the_lift_over_what_needs_none(fitted):
    _, mapper = fitted
    for segment, evidence in mapper.evidence_.items():
        row = evidence.sources.iloc[0]
        lost = paired_difference(evidence.values["blend"], evidence.values["without transfer"])
        assert [lost.mean, lost.low, lost.high] == pytest.approx(
            row[["marginal", "marginal_low", "marginal_high"]].tolist()
        ), segment


def test_a_source_said_twice_is_not_missed(fitted):
    panel, alone = fitted
    frame = panel.to_frame()
    again = frame[frame["category"] == "books"].assign(category="audio books")
    again["item_id"] = "audio:" + again["item_id"].astype(str)
    mapper = tb.InterestMapper("films", routes=routes(), n_folds=2).fit(pd.concat([frame, again]))
    table = of_single_sources(mapper.transfer_).set_index("source")
    assert alone.transfer_["marginal_low"][0] > 0.03
    assert (table["lift_low"] > 0.03).all()
    assert (table["marginal"].abs() < 0.03).all()


def test_out_of_fold_evidence_agrees_with_people_never_seen(fitted):
    panel, mapper = fitted
    split = cold_users(panel, "films", 0.3, random_state=1)
    models = {"mapper": tb.InterestMapper("films", routes=routes(), n_folds=2), "pop": tb.Popularity("films")}
    table = tb.evaluate(models, split, ["ndcg@10"], baseline="pop")
    row = mapper.transfer_.iloc[0]
    assert row["lift_low"] - 0.05 < table["difference"][0] < row["lift_high"] + 0.05


def test_categories_may_have_any_name():
    names = ["joint", "popularity", "within"]
    panel, _ = make_panel(250, 30, names, relatedness=0.95, overlap=0.9, random_state=0)
    mapper = tb.InterestMapper("within", routes=routes()[:2], n_folds=1).fit(panel)
    plain = dict(zip(names, ["a", "b", "c"], strict=True))
    frame = panel.to_frame()
    frame["category"] = frame["category"].astype(str).map(plain)
    other = tb.InterestMapper("c", routes=routes()[:2], n_folds=1).fit(frame)
    numbers = [column for column in other.transfer_ if column != "source"]
    assert mapper.transfer_[numbers].equals(other.transfer_[numbers])
    plain["all together"] = "all together"
    assert mapper.transfer_["source"].map(plain).tolist() == other.transfer_["source"].tolist()


def test_the_canonical_correlation_is_that_of_the_table_of_all_pairs(fitted):
    panel, mapper = fitted
    said = mapper.transfer_["canonical_correlation"][0]
    table = mapper.findings_["relatedness"].set_index(["source", "target"])
    assert said == table.loc[("books", "films"), "correlation"]
    own = panel.relatedness().set_index(["source", "target"])
    assert said == pytest.approx(own.loc[("books", "films"), "correlation"], abs=0.05)
