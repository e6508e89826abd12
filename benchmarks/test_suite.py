"""Tests of the parts of the suite; ``pytest benchmarks``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tastebridge as tb
from benchmarks import many_sources, over_popularity, plots, pooled, results, run, tables, tune
from benchmarks.model import MODELS, NotApplicable
from benchmarks.models._ease import Ease
from benchmarks.models._implicit_rows import solve_rows
from benchmarks.protocols import full, sampled
from benchmarks.protocols.groups import row_groups
from benchmarks.task import TASKS, Task, clean_rows
from benchmarks.twins import has_twin, twin_pairs
from tastebridge.datasets import make_panel
from tastebridge.evaluation import evaluate, evaluate_sampled
from tastebridge.splits import cold_users, leave_last

RANKING = {name: model for name, model in MODELS.load().items() if model.kind == "ranking"}
SHORT = {"deep": {"seconds": 5.0, "max_epochs": 2, "factors": 4}}


def make_task(warm: bool = False) -> Task:
    panel, _ = make_panel(n_users=300, n_items=60, events_per_user=6, timestamps=True, random_state=3)
    hide = leave_last if warm else cold_users
    test = hide(panel, "films", random_state=0)
    inner = hide(test.train, "films", random_state=1)
    train = test.train if warm else inner.train
    return Task("made", "films", train, clean_rows(test.truth), inner.train, clean_rows(inner.truth))


class Given:
    """Scores as a model of the package's own evaluation."""

    def __init__(self, task: Task, scores: np.ndarray) -> None:
        self.task, self.table = task, scores

    def fit(self, panel: tb.Panel) -> Given:
        return self

    def predict(self, pairs: pd.DataFrame) -> np.ndarray:
        rows = np.searchsorted(self.task.split.user_ids, pairs["user_id"])
        return self.table[rows, self.task.panel["films"].items.numbers(pairs["item_id"].to_numpy())]

    def recommend(self, user_ids: np.ndarray, n: int = 10) -> pd.DataFrame:
        open_scores = full._without_history(self.task, user_ids, self.table)
        items = self.task.panel["films"].items.ids
        return full._Lists(user_ids, items, full.top_numbers(open_scores, 50)).recommend(user_ids, n)


@pytest.mark.parametrize("warm", [False, True])
def test_protocols_agree_with_the_package(warm: bool) -> None:
    task = make_task(warm)
    people = task.split.user_ids
    scores = np.random.default_rng(0).random((len(people), 60))[:, : len(task.panel["films"].items)]
    scores = scores.astype(np.float32)
    model = {"given": Given(task, scores)}
    for values, judge in ((sampled.values, evaluate_sampled), (full.values, evaluate)):
        ours, table = values(task, people, scores), judge(model, task.split, ["ndcg@10"])
        mean = ours.query("group == 'all' and metric == 'ndcg@10'")["value"].mean()
        assert mean == pytest.approx(table["mean"][0])


def test_twins_are_found_by_their_linked_users() -> None:
    rows = [(user, item, "a") for user in "pqr" for item in ("a1",)] + [("p", "a2", "a"), ("s", "a1", "a")]
    rows += [(user, "b1", "b") for user in "pq"] + [("r", "b2", "b")]
    panel = tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    assert twin_pairs(panel, "a", "b").nnz == 0  # 2 of 3 users in common: 0.67; s is not linked
    rows += [("r", "b1", "b")]
    panel = tb.Panel.from_frame(pd.DataFrame(rows, columns=["user_id", "item_id", "category"]))
    assert twin_pairs(panel, "a", "b").nonzero() == (np.array([0]), np.array([0]))
    truth = pd.DataFrame({"user_id": ["s", "s"], "item_id": ["b1", "b2"]})
    assert has_twin(panel, "b", truth).tolist() == [True, False]


def test_both_forms_of_ease_are_one() -> None:
    X = sparse.csr_matrix((np.random.default_rng(0).random((30, 40)) < 0.2).astype(np.float32))
    wide, tall = Ease(X, 3.0), Ease(sparse.vstack([X, sparse.csr_matrix((20, 40), dtype=np.float32)]), 3.0)
    assert wide.dual
    assert not tall.dual
    np.testing.assert_allclose(wide.scores(X, slice(0, 40)), tall.scores(X, slice(0, 40)), atol=1e-4)


