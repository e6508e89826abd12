"""A weighting is tried where weights differ, and taken only where it is significantly better."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge._numerics.threads import one_blas_thread
from tastebridge.data import Panel, Weighting
from tastebridge.datasets import make_panel, make_scenario
from tastebridge.factors import SVDFactors
from tastebridge.fitting import weighting_rule, weighting_trial
from tastebridge.fitting.weighting_choice import choose_weighting, varies
from tastebridge.fitting.weighting_trial import Candidate, WeightingTrial, linked_users
from tastebridge.routes import JointRoute, TransferRoute

COLUMNS = ["scheme", "users", "ndcg", "difference", "low", "high", "cold", "warm", "chosen"]


def counts(seed: int = 0, telling: bool = True, n_users: int = 500) -> Panel:
    """Users with favourite groups, played often; other events are by chance, played once if telling."""
    rng, rows = np.random.default_rng(seed), []
    for user in range(n_users):
        own = rng.integers(6)
        for category in ("books", "films"):
            for _ in range(rng.integers(6, 14)):
                liked = rng.random() < 0.4
                group = own if liked else rng.integers(6)
                heavy = liked if telling else rng.random() < 0.4
                plays = 1 + rng.geometric(0.05) if heavy else 1
                rows.append((user, f"{category}{group}-{rng.integers(12)}", category, float(plays)))
    return Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category", "weight"]))


def scaled(panel: Panel, weigh) -> Panel:
    parts = {}
    for name, part in panel.interactions.items():
        matrix = part.matrix.copy()
        matrix.data = weigh(matrix.data).astype(np.float32)
        parts[name] = replace(part, matrix=matrix)
    return replace(panel, interactions=parts)


def chosen(panel: Panel, targets=("films",), **options):
    with one_blas_thread():
        return choose_weighting(panel, list(targets), **options)


def test_counts_that_tell_taste_are_used():
    scheme, table = chosen(counts())
    row = table.set_index("scheme").loc[scheme]
    assert scheme != "binary"
    assert row["chosen"]
    assert row["low"] > 0
    assert table.columns.tolist() == COLUMNS
    assert table["scheme"][0] == "binary"
    assert table["chosen"].sum() == 1


@pytest.mark.parametrize("seed", range(3))
def test_counts_that_tell_nothing_are_not(seed):
    assert chosen(counts(seed, telling=False))[0] == "binary"


def test_equal_weights_are_not_tried(monkeypatch):
    monkeypatch.setattr(weighting_rule, "WeightingTrial", None)  # a call would fail
    for weight in (1.0, 3.0):
        panel = scaled(counts(n_users=100), lambda data, weight=weight: np.full_like(data, weight))
        assert not varies(panel)
        assert chosen(panel)[0] == "binary"
    few = scaled(counts(n_users=100), lambda data: np.where(np.arange(len(data)) == 0, 5.0, 1.0))
    assert not varies(few)
    zero = scaled(counts(n_users=100), lambda data: data - 1.0)
    assert not varies(zero)


def test_with_few_linked_users_nothing_is_tried():
    scheme, table = chosen(counts(n_users=40))
    assert (scheme, len(table)) == ("binary", 0)
    assert table.columns.tolist() == COLUMNS


def test_the_same_choice_and_table_whatever_the_order_of_rows_and_users_drawn(monkeypatch):
    panel = counts(n_users=200)
    frame = panel.to_frame()
    mixed = Panel.from_frame(frame.sample(frac=1.0, random_state=1))
    pd.testing.assert_frame_equal(chosen(panel)[1], chosen(mixed)[1])
    monkeypatch.setattr(weighting_trial, "MOST_USERS", 120)
    trial = WeightingTrial(panel, "films", 0)
    assert len(trial._panel) == 120
    assert len(linked_users(trial._panel, "films")) >= 60


def test_hidden_rows_do_not_reach_the_statistics_of_a_fold():
    panel = counts(n_users=200)
    trial = WeightingTrial(panel, "films", 0)
    hidden = np.concatenate([held.people for held in trial._held[0] if held.segment == "cold"])
    loud = panel["films"].matrix.copy()
    for user in hidden:
        loud.data[loud.indptr[user] : loud.indptr[user + 1]] *= 1000
    other = replace(panel, interactions={**panel.interactions, "films": replace(panel["films"], matrix=loud)})
    again = WeightingTrial(other, "films", 0)
    for scheme in ("binary", "log", "bm25", "none"):
        first, second = trial.judge(Candidate(scheme), 1), again.judge(Candidate(scheme), 1)
        assert np.array_equal(first.ndcg, second.ndcg)
        assert np.array_equal(first.users, second.users)


def test_a_winner_by_a_hair_or_by_one_kind_of_users_alone_is_not_taken(monkeypatch):
    panel = counts(n_users=200)

    class Fake:
        n_folds = 1

        def __init__(self, panel, target, seed, others):
            self.cold = np.arange(200) < 100

        def judge(self, candidate, n_folds):
            noise = np.random.default_rng(1).normal(0, 0.3, 200)
            gain = {
                "binary": np.zeros(200),
                "log": np.full(200, 0.02) + noise,  # not significant
                "bm25": np.where(self.cold, 0.5, -0.2),  # loses for warm users
                "none": np.zeros(200),
            }[candidate.scheme]
            return weighting_trial.Judged(0.5 + gain, self.cold, np.arange(200))

    monkeypatch.setattr(weighting_rule, "WeightingTrial", Fake)
    scheme, table = chosen(panel)
    assert scheme == "binary"
    assert table.set_index("scheme").loc["bm25", "low"] > 0


def small(**options) -> tb.InterestMapper:
    routes = [TransferRoute(SVDFactors(6), SVDFactors(6)), JointRoute(SVDFactors(6))]
    return tb.InterestMapper("films", routes=routes, n_lists=200, n_negatives=20, n_folds=1, **options)


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_a_fit_takes_the_choice_and_shows_it(tmp_path):
    panel = counts()
    mapper = small().fit(panel)
    scheme = mapper.weighting_.scheme
    assert scheme == chosen(panel)[0] != "binary"
    forced = small(weighting=Weighting(scheme)).fit(panel)
    pd.testing.assert_frame_equal(mapper.recommend(n=5), forced.recommend(n=5))
    assert not hasattr(forced, "weightings_")
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.weightings_, mapper.weightings_, check_dtype=False)
    assert loaded.weighting_.scheme == scheme
    card = (tmp_path / "model" / "README.md").read_text("utf-8")
    assert f"Weights: {scheme}" in card
    for jobs in (1, 2):
        pd.testing.assert_frame_equal(small(n_jobs=jobs).fit(panel).weightings_, mapper.weightings_)


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_equal_weights_of_any_size_give_the_fit_of_ones():
    panel, _ = make_panel(n_users=200, n_items=40, random_state=0)
    ones = small().fit(panel)
    threes = small().fit(scaled(panel, lambda data: np.full_like(data, 3.0)))
    given = small(weighting=Weighting("binary")).fit(panel)
    for other in (threes, given):
        pd.testing.assert_frame_equal(ones.recommend(n=5), other.recommend(n=5))
    assert not hasattr(ones, "weightings_")


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_several_targets_share_one_choice_and_a_time_budget_has_none():
    panel = counts(n_users=200)
    both = small().set_params(target=["films", "books"]).fit(panel)
    assert both.weightings_["chosen"].sum() == 1
    assert both.weighting_.scheme in both.weightings_["scheme"].tolist()
    quick = tb.InterestMapper("films", time_budget=5.0, n_lists=100, n_folds=1).fit(panel)
    assert quick.weighting_.scheme == "binary"
    assert not hasattr(quick, "weightings_")


def test_browsing_adds_events_of_no_taste_and_leaves_the_others():
    plain, noisy = (make_scenario("shop", 100, browsing=share) for share in (0.0, 0.5))
    assert sum(part.matrix.nnz for part in noisy.interactions.values()) > sum(
        part.matrix.nnz for part in plain.interactions.values()
    )
    before = plain.to_frame().set_index(["user_id", "item_id", "category"])["weight"]
    after = noisy.to_frame().set_index(["user_id", "item_id", "category"])["weight"]
    assert (after.reindex(before.index) >= before).all()
    added = after.drop(before.index)
    assert (added % 1 == 0).all()
    assert added.min() == 1.0
    with pytest.raises(tb.exceptions.InvalidParameterError, match="browsing"):
        make_scenario("shop", 10, browsing=1.0)


def test_event_weights_without_effect_are_a_warning():
    frame = counts(n_users=200, telling=False).to_frame().drop(columns="weight")
    frame["event"] = np.random.default_rng(0).choice(["view", "buy"], len(frame))
    mapper = small(event_weights={"view": 1, "buy": 5})
    with pytest.warns(
        tb.exceptions.TastebridgeWarning, match="event_weights have no effect. Weights are ignored"
    ):
        mapper.fit(frame)
    assert mapper.weighting_.scheme == "binary"


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ({"view": 1, "buy": 5}, "event_weights have no effect. Weights are ignored, .* weighting is binary"),
        ({"view": 1, "buy": 5, "spam": 0}, "event_weights above 0 have no effect"),
    ],
)
def test_event_weights_next_to_a_binary_weighting_are_a_warning_too(weights, said):
    frame = counts(n_users=200, telling=False).to_frame().drop(columns="weight")
    frame["event"] = np.random.default_rng(0).choice(["view", "buy"], len(frame))
    # users of a single category, whom PrivateMapper learns factors from
    alone = frame.assign(user_id="only " + frame["category"].astype(str) + frame["user_id"].astype(str))
    frame = pd.concat([frame.astype({"user_id": str}), alone])
    mapper = small(event_weights=weights, weighting=tb.Weighting("binary"))
    private = tb.PrivateMapper("films", epsilon=float("inf"), event_weights=weights)
    for model in (mapper, private):
        with pytest.warns(tb.exceptions.TastebridgeWarning, match=said) as found:
            model.fit(frame)
        assert {one.filename for one in found} == {__file__}


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
@pytest.mark.filterwarnings("error:event_weights")
def test_event_weights_that_count_or_leave_out_are_no_warning():
    frame = counts(n_users=200, telling=False).to_frame().drop(columns="weight")
    frame["event"] = np.random.default_rng(0).choice(["view", "buy"], len(frame))
    small(event_weights={"view": 1, "buy": 5}, weighting=tb.Weighting("log")).fit(frame)
    small(event_weights={"view": 0, "buy": 5}, weighting=tb.Weighting("binary")).fit(frame)


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_a_report_has_the_sentence_of_the_card(tmp_path):
    mapper = small().fit(counts(n_users=200))
    page = mapper.report(tmp_path / "report.html", people=0).read_text("utf-8")
    assert f"Weights: {mapper.weighting_.scheme}" in page
