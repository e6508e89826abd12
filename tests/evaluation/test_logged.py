"""Off-policy estimates against hand-computed values, the formulas written out, and planted truths."""

import numpy as np
import pandas as pd
import pytest

import tastebridge as tb
from tastebridge.evaluation import evaluate_logged
from tastebridge.evaluation.off_policy import (
    effective_size,
    estimates,
    expected_rewards,
    importance_weights,
)
from tastebridge.exceptions import InvalidDataError, InvalidParameterError, TastebridgeWarning

QUALITY = np.array([0.7, 0.4, 0.2, 0.1])
ITEMS = np.array(list("abcd"))


def log(n: int, seed: int, n_users: int = 200) -> pd.DataFrame:
    """Items shown with known unequal probabilities that depend on the user; rewards by item and user."""
    rng = np.random.default_rng(seed)
    users = rng.integers(n_users, size=n)
    shown = np.where((users % 2 == 0)[:, None], [[0.1, 0.2, 0.3, 0.4]], [[0.4, 0.3, 0.2, 0.1]])
    items = (rng.random(n)[:, None] > shown.cumsum(axis=1)).sum(axis=1)
    rewards = rng.random(n) < QUALITY[items] * np.where(users % 2 == 0, 1.0, 0.5)
    return pd.DataFrame(
        {
            "user_id": users,
            "item_id": ITEMS[items],
            "reward": rewards.astype(float),
            "propensity": shown[np.arange(n), items],
        }
    )


def always(item: str, n_users: int = 200) -> pd.DataFrame:
    return pd.DataFrame({"user_id": np.arange(n_users), "item_id": item, "rank": 1})


def values(table: pd.DataFrame, model: str) -> dict[str, float]:
    return table[table["model"] == model].set_index("estimator")["mean"].to_dict()


def test_four_rows_by_hand():
    rows = pd.DataFrame(
        {
            "user_id": ["u", "u", "v", "v"],
            "item_id": ["a", "b", "a", "b"],
            "reward": [1.0, 0.0, 0.0, 4.0],
            "propensity": [0.5, 0.25, 0.8, 0.2],
        }
    )
    policy = pd.DataFrame(
        {"user_id": ["u", "u", "v"], "item_id": ["a", "b", "b"], "probability": [0.25, 0.75, 1.0]}
    )
    # weights: .25/.5 = .5, .75/.25 = 3, 0/.8 = 0, 1/.2 = 5
    table = evaluate_logged({"p": policy}, rows)
    found = values(table, "p")
    assert found["ips"] == pytest.approx((0.5 * 1 + 5 * 4) / 4)
    assert found["snips"] == pytest.approx((0.5 * 1 + 5 * 4) / 8.5)
    row = table[table["model"] == "p"].iloc[0]
    assert row["matched"] == 3
    assert row["effective_size"] == pytest.approx(8.5**2 / (0.25 + 9 + 25))
    assert (row["largest_weight"], row["mean_weight"], row["clipped"]) == (5.0, 8.5 / 4, 0.0)
    clipped = evaluate_logged({"p": policy}, rows, clip=2.0)
    assert values(clipped, "p")["ips"] == pytest.approx((0.5 * 1 + 2 * 4) / 4)
    row = clipped[clipped["model"] == "p"].iloc[0]
    assert (row["clip"], row["clipped"], row["largest_weight"]) == (2.0, 0.5, 2.0)


def test_the_estimates_are_those_of_obp():
    """Values of InverseProbabilityWeighting, SelfNormalized… and DoublyRobust of obp 0.4.1 on this log."""
    items = np.array([0, 0, 2, 1, 1, 1, 2, 0, 1, 0, 1, 2])
    rewards = np.array([0.0, 0.5, 2.0, 1.0, 0.5, 1.0, 1.5, 0.5, 0.5, 1.5, 1.5, 1.0])
    propensity = np.array([0.75, 0.54, 0.88, 0.26, 0.54, 0.49, 0.38, 0.57, 0.29, 0.74, 0.79, 0.2])
    policy = np.array(
        [
            [0.26, 0.57, 0.17],
            [0.78, 0.12, 0.1],
            [0.6, 0.11, 0.29],
            [0.27, 0.11, 0.62],
            [0.16, 0.48, 0.36],
            [0.85, 0.15, 0],
            [0.49, 0.42, 0.09],
            [0, 0.08, 0.92],
            [0.33, 0.54, 0.13],
            [0.16, 0.05, 0.79],
            [0.26, 0.21, 0.53],
            [0.06, 0.21, 0.73],
        ]
    )
    expected = np.array(
        [
            [1.79, 0.05, 1.61],
            [0.38, 0.19, 0.04],
            [0.59, 1.45, 0.99],
            [1.71, 0.43, 0.63],
            [0.52, 1.96, 1.88],
            [0.68, 0.87, 0.63],
            [1.49, 0.08, 0.13],
            [0.81, 0.49, 1.69],
            [1.48, 1.09, 1.32],
            [1.38, 1.56, 1.86],
            [0.3, 1.25, 0.29],
            [0.89, 1.57, 1.79],
        ]
    )
    rows = np.arange(12)
    weights = importance_weights(policy[rows, items], propensity)
    found = estimates(rewards, weights, expected[rows, items], (policy * expected).sum(axis=1))
    means = [float(values.mean()) for values in found]
    np.testing.assert_allclose(
        means, [0.6845260908339136, 0.8239282318777951, 0.6728389610448463], rtol=1e-12
    )