# so small a panel need not show that a source helps
@pytest.mark.filterwarnings("ignore:no source helps:tastebridge.exceptions.TastebridgeWarning")
@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("name", RANKING)
def test_every_model_scores_every_pair(name: str, warm: bool) -> None:
    task, kind = make_task(warm), RANKING[name]
    settings = SHORT.get(kind.role, {}) | ({"factors": 4} if hasattr(kind, "factors") else {})
    try:
        scores = kind(**settings).fit(task).scores(task.split.user_ids)
    except NotApplicable as error:
        pytest.skip(str(error))
    assert scores.shape == (len(task.split.user_ids), len(task.panel["films"].items))
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_groups_cover_all_rows() -> None:
    task = make_task()
    groups = dict(row_groups(task))
    assert groups["all"].all()
    parts = [mask for name, mask in groups.items() if name.startswith("history")]
    assert np.sum(parts, axis=0).tolist() == [1] * len(task.truth)


def test_movielens_tasks_hide_the_people_of_test_and_valid() -> None:
    task = TASKS.load()["movielens Drama<-Action"].make(0)
    for rows in (task.truth, task.valid):
        people = task.panel.users.numbers(np.unique(rows["user_id"]))
        assert task.panel["Drama"].matrix[people].nnz == 0
    assert not set(task.truth["user_id"]) & set(task.valid["user_id"])


def test_rows_of_implicit_factors_solve_their_equations() -> None:
    rng = np.random.default_rng(0)
    dense = rng.random((12, 30)) < np.linspace(0, 0.9, 12)[:, None]  # no item to more items than factors
    factors, penalties, pull = rng.normal(size=(30, 5)), rng.random(12) + 0.1, rng.normal(size=(12, 5))
    found = solve_rows(sparse.csr_matrix(dense.astype(np.float32)), factors, 0.3, penalties, pull)
    for row, own in enumerate(dense):
        system = 0.3 * factors.T @ factors + factors[own].T @ factors[own] + penalties[row] * np.eye(5)
        np.testing.assert_allclose(system @ found[row], factors[own].sum(axis=0) + pull[row], atol=1e-5)


def test_cdimf_agrees_on_users_of_several_domains() -> None:
    task = make_task(warm=True)
    panel, gaps = task.panel, []
    for rho in (0.01, 100.0):
        model = MODELS["cdimf"](factors=4, alpha=0.1, penalty=0.1, rho=rho, iterations=30).fit(task)
        linked = np.logical_and.reduce(
            [np.diff(part.matrix.indptr) > 0 for part in panel.interactions.values()]
        )
        one, other = (domain.users[linked] for domain in model.domains_.values())
        gaps.append(np.abs(one - other).max() / np.abs(one).max())
    assert gaps[1] < 0.05 < gaps[0]


OLD = """<!-- table:made -->
| model | a | b |
| --- | --- | --- |
| popularity | 1 | 2 |
| cgsp | 3 | 4 |
| tastebridge | 5 | 6 |
<!-- /table -->"""


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (["| model | c |", "| --- | --- |", "| tastebridge | 9 |"], None),
        ([tables._NOTHING], None),
        (
            ["| model | a | b |", "| --- | --- | --- |", "| tastebridge | 9 |  |", "| cdimf | 7 | 8 |"],
            ["| popularity | 1 | 2 |", "| cdimf | 7 | 8 |", "| cgsp | 3 | 4 |", "| tastebridge | 9 | 6 |"],
        ),
    ],
)
def test_a_table_keeps_what_has_no_new_figures(made, expected, monkeypatch, capsys) -> None:
    monkeypatch.setitem(tables.TABLES, "made", lambda: "\n".join(made))
    found = tables._filled(tables._MARKED.match(OLD))
    if expected is None:
        assert found == OLD
    else:
        assert found.splitlines()[3:-1] == expected
        assert "no new figures of them" in capsys.readouterr().out
    monkeypatch.setattr(tables, "_WHOLE", ("made",))
    assert tables._filled(tables._MARKED.match(OLD)) == OLD


