"""Every public route, map, factor model and weighting can be a parameter of a saved mapper."""

import inspect

import pytest

import tastebridge as tb
from tastebridge import factors, maps, routes
from tastebridge.datasets import make_panel
from tastebridge.persist.parameters import from_json, to_json

BASES = (routes.Route, maps.LinearMap, factors.FactorModel)
PARTS = [
    kind
    for module in (routes, maps, factors)
    for kind in (getattr(module, name) for name in module.__all__)
    if inspect.isclass(kind) and issubclass(kind, BASES) and kind not in BASES
]


def _example(kind):
    parameters = inspect.signature(kind).parameters.values()
    needed = [one.name for one in parameters if one.default is one.empty]
    return kind(**dict.fromkeys(needed, factors.SVDFactors(3))) if needed else kind()


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_a_public_part_comes_back_with_its_parameters(kind):
    part = _example(kind)
    back = from_json(to_json("part", part))
    assert type(back) is kind
    assert repr(back) == repr(part)


def test_the_parts_are_discovered():
    names = {kind.__name__ for kind in PARTS}
    assert {"ItemRegressionRoute", "TransferRoute", "CCAMap", "EASEFactors"} <= names
    assert len(PARTS) >= 18


def test_a_mapper_with_an_item_regression_of_its_own_is_saved_and_loaded(tmp_path):
    panel, _ = make_panel(n_users=300, n_items=40, events_per_user=12, random_state=0)
    given = [routes.ItemRegressionRoute(n_partners=20), routes.TargetRoute(factors.SVDFactors(4))]
    mapper = tb.InterestMapper("films", routes=given, random_state=0).fit(panel)
    mapper.save(tmp_path / "model")
    loaded = tb.load(tmp_path / "model")
    history = panel[:20].to_frame()
    assert loaded.recommend_from(history, n=5).equals(mapper.recommend_from(history, n=5))
    assert repr(loaded.routes) == repr(given)
