"""Claims of the README, the docstrings and the card that hold for every class are tested for every class."""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV

import tastebridge as tb
from contracts.panels import RECOMMENDERS
from tastebridge import baselines, factors, features, maps, routes
from tastebridge.datasets import make_panel

pytestmark = pytest.mark.filterwarnings("ignore::tastebridge.exceptions.TastebridgeWarning")
GIVEN = {"target": "films", "source": "books"}
ESTIMATORS = sorted(
    {
        thing
        for module in (tb, baselines, factors, features, maps, routes)
        for name in module.__all__
        if inspect.isclass(thing := getattr(module, name))
        and issubclass(thing, BaseEstimator)
        and not inspect.isabstract(thing)
    },
    key=lambda thing: thing.__name__,
)
NAMED = ("ALSFactors", "CCAMap", "InterestMapper", "NeighbourRoute", "StackingBlend", "TextEncoder")


@pytest.fixture(scope="module")
def panel():
    """Users whose ids cannot be in a file by chance."""
    frame = make_panel(60, 12, ("books", "films", "music"), events_per_user=5)[0].to_frame()
    frame["user_id"] = [f"someone-{user:05d}" for user in frame["user_id"]]
    frame["weight"], frame["timestamp"] = (
        1.0 + np.arange(len(frame)) % 5,
        1_600_000_000 + np.arange(len(frame)),
    )
    return tb.Panel.from_frame(frame)


def made(kind):
    needed = [name for name, one in inspect.signature(kind).parameters.items() if one.default is one.empty]
    return kind(**{name: GIVEN[name] for name in needed})


def test_the_estimators_are_found():
    assert len(ESTIMATORS) > 20
    assert {kind.__name__ for kind in ESTIMATORS} >= set(NAMED)


@pytest.mark.parametrize("kind", ESTIMATORS, ids=lambda kind: kind.__name__)
def test_an_estimator_is_one_of_scikit_learn(kind):
    """The constructor stores and does no more; parameters can be read, set and cloned."""
    one = made(kind)
    given = one.get_params(deep=False)
    assert {name: getattr(one, name) for name in given} == given
    assert [name for name in vars(one) if name not in given] == []
    other = clone(one)
    assert repr(other) == repr(one)
    for name, value in given.items():
        assert other.set_params(**{name: value}) is other
    with pytest.raises(ValueError, match="Invalid parameter"):
        other.set_params(no_such_parameter=1)


def test_a_mapper_can_be_searched_over(panel):
    mapper = tb.InterestMapper("films", n_components=2, n_folds=1, n_lists=30, n_negatives=5)
    found = GridSearchCV(
        mapper.set_params(weighting=tb.Weighting()), {"weighting__scheme": ["binary", "log"]}, cv=2
    ).fit(panel)
    assert len(found.cv_results_["params"]) == 2
    assert np.isfinite(found.best_score_)


@pytest.mark.parametrize("kind", RECOMMENDERS)
def test_no_user_is_in_a_saved_model(panel, kind, tmp_path):
    model = RECOMMENDERS[kind]().fit(panel)
    model.save(tmp_path / "plain")
    model.save(tmp_path / "whole", with_users=True)
    assert not users_in(tmp_path / "plain")
    assert users_in(tmp_path / "whole") == set(panel.users.ids)
    card = (tmp_path / "plain" / "README.md").read_text(encoding="utf-8")
    assert "It holds items and numbers, and no user." in card


def users_in(folder):
    """The ids of users that stand in any file, also within compressed tables."""
    texts = [path.read_bytes().decode("latin-1") for path in folder.iterdir()]
    texts += [pd.read_parquet(path).to_csv() for path in folder.glob("*.parquet")]
    return set(re.findall(r"someone-\d{5}", " ".join(texts)))


@pytest.mark.parametrize("kind", [factors.ALSFactors, factors.EASEFactors, factors.SVDFactors])
def test_the_size_of_factors_depends_on_the_items_only(kind):
    X = (np.random.default_rng(0).random((40, 12)) < 0.3).astype(float)
    few, many = kind(4).fit(X), kind(4).fit(np.vstack([X] * 5))
    sizes = [
        {name: np.shape(value) for name, value in vars(one).items() if not np.isscalar(value)}
        for one in (few, many)
    ]
    assert sizes[0] == sizes[1]
    assert not any({40, 200} & set(size) for size in sizes[0].values())


@pytest.mark.parametrize("kind", RECOMMENDERS)
def test_users_get_n_items_at_most_and_none_they_have(panel, kind):
    model = RECOMMENDERS[kind]().fit(panel)
    for n in (1, 3, 50):
        assert model.recommend(panel.users.ids, n).groupby("user_id").size().max() <= n


def test_nothing_is_pickled():
    """No module of the package imports what would run code from a file."""
    for path in Path(tb.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not names & {"pickle", "cloudpickle", "dill", "marshal", "shelve"}, path


@pytest.mark.parametrize("kind", RECOMMENDERS)
def test_a_saved_model_is_safetensors_parquet_and_json(panel, kind, tmp_path):
    RECOMMENDERS[kind]().fit(panel).save(tmp_path / "model", with_users=True)
    endings = {path.suffix for path in (tmp_path / "model").iterdir()}
    assert endings <= {".safetensors", ".parquet", ".json", ".md"}