def test_a_picture_is_not_replaced_by_one_that_lacks_models(tmp_path, capsys) -> None:
    row = {"task": "cloth<-sport cold", "protocol": "full", "metric": "ndcg@10", "group": "all", "mean": 0.1}
    figures = pd.DataFrame([row | {"model": "popularity"}])
    runs = pd.DataFrame([row | {"model": name, "fit_seconds": 1.0} for name in ("popularity", "cgsp")])
    plots.draw(figures, runs, tmp_path)
    assert not list(tmp_path.iterdir())
    assert "no figures of cgsp" in capsys.readouterr().out
    plots.draw(figures, runs[:1], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["cloth__sport_cold_time.png"]


def test_tuning_one_model_leaves_the_settings_of_the_others(monkeypatch) -> None:
    kept = pd.DataFrame({"family": "yelp", "model": ["cgsp", "cdimf"], "settings": ['{"a": 1}', '{"b": 1}']})
    tuned = pd.DataFrame({"task": "yelp city10 cold", "model": "cdimf", "valid": [0.1, 0.2]})
    tuned["settings"] = ['{"b": 2}', '{"b": 3}']
    monkeypatch.setattr(tune.results, "read", {"chosen": kept, "tuning": tuned}.__getitem__)
    TASKS.load()
    assert tune.chosen_settings() == {("yelp", "cgsp"): {"a": 1}, ("yelp", "cdimf"): {"b": 3}}


def test_ratios_to_popularity_are_paired_over_common_seeds(monkeypatch) -> None:
    runs = [("popularity", 0), ("popularity", 1), ("tastebridge", 1)]
    shared = {"protocol": "full", "group": "all", "metric": "ndcg@10", "user_id": list("abc")}
    values = {
        ("popularity", 0): pd.DataFrame(shared | {"value": [9.0, 9.0, 9.0]}),
        ("popularity", 1): pd.DataFrame(shared | {"value": [0.1, 0.2, 0.3]}),
        ("tastebridge", 1): pd.DataFrame(shared | {"value": [0.2, 0.3, 0.4]}),
    }
    table = pd.DataFrame(runs, columns=["model", "seed"]).assign(mode="full", task="t")
    monkeypatch.setattr(over_popularity.results, "read", lambda name: table)
    monkeypatch.setattr(over_popularity.results, "values_of", lambda job: values[job.model, job.seed])
    monkeypatch.setattr(over_popularity, "PROTOCOLS", ("full",))
    found = over_popularity.figures("full", ["t"], "tastebridge")
    assert found[["n_seeds", "n_people"]].to_numpy().tolist() == [[1, 3]]
    assert found["difference"][0] == pytest.approx(0.1)
    assert "| mean of ratios | full |  |  |  |  | 1.50 |  |" in over_popularity.shown(found)


def test_pooled_figures_leave_out_models_that_lack_a_task() -> None:
    shared = {"protocol": "full", "row": ["t 0", "t 1", "u 0"], "user_id": list("aba")}
    parts = [
        pd.DataFrame(shared | {"model": name, "value": values})
        for name, values in (("popularity", [0.0, 0.2, 0.1]), ("recent popularity", [0.1, 0.3, 0.2]))
    ]
    short = pd.DataFrame(shared | {"model": "tastebridge", "value": [0.5, 0.5, 0.5]})[:2]
    found = pooled.figures(pd.concat([*parts, short])).set_index("model")
    assert sorted(found.index) == ["popularity", "recent popularity"]
    assert set(found["against"]) == {"recent popularity"}
    assert found.loc["popularity", ["difference", "n_people"]].tolist() == [pytest.approx(-0.1), 2]


def test_both_panels_of_many_sources_hold_the_same_events(tmp_path, monkeypatch) -> None:
    for name, value in {"N_CATEGORIES": 6, "N_USERS": 300, "N_ITEMS": 20, "GROUP": 3}.items():
        monkeypatch.setattr(many_sources, name, value)
    many_sources.made(tmp_path)
    many, few = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in many_sources.FILES)
    pd.testing.assert_frame_equal(many[["user_id", "item_id"]], few[["user_id", "item_id"]])
    assert (many["category"].nunique(), few["category"].nunique()) == (6, 2)
    assert few.groupby("item_id")["category"].nunique().max() == 1


def test_differences_to_fewer_opponents_do_not_replace_those_to_all(monkeypatch, capsys) -> None:
    models = pd.DataFrame(
        {"mode": "full", "task": "t", "model": ["ease", "popularity", "tastebridge"], "seed": 0}
    )
    values = pd.DataFrame({"protocol": "full", "group": "all", "metric": "ndcg@10", "user_id": list("ab")})
    values["value"], here, written = [0.1, 0.3], {"popularity", "tastebridge"}, []
    monkeypatch.setattr(run.results, "read", lambda name: models)
    monkeypatch.setattr(run.results, "values_of", lambda job: values if job.model in here else None)
    monkeypatch.setattr(run.results, "put", lambda name, *rest: written.append(name))
    run.compare("full", ["t"])
    assert not written
    assert "no values of ease here" in capsys.readouterr().out
    here.add("ease")
    run.compare("full", ["t"])
    assert written == ["differences"]


def test_a_run_without_figures_here_is_to_be_done(tmp_path, monkeypatch) -> None:
    run = {"mode": "full", "task": "t", "model": "m", "seed": 0, "settings": "{}", "note": None}
    other = run | {"seed": 1}
    for name, rows in (("runs", [run, other]), ("figures", [run])):
        pd.DataFrame(rows).to_csv(tmp_path / f"{name}.csv", index=False)
    monkeypatch.setattr(results, "read", lambda name, folder=tmp_path, read=results.read: read(name, folder))
    assert results.measured() == {("full", "t", "m", "0", "{}")}
