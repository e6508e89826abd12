import doctest
import importlib
import inspect
import pkgutil
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import tastebridge
from tastebridge import (
    baselines,
    batch,
    data,
    datasets,
    evaluation,
    factors,
    features,
    maps,
    plots,
    privacy,
    report,
    spark,
    splits,
)
from tastebridge.exceptions import TastebridgeError

ROOT = Path(__file__).parent.parent
SURFACE = [
    "CleaningPolicy",
    "InterestMapper",
    "ItemNeighbours",
    "JointALS",
    "Panel",
    "Popularity",
    "PrivateMapper",
    "RatingMapper",
    "RecentPopularity",
    "StackingBlend",
    "TargetOnly",
    "Vocabulary",
    "Weighting",
    "evaluate",
    "evaluate_ratings",
    "evaluate_sampled",
    "load",
    "read_panel",
]
"""Whoever adds a public name adds it here, and to the README where it is for everybody."""

MODULES = [
    tastebridge,
    baselines,
    batch,
    data,
    datasets,
    evaluation,
    factors,
    features,
    maps,
    plots,
    privacy,
    privacy.federated,
    report,
    spark,
    splits,
]
PUBLIC = {
    thing.__qualname__: thing
    for module in MODULES
    for name in module.__all__
    if callable(thing := getattr(module, name))
}
PROTOCOLS = {"Predictor", "Recommender"}
WITHOUT_EXAMPLES = {"Split", "Truth", "draw_negatives", "linked_users", "take_out", "user_scores"}


def test_the_public_surface_is_the_documented_one():
    assert tastebridge.__all__ == SURFACE == sorted(SURFACE)
    for name in SURFACE:
        assert hasattr(tastebridge, name)
    readme = (ROOT / "README.md").read_text()
    assert [name for name in SURFACE if name not in readme] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_public_modules_list_their_names_sorted(module):
    assert list(module.__all__) == sorted(module.__all__)
    assert module.__doc__


@pytest.mark.parametrize("name", sorted(set(PUBLIC) - PROTOCOLS))
def test_public_things_have_a_docstring_with_an_example_that_runs(name):
    thing = PUBLIC[name]
    text = inspect.getdoc(thing)
    assert text
    if name not in WITHOUT_EXAMPLES:
        assert "Examples\n--------" in text
        assert doctest.DocTestParser().get_examples(text)


@pytest.mark.parametrize("name", sorted(name for name, thing in PUBLIC.items() if inspect.isclass(thing)))
def test_public_methods_have_docstrings(name):
    for attribute, member in vars(PUBLIC[name]).items():
        if inspect.isfunction(member) and not attribute.startswith("_"):
            assert inspect.getdoc(member), f"{name}.{attribute}"


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["tool"]["hatch"]["version"]["path"] == "src/tastebridge/_foundation/version.py"
    assert metadata.version("tastebridge") == tastebridge.__version__
    assert f"## [{tastebridge.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_error_is_a_tastebridge_error():
    module = importlib.import_module("tastebridge.exceptions")
    errors = [
        thing
        for _, thing in inspect.getmembers(module, inspect.isclass)
        if thing.__module__ == module.__name__
    ]
    assert all(issubclass(thing, TastebridgeError | Warning) for thing in errors)


def test_every_module_has_a_docstring():
    for found in pkgutil.walk_packages(tastebridge.__path__, "tastebridge."):
        assert importlib.import_module(found.name).__doc__, found.name