def test_the_estimators_are_the_formulas_row_by_row():
    rng = np.random.default_rng(0)
    n, n_items = 50, 4
    items, rewards = rng.integers(n_items, size=n), rng.normal(size=n)
    policy, logging = rng.dirichlet(np.ones(n_items), n), rng.dirichlet(np.ones(n_items), n)
    q = rng.normal(size=(n, n_items))
    at = np.arange(n)
    weights = importance_weights(policy[at, items], logging[at, items])
    found = estimates(rewards, weights, q[at, items], (policy * q).sum(axis=1))
    ips = snips_above = below = dr = 0.0
    for i in range(n):
        w = policy[i, items[i]] / logging[i, items[i]]
        ips += w * rewards[i] / n
        snips_above += w * rewards[i]
        below += w
        direct = sum(policy[i, a] * q[i, a] for a in range(n_items))
        dr += (direct + w * (rewards[i] - q[i, items[i]])) / n
    assert found.ips.mean() == pytest.approx(ips)
    assert found.snips.mean() == pytest.approx(snips_above / below)
    assert found.dr.mean() == pytest.approx(dr)


def test_the_logging_policy_itself_has_the_mean_reward():
    rows = log(2000, 0)
    shown = {0: [0.1, 0.2, 0.3, 0.4], 1: [0.4, 0.3, 0.2, 0.1]}
    same = pd.DataFrame(
        [(user, item, p) for user in range(200) for item, p in zip(ITEMS, shown[user % 2], strict=True)],
        columns=["user_id", "item_id", "probability"],
    )
    found = evaluate_logged({"same": same}, rows)
    for estimator in ("ips", "snips"):
        assert values(found, "same")[estimator] == pytest.approx(rows["reward"].mean())
    assert values(found, "same")["dr"] == pytest.approx(rows["reward"].mean(), abs=0.02)
    gap = found[(found["model"] == "same") & (found["estimator"] == "ips")].iloc[0]
    assert gap["difference"] == pytest.approx(0.0)


def test_intervals_cover_the_planted_value_and_order_the_policies():
    covered = {"ips": 0, "snips": 0, "dr": 0}
    for seed in range(40):
        table = evaluate_logged({"best": always("a")}, log(800, seed))
        truth = 0.7 * 0.75
        for row in table[table["model"] == "best"].itertuples():
            covered[row.estimator] += row.low <= truth <= row.high
    assert min(covered.values()) >= 33  # 95 % of 40 is 38; fewer than 33 by chance in 1 of 1,000
    table = evaluate_logged({"best": always("a"), "worst": always("d")}, log(4000, 0), baseline="worst")
    row = table[(table["model"] == "best") & (table["estimator"] == "dr")].iloc[0]
    assert row["difference_low"] > 0
    # narrower than without the expected rewards
    width = table[table["model"] == "best"].set_index("estimator").eval("high - low")
    assert width["dr"] < width["ips"]


def test_one_of_the_first_n_items_is_shown():
    rows = log(3000, 1)
    lists = pd.concat([always("a").assign(score=2.0), always("b").assign(score=1.0)]).drop(columns="rank")
    two = pd.DataFrame(
        [(user, item, 0.5) for user in range(200) for item in "ab"],
        columns=["user_id", "item_id", "probability"],
    )
    by_list, by_hand = (evaluate_logged({"p": one}, rows, n=2) for one in (lists, two))
    pd.testing.assert_frame_equal(by_list, by_hand)
    first = evaluate_logged({"p": lists}, rows, n=1)
    pd.testing.assert_frame_equal(first, evaluate_logged({"p": always("a")}, rows))


def test_a_fitted_model_is_judged_and_files_are_read(tmp_path):
    panel, _ = tb.datasets.make_panel(n_users=120, n_items=60, random_state=0)
    model = tb.Popularity("films").fit(panel)
    users, items = panel.users.ids, panel["films"].items.ids
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"user_id": rng.choice(users, 3000), "item_id": rng.choice(items, 3000)})
    rows = rows.assign(propensity=1 / len(items), reward=rng.integers(2, size=3000))
    table = evaluate_logged({"popular": model}, rows, n=5)
    assert table["n_users"].nunique() == 1
    lists = model.recommend(n=5)
    lists.to_csv(tmp_path / "lists.csv", index=False)
    rows.to_parquet(tmp_path / "log.parquet")
    again = evaluate_logged({"popular": tmp_path / "lists.csv"}, tmp_path / "log.parquet", n=5)
    pd.testing.assert_frame_equal(again, table)


