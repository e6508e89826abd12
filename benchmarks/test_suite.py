"""Tests of the parts of the suite; ``pytest benchmarks``."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import tastebridge as tb
from benchmarks import results, tables
from benchmarks.model import MODELS, NotApplicable
from benchmarks.models._ease import Ease
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


def test_a_table_is_not_replaced_by_one_that_lacks_models(monkeypatch, capsys) -> None:
    old = "<!-- table:made -->\n| model | a |\n| --- | --- |\n| ours | 1 |\n| theirs | 2 |\n<!-- /table -->"
    for made, kept in (
        ("| model | a |\n| --- | --- |\n| ours | 3 |", True),
        ("| model | a |\n| --- | --- |\n| ours | 3 |\n| theirs | 4 |", False),
    ):
        monkeypatch.setitem(tables.TABLES, "made", lambda made=made: made)
        found = tables._filled(tables._MARKED.match(old))
        assert (found == old) == kept
        assert ("no figures of theirs" in capsys.readouterr().out) == kept


def test_a_run_without_figures_here_is_to_be_done(tmp_path, monkeypatch) -> None:
    run = {"mode": "full", "task": "t", "model": "m", "seed": 0, "settings": "{}", "note": None}
    other = run | {"seed": 1}
    for name, rows in (("runs", [run, other]), ("figures", [run])):
        pd.DataFrame(rows).to_csv(tmp_path / f"{name}.csv", index=False)
    monkeypatch.setattr(results, "read", lambda name, folder=tmp_path, read=results.read: read(name, folder))
    assert results.measured() == {("full", "t", "m", "0", "{}")}
