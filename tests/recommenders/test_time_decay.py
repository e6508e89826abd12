"""Recency: a planted change of taste is found out, and where there is none nothing is changed."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.data import Weighting
from tastebridge.exceptions import InvalidDataError, InvalidParameterError
from tastebridge.factors import SVDFactors
from tastebridge.recommenders.time_decay import choose_half_life, half_lives_of
from tastebridge.routes import TargetRoute, TransferRoute

DAY = 86_400


def moving(n_people=160, moved=True, seed=0):
    """People who take items of one of four groups and, if it moved, after 120 days of another."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(n_people):
        early, late = rng.permutation(4)[:2]
        for category, letter in (("books", "b"), ("films", "f")):
            for day in range(20):
                group = (late if day >= 12 else early) if moved else early
                rows.append((person, f"{letter}{group}-{rng.integers(12)}", category, day * 10 * DAY + 1e9))
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "category", "timestamp"])
    return tb.Panel.from_frame(frame)


def mapper(**options):
    routes = [TransferRoute(SVDFactors(6), SVDFactors(6)), TargetRoute(SVDFactors(6))]
    few = {"n_folds": 1, "n_lists": 200, "n_negatives": 20}
    return tb.InterestMapper("films", routes=routes, **few, **options)


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_where_taste_moves_the_late_events_are_made_to_count():
    model = mapper(recency=[20.0, 2000.0]).fit(moving())
    table = model.recency_.set_index("half_life")
    assert table.loc[20.0, "chosen"]
    assert table.loc[20.0, "low"] > 0
    assert model.weighting_.half_life == 20.0
    assert model.weighting is None  # the parameter stays as it was given
    assert (
        mapper(weighting=Weighting("binary", half_life=20.0))
        .fit(moving())
        .recommend(n=3)
        .equals(model.recommend(n=3))
    )


def test_where_taste_stays_events_count_alike():
    model = mapper(recency=[20.0]).fit(moving(moved=False))
    assert model.weighting_.half_life is None
    assert model.recency_["chosen"].tolist() == [True, False]
    assert not model.recency_["low"][1] > 0


def at_random(seed, n_people=75):
    """People of one group each, who take items of it at times that mean nothing."""
    rng, rows = np.random.default_rng(seed), []
    for person in range(n_people):
        own = rng.integers(4)
        for category, letter in (("books", "b"), ("films", "f")):
            for day in rng.uniform(0, 200, rng.integers(8, 25)):
                group = own if rng.random() < 0.7 else rng.integers(4)
                item = int(10 * rng.random() ** 2)
                rows.append((person, f"{letter}{group}-{item}", category, day * DAY + 1e9))
    return tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category", "timestamp"]))


@pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
def test_times_that_mean_nothing_are_not_chosen_by_luck():
    tables = [mapper(recency="auto").fit(at_random(seed)).recency_ for seed in (6, 7)]
    assert all(table["chosen"][0] for table in tables)
    assert max(table["difference"].max() for table in tables) > 0  # some half-life looked better


def test_what_is_better_at_the_last_moment_only_is_not_chosen():
    panel, fits = moving(n_people=60), []

    class Lucky:
        def __init__(self, half_life):
            self.half_life = half_life

        def fit(self, train):
            fits.append(self.half_life)
            self.lucky = self.half_life == 5.0 and len(fits) <= 3
            self.rest = panel["films"].matrix - train["films"].matrix
            return self

        def recommend(self, user_ids, n=10):
            people, items = (part[: None if self.lucky else 0] for part in self.rest.nonzero())
            ids = {"user_id": panel.users.ids[people], "item_id": panel["films"].items.ids[items]}
            frame = pd.DataFrame(ids)
            return frame.assign(rank=frame.groupby("user_id").cumcount() + 1)

    chosen, table = choose_half_life(Lucky, panel, ["films"], [5.0, 9.0])
    assert fits == [None, 5.0, 9.0, None, 5.0]  # the earlier moment judges what was better at the last
    assert chosen is None
    assert table["low"][1] > 0
    assert table["earlier"].isna().tolist() == [True, False, True]


def test_a_model_is_judged_on_what_comes_later_and_on_nothing_it_learned_from():
    panel, seen = moving(n_people=60), []

    class Fixed:
        def __init__(self, half_life):
            self.half_life = half_life

        def fit(self, train):
            self.train, self.known = train, seen[0] if len(seen) > 1 else panel
            seen.append(train)
            return self

        def recommend(self, user_ids, n=10):
            # a pair that met again later has less weight in the training part, and is no new one
            before, after = (part["films"].matrix.toarray() > 0 for part in (self.train, self.known))
            rows = [] if self.half_life is None else np.argwhere(after & ~before)
            pairs = [(panel.users.ids[u], panel["films"].items.ids[i]) for u, i in rows]
            frame = pd.DataFrame(pairs, columns=["user_id", "item_id"])
            frame = frame[frame["user_id"].isin(user_ids)]
            return frame.assign(rank=frame.groupby("user_id").cumcount() + 1)

    chosen, table = choose_half_life(Fixed, panel, ["films"], [5.0])
    assert chosen == 5.0
    assert table["ndcg"].tolist() == [0.0, 1.0]
    assert table["earlier"].tolist()[1] == 1.0
    assert [len(train.to_frame()) for train in seen[:2]] == [len(seen[0].to_frame())] * 2
    assert len(seen[2].to_frame()) == len(seen[3].to_frame()) < len(seen[0].to_frame())
    early = seen[0].to_frame().groupby("user_id")["timestamp"].max()
    key = ["user_id", "item_id", "category"]
    hidden = panel.to_frame().merge(seen[0].to_frame()[key], on=key, how="left", indicator=True)
    late = hidden[hidden["_merge"] == "left_only"].groupby("user_id")["timestamp"].min()
    assert (early[late.index] < late).all()


def test_what_cannot_be_chosen_from_is_refused():
    panel = moving(n_people=30)
    for recency in ("always", [], [0.0], 7):
        with pytest.raises(InvalidParameterError, match="recency"):
            mapper(recency=recency).fit(panel)
    with pytest.raises(InvalidParameterError, match="Leave one"):
        mapper(recency="auto", weighting=Weighting("binary", half_life=3.0)).fit(panel)
    timeless = tb.Panel.from_frame(panel.to_frame().drop(columns="timestamp"))
    with pytest.raises(InvalidDataError, match="recency needs the time"):
        mapper(recency="auto").fit(timeless)
    assert half_lives_of("auto", panel) == pytest.approx([95.0, 23.75, 5.7])