def test_users_without_a_list_earn_nothing_and_are_counted():
    half = always("a").iloc[::2]
    table = evaluate_logged({"half": half, "all": always("a")}, log(4000, 0))
    assert table[table["model"] == "half"]["without_list"].tolist() == [100] * 3
    assert values(table, "half")["ips"] < values(table, "all")["ips"]


def test_missing_support_is_a_warning():
    rows = log(2000, 0)
    rows = rows[rows["item_id"] != "a"]
    with pytest.warns(TastebridgeWarning, match="nothing can be estimated"):
        table = evaluate_logged({"p": always("a")}, rows)
    assert np.isnan(values(table, "p")["snips"])
    mixed = pd.DataFrame(
        [(user, item, 0.5) for user in range(200) for item in "ab"],
        columns=["user_id", "item_id", "probability"],
    )
    with pytest.warns(TastebridgeWarning, match="never showed"):
        evaluate_logged({"p": mixed}, rows)


def test_without_propensities_it_says_what_cannot_be_known():
    rows = log(50, 0)
    with pytest.raises(InvalidDataError, match="another system cannot be estimated"):
        evaluate_logged({"p": always("a")}, rows.drop(columns="propensity"))
    with pytest.raises(InvalidDataError, match="no column reward"):
        evaluate_logged({"p": always("a")}, rows.drop(columns="reward"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"propensity": 0.0}, "above 0 and at most 1; one is 0"),
        ({"propensity": 1.5}, "one is 1.5"),
        ({"propensity": np.nan}, "one is nan"),
        ({"reward": np.nan}, "finite reward"),
        ({"item_id": None}, "user_id, item_id"),
    ],
)
def test_rows_that_cannot_be_used_are_refused(change, said):
    with pytest.raises(InvalidDataError, match=said):
        evaluate_logged({"p": always("a")}, log(50, 0).assign(**change))


def test_policies_and_parameters_are_checked():
    rows = log(50, 0)
    twice = pd.DataFrame({"user_id": [0, 0], "item_id": ["a", "a"], "probability": [0.2, 0.2]})
    with pytest.raises(InvalidDataError, match="twice"):
        evaluate_logged({"p": twice}, rows)
    much = twice.assign(item_id=["a", "b"], probability=0.8)
    with pytest.raises(InvalidDataError, match="sum to at most 1"):
        evaluate_logged({"p": much}, rows)
    with pytest.raises(InvalidParameterError, match="clip"):
        evaluate_logged({"p": always("a")}, rows, clip=0.0)
    with pytest.raises(InvalidParameterError, match="baseline"):
        evaluate_logged({"p": always("a")}, rows, baseline="q")


def test_expected_rewards_see_no_row_of_their_own_fold():
    items, folds = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    before = expected_rewards(items, np.array([1.0, 0.0, 1.0, 0.0]), folds, (2, 3))
    after = expected_rewards(items, np.array([9.0, 0.0, 9.0, 0.0]), folds, (2, 3))
    assert np.array_equal(before[0], after[0])
    assert not np.array_equal(before[1], after[1])
    assert before[0, 2] == 0.0  # an item without rows is expected to earn the mean of the other folds
    assert effective_size(np.zeros(3)) == 0.0


class Lister:
    """A model that returns a given table, whatever it is asked."""

    def __init__(self, table):
        self.table = table

    def recommend(self, user_ids, n=10):
        return self.table


def test_ids_of_another_kind_than_in_the_log_are_refused():
    rows, shown = log(200, 0), always("a")
    texts = shown.assign(user_id=shown["user_id"].astype(str))
    policy = shown.drop(columns="rank").assign(probability=0.5, item_id=7)
    for given, said in ((texts, "user_id is of kind int"), (policy, "item_id is of kind str")):
        with pytest.raises(InvalidDataError, match=said):
            evaluate_logged({"theirs": given}, rows)
    present = rows["user_id"].unique()
    with pytest.raises(InvalidDataError, match="item_id is of kind str in the log, and of kind int"):
        evaluate_logged({"model": Lister(shown[shown["user_id"].isin(present)].assign(item_id=7))}, rows)


def test_a_model_may_repeat_an_item_and_must_return_a_list():
    rows = log(200, 0)
    shown = always("a")
    shown = shown[shown["user_id"].isin(rows["user_id"])]
    twice = evaluate_logged({"model": Lister(pd.concat([shown, shown]))}, rows, n=2)
    pd.testing.assert_frame_equal(twice, evaluate_logged({"model": Lister(shown)}, rows, n=2))
    for table, said in ((shown.drop(columns="rank"), "'rank'"), ([1], "it returned a list")):
        with pytest.raises(InvalidDataError, match=said):
            evaluate_logged({"model": Lister(table)}, rows)


def test_no_model_has_the_name_of_the_logging_system_or_is_a_class():
    with pytest.raises(InvalidParameterError, match="the name of the logging system"):
        evaluate_logged({"logged": always("a")}, log(50, 0))
    with pytest.raises(InvalidParameterError, match=r"the class Popularity. Give an object of it"):
        evaluate_logged({"popular": tb.Popularity}, log(50, 0))
